package devserver_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
)

func TestDemoUsers(t *testing.T) {
	l, logs := devservertest.Start(t)
	cancel := func(subscription string) url.Values {
		return url.Values{"flow_data[type]": {"subscription_cancel"},
			"flow_data[subscription_cancel][subscription]": {subscription}}
	}
	for name, test := range map[string]struct {
		user   string
		form   url.Values
		status int
		code   string
	}{
		"alice":                       {"alice", nil, 303, ""},
		"alice cancels":               {"alice", cancel("sub_DemoAlice"), 303, ""},
		"alice cancels dave's":        {"alice", cancel("sub_DemoDaveTeam"), 404, "subscription-not-found"},
		"alice cancels nothing":       {"alice", cancel("sub_DemoNobody"), 404, "subscription-not-found"},
		"bob has no account":          {"bob", nil, 404, "no-billing-account"},
		"carol's customer is deleted": {"carol", nil, 404, "no-billing-account"},
		"dave":                        {"dave", nil, 303, ""},
		"dave cancels one":            {"dave", cancel("sub_DemoDaveStorage"), 303, ""},
		"erin":                        {"erin", nil, 303, ""},
		"alice cancels, without IDs":  {"alice", url.Values{"flow_data[type]": {"subscription_cancel"}}, 303, ""},
		"alice changes, without IDs":  {"alice", url.Values{"flow_data[type]": {"subscription_update"}}, 303, ""},
		"alice upgrades, without IDs": {"alice", url.Values{"flow_data[type]": {"subscription_update_confirm"},
			"flow_data[subscription_update_confirm][items][0][price]": {"price_ProMonthly"}}, 303, ""},
		"dave has to choose": {"dave", url.Values{"flow_data[type]": {"subscription_cancel"}}, 409,
			"subscription-ambiguous"},
		"erin has no subscription to cancel": {"erin", url.Values{"flow_data[type]": {"subscription_cancel"}}, 409,
			"subscription-not-eligible"},
		"erin cancels a cancelled subscription": {"erin", cancel("sub_DemoErin"), 409, "subscription-not-eligible"},
		"an unknown user":                       {"mallory", nil, 404, "no-billing-account"},
		"no user":                               {"", nil, 401, "missing-credentials"},
		"alice asks for a price that is not sold": {"alice",
			url.Values{"flow_data[type]": {"subscription_update_confirm"},
				"flow_data[subscription_update_confirm][subscription]":    {"sub_DemoAlice"},
				"flow_data[subscription_update_confirm][items][0][id]":    {"si_DemoAlice"},
				"flow_data[subscription_update_confirm][items][0][price]": {"price_Unknown"}},
			400, "invalid-parameter"},
		"alice asks for a coupon that is not listed": {"alice", url.Values{"flow_data[type]": {"subscription_cancel"},
			"flow_data[subscription_cancel][subscription]":                    {"sub_DemoAlice"},
			"flow_data[subscription_cancel][retention][type]":                 {"coupon_offer"},
			"flow_data[subscription_cancel][retention][coupon_offer][coupon]": {"FREE"}}, 403, "parameter-not-allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			response, body := l.Post(t, test.user, test.form, nil)
			if response.StatusCode != test.status {
				t.Fatalf("status = %d: %s\n%s", response.StatusCode, body, logs)
			}
			if test.code != "" && devservertest.CodeOf(t, body) != test.code {
				t.Errorf("problem = %s", body)
			}
			if location := response.Header.Get("Location"); (location != "") != (test.status == 303) {
				t.Errorf("Location = %q", location)
			}
		})
	}
}

func TestPortalPageShowsWhatTheCustomerWouldSee(t *testing.T) {
	l, _ := devservertest.Start(t)
	response, _ := l.Post(t, "alice", url.Values{
		"configuration":   {"bpc_DemoCancelOnly"},
		"locale":          {"de"},
		"return_url":      {l.Origin + "/back?from=portal"},
		"flow_data[type]": {"subscription_cancel"},
		"flow_data[subscription_cancel][subscription]": {"sub_DemoAlice"},
	}, nil)
	_, page := devservertest.Get(t, response.Header.Get("Location"))
	for _, want := range []string{"cus_DemoAlice", "subscription_cancel", "bpc_DemoCancelOnly", "de",
		l.Origin + "/back?from=portal"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestOneOriginServesEverything(t *testing.T) {
	l, _ := devservertest.Start(t)
	for path, want := range map[string]int{
		"/":         200,
		"/demo.css": 200,
		"/demo.js":  200,
		devserver.IssuerPath + "/.well-known/openid-configuration": 200,
		devserver.IssuerPath + "/jwks.json":                        200,
		"/billing/portal":                                          405,
		"/billing/status":                                          401,
		"/nowhere":                                                 404,
		"/p/session/unknown":                                       404,
		devserver.DynamoDBPath:                                     400,
		devserver.SecretsManagerPath + "/":                         400,
		devserver.StripePath + "/v1/products":                      401,
	} {
		if response, body := devservertest.Get(t, l.Origin+path); response.StatusCode != want {
			t.Errorf("%s: status = %d: %s", path, response.StatusCode, body)
		}
	}
	response, body := devservertest.Get(t, l.Origin+"/nowhere")
	if response.Header.Get("Content-Type") != "application/problem+json" ||
		devservertest.CodeOf(t, body) != "not-found" {
		t.Errorf("%v %s", response.Header, body)
	}
}

func TestCORSIsTheGateways(t *testing.T) {
	l, logs := devservertest.Start(t)
	response, _ := devservertest.Send(t, http.MethodOptions, l.Origin+"/billing/portal", "", map[string]string{
		"Origin": l.Origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization",
	})
	if response.StatusCode != 204 || response.Header.Get("Access-Control-Allow-Origin") != l.Origin {
		t.Errorf("preflight: %d %v", response.StatusCode, response.Header)
	}
	if strings.Contains(logs.String(), `"msg":"request"`) {
		t.Error("the preflight reached the function")
	}
	for _, path := range []string{"/billing/portal", "/billing/status"} {
		response, _ := devservertest.Send(t, http.MethodOptions, l.Origin+path, "", map[string]string{
			"Origin": l.Origin, "Access-Control-Request-Method": "GET",
			"Access-Control-Request-Headers": "authorization",
		})
		got := response.Header.Get("Access-Control-Allow-Methods")
		if response.StatusCode != 204 || got != "GET,POST" {
			t.Errorf("a preflight of %s: %d, methods %q", path, response.StatusCode, got)
		}
	}
	if strings.Contains(logs.String(), `"msg":"request"`) {
		t.Error("a preflight reached the function")
	}
	for origin, want := range map[string]string{l.Origin: l.Origin, "https://evil.example": ""} {
		response, _ := l.Post(t, "", nil, map[string]string{"Origin": origin})
		if got := response.Header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("%s: Access-Control-Allow-Origin = %q", origin, got)
		}
	}
}

func TestCookieCredential(t *testing.T) {
	l, _ := devservertest.Start(t)
	token, err := l.Issuer.Token("alice", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for site, want := range map[string]int{"same-origin": 303, "cross-site": 403} {
		headers := map[string]string{"Cookie": "theme=dark; session=" + token, "Sec-Fetch-Site": site}
		if response, body := l.Post(t, "", nil, headers); response.StatusCode != want {
			t.Errorf("%s: status = %d: %s", site, response.StatusCode, body)
		}
	}
}

// The gateway allows scripts of the same origins as the function.
func TestTheGatewayReadsOriginsAsTheFunctionDoes(t *testing.T) {
	t.Setenv("ALLOWED_ORIGINS", " HTTPS://App.Example.com/ , http://localhost:3000,https://b.example.com:443")
	t.Setenv("DEFAULT_RETURN_URL", "https://app.example.com/")
	l, _ := devservertest.Start(t)
	for origin, want := range map[string]string{
		"https://app.example.com": "https://app.example.com", "http://localhost:3000": "http://localhost:3000",
		"https://b.example.com": "https://b.example.com",
		"https://c.example.com": "", "https://app.example.com/": "", "https://APP.example.com": "", "": "", "null": "",
	} {
		for _, method := range []string{http.MethodOptions, http.MethodPost} {
			response, _ := devservertest.Send(t, method, l.Origin+"/billing/portal", "",
				map[string]string{"Origin": origin, "Access-Control-Request-Method": http.MethodPost})
			if got := response.Header.Get("Access-Control-Allow-Origin"); got != want {
				t.Errorf("%s from %q: allowed %q, want %q", method, origin, got, want)
			}
		}
	}
}
