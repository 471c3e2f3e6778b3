package demo

import (
	"errors"
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func config() Config {
	return Config{
		Token:  func(user string) (string, error) { return "token-of-" + user, nil },
		Origin: "http://127.0.0.1:8080",
	}
}

func get(cfg Config, target string) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	request := httptest.NewRequest("GET", target, nil)
	if strings.HasPrefix(target, "/") {
		request.Host = "127.0.0.1:8080"
	}
	New(cfg).ServeHTTP(recorder, request)
	return recorder
}

// form returns the action of a form in the page, and then the fields that it posts, in order.
func form(t *testing.T, page, id string) []string {
	t.Helper()
	found := regexp.MustCompile(`(?s)<form id="` + id +
		`" method="post" action="([^"]*)".*?</form>`).FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no form %s", id)
	}
	sent := []string{found[1]}
	for _, field := range regexp.MustCompile(
		`<input type="hidden" name="([^"]*)" value="([^"]*)">`).FindAllStringSubmatch(found[0], -1) {
		sent = append(sent, html.UnescapeString(field[1]+"="+field[2]))
	}
	return sent
}

func TestForms(t *testing.T) {
	const token, back = "access_token=token-of-alice", "return_url=http://127.0.0.1:8080/?back=portal&user=alice"
	const confirm, cancel, after = "flow_data[subscription_update_confirm]", "flow_data[subscription_cancel]",
		"flow_data[after_completion]"
	tests := []struct {
		query, form string
		sends       []string
	}{
		{"", "portal", []string{token, back}},
		{"", "payment-method", []string{token, "flow_data[type]=payment_method_update", back}},
		{"", "any-update", []string{token, "flow_data[type]=subscription_update", back}},
		{"", "any-cancel", []string{token, "flow_data[type]=subscription_cancel", back}},
		{"", "any-confirm", []string{token, "flow_data[type]=subscription_update_confirm",
			confirm + "[items][0][price]=price_ProMonthly", back}},
		{"?credential=cookie", "portal", []string{token, back}}, // without a cookie in the configuration
		{"", "update", []string{token, "flow_data[type]=subscription_update",
			"flow_data[subscription_update][subscription]=sub_DemoAlice", back}},
		{"", "confirm", []string{
			token, "flow_data[type]=subscription_update_confirm", confirm + "[subscription]=sub_DemoAlice",
			confirm + "[items][0][id]=si_DemoAlice", confirm + "[items][0][price]=price_ProMonthly", back,
		}},
		{"", "confirm-promotion", []string{
			token, "flow_data[type]=subscription_update_confirm", confirm + "[subscription]=sub_DemoAlice",
			confirm + "[items][0][id]=si_DemoAlice", confirm + "[items][0][price]=price_ProMonthly",
			confirm + "[discounts][0][promotion_code]=promo_DemoSpring", back,
		}},
		{"", "cancel",
			[]string{token, "flow_data[type]=subscription_cancel", cancel + "[subscription]=sub_DemoAlice", back}},
		{"", "cancel-offer", []string{
			token, "flow_data[type]=subscription_cancel", cancel + "[subscription]=sub_DemoAlice",
			cancel + "[retention][type]=coupon_offer", cancel + "[retention][coupon_offer][coupon]=STAY20", back,
		}},
		{"?locale=de&configuration=bpc_DemoCancelOnly&on_behalf_of=acct_DemoConnect&after=redirect", "portal", []string{
			token, "locale=de", "configuration=bpc_DemoCancelOnly", "on_behalf_of=acct_DemoConnect", back,
		}},
		{"?locale=de&after=redirect", "cancel", []string{
			token, "flow_data[type]=subscription_cancel", cancel + "[subscription]=sub_DemoAlice",
			after + "[type]=redirect",
			after + "[redirect][return_url]=http://127.0.0.1:8080/?back=flow&user=alice", "locale=de", back,
		}},
		{"?after=hosted_confirmation", "payment-method", []string{
			token, "flow_data[type]=payment_method_update",
			after + "[type]=hosted_confirmation",
			after + "[hosted_confirmation][custom_message]=Thank you. Your change is complete.", back,
		}},
		{"?after=portal_homepage", "payment-method", []string{
			token, "flow_data[type]=payment_method_update", after + "[type]=portal_homepage", back,
		}},
		{"?locale=xx&configuration=bpc_Other&after=nowhere", "portal", []string{token, back}},
	}
	for _, tt := range tests {
		t.Run(tt.form+tt.query, func(t *testing.T) {
			got := form(t, get(config(), "/"+tt.query).Body.String(), tt.form)
			if want := append([]string{"/billing/portal"}, tt.sends...); !slices.Equal(got, want) {
				t.Errorf("sends\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

func TestWithoutAnOrigin(t *testing.T) {
	cfg := config()
	cfg.Origin, cfg.Endpoint = "", "/elsewhere"
	page := get(cfg, "/?after=redirect").Body.String()
	want := []string{"/elsewhere", "access_token=token-of-alice", "flow_data[type]=payment_method_update"}
	if got := form(t, page, "payment-method"); !slices.Equal(got, want) {
		t.Errorf("sends %v", got)
	}
	if strings.Contains(page, `<option value="redirect"`) {
		t.Error("the page offers to return here")
	}
}

func TestUsers(t *testing.T) {
	for _, user := range Users() {
		t.Run(user.ID, func(t *testing.T) {
			page := get(config(), "/?user="+user.ID).Body.String()
			for _, want := range []string{
				`<body data-user="` + user.ID + `"`, `Signed in as <strong>` + user.Name, user.Note,
				`id="user-` + user.ID + `" href="/?user=` + user.ID + `" aria-current="page"`,
			} {
				if !strings.Contains(page, want) {
					t.Errorf("no %s", want)
				}
			}
			if got := form(t, page, "portal"); got[1] != "access_token=token-of-"+user.ID {
				t.Errorf("sends %v", got)
			}
			if got := strings.Count(page, `data-flow="subscription_cancel"`); got != 1+2*len(user.Subscriptions) {
				t.Errorf("%d ways to cancel", got)
			}
		})
	}
	if got := form(t, get(config(), "/?user=dave").Body.String(),
		"cancel-2"); got[3] != "flow_data[subscription_cancel][subscription]=sub_DemoDaveStorage" {
		t.Errorf("the second subscription's form sends %v", got)
	}
	if got := get(config(), "/?user=mallory"); got.Code != 404 {
		t.Errorf("an unknown user: %d", got.Code)
	}
}

func TestCookieInsteadOfTheToken(t *testing.T) {
	cfg := config()
	cfg.Cookie = "session"
	signedIn := get(cfg, "/?user=dave&credential=cookie")
	if got := form(t, signedIn.Body.String(), "any-cancel"); got[1] != "flow_data[type]=subscription_cancel" {
		t.Errorf("sends %v", got)
	}
	for _, want := range []string{`<option value="form">a form field</option>`,
		`<option value="cookie" selected>a cookie</option>`} {
		if !strings.Contains(signedIn.Body.String(), want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(signedIn.Body.String(), "token-of-dave") {
		t.Error("the page has the token")
	}
	if got := signedIn.Header().Get("Set-Cookie"); got != "session=token-of-dave; Path=/; HttpOnly; SameSite=Strict" {
		t.Errorf("Set-Cookie: %s", got)
	}
	if got := get(cfg, "/?user=dave").Header().Get("Set-Cookie"); !strings.HasPrefix(got,
		"session=; Path=/; Max-Age=0") {
		t.Errorf("without: Set-Cookie: %s", got)
	}
}

func TestElements(t *testing.T) {
	page := get(config(), "/?locale=de&after=redirect").Body.String()
	for id, want := range map[string]string{
		"portal": ` locale="de"`,
		"any-confirm": ` flow="subscription_update_confirm" price="price_ProMonthly" ` +
			`after="http://127.0.0.1:8080/?back=flow&amp;user=alice" locale="de"`,
	} {
		if element := `<manage-billing-button id="` + id + `-element"` + want + ">"; !strings.Contains(page, element) {
			t.Errorf("no %s", element)
		}
	}
	if !strings.Contains(page, `<script type="module" src="/billing/button.js">`) {
		t.Error("no module")
	}
	if page := get(config(), "/?on_behalf_of=acct_DemoConnect").Body.String(); !strings.Contains(page,
		`<manage-billing-button id="portal-element" on-behalf-of="acct_DemoConnect">`) {
		t.Error("the element lacks the account")
	}
	if page := get(config(), "/?after=portal_homepage").Body.String(); !strings.Contains(page,
		` flow="subscription_cancel" after="portal">`) {
		t.Error("the flow does not end at the portal's home page")
	}
}

func TestState(t *testing.T) {
	cfg := config()
	cfg.CheckOut = func(string) string { return "" }
	states := map[string]State{
		"alice": {Customer: "cus_A", Card: "Visa", Address: "1 Main Street", TaxID: "US EIN 12",
			Subscriptions: []SubscriptionState{{"sub_A", "Starter, $9.00 a month", "active", "Renews tomorrow"}}},
		"carol": {Customer: "cus_C", Deleted: true},
		"dave":  {Customer: "cus_D", Subscriptions: make([]SubscriptionState, 2)},
		"erin":  {Customer: "cus_E"},
	}
	cfg.State = func(user string) State { return states[user] }
	for user, want := range map[string][]string{
		"alice": {"cus_A", "Visa", "Starter", "active", "Renews tomorrow", "1 Main Street", "US EIN 12"},
		"bob":   {"Bob has no billing account yet", `id="checkout"`},
		"carol": {"cus_C", "deleted at Stripe", `id="checkout"`},
	} {
		page := get(cfg, "/?user="+user).Body.String()
		for _, text := range want {
			if !strings.Contains(page, text) {
				t.Errorf("%s: no %q", user, text)
			}
		}
	}
	page := get(cfg, "/?user=alice").Body.String()
	for user, want := range map[string]string{"alice": "Starter, active", "bob": "No billing account",
		"carol": "Customer deleted at Stripe", "dave": "2 subscriptions", "erin": "No subscription"} {
		if card := regexp.MustCompile(`id="user-` + user +
			`".*?<span>(.*?)</span>`).FindStringSubmatch(page); card[1] != want {
			t.Errorf("the card of %s says %q, want %q", user, card[1], want)
		}
	}
	if strings.Contains(get(cfg, "/?user=alice").Body.String(), `id="checkout"`) {
		t.Error("alice can buy a second plan")
	}
	if strings.Contains(get(config(), "/").Body.String(), `id="state"`) {
		t.Error("the page shows an unknown state")
	}
}

func TestComingBack(t *testing.T) {
	for query, want := range map[string]string{
		"?back=portal":   "Welcome back from the portal.",
		"?back=flow":     "The change is complete.",
		"?back=checkout": "Thank you for your purchase.",
		"?back=deleted":  "The customer was deleted at Stripe",
	} {
		if page := get(config(), "/"+query).Body.String(); !strings.Contains(page, want) {
			t.Errorf("%s: no %q", query, want)
		}
	}
	if page := get(config(), "/?back=<script>").Body.String(); strings.Contains(page, `id="back"`) {
		t.Error("the page greets without a return")
	}
}

// headersOf returns the headers of an answer, each with its values.
func headersOf(recorder *httptest.ResponseRecorder) map[string]string {
	all := map[string]string{}
	for name, values := range recorder.Header() {
		all[name] = strings.Join(values, " | ")
	}
	return all
}

func TestHeaders(t *testing.T) {
	page := get(config(), "/")
	always := map[string]string{
		"Cache-Control":                "no-store",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
	}
	of := func(more map[string]string) map[string]string {
		all := maps.Clone(always)
		maps.Copy(all, more)
		return all
	}
	text := of(map[string]string{"Content-Type": "text/plain; charset=utf-8"})
	for target, want := range map[string]map[string]string{
		"/": of(map[string]string{
			"Content-Type": "text/html; charset=utf-8",
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; " +
				"connect-src 'self'; " +
				"form-action 'self' https://billing.stripe.com; base-uri 'none'; frame-ancestors 'none'",
			"Referrer-Policy": "same-origin",
		}),
		"/?user=mallory":           text,
		"/other":                   text,
		"http://attacker.example/": text,
	} {
		if got := headersOf(get(config(), target)); !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", target, got, want)
		}
	}
	for path, kind := range map[string]string{"/demo.css": "text/css", "/demo.js": "text/javascript"} {
		file := get(config(), path)
		if file.Code != 200 || !strings.HasPrefix(file.Header().Get("Content-Type"), kind) {
			t.Errorf("%s: %d %v", path, file.Code, file.Header())
		}
		if !strings.Contains(page.Body.String(), `"`+path+`"`) {
			t.Errorf("%s is not used", path)
		}
	}
	if inline := regexp.MustCompile(`<style|<script>| style=| on\w+=`).FindString(page.Body.String()); inline != "" {
		t.Errorf("%q, which the page's own policy forbids", inline)
	}
	if got := get(config(), "/other"); got.Code != 404 {
		t.Errorf("another path: %d", got.Code)
	}
}

// Only the page's own forms can buy and delete, and only for a demo user.
func TestPurchasesAndDeletions(t *testing.T) {
	var bought, deleted []string
	cfg := config()
	cfg.CheckOut = func(user string) string { bought = append(bought, user); return "https://checkout.example/" + user }
	cfg.DeleteCustomers = func(user string) int { deleted = append(deleted, user); return 1 }
	const own = "http://127.0.0.1:8080"
	for _, test := range []struct {
		path, user, origin, site string
		status                   int
		location                 string
	}{
		{"/demo/checkout", "bob", own, "same-origin", 303, "https://checkout.example/bob"},
		{"/demo/checkout", "mallory", own, "same-origin", 404, ""},
		{"/demo/checkout", "bob", "https://attacker.example", "cross-site", 403, ""},
		{"/demo/checkout", "bob", "http://127.0.0.1:9090", "same-site", 403, ""},
		{"/demo/delete", "alice", own, "same-origin", 303, "/?back=deleted&user=alice"},
		{"/demo/delete", "mallory", own, "same-origin", 404, ""},
		{"/demo/delete", "alice", "https://attacker.example", "cross-site", 403, ""},
		{"/demo/delete", "alice", "null", "", 403, ""},
	} {
		request := httptest.NewRequest(http.MethodPost, own+test.path,
			strings.NewReader(url.Values{"user": {test.user}}.Encode()))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", test.origin)
		if test.site != "" {
			request.Header.Set("Sec-Fetch-Site", test.site)
		}
		recorder := httptest.NewRecorder()
		New(cfg).ServeHTTP(recorder, request)
		if got := recorder.Header().Get("Location"); recorder.Code != test.status || got != test.location {
			t.Errorf("%+v: %d %s", test, recorder.Code, got)
		}
	}
	if !slices.Equal(bought, []string{"bob"}) || !slices.Equal(deleted, []string{"alice"}) {
		t.Errorf("%v bought and %v deleted", bought, deleted)
	}
	page := get(cfg, "/?user=alice").Body.String()
	for _, id := range []string{"checkout", "delete"} {
		recorder := httptest.NewRecorder()
		New(config()).ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, own+"/demo/"+id, nil))
		if recorder.Code != http.StatusNotFound && recorder.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s, without the callback: %d", id, recorder.Code)
		}
	}
	if !strings.Contains(page, `action="/demo/delete"`) ||
		strings.Contains(get(config(), "/?user=alice").Body.String(), `action="/demo/delete"`) {
		t.Error("the page needs a form to delete the customer if, and only if, there is a callback")
	}
}

func TestOnlyLoopback(t *testing.T) {
	for target, want := range map[string]int{
		"http://127.0.0.1:8080/":                200,
		"http://127.0.0.1/":                     200,
		"http://127.9.8.7:1/":                   200,
		"http://[::1]:8080/":                    200,
		"http://localhost:8080/":                200,
		"http://LocalHost/":                     200,
		"http://attacker.example:8080/":         421,
		"http://localhost.example/":             421,
		"http://127.0.0.1.example:8080/":        421,
		"http://192.168.1.10:8080/":             421,
		"http://0.0.0.0:8080/":                  421,
		"http://[2001:db8::1]/":                 421,
		"http://attacker.example/?x=@127.0.0.1": 421,
	} {
		t.Run(target, func(t *testing.T) {
			got := get(config(), target)
			if got.Code != want || got.Code != 200 && strings.Contains(got.Body.String(), "token-of-") {
				t.Errorf("%d %s", got.Code, got.Body)
			}
		})
	}
}

func TestNoToken(t *testing.T) {
	cfg := config()
	cfg.Token = func(string) (string, error) { return "", errors.New("key 42 is broken") }
	got := get(cfg, "/")
	if got.Code != 500 || strings.Contains(got.Body.String(), "42") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}
