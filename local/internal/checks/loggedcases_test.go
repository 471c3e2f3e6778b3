package checks

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"billingportal/functions/app"
	"billingportal/functions/app/portal"
	"billingportal/functions/app/webhook"
	"billingportal/local/internal/fakeaws/dynamodb"
	"billingportal/local/internal/fakeaws/secretsmanager"
	"billingportal/local/internal/fakeissuer"
	"billingportal/local/internal/fakestripe/events"
)

const (
	portalPath  = "/billing/portal"
	webhookPath = "/stripe/webhook"
	whsec       = "whsec_" + "KEYx7Q0123456789"
)

// asked is a request or an event, and the code that its log line must have.
type asked struct {
	code   string
	env    map[string]string              // changed variables
	broken map[string]http.HandlerFunc    // handlers that replace upstreams, by name
	before []func(request map[string]any) // requests sent before this one
	change func(request map[string]any)
	token  map[string]any // changed claims
	late   bool           // no time is left for the response
	await  []string       // texts of warnings, in any order and possibly after the response
}

// upstreams are the services that the functions call.
type upstreams struct {
	urls   map[string]string
	issuer *fakeissuer.Issuer
}

// newUpstreams starts an issuer, whose key takes long to create, a Secrets Manager and a Stripe.
func newUpstreams(t *testing.T) *upstreams {
	t.Helper()
	u := &upstreams{urls: map[string]string{}}
	secrets := secretsmanager.NewServer()
	for name, value := range map[string]string{"stripe": "rk_test_" + "KEYx7Q0123456789",
		"webhook": whsec, "wrong": "{}"} {
		secrets.Put(name, value)
	}
	for name, handler := range map[string]http.Handler{
		"secretsmanager": secrets, "stripe": stripeWith(""),
		"issuer": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { u.issuer.ServeHTTP(w, r) }),
	} {
		u.serve(t, name, handler)
	}
	var err error
	if u.issuer, err = fakeissuer.New(u.urls["issuer"]); err != nil {
		t.Fatal(err)
	}
	return u
}

func (u *upstreams) serve(t *testing.T, name string, handler http.Handler) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	u.urls[name] = server.URL
}

// with returns the upstreams with a new table. The handlers in broken replace upstreams.
func (u *upstreams) with(t *testing.T, broken map[string]http.HandlerFunc) *upstreams {
	t.Helper()
	u = &upstreams{maps.Clone(u.urls), u.issuer}
	dynamoDB := dynamodb.NewServer()
	err := dynamoDB.CreateTable("customers", "user_id")
	for user, customer := range map[string]any{"carol": "cus_Carol", "odd": 7} {
		if err == nil {
			err = dynamoDB.Put("customers", map[string]any{"user_id": user, "customer_id": customer})
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	u.serve(t, "dynamodb", dynamoDB)
	for name, handler := range broken {
		u.serve(t, name, handler)
	}
	return u
}

func answers(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Request-Id", "req_1")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

const (
	session = `{"id":"bps_1","object":"billing_portal.session","customer":"cus_Carol","livemode":false,` +
		`"url":"https://billing.stripe.com/p/session/test_1"}`
	subscription = `{"id":"sub_1","object":"subscription","customer":"cus_Carol","status":"active",` +
		`"items":{"data":[{"id":"si_1","price":{"id":"price_1","product":"prod_1"},"quantity":1}]}}`
)

// stripeWith is Stripe with the subscriptions of a customer, comma-separated. Without
// subscriptions, a single one can still be read by its ID.
func stripeWith(subscriptions string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			answers(http.StatusOK, session)(w, r)
		case strings.HasPrefix(r.URL.Path, "/v1/subscriptions/"):
			answers(http.StatusOK, subscription)(w, r)
		default:
			answers(http.StatusOK, `{"object":"list","has_more":false,"data":[`+subscriptions+`]}`)(w, r)
		}
	}
}

func refuses(status int, members string) map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{"stripe": answers(status, `{"error":{`+members+`}}`)}
}

func form(pairs ...string) func(map[string]any) {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return func(request map[string]any) {
		request["body"] = values.Encode()
		request["headers"].(map[string]any)["content-type"] = "application/x-www-form-urlencoded"
	}
}

func header(name, value string) func(map[string]any) {
	return func(request map[string]any) { request["headers"].(map[string]any)[name] = value }
}

func set(name string, value any) func(map[string]any) {
	return func(request map[string]any) { request[name] = value }
}

func method(name string) func(map[string]any) {
	return func(request map[string]any) {
		request["requestContext"].(map[string]any)["http"].(map[string]any)["method"] = name
	}
}

func flow(kind string, more ...string) func(map[string]any) {
	return form(append([]string{"flow_data[type]", kind}, more...)...)
}

// billingStatus requests the status with a query string.
func billingStatus(query string) func(map[string]any) {
	return func(request map[string]any) {
		method(http.MethodGet)(request)
		request["rawPath"], request["rawQueryString"] = "/billing/status", query
	}
}

const cancelled = "flow_data[subscription_cancel][subscription]"

// portalAsked returns a request for every code of the portal function, and for every flow.
func portalAsked() []asked {
	two := map[string]http.HandlerFunc{"stripe": stripeWith(subscription + "," +
		strings.ReplaceAll(subscription, "_1", "_2"))}
	missing := func(param string) map[string]http.HandlerFunc {
		return refuses(http.StatusNotFound,
			`"type":"invalid_request_error","code":"resource_missing","param":"`+param+`","message":"No such thing"`)
	}
	down := func(upstream, kind string) map[string]http.HandlerFunc {
		return map[string]http.HandlerFunc{upstream: answers(http.StatusInternalServerError, `{"__type":"`+kind+`"}`)}
	}
	return []asked{
		{code: "ok"},
		{code: "ok", change: flow("payment_method_update")},
		{code: "ok", change: flow("subscription_cancel", cancelled, "sub_1")},
		{code: "ok", change: flow("subscription_update", "flow_data[subscription_update][subscription]", "sub_1")},
		{code: "ok", change: flow("subscription_update_confirm", "flow_data[subscription_update_confirm][subscription]",
			"sub_1", "flow_data[subscription_update_confirm][items][0][price]", "price_2")},
		{code: "ok", change: func(request map[string]any) {
			method(http.MethodGet)(request)
			request["rawPath"] = "/billing/button.js"
		}},
		{code: "ok", change: func(request map[string]any) {
			method(http.MethodGet)(request)
			request["rawPath"] = "/billing/button.d.ts"
		}},
		{code: "ok", change: billingStatus("")},
		{code: "ok", change: billingStatus("include=subscriptions")},
		{code: "ok", change: billingStatus(""), token: map[string]any{"sub": "bob"}},
		{code: "no-billing-account", change: billingStatus("include=subscriptions"), broken: missing("customer")},
		{code: "insufficient-role", change: billingStatus(""),
			env: map[string]string{"JWT_REQUIRED_CLAIM": "role=owner"}},
		{code: "customer-store-unavailable", change: billingStatus(""),
			broken: down("dynamodb", "InternalServerError")},
		{code: "invalid-request", change: func(request map[string]any) {
			form()(request)
			request["body"] = "locale=%zz"
		}},
		{code: "unknown-parameter", change: form("colour", "red")},
		{code: "invalid-parameter", change: form("locale", "red")},
		{code: "invalid-return-url", change: form("return_url", "https://evil.example")},
		{code: "missing-credentials", change: header("authorization", "")},
		{code: "invalid-token", token: map[string]any{"aud": "other"}},
		{code: "insufficient-scope", env: map[string]string{"JWT_REQUIRED_SCOPE": "billing"}},
		{code: "insufficient-role", env: map[string]string{"JWT_REQUIRED_CLAIM": "role=owner"}},
		{code: "cross-origin-request", env: map[string]string{"SESSION_COOKIE": "session"},
			change: func(request map[string]any) {
				header("authorization", "")(request)
				header("origin", "https://evil.example")(request)
				request["cookies"] = []string{"session=a.b.c"}
			}},
		{code: "parameter-not-allowed", change: form("configuration", "bpc_1")},
		{code: "not-found", change: set("rawPath", "/other")},
		{code: "no-billing-account", token: map[string]any{"sub": "bob"}},
		{code: "no-billing-account", env: map[string]string{"NO_ACCOUNT_URL": "https://app.example.com/plans"},
			token: map[string]any{"sub": "bob"}, change: header("accept", "text/html")},
		{code: "no-billing-account", broken: missing("customer")},
		{code: "subscription-not-found", broken: missing(cancelled),
			change: flow("subscription_cancel", cancelled, "sub_1")},
		{code: "subscription-ambiguous", broken: two, change: flow("subscription_cancel")},
		{code: "subscription-not-eligible", change: flow("subscription_cancel")},
		{code: "flow-unavailable", broken: refuses(http.StatusBadRequest,
			`"type":"invalid_request_error","message":"Your portal configuration has it disabled."`),
			change: flow("payment_method_update")},
		{code: "method-not-allowed", change: method(http.MethodPut)},
		{code: "payload-too-large", change: set("body", strings.Repeat("x", 8193))},
		{code: "unsupported-media-type", change: func(request map[string]any) {
			form("locale", "de")(request)
			header("content-type", "text/plain")(request)
		}},
		{code: "billing-misconfigured", env: map[string]string{"STRIPE_SECRET_ID": "wrong"},
			await: []string{"fetch ahead failed"}},
		{code: "billing-misconfigured",
			broken: refuses(http.StatusUnauthorized, `"type":"invalid_request_error","code":"api_key_expired"`)},
		{code: "internal", change: set("version", "1.0")},
		{code: "billing-unavailable", broken: refuses(http.StatusInternalServerError, `"type":"api_error"`)},
		{code: "billing-bad-response", broken: map[string]http.HandlerFunc{"stripe": answers(http.StatusOK, "{}")}},
		{code: "billing-busy",
			broken: refuses(http.StatusTooManyRequests, `"type":"invalid_request_error","code":"rate_limit"`)},
		{code: "identity-provider-unavailable", broken: down("issuer", ""),
			await: []string{"fetch ahead failed", "fetching the issuer's keys failed"}},
		{
			code: "identity-provider-unavailable", env: map[string]string{"JWT_ISSUER_ALIASES": "{issuer}/alias"},
			token: map[string]any{"iss": "{issuer}/alias"},
			await: []string{"fetching the issuer's keys failed"},
		},
		{code: "customer-store-unavailable", broken: down("dynamodb", "InternalServerError")},
		{code: "secrets-unavailable", broken: down("secretsmanager", "InternalServiceError"),
			await: []string{"fetch ahead failed"}},
		{code: "upstream-timeout", env: map[string]string{"JWT_JWKS": "{jwks}"}, late: true},
	}
}

// webhookAsked returns a request for every code of the webhook function, and for every effect of an
// event.
func webhookAsked(t *testing.T) []asked {
	t.Helper()
	down := func(upstream, kind string) map[string]http.HandlerFunc {
		return map[string]http.HandlerFunc{upstream: answers(http.StatusInternalServerError, `{"__type":"`+kind+`"}`)}
	}
	event := func(name string, replace ...string) func(map[string]any) {
		body, err := os.ReadFile("../../../events/stripe/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		return func(request map[string]any) {
			text := strings.NewReplacer(replace...).Replace(string(body))
			request["body"] = text
			header("stripe-signature", events.Sign([]byte(text), whsec, time.Now()))(request)
		}
	}
	created, other := event("customer.created"), []string{"cus_NffrFeUfNV2Hib", "cus_Other"}
	type requests = []func(map[string]any)
	return []asked{
		{code: "ok", change: created},                                                        // claimed
		{code: "ok", before: requests{created}, change: created},                             // unchanged
		{code: "ok", before: requests{created}, change: event("customer.created", other...)}, // conflict
		{code: "ok", before: requests{created}, change: event("customer.updated-released")},  // released
		{code: "ok", before: requests{created}, change: event("customer.deleted")},           // deleted
		{code: "ok", change: event("invoice.paid")},                                          // ignored
		{code: "ok", change: event("checkout.session.completed-guest")},                      // ignored, with a warning
		{code: "ok", env: map[string]string{"STRIPE_EVENT_SOURCE": eventSource}, change: ofBus(eventSource)},
		{code: "webhook-misconfigured", change: ofBus(eventSource)},
		{code: "webhook-misconfigured", env: map[string]string{"WEBHOOK_SECRET_ID": "wrong"}, change: created,
			await: []string{"fetch ahead failed"}},
		{code: "webhook-misconfigured", change: event("customer.created", `"alice"`, `"odd"`)},
		{code: "webhook-misconfigured", broken: map[string]http.HandlerFunc{"dynamodb": answers(http.StatusBadRequest,
			`{"__type":"AccessDeniedException"}`)}, change: created},
		{code: "invalid-signature", change: func(request map[string]any) {
			created(request)
			request["body"] = "{}"
		}},
		{code: "invalid-signature"},
		{code: "invalid-request", change: func(request map[string]any) {
			request["body"] = "{}"
			header("stripe-signature", events.Sign([]byte("{}"), whsec, time.Now()))(request)
		}},
		{code: "not-found", change: set("rawPath", "/other")},
		{code: "method-not-allowed", change: method(http.MethodGet)},
		{code: "payload-too-large", change: set("body", strings.Repeat("x", 262145))},
		{code: "internal", change: set("version", "1.0")},
		{code: "customer-store-unavailable", broken: down("dynamodb", "InternalServerError"),
			change: event("customer.created", other...)},
		{code: "secrets-unavailable", broken: down("secretsmanager", "InternalServiceError"), change: created,
			await: []string{"fetch ahead failed"}},
	}
}

const eventSource = "aws.partner/stripe.com/ed_61Abc"

// ofBus replaces a request with the event that preflight sends through the event bus.
func ofBus(source string) func(map[string]any) {
	return func(request map[string]any) {
		clear(request)
		maps.Copy(request, map[string]any{
			"version": "0", "detail-type": "preflight", "source": source,
			"detail": map[string]any{"id": "evt_preflight", "object": "event", "type": "preflight"},
		})
	}
}

// portalLines sends a request to a new portal function and returns its log lines.
func (u *upstreams) portalLines(t *testing.T, a asked) []map[string]any {
	t.Helper()
	u = u.with(t, a.broken)
	claims := map[string]any{"iss": u.urls["issuer"], "sub": "carol"}
	for name, value := range a.token {
		claims[name] = strings.ReplaceAll(value.(string), "{issuer}", u.urls["issuer"])
	}
	token, err := u.issuer.Token("", claims, 0)
	if err != nil {
		t.Fatal(err)
	}
	function := u.start(t, portal.New, a, map[string]string{
		"AWS_LAMBDA_FUNCTION_NAME": "portal", "STRIPE_SECRET_ID": "stripe", "STRIPE_API_BASE": u.urls["stripe"],
		"JWT_ISSUER":   u.urls["issuer"],
		"JWT_AUDIENCE": fakeissuer.Audience, "ALLOWED_ORIGINS": "https://app.example.com",
		"DEFAULT_RETURN_URL": "https://app.example.com/account",
	})
	return function.ask(t, a, func(request map[string]any) {
		set("rawPath", portalPath)(request)
		header("authorization", "Bearer "+token)(request)
		header("accept", "application/json")(request)
	})
}

func (u *upstreams) webhookLines(t *testing.T, a asked) []map[string]any {
	t.Helper()
	function := u.with(t, a.broken).start(t, webhook.New, a,
		map[string]string{"AWS_LAMBDA_FUNCTION_NAME": "webhook", "WEBHOOK_SECRET_ID": "webhook"})
	return function.ask(t, a, set("rawPath", webhookPath))
}

// started is an assembled function.
type started struct {
	lambda.Handler
	log  *log
	urls map[string]string
}

func (u *upstreams) start(t *testing.T, assemble app.Assembly, a asked, env map[string]string) started {
	t.Helper()
	maps.Copy(env, map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
		"AWS_ENDPOINT_URL_DYNAMODB": u.urls["dynamodb"], "AWS_ENDPOINT_URL_SECRETS_MANAGER": u.urls["secretsmanager"],
		"AWS_LAMBDA_FUNCTION_VERSION": "7", "RELEASE": "v1", "CUSTOMERS_TABLE": "customers", "STRIPE_LIVEMODE": "false",
	})
	maps.Copy(env, a.env)
	keys, err := json.Marshal(u.issuer.KeySet())
	if err != nil {
		t.Fatal(err)
	}
	place, written := strings.NewReplacer("{issuer}", u.urls["issuer"], "{jwks}", string(keys)), &log{}
	handler, err := assemble(t.Context(), func(name string) string { return place.Replace(env[name]) }, written)
	if err != nil {
		t.Fatal(err)
	}
	return started{handler, written, u.urls}
}

// ask sends the earlier requests and the one to check, and returns the log lines.
func (s started) ask(t *testing.T, a asked, usual func(map[string]any)) []map[string]any {
	t.Helper()
	for _, change := range append(a.before, a.change) {
		request := map[string]any{
			"version": "2.0", "headers": map[string]any{"host": "api.example.com"},
			"requestContext": map[string]any{"http": map[string]any{"method": http.MethodPost, "path": "/"}},
		}
		usual(request)
		if change != nil {
			change(request)
		}
		// events of the bus may cause a function error
		if err := s.invoke(t.Context(), request, a.late); err != nil && request["source"] == nil {
			t.Error(err)
		}
	}
	for _, text := range a.await {
		s.log.await(t, text)
	}
	lines := s.log.lines(t, len(a.await) > 0, s.urls)
	if last := lines[len(lines)-1]; last["code"] != a.code {
		t.Errorf("the last line has the code %v, want %s: %v", last["code"], a.code, last["error"])
	}
	return lines
}

func (s started) invoke(ctx context.Context, request map[string]any, isLate bool) error {
	payload, err := json.Marshal(request)
	if err != nil {
		return err
	}
	deadline := time.Now()
	if !isLate {
		deadline = deadline.Add(15 * time.Second)
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	_, err = s.Invoke(ctx, payload)
	return err
}

// log stores the lines of a function.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *log) await(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(l.String(),
		text); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no line contains %q:\n%s", text, l)
		}
	}
}

// lines returns the lines of requests. If others is set, the warnings of other work come first.
// Values that differ between runs are replaced.
func (l *log) lines(t *testing.T, others bool, urls map[string]string) (lines []map[string]any) {
	t.Helper()
	text := l.String()
	for name, address := range urls {
		text = strings.ReplaceAll(text, strings.TrimPrefix(address, "http://"), name+".example")
	}
	var requests []map[string]any
	for text := range strings.Lines(text) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		delete(line, "time")
		if line["request_id"] != nil {
			line["request_id"] = "1"
		}
		for name := range line {
			if strings.HasSuffix(name, "_ms") {
				line[name] = 1.0
			}
		}
		switch {
		case line["msg"] == "request":
			requests = append(requests, line)
		case others && line["level"] != "INFO":
			lines = append(lines, line)
		}
	}
	slices.SortStableFunc(lines,
		func(a, b map[string]any) int { return strings.Compare(fmt.Sprint(a["msg"]), fmt.Sprint(b["msg"])) })
	return append(lines, requests...)
}
