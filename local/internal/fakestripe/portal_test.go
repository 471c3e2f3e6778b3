package fakestripe

import (
	"html"
	"maps"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"billingportal/local/internal/fakestripe/account"
	"billingportal/local/internal/fakestripe/pages"
)

// open creates a session and returns the path of its page.
func open(t *testing.T, s *standIn, form string) string {
	t.Helper()
	made := s.send(t, "POST", sessions, form)
	if made.status != 200 {
		t.Fatalf("%s: %d %s", form, made.status, made.body)
	}
	return strings.TrimPrefix(made.URL, "http://127.0.0.1:8080")
}

// look returns a page and its visible text, with white space normalized.
func look(s *standIn, path string) (recorder *httptest.ResponseRecorder, text string) {
	recorder = httptest.NewRecorder()
	s.ServeHTTP(recorder, httptest.NewRequest("GET", path, nil))
	text = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(recorder.Body.String(), " ")
	return recorder, strings.Join(strings.Fields(html.UnescapeString(text)), " ")
}

// press posts a form of a page and returns the URL to which the response leads, or "".
func press(s *standIn, path, form string) string {
	recorder := httptest.NewRecorder()
	request := httptest.NewRequest("POST", path, strings.NewReader(form))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	s.ServeHTTP(recorder, request)
	return recorder.Header().Get("Location")
}

// href returns the URL of the link with this ID.
func href(page, id string) string {
	match := regexp.MustCompile(` id="` + id + `"[^>]* href="([^"]*)"`).FindStringSubmatch(page)
	if match == nil {
		return ""
	}
	return html.UnescapeString(match[1])
}

func TestPortalPages(t *testing.T) {
	now := time.Date(2026, 1, 20, 12, 0, 0, 0, time.UTC)
	const back = "&return_url=https://app.example.com/billing?a=1%26b=2"
	const after = "&flow_data[after_completion]"
	tests := []struct {
		name, form string
		shows      []string
		// the URL after pressing the button; "/x" is below the page of the session
		complete string
	}{
		{
			"the home page", alice + back + "&locale=de&on_behalf_of=acct_DemoConnect",
			[]string{
				"Stand-in. This is not Stripe.", "Your billing",
				"Starter, $9.00 a month active Renews on 9 February 2026 · sub_DemoAlice",
				"Change plan Cancel subscription", "Update payment method", "Update billing details",
				"Customer Alice Archer alice@example.com cus_DemoAlice",
				"Configuration Everything bpc_DemoDefault", "Language de",
				"On behalf of acct_DemoConnect", "Return to app.example.com",
			}, "",
		},
		{
			"the home page of several subscriptions under another configuration",
			"customer=cus_DemoDave&locale=auto&configuration=bpc_DemoCancelOnly" + back,
			[]string{
				"5 × Team, $15.00 a month each active", "Storage, $4.00 a month trial Trial ends on 9 February 2026",
				"Cancelling only bpc_DemoCancelOnly",
				"sub_DemoDaveTeam Cancel subscription Storage",
				"Visa ending in 4242 Billing details", "No tax ID. Invoices",
				"Language auto the language of the customer or the browser", "On behalf of no other account",
			}, "",
		},
		{
			"the home page of a cancelled subscription", "customer=cus_DemoErin" + back,
			[]string{"Starter, $9.00 a month cancelled Ended on 18 January 2026 · sub_DemoErin"}, "",
		},
		{
			"cancelling with an offer, then a redirect", cancel + "sub_DemoAlice" + back +
				"&flow_data[subscription_cancel][retention][type]=coupon_offer&" +
				"flow_data[subscription_cancel][retention][coupon_offer][coupon]=STAY20" +
				after + "[type]=redirect" + after + "[redirect][return_url]=https://app.example.com/gone",
			[]string{
				"Flow subscription_cancel",
				"Cancel your subscription Subscription Starter, $9.00 a month sub_DemoAlice",
				"Renews on 9 February 2026",
				"Offer if you stay Stay with us (20% off) STAY20 Cancel subscription Keep subscription: Stay with us",
				"Afterwards Stripe sends the customer to https://app.example.com/gone",
			}, "https://app.example.com/gone",
		},
		{
			"changing, then a message", update + "sub_DemoAlice" + back +
				after + "[type]=hosted_confirmation" + after + "[hosted_confirmation][custom_message]=<b>Thanks</b>",
			[]string{"Change your plan", "Change to Pro, $29.00 a month price_ProMonthly",
				"Afterwards Stripe shows: “<b>Thanks</b>”"}, "/confirmation",
		},
		{
			"confirming with a promotion code, then the home page",
			confirm + toPro + item + "[quantity]=3" + rebate + "[promotion_code]=promo_DemoSpring" + back,
			[]string{
				"Confirm your change", "Subscription Starter, $9.00 a month sub_DemoAlice",
				"New plan 3 × Pro, $29.00 a month each price_ProMonthly",
				"New quantity 3", "Promotion code SPRING: Spring sale (10% off) promo_DemoSpring Upgrade to Pro",
				"Afterwards Stripe shows the portal’s home page.",
			}, "/home",
		},
		{
			"confirming a coupon alone", confirm + ofAlice + rebate + "[coupon]=STAY20" + back,
			[]string{"New plan Starter, $9.00 a month price_StarterMonthly", "Coupon Stay with us (20% off) STAY20"},
			"/home",
		},
		{
			"a payment method", alice + "&flow_data[type]=payment_method_update" + back,
			[]string{"Payment method Visa ending in 4242 New payment method Mastercard ending in 4444, the default " +
				"for your invoices Update payment method"}, "/home",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, Config{Now: func() time.Time { return now }})
			path := open(t, s, tt.form)
			page, text := look(s, path)
			if page.Code != 200 {
				t.Fatalf("status %d: %s", page.Code, page.Body)
			}
			for _, want := range tt.shows {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in %s", want, text)
				}
			}
			if got := href(page.Body.String(), "return"); got != "https://app.example.com/billing?a=1&b=2" {
				t.Errorf("the return link leads to %q", got)
			}
			want := tt.complete
			if strings.HasPrefix(want, "/") {
				want = path + want
			}
			if got := press(s, path+"/complete", ""); want != "" && got != want {
				t.Errorf("the button leads to %q", got)
			}
			if tt.complete == "" &&
				(strings.Contains(text, "Flow") || strings.Contains(page.Body.String(), `id="complete"`)) {
				t.Errorf("a session without a flow shows a flow: %s", text)
			}
		})
	}
}

func TestPortalHeaders(t *testing.T) {
	s := start(t, Config{})
	path := open(t, s, alice)
	page, _ := look(s, path)
	want := map[string]string{
		"Content-Type":    "text/html; charset=utf-8",
		"Cache-Control":   "no-store",
		"Referrer-Policy": "no-referrer",
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; " +
			"frame-ancestors 'none'",
		"X-Content-Type-Options":     "nosniff",
		"Cross-Origin-Opener-Policy": "same-origin",
	}
	for _, path := range []string{path, path + "/home", "/p/session/none"} {
		page, _ := look(s, path)
		got := map[string]string{}
		for name := range page.Header() {
			got[name] = page.Header().Get(name)
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	if style, _ := look(s, "/p/session/portal.css"); style.Header().Get("Content-Type") != "text/css; charset=utf-8" ||
		style.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the stylesheet: %v", style.Header())
	}
	for _, match := range regexp.MustCompile(`(?:href|src)="(/[^"]*)"`).FindAllStringSubmatch(page.Body.String(), -1) {
		if file, _ := look(s, match[1]); file.Code != 200 {
			t.Errorf("%s: %d", match[1], file.Code)
		}
	}
	if inline := regexp.MustCompile(`<style|<script| style=| on\w+=`).FindString(page.Body.String()); inline != "" {
		t.Errorf("the page contains %q, which its content security policy forbids", inline)
	}
}

func TestSessionWithoutAReturnURL(t *testing.T) {
	s := start(t, Config{})
	page, text := look(s, open(t, s, alice))
	if href(page.Body.String(), "return") != "" || !strings.Contains(text, "Way back none") {
		t.Error(text)
	}
	s.Change(func(d *account.Data) { d.Configurations[0].DefaultReturnURL = "https://app.example.com/default" })
	if page, _ := look(s, open(t, s, alice)); href(page.Body.String(), "return") != "https://app.example.com/default" {
		t.Error("the default return URL of the configuration is not used")
	}
}

func TestAfterAFlow(t *testing.T) {
	s := start(t, Config{})
	path := open(t, s, cancel+"sub_DemoAlice&flow_data[after_completion][type]=hosted_confirmation&"+
		"flow_data[after_completion][hosted_confirmation][custom_message]=<b>Bye</b>")
	press(s, path+"/complete", "")
	page, text := look(s, path+"/confirmation")
	if page.Code != 200 || !strings.Contains(text, "<b>Bye</b> Your subscription is cancelled. It ends on") {
		t.Errorf("confirmation: %d %s", page.Code, text)
	}
	if page, text := look(s, path+"/home"); page.Code != 200 ||
		!strings.Contains(text, "Your subscription is cancelled. It ends on") {
		t.Errorf("home: %d %s", page.Code, text)
	}
	plain := open(t, s, alice)
	for _, wrong := range []string{path + "/else", plain + "/confirmation", "/p/session/none",
		"/p/session/none/home", "/p/session/"} {
		if page, _ := look(s, wrong); page.Code != 404 {
			t.Errorf("%s: %d", wrong, page.Code)
		}
	}
}

func TestChangesOfACompletedFlow(t *testing.T) {
	const offer = "&flow_data[subscription_cancel][retention][type]=coupon_offer&" +
		"flow_data[subscription_cancel][retention][coupon_offer][coupon]=STAY20"
	now := time.Date(2026, 1, 20, 12, 0, 0, 0, time.UTC)
	visa, starter := "Visa ending in 4242", "Starter, $9.00 a month"
	for name, tt := range map[string]struct{ flow, form, card, plan, status, period string }{
		"cancelled": {cancel + "sub_DemoAlice", "", visa, starter, "active, cancelling",
			"Ends on 9 February 2026"},
		"cancelled in spite of an offer": {cancel + "sub_DemoAlice" + offer, "", visa, starter, "active, cancelling",
			"Ends on 9 February 2026"},
		"stayed for an offer": {cancel + "sub_DemoAlice" + offer, "accept=yes", visa,
			starter + ", Stay with us (20% off)", "active", "Renews on 9 February 2026"},
		"accepted what was not offered": {cancel + "sub_DemoAlice", "accept=yes", visa, starter, "active, cancelling",
			"Ends on 9 February 2026"},
		"changed": {update + "sub_DemoAlice", "price=price_ProMonthly", visa, "Pro, $29.00 a month",
			"active", "Renews on 9 February 2026"},
		"changed to what is not sold": {update + "sub_DemoAlice", "price=price_Other", visa, starter, "active",
			"Renews on 9 February 2026"},
		"confirmed": {confirm + toPro + item + "[quantity]=3" + rebate + "[promotion_code]=promo_DemoSpring", "",
			visa, "3 × Pro, $29.00 a month each, Spring sale (10% off)", "active", "Renews on 9 February 2026"},
		"another card": {alice + "&flow_data[type]=payment_method_update", "", "Mastercard ending in 4444", starter,
			"active", "Renews on 9 February 2026"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, Config{Now: func() time.Time { return now }})
			path := open(t, s, tt.flow)
			if to := press(s, path+"/complete", tt.form); to != path+"/home" {
				t.Errorf("leads to %q", to)
			}
			got, ok := s.Overview("cus_DemoAlice")
			if want := (pages.SubscriptionView{ID: "sub_DemoAlice", Plan: tt.plan, Status: tt.status,
				Period: tt.period}); !ok || got.Card != tt.card || got.Subscriptions[0] != want {
				t.Errorf("%+v", got)
			}
			press(s, open(t, s, alice)+"/renew", "subscription=sub_DemoAlice")
			if got, _ := s.Overview("cus_DemoAlice"); got.Subscriptions[0].Status != "active" {
				t.Errorf("renewed: %+v", got)
			}
		})
	}
	s := start(t, Config{})
	press(s, open(t, s, cancel+"sub_DemoAlice")+"/complete", "")
	press(s, open(t, s, "customer=cus_DemoDave")+"/renew", "subscription=sub_DemoAlice")
	if got, _ := s.Overview("cus_DemoAlice"); got.Subscriptions[0].Status != "active, cancelling" {
		t.Errorf("another customer renewed the subscription: %+v", got)
	}
	if to := press(s, "/p/session/none/complete", "") + press(s, open(t, s, alice)+"/complete", ""); to != "" {
		t.Errorf("completing a session without a flow leads to %s", to)
	}
	s = start(t, Config{})
	path := open(t, s, cancel+"sub_DemoAlice")
	s.Change(func(d *account.Data) {
		d.Subscription("sub_DemoAlice").EndedAt, d.Subscription("sub_DemoAlice").CancelAtPeriodEnd = now, false
	})
	press(s, path+"/complete", "")
	s.Change(func(d *account.Data) {
		if d.Subscription("sub_DemoAlice").CancelAtPeriodEnd {
			t.Error("a subscription that had ended was canceled")
		}
	})
	if _, ok := s.Overview("cus_DemoCarol"); ok {
		t.Error("a deleted customer has an overview")
	}
}

func TestSessionsExpire(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := start(t, Config{Now: func() time.Time { return now }})
	visited, unused := open(t, s, alice), open(t, s, alice)

	now = now.Add(5 * time.Minute)
	if page, _ := look(s, visited); page.Code != 200 {
		t.Errorf("within five minutes: %d", page.Code)
	}
	now = now.Add(time.Second)
	page, text := look(s, unused)
	if page.Code != 410 || !strings.Contains(text, "This link has expired") || strings.Contains(text, "cus_DemoAlice") {
		t.Errorf("not visited for more than five minutes: %d %s", page.Code, text)
	}
	now = now.Add(59 * time.Minute)
	if page, _ := look(s, visited); page.Code != 200 {
		t.Errorf("in use: %d", page.Code)
	}
	now = now.Add(time.Hour + time.Second)
	if page, _ := look(s, visited); page.Code != 410 {
		t.Errorf("idle for more than an hour: %d", page.Code)
	}
	now = now.Add(25 * time.Hour)
	open(t, s, alice)
	if len(s.Sessions) != 1 {
		t.Errorf("%d sessions are stored, want 1", len(s.Sessions))
	}
}

// The flow of a later API version works if the request has that version and the feature is enabled.
func TestCustomerUpdateFlow(t *testing.T) {
	s := start(t, Config{})
	const form = "customer=cus_DemoAlice&flow_data[type]=customer_update"
	const version = "2026-08-26.dahlia"
	made := s.send(t, "POST", sessions, form, "Stripe-Version", version)
	if made.status != 200 || !strings.Contains(made.body, `"customer_update": {}`) {
		t.Fatalf("status %d: %s", made.status, made.body)
	}
	path := strings.TrimPrefix(made.URL, "http://127.0.0.1:8080")
	if _, text := look(s, path); !strings.Contains(text, "Update billing details") {
		t.Errorf("the flow's page says %s", text)
	}
	_, before := look(s, path+"/home")
	press(s, path+"/complete", "")
	_, after := look(s, path+"/home")
	if strings.Contains(before, "Springfield") || !strings.Contains(after, "1 Main Street, Springfield") ||
		!strings.Contains(after, account.FirstCard) {
		t.Errorf("before: %s\nafter: %s", before, after)
	}
	refused := s.send(t, "POST", sessions, form+"&configuration=bpc_DemoCancelOnly", "Stripe-Version", version)
	if refused.status != 400 || !strings.Contains(refused.body, "portal configuration is disabled") {
		t.Errorf("without the feature: %d %s", refused.status, refused.body)
	}
}
