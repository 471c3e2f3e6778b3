package preflight_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/preflight"
)

// refused returns an error answer of Stripe (https://docs.stripe.com/api/errors).
func refused(status int, code, param string) answer {
	return answer{status: status, body: `{"error":{"type":"invalid_request_error","code":"` + code + `","param":"` +
		param + `","message":"MARKERx7Q"}}`}
}

func found(body string) answer { return answer{status: http.StatusOK, body: body} }

var (
	forbidden = refused(http.StatusForbidden, "", "")
	revoked   = answer{status: http.StatusUnauthorized,
		body: `{"error":{"type":"invalid_request_error","message":"Invalid API Key"}}`}
	missing = refused(http.StatusNotFound, "resource_missing", "id")
	down    = answer{status: http.StatusBadGateway,
		header: http.Header{"Stripe-Should-Retry": {"false"}}, body: "<html>"}
)

// stripeCheck has a check, Stripe's answers and the expected finding.
type stripeCheck struct {
	check   func(s *preflight.Stripe) preflight.Check
	answers map[string]answer
	name    string // the check's name
	status  preflight.Status
	detail  string
	advice  string
}

// Requests of the checks.
const (
	subscriptions  = "GET /v1/subscriptions?limit=1"
	products       = "GET /v1/products?limit=1"
	sessions       = "POST /v1/billing_portal/sessions"
	ownSettings    = "GET /v1/billing_portal/configurations?is_default=true&limit=1"
	configuration1 = "GET /v1/billing_portal/configurations/bpc_1"
	endpoints      = "GET /v1/webhook_endpoints?limit=100"
	destination    = "GET /v2/core/event_destinations/ed_1"
)

func stripeChecks() map[string]stripeCheck {
	key := (*preflight.Stripe).KeyAccepted
	create := (*preflight.Stripe).MayCreateSessions
	readProducts := (*preflight.Stripe).MayReadProducts
	flowKnown := func(s *preflight.Stripe) preflight.Check {
		return s.FlowKnown(billing.CustomerUpdate, billing.CustomerUpdateVersion)
	}
	const flowRefused = "Stripe refuses it with the API version 2026-08-26.dahlia"
	const leaveFlowOut = "Remove customer_update from ALLOWED_FLOWS."
	readSubscriptions := func(flows ...string) func(*preflight.Stripe) preflight.Check {
		return func(s *preflight.Stripe) preflight.Check { return s.MayReadSubscriptions(flows) }
	}
	configuration := func(id string) func(*preflight.Stripe) preflight.Check {
		return func(s *preflight.Stripe) preflight.Check { return s.Configuration(id) }
	}
	flows := func(id string, flows ...string) func(*preflight.Stripe) preflight.Check {
		return func(s *preflight.Stripe) preflight.Check { return s.Flows(flows, id) }
	}
	coupon := func(s *preflight.Stripe) preflight.Check { return s.Coupon("A") }
	promotion := func(s *preflight.Stripe) preflight.Check { return s.PromotionCode("promo_1") }
	account := func(s *preflight.Stripe) preflight.Check { return s.Account("acct_1") }
	endpoint := func(s *preflight.Stripe) preflight.Check {
		return s.Endpoint("/v1/stripe/webhook", []string{"customer.created", "customer.deleted"})
	}
	source := func(s *preflight.Stripe) preflight.Check {
		return s.EventSource("aws.partner/stripe.com/ed_1", []string{"customer.created"})
	}
	settings := func(active, features string) answer {
		return found(`{"data":[{"id":"bpc_9","active":` + active + `,"features":{` + features + `}}]}`)
	}
	hooks := func(endpoints string) answer { return found(`{"data":[` + endpoints + `]}`) }
	const ours, both = `"url":"https://api.example/v1/stripe/webhook"`, `["customer.created","customer.deleted","x"]`
	return map[string]stripeCheck{
		"a key": {key, nil, "Stripe key", preflight.OK, "Stripe accepts it", ""},
		"a key with few permissions": {key, map[string]answer{subscriptions: forbidden}, "Stripe key", preflight.OK,
			"Stripe accepts it", ""},
		"a revoked key": {key, map[string]answer{subscriptions: revoked}, "Stripe key", preflight.Problem,
			"Stripe refuses it", "It was revoked, has expired or was mistyped. Put a valid key into the secret that " +
				"STRIPE_SECRET_ID names. It works within 10 seconds."},
		"Stripe is down": {key, map[string]answer{subscriptions: down}, "Stripe key", preflight.Problem,
			"stripe: unavailable", lookAtStripe},
		"an answer that is not JSON": {key, map[string]answer{subscriptions: found("<html>")}, "Stripe key",
			preflight.Problem, "stripe: an answer that breaks the API's contract", lookAtStripe},
		"an answer that is not an object": {key, map[string]answer{subscriptions: found(`[]`)}, "Stripe key",
			preflight.Problem, "stripe: an answer that breaks the API's contract", lookAtStripe},
		"an unexpected refusal": {key, map[string]answer{subscriptions: refused(400, "", "")}, "Stripe key",
			preflight.Problem, "stripe: the request is refused, and no parameter is named", lookItUp},

		"sessions": {create, map[string]answer{sessions: refused(400, "resource_missing",
			"customer")}, "permission to create portal sessions", preflight.OK, "the key has it", ""},
		"sessions without settings": {create, map[string]answer{sessions: refused(400, "", "return_url")},
			"permission to create portal sessions", preflight.OK, "the key has it", ""},
		"sessions are forbidden": {create, map[string]answer{sessions: forbidden},
			"permission to create portal sessions", preflight.Problem, "the key lacks it",
			"Give the restricted key Customer portal: Write, in Stripe's dashboard under Developers, API keys."},
		"sessions with a bad key": {create, map[string]answer{sessions: revoked},
			"permission to create portal sessions", "", "", ""},
		"sessions, Stripe is down": {create, map[string]answer{sessions: down},
			"permission to create portal sessions", preflight.Problem, "stripe: unavailable", lookAtStripe},
		"a flow": {flowKnown, map[string]answer{sessions: refused(400, "resource_missing", "customer")},
			"flow customer_update", preflight.OK, "Stripe accepts it with the API version 2026-08-26.dahlia", ""},
		"a flow that Stripe does not know": {flowKnown, map[string]answer{sessions: refused(400, "",
			"flow_data[type]")}, "flow customer_update", preflight.Problem, flowRefused, leaveFlowOut},
		"a flow in a version that Stripe does not know": {flowKnown, map[string]answer{sessions: refused(400, "", "")},
			"flow customer_update", preflight.Problem, flowRefused, leaveFlowOut},
		"a flow, sessions are forbidden": {flowKnown, map[string]answer{sessions: forbidden},
			"flow customer_update", "", "", ""},
		"a flow, a bad key": {flowKnown, map[string]answer{sessions: revoked}, "flow customer_update", "", "", ""},
		"a flow, Stripe is down": {flowKnown, map[string]answer{sessions: down}, "flow customer_update",
			preflight.Problem, "stripe: unavailable", lookAtStripe},
		"subscriptions": {readSubscriptions("subscription_cancel"), nil,
			"permission to read subscriptions", preflight.OK, "the key has it", ""},
		"subscriptions are needed": {readSubscriptions("payment_method_update", "subscription_cancel"),
			map[string]answer{subscriptions: forbidden}, "permission to read subscriptions", preflight.Problem,
			subscriptionsNeeded, maySubscriptions},
		"an update needs subscriptions": {readSubscriptions("subscription_update"),
			map[string]answer{subscriptions: forbidden}, "permission to read subscriptions", preflight.Problem,
			subscriptionsNeeded, maySubscriptions},
		"a confirmation needs subscriptions": {readSubscriptions("subscription_update_confirm"),
			map[string]answer{subscriptions: forbidden}, "permission to read subscriptions", preflight.Problem,
			subscriptionsNeeded, maySubscriptions},
		"subscriptions are not needed": {readSubscriptions("payment_method_update"),
			map[string]answer{subscriptions: forbidden}, "permission to read subscriptions", preflight.OK,
			"the key lacks it, and no allowed flow needs it", ""},
		"subscriptions, a bad key": {readSubscriptions(), map[string]answer{subscriptions: revoked},
			"permission to read subscriptions", "", "", ""},
		"products": {readProducts, nil, "permission to read products",
			preflight.OK, "the key has it", ""},
		"products are forbidden": {readProducts, map[string]answer{products: forbidden},
			"permission to read products", preflight.Warning,
			"the key lacks it, so customers who choose among subscriptions see no product names",
			"Give the restricted key Products: Read."},
		"products, Stripe is down": {readProducts, map[string]answer{products: down}, "permission to read products",
			preflight.Problem, "stripe: unavailable", lookAtStripe},
		"settings": {configuration(""), map[string]answer{ownSettings: settings("true", "")},
			"portal settings", preflight.OK, "saved and active", ""},
		"settings that are inactive": {configuration(""), map[string]answer{ownSettings: settings("false", "")},
			"portal settings", preflight.Problem, "it is not active",
			"Activate it at Stripe, or remove it from DEFAULT_CONFIGURATION and ALLOWED_CONFIGURATIONS."},
		"settings never saved": {configuration(""), nil, "portal settings", preflight.Problem,
			"they were never saved in this mode", "Open https://dashboard.stripe.com/settings/billing/portal in the " +
				"mode that you use, and choose Save once."},
		"no permission to read " +
			"settings": {configuration(""), map[string]answer{ownSettings: forbidden}, "portal settings",
			preflight.Warning, notLookedAt,
			"Give the restricted key Customer portal: Write, which includes reading its configurations."},
		"a configuration": {configuration("bpc_1"), nil, "portal configuration bpc_1", preflight.OK,
			"saved and active", ""},
		"a missing configuration": {configuration("bpc_1"), map[string]answer{configuration1: missing},
			"portal configuration bpc_1", preflight.Problem, "there is no such configuration in this mode",
			"Correct DEFAULT_CONFIGURATION or ALLOWED_CONFIGURATIONS: test and live mode have different IDs."},
		"a missing configuration, as a 400": {configuration("bpc_1"),
			map[string]answer{
				configuration1: refused(400, "resource_missing", "configuration"),
			}, "portal configuration bpc_1", preflight.Problem, "there is no such configuration in this mode",
			"Correct DEFAULT_CONFIGURATION or ALLOWED_CONFIGURATIONS: test and live mode have different IDs."},
		"an inactive configuration": {configuration("bpc_1"), map[string]answer{
			configuration1: found(`{"id":"bpc_1"}`),
		}, "portal configuration bpc_1", preflight.Problem, "it is not active",
			"Activate it at Stripe, or remove it from DEFAULT_CONFIGURATION and ALLOWED_CONFIGURATIONS."},
		"a configuration, a bad key": {configuration("bpc_1"), map[string]answer{configuration1: revoked},
			"portal configuration bpc_1", "", "", ""},

		"flows": {flows("", "subscription_cancel", "subscription_update_confirm"),
			map[string]answer{ownSettings: settings("true", `"subscription_cancel":{"enabled":true},`+
				`"subscription_update":{"enabled":true}`)}, "flows", preflight.OK,
			"every allowed flow is enabled: subscription_cancel, subscription_update_confirm", ""},
		"a flow is switched off": {flows("", "subscription_cancel", "subscription_update_confirm"),
			map[string]answer{ownSettings: settings("true", `"subscription_cancel":{"enabled":false},`+
				`"subscription_update":{"enabled":true}`)}, "flows", preflight.Warning,
			"the portal configuration lacks the feature for " +
				"subscription_cancel, so the API answers 409 flow-unavailable",
			"Enable the features at https://dashboard.stripe.com/settings/billing/portal, " +
				"or remove these flows from ALLOWED_FLOWS."},
		"a flow without a feature": {flows("bpc_1", "subscription_update_confirm"),
			map[string]answer{
				configuration1: found(`{"active":true,"features":{"subscription_update":7}}`),
			}, "flows", preflight.Warning, "the portal configuration lacks the feature for " +
				"subscription_update_confirm, so the API answers 409 flow-unavailable",
			"Enable the features at https://dashboard.stripe.com/settings/billing/portal, " +
				"or remove these flows from ALLOWED_FLOWS."},
		"flows, never saved": {flows("", "x"), nil, "flows", "", "", ""},
		"flows, no such settings": {flows("bpc_1", "x"),
			map[string]answer{configuration1: missing}, "flows", "", "", ""},
		"no permission to read flows": {flows("bpc_1", "x"),
			map[string]answer{configuration1: forbidden}, "flows", "", "", ""},
		"flows, Stripe is down": {flows("bpc_1", "x"), map[string]answer{configuration1: down}, "flows",
			preflight.Problem, "stripe: unavailable", lookAtStripe},

		"a coupon without the member": {coupon, map[string]answer{
			"GET /v1/coupons/A": found(`{"id":"A"}`),
		}, "coupon A", preflight.Problem, "it is no longer valid",
			"Remove it from ALLOWED_COUPONS, or renew it at Stripe."},
		"a coupon": {coupon, nil, "coupon A", preflight.OK, "it is valid", ""},
		"a missing coupon": {coupon, map[string]answer{"GET /v1/coupons/A": missing}, "coupon A",
			preflight.Problem, "it does not exist in this mode",
			"Correct ALLOWED_COUPONS: test and live mode have different IDs."},
		"an expired coupon": {coupon, map[string]answer{
			"GET /v1/coupons/A": found(`{"valid":false}`),
		}, "coupon A", preflight.Problem, "it is no longer valid",
			"Remove it from ALLOWED_COUPONS, or renew it at Stripe."},
		"no permission to read coupons": {coupon, map[string]answer{"GET /v1/coupons/A": forbidden}, "coupon A",
			preflight.Warning, notLookedAt,
			"Give the restricted key Coupons: Read to enable this check. The portal itself does not need it."},
		"a promotion code": {promotion, nil, "promotion code promo_1", preflight.OK, "it is active", ""},
		"an inactive promotion code": {promotion, map[string]answer{
			"GET /v1/promotion_codes/promo_1": found(`{"valid":true,"active":false}`),
		}, "promotion code promo_1", preflight.Problem, "it is no longer active",
			"Remove it from ALLOWED_PROMOTION_CODES, or renew it at Stripe."},
		"an account": {account, nil, "connected account acct_1",
			preflight.OK, "it is connected", ""},
		"an account that is disconnected": {account, map[string]answer{"GET /v1/accounts/acct_1": refused(403,
			"account_invalid", "")}, "connected account acct_1", preflight.Problem, "the Stripe key cannot access " +
			"this account",
			"Correct ALLOWED_ACCOUNTS or DEFAULT_ON_BEHALF_OF, or connect the account again."},
		"an account that is missing": {account, map[string]answer{"GET /v1/accounts/acct_1": missing},
			"connected account acct_1", preflight.Problem, "the Stripe key cannot access this account",
			"Correct ALLOWED_ACCOUNTS or DEFAULT_ON_BEHALF_OF, or connect the account again."},
		"no permission to read accounts": {account, map[string]answer{
			"GET /v1/accounts/acct_1": forbidden,
		}, "connected account acct_1", preflight.Warning, notLookedAt,
			"Give the restricted key Connected accounts: Read to enable this check."},

		"an endpoint": {endpoint, map[string]answer{endpoints: hooks(`{` + ours +
			`,"status":"enabled","enabled_events":` + both + `}`)}, "webhook endpoint", preflight.OK,
			"enabled, with all required event types", ""},
		"an endpoint for everything": {endpoint, map[string]answer{
			endpoints: hooks(`{` + ours + `,"status":"enabled","enabled_events":["*"]}`),
		}, "webhook endpoint", preflight.OK, "enabled, with all required event types", ""},
		"the second of two": {endpoint, map[string]answer{endpoints: hooks(`{` + ours +
			`,"status":"disabled","enabled_events":["*"]},{` + ours + `,"status":"enabled","enabled_events":["*"]}`)},
			"webhook endpoint", preflight.OK, "enabled, with all required event types", ""},
		"one disabled, one incomplete": {endpoint, map[string]answer{endpoints: hooks(`{` + ours +
			`,"status":"disabled","enabled_events":["*"]},{` + ours +
			`,"status":"enabled","enabled_events":["customer.deleted"]}`)}, "webhook endpoint", preflight.Problem,
			"it does not get customer.created", "Add these event types to it at Stripe."},
		"two disabled endpoints": {endpoint, map[string]answer{endpoints: hooks(`{` + ours +
			`,"status":"disabled","enabled_events":["*"]},{` + ours + `,"status":"disabled","enabled_events":["*"]}`)},
			"webhook endpoint", preflight.Problem, "it is disabled, so the mapping is no longer updated",
			"Enable it at Stripe. Then run: go run ./local import --verify"},
		"no endpoint": {endpoint, nil, "webhook endpoint", preflight.Problem,
			"no endpoint has a URL that ends in /v1/stripe/webhook", createEndpoint},
		"another app's endpoint": {endpoint, map[string]answer{endpoints: hooks(`{"url":"https://api.example/v1/` +
			`stripe/webhook/other","status":"enabled","enabled_events":["*"]}`)}, "webhook endpoint", preflight.Problem,
			"no endpoint has a URL that ends in /v1/stripe/webhook", createEndpoint},
		"a disabled endpoint": {endpoint, map[string]answer{
			endpoints: hooks(`{` + ours + `,"status":"disabled","enabled_events":["*"]}`),
		}, "webhook endpoint", preflight.Problem, "it is disabled, so the mapping is no longer updated",
			"Enable it at Stripe. Then run: go run ./local import --verify"},
		"an endpoint without all types": {endpoint, map[string]answer{
			endpoints: hooks(`{` + ours + `,"status":"enabled","enabled_events":["customer.deleted"]}`),
		}, "webhook endpoint", preflight.Problem, "it does not get customer.created",
			"Add these event types to it at Stripe."},
		"no permission to read endpoints": {endpoint, map[string]answer{endpoints: forbidden}, "webhook endpoint",
			preflight.Warning, notLookedAt, "Give the restricted key Webhook endpoints: Read to enable this check, " +
				"or check https://dashboard.stripe.com/webhooks yourself."},
		"a destination": {source, map[string]answer{
			destination: found(`{"status":"enabled","enabled_events":["customer.created"]}`),
		}, "event destination", preflight.OK, "enabled, with all required event types", ""},
		"a missing destination": {source, map[string]answer{destination: missing}, "event destination",
			preflight.Problem, "no event destination in this mode has the ID that " +
				"STRIPE_EVENT_SOURCE ends with", compareSource},
		"no permission to read destinations": {source, map[string]answer{destination: forbidden}, "event destination",
			preflight.Warning, notLookedAt, mayReadDestinations},
	}
}

func TestFindingsFromAnswersOfStripe(t *testing.T) {
	for name, test := range stripeChecks() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stripe := &account{answers: test.answers}
				check := test.check(stripeAt(t, stripe, false))
				requireFinding(t, check, test.name, test.status, test.detail, test.advice)
				for request := range test.answers {
					if len(stripe.requests) == 0 || stripe.requests[0] != request {
						t.Errorf("asked %v, want %s", stripe.requests, request)
					}
				}
			})
		})
	}
}

func requireFinding(t *testing.T, check preflight.Check, name string, status preflight.Status, detail, advice string) {
	t.Helper()
	got := check.Run(t.Context())
	if want := (preflight.Finding{Status: status, Detail: detail, Advice: advice}); check.Name != name ||
		words(got) != words(want) {
		t.Errorf("%s: %+v, want %s: %+v", check.Name, got, name, want)
	}
}

// Operators choose the IDs of coupons, so an ID may contain any character. It must stay one segment
// of the path.
func TestIDsAreEscaped(t *testing.T) {
	const id, escaped = "A/B?c=1", "A%2FB%3Fc=1"
	for request, check := range map[string]func(*preflight.Stripe) preflight.Check{
		"/v1/coupons/":                       func(s *preflight.Stripe) preflight.Check { return s.Coupon(id) },
		"/v1/promotion_codes/":               func(s *preflight.Stripe) preflight.Check { return s.PromotionCode(id) },
		"/v1/accounts/":                      func(s *preflight.Stripe) preflight.Check { return s.Account(id) },
		"/v1/billing_portal/configurations/": func(s *preflight.Stripe) preflight.Check { return s.Configuration(id) },
		"/v2/core/event_destinations/": func(s *preflight.Stripe) preflight.Check {
			return s.EventSource("aws.partner/stripe.com/B?c=1", nil)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			stripe := &account{}
			check(stripeAt(t, stripe, false)).Run(t.Context())
			want := "GET " + request + escaped
			if strings.HasPrefix(request, "/v2/") { // only the last part of a source is an ID
				want = "GET " + request + "B%3Fc=1"
			}
			if !slices.Equal(stripe.requests, []string{want}) {
				t.Errorf("asked %v, want %s", stripe.requests, want)
			}
		})
	}
}

// words returns the parts of a finding that an operator sees.
func words(finding preflight.Finding) string {
	return fmt.Sprintf("%s: %s\n%s", finding.Status, finding.Detail, finding.Advice)
}

// unreachable is a network that loses packets to Stripe.
type unreachable struct{ op string }

func (u unreachable) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: u.op, Net: "tcp", Err: os.ErrDeadlineExceeded}
}

// A connection that cannot be made is a problem. An answer that does not come is only a warning:
// the check was not finished in time.
func TestANetworkWithoutARouteOutIsAProblem(t *testing.T) {
	for op, want := range map[string]preflight.Status{"dial": preflight.Problem, "read": preflight.Warning} {
		t.Run(op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				limiter := preflight.NewRateLimiter(false, nil)
				s := &preflight.Stripe{Keys: keys{}, RateLimiter: limiter, API: billing.New(billing.Config{
					APIBase:   "http://stripe.example",
					Transport: new(preflight.Clock).Watch(unreachable{op}), Pause: limiter.Pause,
				})}
				if got := s.KeyAccepted().Run(t.Context()); got.Status != want {
					t.Errorf("%+v, want %s", got, want)
				}
			})
		})
	}
}

// Only the check of the key itself reports that it is missing.
func TestWithoutAKeyStripeIsNotAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stripe := &account{}
		s := stripeAt(t, stripe, false)
		s.Keys = keys{err: errors.New("no secret")}
		checks := append(everything(s, 1), s.MayCreateSessions(), s.Flows([]string{"x"}, ""), s.Endpoint("/", nil))
		if findings := preflight.Run(t.Context(), checks); len(findings) != 0 || len(stripe.requests) != 0 {
			t.Errorf("%+v after %v", findings, stripe.requests)
		}
	})
}
