package billing_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"billingportal/functions/faulttest"
	"billingportal/functions/internal/billing"
)

const (
	configurations = "/v1/billing_portal/configurations"
	anyObject      = `{"id":"bpc_1"}`
)

var configurationForm = url.Values{
	"name":                                {"a&b = é"},
	"features[subscription_cancel][mode]": {"immediately"},
	"features[subscription_update][products][0][product]":   {"prod_1"},
	"features[subscription_update][products][0][prices][0]": {"price_1"},
	"features[subscription_update][products][0][prices][1]": {"price_2"},
	"features[subscription_update][products][1][product]":   {""},
}

func TestWriteSendsAFormOnce(t *testing.T) {
	for name, test := range map[string]struct {
		answers []http.HandlerFunc
		want    billing.Class
		calls   int
	}{
		"the first time": {[]http.HandlerFunc{faulttest.Respond(200, "application/json", anyObject)}, 0, 1},
		"after an outage": {[]http.HandlerFunc{stripeError(500, serverError),
			faulttest.Respond(200, "application/json", anyObject)}, 0, 2},
		"after a reset": {[]http.HandlerFunc{faulttest.ResetAfterRequest().ServeHTTP,
			faulttest.ResetAfterRequest().ServeHTTP, faulttest.Respond(200, "application/json", anyObject)}, 0, 3},
		"after a cut": {[]http.HandlerFunc{faulttest.CutShort().Of(faulttest.Respond(200, "application/json",
			`{"id":`)), faulttest.Respond(200, "application/json", anyObject)}, 0, 2},
		"an outage": {[]http.HandlerFunc{stripeError(500, serverError), stripeError(500, serverError),
			stripeError(500, serverError)}, billing.Unavailable, 3},
		"too many requests": {[]http.HandlerFunc{stripeError(429, rateLimit)}, billing.Busy, 1},
		"a refused key": {[]http.HandlerFunc{stripeError(401, `"type":"invalid_request_error"`)},
			billing.KeyRefused, 1},
		"a missing permission": {[]http.HandlerFunc{stripeError(403, `"type":"invalid_request_error"`)},
			billing.PermissionMissing, 1},
	} {
		t.Run(name, func(t *testing.T) {
			handler, _ := newStripe(t)
			handler.answers = test.answers
			server := faulttest.NewServer(t, handler.ServeHTTP)
			config := newConfig(server.URL)
			config.APIVersion = "2026-08-26.dahlia"
			got, err := billing.New(config).Write(t.Context(), apiKey, configurations,
				configurationForm, "key-of-the-caller")
			failure := requireClass(t, err, test.want)
			if test.want == 0 && string(got) != anyObject {
				t.Errorf("Write = %s", got)
			}
			if test.want == billing.PermissionMissing &&
				failure.Error() != "stripe: the restricted API key lacks a permission (Customer portal: Write)" {
				t.Error(failure.Error())
			}
			seen := handler.seen()
			if len(seen) != test.calls {
				t.Errorf("%d requests, want %d", len(seen), test.calls)
			}
			for _, r := range seen {
				form, err := url.ParseQuery(r.body)
				if err != nil || r.method != http.MethodPost || r.path != configurations ||
					form.Encode() != configurationForm.Encode() ||
					r.header.Get("Idempotency-Key") != "key-of-the-caller" ||
					r.header.Get("Stripe-Version") != "2026-08-26.dahlia" {
					t.Errorf("sent %+v", r)
				}
			}
		})
	}
}

func TestHangingWriteTimesOut(t *testing.T) {
	simulate(t, func(t *testing.T, server *stripeServer, client *billing.Client) {
		start := time.Now()
		_, err := client.Write(t.Context(), apiKey, configurations, configurationForm, "k")
		requireClass(t, err, billing.Timeout)
		if took := time.Since(start); took > 13*time.Second || len(server.idempotencyKeys()) != 1 ||
			server.idempotencyKeys()["k"] != 3 {
			t.Errorf("took %v with %v", took, server.idempotencyKeys())
		}
	}, faulttest.Hang().ServeHTTP, faulttest.Hang().ServeHTTP, faulttest.Hang().ServeHTTP)
}

// Stripe's error can name any text as the parameter, so the error repeats only a name that was
// sent.
func TestWriteNamesTheParameterThatStripeRefuses(t *testing.T) {
	const update = "features[subscription_update]"
	const invalid = `"type":"invalid_request_error","message":"The subscription in the portal configuration is ` +
		`disabled",`
	for wire, want := range map[string]string{
		"name":                                "name",
		"features[subscription_cancel][mode]": "features[subscription_cancel][mode]",
		"features.subscription_cancel.mode":   "features[subscription_cancel][mode]",
		update + "[products][0][prices][1]":   update + "[products][0][prices][1]",
		update + "[products][prices]":         update + "[products][0][prices][0]",
		update + "[products][][product]":      update + "[products][0][product]",
		update:                                update + "[products][0][prices][0]",
		"features[subscription_canc":          "",
		"<script>":                            "",
		"[0]":                                 "",
		"":                                    "",
	} {
		_, client := newStripe(t, stripeError(400, invalid+`"param":"`+wire+`"`))
		class := billing.ParameterRefused
		if want == "" {
			class = billing.RequestRefused
		}
		_, err := client.Write(t.Context(), apiKey, configurations, configurationForm, "k")
		if failure := requireClass(t, err, class); failure.Param != want {
			t.Errorf("%s: %q, want %q", wire, failure.Param, want)
		}
	}
}
