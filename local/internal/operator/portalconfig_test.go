package operator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/urfave/cli/v3"

	"billingportal/functions/app/preflight"
	"billingportal/local/internal/commandline/commandtest"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/fakestripe"
	"billingportal/local/internal/fakestripe/account"
	"billingportal/local/internal/fakestripe/api"
	"billingportal/local/internal/operator/portalconfig"
	"billingportal/local/internal/stripespec"
)

const configurations = "/v1/billing_portal/configurations"

// testAccount is a Stripe account and a file of portal configurations.
type testAccount struct {
	*fakestripe.Stripe
	key        string
	file, into string
	env        map[string]string // of the commands
	before     atomic.Pointer[interceptor]
}

func newTestAccount(t *testing.T, livemode bool) *testAccount {
	t.Helper()
	s := &testAccount{key: devserver.DemoKey, file: filepath.Join(t.TempDir(), "portal.yaml"),
		into: filepath.Join(t.TempDir(), ".deploy", "prod.toml")}
	if livemode {
		s.key = "rk_live_" + "localdemo"
	}
	var err error
	if s.Stripe, err = fakestripe.New(fakestripe.Config{PublicURL: "http://127.0.0.1", Keys: []string{s.key},
		Livemode: livemode, Record: true}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before := s.before.Load(); before == nil || !(*before)(w, r) {
			s.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	s.env = map[string]string{"STRIPE_SECRET_KEY": s.key, "STRIPE_API_BASE": server.URL}
	return s
}

// command returns the command line with the variables of the account.
func (s *testAccount) command() *cli.Command { return NewCommand(devserver.GetenvOf(s.env)) }

func (s *testAccount) intercept(before interceptor) { s.before.Store(&before) }

func (s *testAccount) write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(s.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// apply runs portal-config apply. The key must be neither in the output nor in the error.
func (s *testAccount) apply(t *testing.T, more ...string) (string, error) {
	t.Helper()
	return s.applyIn(t.Context(), t, more...)
}

func (s *testAccount) applyIn(ctx context.Context, t *testing.T, more ...string) (string, error) {
	t.Helper()
	var output bytes.Buffer
	command := s.command()
	command.Writer, command.ErrWriter = &output, &output
	if !slices.Contains(more, "--write") {
		more = append(slices.Clip(more), "--no-write")
	}
	err := command.Run(ctx, append([]string{"local", "portal-config", "apply", s.file}, more...))
	if said := fmt.Sprint(output.String(), err); strings.Contains(said, s.key) {
		t.Errorf("the key is in %s", said)
	}
	return output.String(), err
}

func (s *testAccount) mustApply(t *testing.T, more ...string) string {
	t.Helper()
	output, err := s.apply(t, more...)
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return output
}

// written returns the forms that were posted since the last call, without the parameters of every
// request.
func (s *testAccount) written() []url.Values {
	var forms []url.Values
	for _, r := range s.Requests() {
		if r.Method == http.MethodPost {
			form := r.Form()
			form.Del("expand[0]")
			form.Del("expand[1]")
			forms = append(forms, form)
		}
	}
	return forms
}

// stored returns a configuration as Stripe stores it.
func (s *testAccount) stored(t *testing.T, id string) string {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet,
		configurations+"/"+id+"?expand[]=features.subscription_update.products", nil)
	r.Header.Set("Authorization", "Bearer "+s.key)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	var compact bytes.Buffer
	if err := json.Compact(&compact, w.Body.Bytes()); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return compact.String()
}

// byHand changes a configuration as its owner does in Stripe's dashboard.
func (s *testAccount) byHand(t *testing.T, id, form string) {
	t.Helper()
	version, err := stripespec.Embedded().Version()
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, configurations+"/"+id, strings.NewReader(form))
	r.Header.Set("Authorization", "Bearer "+s.key)
	r.Header.Set("Stripe-Version", version)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	if s.ServeHTTP(w, r); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
}

// idOf returns the ID of a configuration from the output of the command.
func idOf(t *testing.T, output, name string) string {
	t.Helper()
	match := regexp.MustCompile(`(?:created|updated|[=~]) "` + name + `" \(?(bpc_\w+)`).FindStringSubmatch(output)
	if match == nil {
		t.Fatalf("no ID of %s in %s", name, output)
	}
	return match[1]
}

const twoConfigurations = `
solo: &solo
  name: Solo plans
  default_return_url: https://app.example.com/billing
  business_profile: {headline: Your plan, privacy_policy_url: ""}
  features:
    customer_update: {enabled: true, allowed_updates: [tax_id, email]}
    invoice_history: {enabled: true}
    payment_method_update: {enabled: true}
    subscription_cancel:
      enabled: true
      mode: at_period_end
      cancellation_reason: {enabled: true, options: [other, unused]}
    subscription_update:
      enabled: true
      default_allowed_updates: [price, quantity]
      trial_update_behavior: continue_trial
      billing_cycle_anchor: now
      schedule_at_period_end: {conditions: [{type: shortening_interval}]}
      products:
        - {product: prod_Starter, prices: [price_StarterMonthly]}
        - {product: prod_Pro, prices: [price_ProMonthly], adjustable_quantity: {enabled: true, minimum: 1, maximum: 10}}
  login_page: {enabled: true}
team:
  <<: *solo
  active: false
  metadata: {tier: "2"}
`

func TestPortalConfigIsCreatedOnce(t *testing.T) {
	t.Parallel()
	for mode, livemode := range map[string]bool{"test": false, "live": true} {
		t.Run(mode, func(t *testing.T) {
			s := newTestAccount(t, livemode)
			s.write(t, twoConfigurations)
			output := s.mustApply(t, "--dry-run")
			for _, want := range []string{"Stripe's " + mode + " mode:", `+ "solo" is new`,
				`+ features.subscription_cancel.mode: "at_period_end"`, "2 of 2 configurations would be"} {
				if !strings.Contains(output, want) {
					t.Errorf("no %s in %s", want, output)
				}
			}
			if forms := s.written(); len(forms) > 0 {
				t.Fatalf("--dry-run wrote %v", forms)
			}
			output = s.mustApply(t, "--write", s.into, "--default", "solo")
			solo, team := idOf(t, output, "solo"), idOf(t, output, "team")
			parameters, err := os.ReadFile(s.into)
			if want := "AllowedConfigurations = \"" + solo + "\"\nDefaultConfiguration = \"" + solo +
				"\"\n"; err != nil || string(parameters) != want {
				t.Errorf("%v: %s, want %s", err, parameters, want)
			}
			for _, want := range []string{
				`"active":true`, `"name":"Solo plans"`, `"livemode":` + fmt.Sprint(livemode),
				`"metadata":{"portal_config_name":"solo"}`, `"privacy_policy_url":null`,
				`"conditions":[{"type":"shortening_interval"}]`, `"trial_update_behavior":"continue_trial"`,
				`"prices":["price_ProMonthly"],"product":"prod_Pro"`, `"maximum":10`,
			} {
				if got := s.stored(t, solo); !strings.Contains(got, want) {
					t.Errorf("no %s in %s", want, got)
				}
			}
			if got := s.stored(t, team); !strings.Contains(got, `"active":false`) ||
				!strings.Contains(got, `"metadata":{"portal_config_name":"team","tier":"2"}`) {
				t.Error(got)
			}
			version, _ := stripespec.Embedded().Version()
			keys := map[string]bool{}
			for _, r := range s.Requests() {
				if r.StripeVersion != version && r.Query != "expand[]=features.subscription_update.products" {
					t.Errorf("%s %s in version %q", r.Method, r.Path, r.StripeVersion)
				}
				if r.Method == http.MethodPost && (len(r.IdempotencyKey) < 20 || keys[r.IdempotencyKey]) {
					t.Errorf("the idempotency key %q", r.IdempotencyKey)
				}
				keys[r.IdempotencyKey] = true
			}
			before := len(s.written())
			output = s.mustApply(t, "--write", s.into)
			if len(s.written()) != before ||
				!strings.Contains(output, `= "solo" (`+solo+`) is the same as in the file`) {
				t.Errorf("again: %v\n%s", s.written()[before:], output)
			}
			s.byHand(t, team, "metadata[portal_config_name]=solo")
			if _, err := s.apply(t); err == nil || !strings.Contains(err.Error(), " update ID ") ||
				strings.Contains(err.Error(), " update ID --live -d ") != livemode {
				t.Errorf("several: %v", err)
			}
		})
	}
}

// Without --write, the IDs are written to the file that `make deploy` reads without ENV.
func TestPortalConfigWritesTheOperatorsFile(t *testing.T) {
	s := newTestAccount(t, false)
	s.write(t, twoConfigurations)
	t.Chdir(t.TempDir())
	if _, _, err := commandtest.Run(t, s.command(), "portal-config", "apply", s.file, "--default", "solo"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(".deploy", "default.toml"))
	if err != nil ||
		!regexp.MustCompile(`^AllowedConfigurations = "(bpc_\w+)"\nDefaultConfiguration = "bpc_\w+"\n$`).Match(text) {
		t.Errorf("%v: %s", err, text)
	}
}

func TestPortalConfigWritesWhatHasChanged(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		old, new string
		form     string // the form that must be posted
		shown    string
	}{
		"a value": {
			"mode: at_period_end", "mode: immediately", "features[subscription_cancel][mode]=immediately",
			`~ features.subscription_cancel.mode: "at_period_end" -> "immediately"`,
		},
		"unset": {"headline: Your plan", `headline: ""`, "business_profile[headline]=",
			`~ business_profile.headline: "Your plan" -> none`},
		"a list, unset": {"options: [other, unused]", "options: []",
			"features[subscription_cancel][cancellation_reason][options]=&" +
				"features[subscription_cancel][cancellation_reason][enabled]=true",
			`- features.subscription_cancel.cancellation_reason.options: "unused"`},
		"set": {`privacy_policy_url: ""`, "privacy_policy_url: https://example.com/p",
			"business_profile[privacy_policy_url]=https://example.com/p",
			`+ business_profile.privacy_policy_url: "https://example.com/p"`},
		"a list's order": {"[tax_id, email]", "[email, tax_id]", "", `= "solo"`},
		"a required one is written with it": {
			"payment_method_update: {enabled: true}", "payment_method_update: {payment_method_configuration: pmc_1}",
			"features[payment_method_update][payment_method_configuration]=pmc_1&" +
				"features[payment_method_update][enabled]=true",
			`+ features.payment_method_update.payment_method_configuration: "pmc_1"`,
		},
		"a product keeps what the file does not have": {
			"prices: [price_ProMonthly], adjustable_quantity: {enabled: true, minimum: 1, maximum: 10}",
			"prices: [price_ProMonthly, price_TeamMonthly], adjustable_quantity: {enabled: true, minimum: 2}",
			"features[subscription_update][products][0][product]=prod_Starter&" +
				"features[subscription_update][products][0][prices][0]=price_StarterMonthly&" +
				"features[subscription_update][products][0][adjustable_quantity][enabled]=false&" +
				"features[subscription_update][products][0][adjustable_quantity][minimum]=0&" +
				"features[subscription_update][products][1][product]=prod_Pro&" +
				"features[subscription_update][products][1][prices][0]=price_ProMonthly&" +
				"features[subscription_update][products][1][prices][1]=price_TeamMonthly&" +
				"features[subscription_update][products][1][adjustable_quantity][enabled]=true&" +
				"features[subscription_update][products][1][adjustable_quantity][minimum]=2&" +
				"features[subscription_update][products][1][adjustable_quantity][maximum]=10",
			"features.subscription_update.products.prod_Pro.adjustable_quantity.maximum: 10",
		},
		"a product is gone": {
			"        - {product: prod_Starter, prices: [price_StarterMonthly]}\n", "",
			"features[subscription_update][products][0][product]=prod_Pro&" +
				"features[subscription_update][products][0][prices][0]=price_ProMonthly&" +
				"features[subscription_update][products][0][adjustable_quantity][enabled]=true&" +
				"features[subscription_update][products][0][adjustable_quantity][minimum]=1&" +
				"features[subscription_update][products][0][adjustable_quantity][maximum]=10",
			"- features.subscription_update.products: {",
		},
		"a parameter is gone": {"headline: Your plan, ", "", "", `      business_profile.headline: "Your plan"`},
		"a feature is gone": {"    invoice_history: {enabled: true}\n", "", "",
			"      features.invoice_history.enabled: true"},
		"a parameter that is false is gone": {"login_page: {enabled: true}", "login_page: {}", "",
			"      login_page.enabled: true"},
		"every feature is gone": {twoConfigurations, "solo:\n  name: Solo plans\nteam:\n  active: false\n", "",
			`      features.subscription_cancel.mode: "at_period_end"`},
		"a configuration is gone": {
			"team:\n  <<: *solo\n  active: false\n  metadata: {tier: \"2\"}\n", "", "",
			") is not in the file, so it stays unchanged",
		},
		"metadata": {`tier: "2"`, `tier: ""`, "metadata[tier]=", `~ metadata.tier: "2" -> none`},
		"active":   {"active: false", "active: true", "active=true", "~ active: false -> true"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTestAccount(t, false)
			s.write(t, twoConfigurations)
			s.mustApply(t)
			if !strings.Contains(twoConfigurations, test.old) {
				t.Fatalf("no %s", test.old)
			}
			s.write(t, strings.Replace(twoConfigurations, test.old, test.new, 1))
			before := len(s.written())
			output := s.mustApply(t)
			if !strings.Contains(output, test.shown) {
				t.Errorf("no %s in %s", test.shown, output)
			}
			forms := s.written()[before:]
			want, err := url.ParseQuery(test.form)
			switch {
			case err != nil:
				t.Fatal(err)
			case test.form == "" && len(forms) > 0:
				t.Errorf("wrote %v", forms)
			case test.form == "":
			case len(forms) == 0 || forms[0].Encode() != want.Encode():
				t.Errorf("wrote %v\nwant  %v", forms, want)
			}
			before = len(s.written())
			if output := s.mustApply(t); len(s.written()) != before {
				t.Errorf("the next run wrote %v\n%s", s.written()[before:], output)
			}
		})
	}
}

func TestPortalConfigThatWasChangedByHand(t *testing.T) {
	t.Parallel()
	s := newTestAccount(t, false)
	s.write(t, strings.Replace(twoConfigurations, "active: false", "active: true", 1))
	output := s.mustApply(t)
	solo, team := idOf(t, output, "solo"), idOf(t, output, "team")

	deployed := map[string]string{
		"CUSTOMERS_TABLE": devserver.CustomersTable, "STRIPE_SECRET_ID": devserver.StripeSecret,
		"STRIPE_LIVEMODE": "false", "JWT_ISSUER": "https://idp.example.com/", "JWT_AUDIENCE": "api",
		"JWT_JWKS_URL": "http://127.0.0.1:1/", "ALLOWED_ORIGINS": "https://app.example.com",
		"DEFAULT_RETURN_URL": "https://app.example.com/",
		"AWS_ACCESS_KEY_ID":  "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "eu-central-1",
		"AWS_ENDPOINT_URL": startAWS(t, s.key),
		"STRIPE_API_BASE":  s.env["STRIPE_API_BASE"],
	}
	doctor := func() map[string]string {
		file, err := portalconfig.Read(s.file)
		if err != nil {
			t.Fatal(err)
		}
		checks, err := file.Checks()
		if err != nil {
			t.Fatal(err)
		}
		said := map[string]string{}
		for _, f := range (preflight.Examiner{Pause: noPause, Extra: checks}).Doctor(t.Context(),
			devserver.GetenvOf(deployed), nil) {
			if _, name, ok := strings.Cut(f.Name, `portal configuration "`); ok {
				said[strings.TrimSuffix(name, `" of the file`)] = string(f.Status) + ": " + f.Detail + "; " + f.Advice
			}
		}
		return said
	}
	if said := doctor(); said["solo"] != "ok: "+solo+" is the same as in the file; " ||
		said["team"] != "ok: "+team+" is the same as in the file; " {
		t.Errorf("before: %v", said)
	}
	version, _ := stripespec.Embedded().Version()
	for _, r := range s.Requests() {
		if r.Path == configurations+"/"+solo && r.StripeVersion != version {
			t.Errorf("%s %s?%s in version %q", r.Method, r.Path, r.Query, r.StripeVersion)
		}
	}
	s.byHand(t, solo, "features[subscription_update][products][0][product]=prod_Team&"+
		"features[subscription_update][products][0][prices][0]=price_TeamMonthly&business_profile[headline]=MARKERx7Q")
	// not in the file, so not a difference
	s.byHand(t, solo, "business_profile[terms_of_service_url]=https://example.com/terms")
	s.byHand(t, team, "metadata[portal_config_name]=")
	said := doctor()
	for _, want := range []string{"warning: " + solo + " differs from the file in ", "business_profile.headline",
		"features.subscription_update.products", "portal-config apply " + s.file} {
		if !strings.Contains(said["solo"], want) {
			t.Errorf("no %s in %s", want, said["solo"])
		}
	}
	if strings.Contains(fmt.Sprint(said), "MARKERx7Q") {
		t.Errorf("Stripe's words are in %v", said)
	}
	if !strings.HasPrefix(said["team"], "warning: Stripe has no configuration with this name in this mode") {
		t.Error(said["team"])
	}
	s.byHand(t, team, "metadata[portal_config_name]=solo")
	if said := doctor(); !strings.HasPrefix(said["solo"],
		"warning: several configurations at Stripe have this name: ") || !strings.Contains(said["solo"], team) {
		t.Error(said["solo"])
	}
	before := len(s.written())
	if output, err := s.apply(t); err == nil ||
		!strings.Contains(err.Error(), `portal.yaml:2: "solo": several configurations`) || len(s.written()) != before {
		t.Errorf("several: %v\n%s", err, output)
	}
	s.byHand(t, team, "metadata[portal_config_name]=team&metadata[%1b%07x]=y")
	output = s.mustApply(t)
	if strings.ContainsAny(output, "\x1b\x07") {
		t.Errorf("a terminal would act on %q", output)
	}
	if !strings.Contains(output, `~ business_profile.headline: "MARKERx7Q" -> "Your plan"`) ||
		!strings.Contains(output, `business_profile.terms_of_service_url: "https://example.com/terms"`) {
		t.Error(output)
	}
	if got := s.stored(t, solo); !strings.Contains(got, `"headline":"Your plan"`) ||
		strings.Contains(got, "prod_Team") || !strings.Contains(got, "https://example.com/terms") {
		t.Error(got)
	}
	s.Withhold(s.key, "customer_portal_write")
	if said := doctor(); !strings.HasPrefix(said["solo"], "warning: the Stripe key lacks permission to read it") ||
		!strings.Contains(said["solo"], "Customer portal: Write") {
		t.Error(said["solo"])
	}
}

func TestDoctorReadsTheFileOfPortalConfigurations(t *testing.T) {
	for _, name := range []string{"CUSTOMERS_TABLE", "STRIPE_SECRET_ID", "JWT_ISSUER", "JWT_AUDIENCE",
		"STRIPE_EVENT_SOURCE"} {
		t.Setenv(name, "")
	}
	path := filepath.Join(t.TempDir(), "portal.json")
	for text, want := range map[string]string{
		`{"team": {"name": "x"}}`: "WARNING  portal configuration \"team\" of the file: Stripe has no configuration " +
			"with this name in this mode\n         Run: go run ./local portal-config apply " + path + ".\n",
		`{"team": {"nam": "x"}}`: `portal.json:1: "team": nam: unknown parameter`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		output, _, err := run(t, "doctor", "--portal-config", path)
		if said := fmt.Sprint(output, err); !strings.Contains(said, want) ||
			(err == nil) != strings.HasPrefix(want, "WARNING") {
			t.Errorf("%s, want %s", said, want)
		}
	}
}

// startAWS starts a Secrets Manager that has the key. It denies any other request.
func startAWS(t *testing.T, key string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".GetSecretValue") {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"AccessDeniedException"}`)
			return
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = fmt.Fprintf(w, `{"Name":"%s","SecretString":"%s","VersionId":"1"}`, devserver.StripeSecret, key)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestPortalConfigAfterAnInterruption(t *testing.T) {
	t.Parallel()
	for name, interrupt := range map[string]func(s *testAccount, stop context.CancelFunc,
		w http.ResponseWriter, r *http.Request){
		"Ctrl-C after Stripe created it": func(s *testAccount, stop context.CancelFunc,
			w http.ResponseWriter, r *http.Request) {
			s.ServeHTTP(httptest.NewRecorder(), r)
			stop()
			<-r.Context().Done()
		},
		"every connection is lost": func(s *testAccount, _ context.CancelFunc, w http.ResponseWriter, r *http.Request) {
			s.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTestAccount(t, false)
			s.write(t, twoConfigurations)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			s.intercept(func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPost {
					body, _ := io.ReadAll(r.Body)
					r.Body = io.NopCloser(bytes.NewReader(body))
					interrupt(s, stop, w, r)
				}
				return false
			})
			output, err := s.applyIn(ctx, t, "--write", s.into)
			if err == nil {
				t.Fatalf("no error: %s", output)
			}
			if wants := "interrupted: run the same command again; it does the rest"; ctx.Err() != nil &&
				!strings.Contains(err.Error(), wants) {
				t.Errorf("%v, want %s", err, wants)
			}
			if _, err := os.Stat(s.into); err == nil {
				t.Error("the IDs are written although not all exist")
			}
			s.before.Store(nil)
			output = s.mustApply(t, "--write", s.into)
			parameters, _ := os.ReadFile(s.into)
			if id := idOf(t, output, "solo"); !strings.Contains(string(parameters), `"`+id+`"`) ||
				strings.Contains(output, `created "solo"`) {
				t.Errorf("%s\n%s", output, parameters)
			}
			names := map[string]int{}
			s.Change(func(d *account.Data) {
				for _, c := range d.Configurations {
					names[c.Name]++
				}
			})
			if names["Solo plans"] != 2 { // solo and team
				t.Errorf("%v", names)
			}
		})
	}
}

// An answer that is not the list of configurations must not be read as an empty account: each run
// would create the configurations again.
func TestPortalConfigWritesNothingAfterAnImpossibleAnswer(t *testing.T) {
	t.Parallel()
	const other = `{"id":"bpc_Other","livemode":false,"active":true,"features":{"invoice_history":{"enabled":false}}}`
	for name, test := range map[string]struct{ method, path, answer string }{
		"an empty object":       {http.MethodGet, configurations, `{}`},
		"null":                  {http.MethodGet, configurations, `null`},
		"an error as a success": {http.MethodGet, configurations, `{"error":{"message":"MARKERx7Q"}}`},
		"a list without data":   {http.MethodGet, configurations, `{"object":"list","data":null,"has_more":false}`},
		"a list of other things": {http.MethodGet, configurations,
			`{"object":"search_result","data":[],"has_more":false}`},
		"a list of the other mode": {http.MethodGet, configurations,
			`{"object":"list","data":[{"id":"bpc_Live","livemode":true,"active":true,` +
				`"metadata":{"portal_config_name":"a"}}],"has_more":false}`},
		"an endless list": {http.MethodGet, configurations,
			`{"object":"list","data":[` + other + `],"has_more":true}`},
		"a page that is empty":   {http.MethodGet, configurations, `{"object":"list","data":[],"has_more":true}`},
		"another object is read": {http.MethodGet, "bpc_", other},
		"another one is updated": {http.MethodPost, "bpc_", other},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTestAccount(t, false)
			s.write(t, "a:\n  features:\n    invoice_history: {enabled: true}\n")
			s.mustApply(t)
			s.write(t, "a:\n  features:\n    invoice_history: {enabled: false}\n")
			before := len(s.written())
			var calls atomic.Int32
			s.intercept(func(w http.ResponseWriter, r *http.Request) bool {
				isAsked := strings.HasSuffix(r.URL.Path, test.path) || test.path == "bpc_" &&
					strings.Contains(r.URL.Path, test.path)
				if r.Method != test.method || !isAsked || calls.Add(1) > 50 {
					return false
				}
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, test.answer)
				return true
			})
			output, err := s.apply(t, "--write", s.into)
			if err == nil || !strings.Contains(err.Error(), "the answer does not follow Stripe's API") ||
				strings.Contains(output, "updated") {
				t.Errorf("%v\n%s", err, output)
			}
			if forms := s.written()[before:]; len(forms) > 0 {
				t.Errorf("wrote %v", forms)
			}
			if _, err := os.Stat(s.into); err == nil {
				t.Error("it wrote the parameters")
			}
		})
	}
}

func TestPortalConfigFailures(t *testing.T) {
	answers := func(status int, body string) interceptor {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPost {
				return false
			}
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Request-Id", "req_Abc123")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
			return true
		}
	}
	for name, test := range map[string]struct {
		cause func(*testing.T, *testAccount)
		file  string
		more  []string
		want  string
	}{
		"no such price": {
			nil, strings.Replace(twoConfigurations, "price_ProMonthly", "price_Other", 1), nil,
			`create "solo": portal.yaml:22: features.subscription_update.products[1].prices[0]: stripe: a parameter ` +
				`is refused, because there is no such object in test mode; Stripe's dashboard has the request req_`,
		},
		"a parameter in Stripe's other spelling": {
			func(_ *testing.T, s *testAccount) {
				s.intercept(answers(400, `{"error":{"type":"invalid_request_error",`+
					`"param":"features.subscription_cancel.mode","message":"MARKERx7Q"}}`))
			},
			twoConfigurations, nil, `portal.yaml:12: features.subscription_cancel.mode: stripe: a parameter is ` +
				`refused; Stripe's dashboard has the request req_Abc123`,
		},
		"any text as the parameter": {
			func(_ *testing.T, s *testAccount) {
				s.intercept(answers(400, `{"error":{"type":"invalid_request_error","param":"MARKERx7Q","message":"No `+
					`portal configuration is disabled for the subscription"}}`))
			},
			twoConfigurations, nil,
			`create "solo": stripe: the request is refused, and no parameter is named; Stripe's dashboard`,
		},
		"no permission": {func(_ *testing.T, s *testAccount) { s.Withhold(s.key, "customer_portal_write") },
			twoConfigurations,
			nil, "the restricted API key lacks a permission (Customer portal: Write)"},
		"a revoked key": {func(_ *testing.T, s *testAccount) { _ = s.SetKeys("sk_test_" + "other") },
			twoConfigurations, nil,
			"the API key is invalid, expired or revoked"},
		"Stripe is down": {
			func(_ *testing.T, s *testAccount) { s.intercept(answers(500, `{"error":{"type":"api_error"}}`)) },
			twoConfigurations, nil, `create "solo": stripe: unavailable`,
		},
		"HTML": {func(_ *testing.T, s *testAccount) { s.intercept(answers(200, `<html>MARKERx7Q`)) },
			twoConfigurations, nil,
			"breaks the API's contract"},
		"an answer without an ID": {
			func(_ *testing.T, s *testAccount) { s.intercept(answers(200, `{"id":"MARKERx7Q","livemode":false}`)) },
			twoConfigurations, nil, "does not follow Stripe's API",
		},
		"an answer of the other mode": {
			func(_ *testing.T, s *testAccount) { s.intercept(answers(200, `{"id":"bpc_1","livemode":true}`)) },
			twoConfigurations, nil, "does not follow Stripe's API",
		},
		"Stripe keeps another value": {
			func(_ *testing.T, s *testAccount) {
				s.intercept(answers(200, `{"id":"bpc_1","livemode":false,"active":true,"name":"other",`+
					`"features":{"invoice_history":{"enabled":true}}}`))
			},
			"a:\n  name: mine\n  features:\n    invoice_history: {enabled: true}\n", []string{"--write", "y.toml"},
			"the values at Stripe differ from the file",
		},
		"a new one without features": {nil, "a:\n  name: x\n", nil,
			`portal.yaml:1: "a": features: is missing; Stripe requires it for a new configuration`},
		"a new one without any feature": {nil, "a:\n  name: x\n  features: {}\n", nil,
			`portal.yaml:3: "a": features: must have a feature, because the configuration is new`},
		"a new feature without enabled": {nil, "a:\n  features:\n    subscription_cancel:\n      mode: immediately\n",
			nil, `portal.yaml:4: "a": features.subscription_cancel.enabled: is missing`},
		"an unknown parameter": {nil, "a:\n  features:\n    subscription_pause: {enabled: true}\n", nil,
			`portal.yaml:3: "a": features.subscription_pause: unknown parameter; known here: customer_update`},
		"a default that does not exist": {nil, twoConfigurations, []string{"--write", "x.toml", "--default", "Solo"},
			`has no configuration "Solo"`},
		"a default that is not active": {nil, twoConfigurations, []string{"--write", "x.toml", "--default", "team"},
			`--default: the configuration "team" is not active`},
		"a default without a file": {nil, twoConfigurations, []string{"--default", "solo"},
			"it excludes --no-write"},
		"a key of the other mode": {func(_ *testing.T, s *testAccount) { s.env["STRIPE_LIVEMODE"] = "true" },
			twoConfigurations, nil, "the key's mode differs from STRIPE_LIVEMODE"},
		"no key": {func(_ *testing.T, s *testAccount) { s.env["STRIPE_SECRET_KEY"] = "" },
			twoConfigurations, nil, "STRIPE_SECRET_KEY to a key that may write the customer portal"},
		"parameters of another mode": {nil, twoConfigurations, []string{"--write", "live.toml"},
			"live.toml:1: the deployment is not in Stripe's test mode"},
		"IDs that do not exist in this mode": {nil, twoConfigurations, []string{"--write", "other.toml"},
			`other.toml has the configuration "bpc_Live", which does not exist in Stripe's test mode`},
		"parameters that are not a file": {nil, twoConfigurations, []string{"--write", "."},
			"the file of parameters: "},
		"parameters in no folder": {nil, twoConfigurations, []string{"--write", "none/.deploy/x.toml"},
			"the file of parameters: "},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTestAccount(t, false)
			s.write(t, test.file)
			t.Chdir(filepath.Dir(s.file))
			for path, text := range map[string]string{"live.toml": "StripeLivemode = true\n",
				"other.toml": "DefaultConfiguration = 'bpc_Live' # live\n"} {
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if test.cause != nil {
				test.cause(t, s)
			}
			output, err := s.apply(t, test.more...)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %s\n%s", err, test.want, output)
			}
			if strings.Contains(fmt.Sprint(output, err), "MARKERx7Q") {
				t.Errorf("Stripe's words are in %s %v", output, err)
			}
			parameters, _ := os.ReadFile("y.toml")
			if len(test.more) > 1 && test.more[1] == "y.toml" &&
				(string(parameters) != "AllowedConfigurations = \"bpc_1\"\n" ||
					!strings.Contains(output, "has another value of name")) {
				t.Errorf("%s and the parameters %s", output, parameters)
			}
			if (strings.HasPrefix(test.want, "--default") || strings.HasPrefix(test.want, "the file of parameters")) &&
				len(s.written()) > 0 {
				t.Errorf("it wrote %v", s.written())
			}
			if _, err := os.Stat("x.toml"); err == nil {
				t.Error("it wrote the parameters")
			}
		})
	}
}

// A configuration that is not active cannot be the default, whether the file or Stripe says so.
func TestPortalConfigOfAnInactiveDefault(t *testing.T) {
	t.Parallel()
	s := newTestAccount(t, false)
	s.write(t, "a:\n  features:\n    invoice_history: {enabled: true}\n")
	s.byHand(t, idOf(t, s.mustApply(t), "a"), "active=false")
	before := len(s.written())
	output, err := s.apply(t, "--write", s.into, "--default", "a")
	if commandtest.Said(err) != `--default: the configuration "a" is not active` || len(s.written()) != before {
		t.Errorf("%v\n%s", err, output)
	}
	s.write(t, "a:\n  active: true\n  features:\n    invoice_history: {enabled: true}\n")
	s.mustApply(t, "--write", s.into, "--default", "a")
}

// Configurations are found on every page of the list, whether or not they are active.
func TestPortalConfigIsFoundAmongMany(t *testing.T) {
	t.Parallel()
	s := newTestAccount(t, false)
	s.write(t, twoConfigurations)
	s.mustApply(t)
	s.Change(func(d *account.Data) {
		for i := range 250 {
			d.Configurations = append([]account.Configuration{{ID: fmt.Sprintf("bpc_more%d", i)}}, d.Configurations...)
		}
	})
	before := len(s.written())
	if output := s.mustApply(t); len(s.written()) != before || strings.Contains(output, "is new") {
		t.Error(output)
	}
	pages := slices.DeleteFunc(s.Requests(),
		func(r api.Request) bool { return r.Path != configurations || r.Method != http.MethodGet })
	if got := pages[len(pages)-1].Query; !strings.Contains(got, "starting_after=bpc_more") ||
		strings.Contains(got, "active") {
		t.Errorf("the last page: %s", got)
	}
}

// Stripe accepts the file of the recipe.
func TestTheFileOfTheRecipeApplies(t *testing.T) {
	t.Parallel()
	recipe, err := os.ReadFile("../../../infra/PORTAL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(recipe), "\n```yaml\nsolo:")
	if !found {
		t.Fatal("no file of portal configurations")
	}
	text, _, _ := strings.Cut("solo:"+after, "```")
	s := newTestAccount(t, false)
	s.write(t, text)
	output := s.mustApply(t, "--write", s.into, "--default", "solo")
	got := s.stored(t, idOf(t, output, "team"))
	if !strings.Contains(got, `"default_return_url":"https://app.example.com/billing"`) ||
		!strings.Contains(got, `"maximum":500`) || strings.Contains(got, "https://example.com/privacy") {
		t.Error(got)
	}
	if output := s.mustApply(t); !strings.Contains(output, `= "solo" (`) || !strings.Contains(output, `= "team" (`) {
		t.Error(output)
	}
}
