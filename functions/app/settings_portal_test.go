package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"billingportal/functions/app/internal/config/configtest"
)

// portalBase has a value for every variable that the portal requires.
var portalBase = variables{
	"AWS_REGION":               "eu-central-1",
	"AWS_ACCESS_KEY_ID":        "AKIDFIRST",
	"AWS_SECRET_ACCESS_KEY":    firstAccessKey,
	"AWS_SESSION_TOKEN":        firstSessionToken,
	"AWS_LAMBDA_FUNCTION_NAME": "first-function",
	"CUSTOMERS_TABLE":          "customers",
	"STRIPE_SECRET_ID":         "billing-portal/stripe",
	"STRIPE_LIVEMODE":          "false",
	"JWT_ISSUER":               address("issuer"),
	"JWT_AUDIENCE":             "billing-portal",
	"ALLOWED_ORIGINS":          "https://app.example.com",
	"DEFAULT_RETURN_URL":       "https://app.example.com/account",
}

// A probe is a request to the portal: a form and the token of a user, signed by an issuer.
type probe struct {
	name         string
	issuer, user string // "" means JWT_ISSUER and alice
	claims       map[string]any
	form         url.Values
	change       func(event *events.APIGatewayV2HTTPRequest, token string)
}

const flowType = "flow_data[type]"

// flow returns a form that asks for a flow about the only subscription.
func flow(kind string, more url.Values) url.Values {
	form := url.Values{flowType: {kind}}
	if kind != "payment_method_update" {
		form.Set("flow_data["+kind+"][subscription]", "sub_1")
	}
	if kind == "subscription_update_confirm" {
		form.Set("flow_data[subscription_update_confirm][items][0][id]", "si_1")
		form.Set("flow_data[subscription_update_confirm][items][0][quantity]", "2")
	}
	for name, values := range more {
		form[name] = values
	}
	return form
}

const confirmDiscount = "flow_data[subscription_update_confirm][discounts][0]"

var probes = []probe{
	{name: "plain"},
	{name: "the app's return URL", form: url.Values{"return_url": {"https://app.example.com/back"}}},
	{name: "another return URL", form: url.Values{"return_url": {"https://other.example.com/back"}}},
	{name: "a configuration", form: url.Values{"configuration": {"bpc_1"}}},
	{name: "an account", form: url.Values{"on_behalf_of": {"acct_1"}}},
	{name: "payment_method_update", form: flow("payment_method_update", nil)},
	{name: "subscription_cancel", form: flow("subscription_cancel", nil)},
	{name: "subscription_update", form: flow("subscription_update", nil)},
	{name: "subscription_update_confirm", form: flow("subscription_update_confirm", nil)},
	{name: "a retention coupon", form: flow("subscription_cancel", url.Values{
		"flow_data[subscription_cancel][retention][type]":                 {"coupon_offer"},
		"flow_data[subscription_cancel][retention][coupon_offer][coupon]": {"STAY20"},
	})},
	{name: "a discount's coupon",
		form: flow("subscription_update_confirm", url.Values{confirmDiscount + "[coupon]": {"STAY20"}})},
	{name: "a promotion code",
		form: flow("subscription_update_confirm", url.Values{confirmDiscount + "[promotion_code]": {"promo_1"}})},
	{name: "no account", user: "nobody"},
	{name: "no account, a page", user: "nobody",
		change: func(e *events.APIGatewayV2HTTPRequest, _ string) { e.Headers["accept"] = "text/html" }},
	{name: "a session of another host", user: "bob"},
	{name: "a session of the other mode", user: "carol"},
	{name: "a cookie", change: withCookie("https://app.example.com")},
	{name: "a cookie from elsewhere", change: withCookie("https://other.example.com")},
	{name: "a link", change: func(e *events.APIGatewayV2HTTPRequest, _ string) {
		delete(e.Headers, "authorization")
		e.RequestContext.HTTP.Method, e.Headers["accept"] = http.MethodGet, "text/html"
		e.RawQueryString = "locale=de"
	}},
	{name: "below /v1", change: func(e *events.APIGatewayV2HTTPRequest, _ string) { e.RawPath = "/v1" + e.RawPath }},
	{name: "without the scope", claims: map[string]any{"scope": "read"}},
	{name: "without the role", claims: map[string]any{"role": "member"}},
	{name: "for the one audience", claims: map[string]any{"aud": "billing-portal"}},
	{name: "for the other audience", claims: map[string]any{"aud": "other-audience"}},
	{name: "of the one issuer", issuer: "issuer"},
	{name: "of the other issuer", issuer: "other-issuer"},
	{name: "of an alias", issuer: "alias"},
	{name: "of an issuer that fails", issuer: "down"},
}

func withCookie(origin string) func(*events.APIGatewayV2HTTPRequest, string) {
	return func(e *events.APIGatewayV2HTTPRequest, token string) {
		delete(e.Headers, "authorization")
		e.Cookies, e.Headers["origin"] = []string{"other=x", "session=" + token}, origin
	}
}

// event returns the probe as API Gateway sends it.
func (p probe) event(t *testing.T, keys *issuers, issuer string) events.APIGatewayV2HTTPRequest {
	t.Helper()
	if p.issuer != "" {
		issuer = p.issuer
	}
	user := p.user
	if user == "" {
		user = "alice"
	}
	token := keys.token(t, issuer, user, p.claims)
	event := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RawPath: "/billing/portal", RawQueryString: "q=" + queryString,
		Headers: map[string]string{"authorization": "Bearer " + token, "host": "api.example.com"},
	}
	event.RequestContext.RequestID = "gateway-request"
	event.RequestContext.HTTP.Method, event.RequestContext.HTTP.SourceIP = http.MethodPost, "192.0.2.1"
	if p.form != nil {
		event.Headers["content-type"], event.Body = "application/x-www-form-urlencoded", p.form.Encode()
	}
	if p.change != nil {
		p.change(&event, token)
	}
	return event
}

// An answer is the function's response to API Gateway.
type answer struct {
	events.APIGatewayV2HTTPResponse
	Code, Param string // of a problem document
}

func (a answer) String() string {
	return strings.TrimSpace(strings.Join([]string{fmt.Sprint(a.StatusCode), a.Code, a.Param, a.Headers["Location"]},
		" "))
}

func invoke(t *testing.T, handler lambda.Handler, event events.APIGatewayV2HTTPRequest) answer {
	t.Helper()
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	output, err := handler.Invoke(ctx, payload)
	if err != nil {
		t.Fatal(err)
	}
	var a answer
	if err := json.Unmarshal(output, &a.APIGatewayV2HTTPResponse); err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal([]byte(a.Body), &a) // pages and sessions have no code
	return a
}

// playPortal sends every probe.
func playPortal(keys *issuers) scene {
	return func(t *testing.T, e *environment, seen *facts) {
		t.Helper()
		defer takeNetwork(&cloud{issuers: keys, seen: seen})()
		written := &configtest.Log{}
		handler, err := assemblies["portal"](t.Context(), e.get, written)
		if err != nil {
			t.Fatal(err)
		}
		issuer, _, _ := strings.Cut(strings.TrimPrefix(e.values["JWT_ISSUER"], "https://"), ".")
		for _, p := range probes {
			seen.add("%s: %s", p.name, invoke(t, handler, p.event(t, keys, issuer)))
		}
		lines := written.Requests(t)
		if len(lines) != len(probes) {
			t.Fatalf("%d lines for %d requests", len(lines), len(probes))
		}
		seen.noteLine(lines[0])
		seen.noteOtherLines(written.Lines(t))
		requireSilence(t, written.String())
	}
}

const toPortal = "303   https://billing.stripe.com" + sessionPath

var failingAlias = variables{"JWT_ISSUER_ALIASES": address("down")}

// keyFacts are the facts of fetching keys by discovery.
var keyFacts = []string{
	"keys: GET https://issuer.example.com/.well-known/openid-configuration",
	"keys: GET https://issuer.example.com/jwks.json",
	"log: INFO fetched the issuer's keys", "line: keys_age_ms",
	"metric: BillingPortal [[function]] keys_age_ms in Milliseconds",
}

// TestEverySettingOfThePortal holds the effect of every variable of the portal: a second value of
// each must change exactly these facts.
func TestEverySettingOfThePortal(t *testing.T) {
	keys := newIssuers(t)
	cookies := variables{"SESSION_COOKIE": "session"}
	requireSettings(t, portalBase, playPortal(keys), slices.Concat(awsSettings, sharedSettings, []setting{
		{variable: "BASE_PATH", value: "/v1", gone: []string{"below /v1: 404 not-found"},
			come: []string{"below /v1: " + toPortal}},
		{variable: "LOG_LEVEL", value: "debug", with: variables{"LOG_LEVEL": "info"},
			nothing: "nothing is logged at this level"},
		{variable: "LOG_LEVEL", value: "info", nothing: "it is the default"},
		{variable: "LOG_LEVEL", value: "warn", with: failingAlias,
			gone: []string{"log: INFO fetched the issuer's keys"}},
		{variable: "LOG_LEVEL", value: "error", with: failingAlias,
			gone: []string{"log: INFO fetched the issuer's keys", "log: WARN fetching the issuer's keys failed"}},

		{variable: "CUSTOMERS_SORT_KEY", value: "sk=BILLING#{user}", replaced: [][2]string{
			{"key user_id=alice", "key sk=BILLING#alice user_id=alice"},
			{"key user_id=bob", "key sk=BILLING#bob user_id=bob"},
			{"key user_id=carol", "key sk=BILLING#carol user_id=carol"},
			{"key user_id=nobody", "key sk=BILLING#nobody user_id=nobody"},
		}},
		{variable: "CUSTOMERS_ATTRIBUTE", value: "billing.customer",
			replaced: [][2]string{{"attribute customer_id", "attribute billing"}}},
		{variable: "STRIPE_SECRET_ID", value: "other/stripe",
			replaced: [][2]string{{"of billing-portal/stripe", "of other/stripe"}}},
		{variable: "STRIPE_SECRET_FIELD", value: "other", replaced: [][2]string{{testKey, otherKey}}},
		{variable: "STRIPE_LIVEMODE", value: "true", also: variables{"STRIPE_SECRET_FIELD": "live"},
			replaced: [][2]string{{testKey, liveKey}}},
		{variable: "STRIPE_API_BASE", value: "https://stripe.example.com",
			replaced: [][2]string{{"https://api.stripe.com", "https://stripe.example.com"}}},
		{variable: "PORTAL_HOSTS", value: "billing.stripe.com,pay.example.com",
			gone: []string{"a session of another host: 502 billing-bad-response"},
			come: []string{"a session of another host: 303   https://pay.example.com" + sessionPath}},

		{variable: "JWT_ISSUER", value: address("other-issuer"),
			replaced: [][2]string{{"issuer.example.com", "other-issuer.example.com"}},
			gone:     []string{"of the one issuer: " + toPortal, "of the other issuer: 401 invalid-token"},
			come:     []string{"of the one issuer: 401 invalid-token", "of the other issuer: " + toPortal}},
		{variable: "JWT_ISSUER_ALIASES", value: address("alias"),
			gone: []string{"of an alias: 401 invalid-token"}, come: []string{
				"of an alias: " + toPortal, "keys: GET https://alias.example.com/.well-known/openid-configuration",
				"keys: GET https://alias.example.com/jwks.json",
			}},
		{variable: "JWT_ISSUER_ALIASES", value: address("down"),
			gone: []string{"of an issuer that fails: 401 invalid-token"}, come: []string{
				"of an issuer that fails: 503 identity-provider-unavailable",
				"keys: GET https://down.example.com/.well-known/openid-configuration",
				"log: WARN fetching the issuer's keys failed",
			}},
		{variable: "JWT_AUDIENCE", value: "other-audience",
			gone: []string{"for the one audience: " + toPortal, "for the other audience: 401 invalid-token"},
			come: []string{"for the one audience: 401 invalid-token", "for the other audience: " + toPortal}},
		{variable: "JWT_AUDIENCE", value: "billing-portal,other-audience",
			gone: []string{"for the other audience: 401 invalid-token"},
			come: []string{"for the other audience: " + toPortal}},
		{variable: "JWT_JWKS", value: keys.sets["issuer"], gone: keyFacts},
		{variable: "JWT_JWKS_URL", value: "https://keys.example.com/set.json", gone: keyFacts[:2],
			come: []string{"keys: GET https://keys.example.com/set.json"}},
		{variable: "JWT_USER_CLAIM", value: "org_id", replaced: [][2]string{{"key user_id=", "key user_id=org-"}}},
		{variable: "JWT_REQUIRED_SCOPE", value: "billing:manage",
			gone: []string{"without the scope: " + toPortal},
			come: []string{"without the scope: 403 insufficient-scope"}},
		{variable: "JWT_REQUIRED_CLAIM", value: "role=owner|admin",
			gone: []string{"without the role: " + toPortal}, come: []string{"without the role: 403 insufficient-role"}},

		{variable: "SESSION_COOKIE", value: "session",
			gone: []string{"a cookie: 401 missing-credentials",
				"a cookie from elsewhere: 401 missing-credentials", "a link: 405"},
			come: []string{"a cookie: " + toPortal,
				"a cookie from elsewhere: 403 cross-origin-request", "a link: 200"}},
		{variable: "ALLOWED_ORIGINS", value: "https://app.example.com,https://other.example.com", with: cookies,
			gone: []string{"a cookie from elsewhere: 403 cross-origin-request",
				"another return URL: 400 invalid-return-url return_url"},
			come: []string{"a cookie from elsewhere: " + toPortal, "another return URL: " + toPortal,
				"session: return_url=https://other.example.com/back"}},
		{variable: "DEFAULT_RETURN_URL", value: "https://app.example.com/second",
			replaced: [][2]string{{"app.example.com/account", "app.example.com/second"}}},
		{variable: "NO_ACCOUNT_URL", value: "https://example.com/pricing",
			gone: []string{"no account, a page: 404"},
			come: []string{"no account, a page: 303   https://example.com/pricing"}},
		{variable: "ALLOWED_CONFIGURATIONS", value: "bpc_0,bpc_1",
			gone: []string{"a configuration: 403 parameter-not-allowed configuration"},
			come: []string{"a configuration: " + toPortal, "session: configuration=bpc_1"}},
		{variable: "ALLOWED_FLOWS", value: "subscription_cancel,subscription_update_confirm",
			gone: []string{
				"payment_method_update: " + toPortal, "session: flow_data[type]=payment_method_update",
				"subscription_update: " + toPortal, "session: flow_data[type]=subscription_update",
				"session: flow_data[subscription_update][subscription]=sub_1",
			},
			come: []string{"payment_method_update: 403 parameter-not-allowed flow_data[type]",
				"subscription_update: 403 parameter-not-allowed flow_data[type]"}},
		{variable: "ALLOWED_COUPONS", value: "STAY20,OTHER",
			gone: []string{
				"a retention coupon: 403 parameter-not-allowed " +
					"flow_data[subscription_cancel][retention][coupon_offer][coupon]",
				"a discount's coupon: 403 parameter-not-allowed " + confirmDiscount + "[coupon]",
			},
			come: []string{
				"a retention coupon: " + toPortal,
				"session: flow_data[subscription_cancel][retention][type]=coupon_offer",
				"session: flow_data[subscription_cancel][retention][coupon_offer][coupon]=STAY20",
				"a discount's coupon: " + toPortal, "session: " + confirmDiscount + "[coupon]=STAY20",
			}},
		{variable: "ALLOWED_PROMOTION_CODES", value: "promo_0,promo_1",
			gone: []string{"a promotion code: 403 parameter-not-allowed " + confirmDiscount + "[promotion_code]"},
			come: []string{"a promotion code: " + toPortal,
				"session: " + confirmDiscount + "[promotion_code]=promo_1"}},
		{variable: "DEFAULT_CONFIGURATION", value: "bpc_default", come: []string{"session: configuration=bpc_default"}},
		{variable: "ALLOWED_ACCOUNTS", value: "acct_0,acct_1",
			gone: []string{"an account: 403 parameter-not-allowed on_behalf_of"},
			come: []string{"an account: " + toPortal, "session: on_behalf_of=acct_1"}},
		{variable: "DEFAULT_ON_BEHALF_OF", value: "acct_default", come: []string{"session: on_behalf_of=acct_default"}},
	}))
}
