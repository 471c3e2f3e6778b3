package billing_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"billingportal/functions/faulttest"
	"billingportal/functions/internal/billing"
)

func TestReadReturnsAnObjectAsStripeSentIt(t *testing.T) {
	const object = `{ "object" : "list", "data" : [1e2] }`
	for name, test := range map[string]struct {
		path    string
		query   url.Values
		version string
	}{
		"without parameters": {"/v1/account", nil, "2024-06-20"},
		"with parameters": {"/v1/customers",
			url.Values{"limit": {"100"}, "starting_after": {"cus_1&a=b"}}, "2024-06-20"},
		"of the API's second version":   {"/v2/core/event_destinations", nil, "2024-10-28.acacia"},
		"with v2 elsewhere in the path": {"/v1/v2/x", nil, "2024-06-20"},
	} {
		t.Run(name, func(t *testing.T) {
			server, client := newStripe(t, faulttest.Respond(200, "application/json", object))
			got, err := client.Read(t.Context(), apiKey, test.path, test.query)
			if err != nil || string(got) != object {
				t.Errorf("Read = %s, %v", got, err)
			}
			seen := server.seen()
			asked, err := url.Parse(seen[0].path)
			if err != nil || len(seen) != 1 || seen[0].method != http.MethodGet || seen[0].body != "" ||
				asked.Path != test.path || asked.Query().Encode() != test.query.Encode() {
				t.Errorf("asked %+v, want GET %s with %v", seen, test.path, test.query)
			}
			if got := seen[0].header.Get("Stripe-Version"); got != test.version {
				t.Errorf("Stripe-Version = %q, want %q", got, test.version)
			}
			if got := seen[0].header.Get("Authorization"); got != "Bearer "+apiKey {
				t.Errorf("Authorization = %q", got)
			}
		})
	}
}

func TestReadFailsAsAnyCallDoes(t *testing.T) {
	for class, answers := range map[billing.Class][]http.HandlerFunc{
		billing.KeyRefused:        {stripeError(401, `"type":"invalid_request_error"`)},
		billing.PermissionMissing: {stripeError(403, `"type":"invalid_request_error"`)},
		billing.Unavailable:       {stripeError(500, serverError)},
		billing.BadResponse:       {faulttest.HTML(200).ServeHTTP},
		0:                         {stripeError(500, serverError), faulttest.Respond(200, "application/json", "{}")},
	} {
		_, client := newStripe(t, answers...)
		got, err := client.Read(t.Context(), apiKey, "/v1/account", nil)
		requireClass(t, err, class)
		if (got == nil) != (class != 0) {
			t.Errorf("%v: %s", class, got)
		}
	}
}

// Stripe checks the permission before it refuses the probe's customer.
func TestProbeSessionsAsksWhetherTheKeyMayCreateSessions(t *testing.T) {
	const invalid = `"type":"invalid_request_error",`
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   billing.Class // 0: it may
	}{
		"no such customer": {stripeError(400, invalid+`"code":"resource_missing","param":"customer"`), 0},
		"settings never saved": {stripeError(400,
			invalid+`"message":"until you save your customer portal settings"`), 0},
		"a refused request":   {stripeError(400, invalid+`"message":"Bad"`), 0},
		"a refused parameter": {stripeError(400, invalid+`"param":"return_url"`), 0},
		"a missing permission": {stripeError(403, invalid+`"message":"Permission denied."`),
			billing.PermissionMissing},
		"a refused key":         {stripeError(401, invalid+`"message":"Invalid API Key"`), billing.KeyRefused},
		"too many requests":     {stripeError(429, rateLimit), billing.Busy},
		"an outage":             {stripeError(500, serverError), billing.Unavailable},
		"an unexpected session": {goodSession, billing.BadResponse},
	} {
		t.Run(name, func(t *testing.T) {
			server, client := newStripe(t, test.answer)
			requireClass(t, client.ProbeSessions(t.Context(), apiKey), test.want)
			if body := server.seen()[0].body; !strings.HasPrefix(body, "customer=cus_") || strings.Contains(body, "&") {
				t.Errorf("sent %s", body)
			}
		})
	}
}

// A session with the flow of a newer version requests that version, and an unknown flow is told
// apart from an unknown customer.
func TestProbeFlowAsksForTheVersionOfTheFlow(t *testing.T) {
	const invalid = `"type":"invalid_request_error",`
	for name, test := range map[string]struct {
		flow    string
		answer  http.HandlerFunc
		version string
		want    billing.Class // 0: Stripe knows the flow
	}{
		"a new flow": {"customer_update", stripeError(400, invalid+`"code":"resource_missing","param":"customer"`),
			"2026-08-26.dahlia", 0},
		"a flow of the pinned version": {"subscription_cancel",
			stripeError(400, invalid+`"code":"resource_missing","param":"customer"`), "2024-06-20", 0},
		"a flow that Stripe does not know": {"customer_update", stripeError(400, invalid+`"param":"flow_data[type]"`),
			"2026-08-26.dahlia", billing.ParameterRefused},
		"a version that Stripe does not know": {"customer_update",
			stripeError(400, invalid+`"message":"Invalid Stripe API version"`), "2026-08-26.dahlia",
			billing.RequestRefused},
		"an unexpected session": {"customer_update", goodSession, "2026-08-26.dahlia", billing.BadResponse},
	} {
		t.Run(name, func(t *testing.T) {
			server, client := newStripe(t, test.answer)
			requireClass(t, client.ProbeFlow(t.Context(), apiKey, test.flow), test.want)
			seen := server.seen()[0]
			if version := seen.header.Get("Stripe-Version"); version != test.version ||
				!strings.Contains(seen.body, "flow_data[type]="+test.flow) {
				t.Errorf("version %s, sent %s", version, seen.body)
			}
		})
	}
}

func TestAnAnswerHasAtMostAMebibyte(t *testing.T) {
	const limit = 1 << 20
	for size, want := range map[int]billing.Class{limit: 0, limit + 1: billing.BadResponse} {
		_, client := newStripe(t,
			faulttest.Respond(200, "application/json", sessionJSON+strings.Repeat(" ", size-len(sessionJSON))))
		_, err := create(t, client)
		requireClass(t, err, want)
	}
}
