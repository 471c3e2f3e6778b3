package billing_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v79"

	"billingportal/functions/faulttest"
	"billingportal/functions/internal/billing"
)

// The errors use Stripe's reported wording, except those marked "own words". The marker stands for
// a part that Stripe repeats: a part of a key, an account or an ID.
func TestClasses(t *testing.T) {
	const (
		invalid = `"type":"invalid_request_error",`
		missing = `"code":"resource_missing","doc_url":"https://stripe.com/docs/error-codes/resource-missing",` +
			invalid
		cancel  = "flow_data[subscription_cancel][subscription]"
		update  = "flow_data[subscription_update][subscription]"
		confirm = "flow_data[subscription_update_confirm]"
		m       = faulttest.Marker

		wrongModeTest = "; a similar object exists in live mode, but a test mode key was used to make this request."
		wrongModeLive = "; a similar object exists in test mode, but a live mode key was used to make this request."
		// https://github.com/mozilla/fxa/issues/13245
		neverSaved1 = "You can’t create a portal session in test mode until you save your customer portal settings " +
			"in test mode at https://dashboard.stripe.com/test/settings/billing/portal."
		// https://github.com/AzimIndiit/xuthority-dev-backend, STRIPE_BILLING_PORTAL_SETUP.md
		neverSaved2 = "No configuration provided and your test mode default configuration has not been created. " +
			"Provide a configuration or create your default by saving your customer portal settings in test mode at " +
			"https://dashboard.stripe.com/test/settings/billing/portal."
	)
	param := func(name string) string { return `"param":"` + name + `",` }
	says := func(words string) string { return `"message":"` + words + `"` }
	for name, test := range map[string]struct {
		status int
		error  string
		want   billing.Class
		param  string
	}{
		// The key. https://docs.stripe.com/error-codes#api-key-expired,
		// https://github.com/stripe/stripe-node/issues/2246
		"an invalid key": {401, invalid + says("Invalid API Key provided: sk_test_*******"+m),
			billing.KeyRefused, ""},
		"an expired key": {401, `"code":"api_key_expired",` +
			`"doc_url":"https://stripe.com/docs/error-codes/api-key-expired",` +
			invalid + says("Expired API Key provided: rk_test_***"+m), billing.KeyRefused, ""},
		"a key for other addresses": {401, invalid + says("The API key provided does not allow requests from "+
			"your IP address ("+m+")."), billing.KeyRefused, ""},
		"no key": {401, invalid + says("You did not provide an API key. You need to provide "+
			"your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "+
			"YOUR_SECRET_KEY')."), billing.KeyRefused, ""},
		"a restricted key": {403, invalid + says("The provided key 'rk_test_***"+m+
			"' does not have the required permissions for this endpoint on account 'acct_"+m+
			"'. Having the 'rak_customer_portal_write' permission would allow this request to continue."),
			billing.PermissionMissing, ""},
		"a restricted key, newer wording": {403, invalid + says("Permission denied. The provided key 'rk_test_***"+m+
			"' does not have the required permissions for this endpoint on account 'acct_"+m+
			"'. Enabling \\\"Customer portal Write\\\" ('customer_portal_write') permissions on this key would allow "+
			"this request to continue."), billing.PermissionMissing, ""},
		"a publishable key": {403, `"code":"secret_key_required",` +
			invalid + says("This API call cannot be made with a publishable API key. Please use a secret API key."),
			billing.PermissionMissing, ""},

		// The customer.
		"no such customer": {400,
			missing + param("customer") + says("No such customer: 'cus_"+m+"'"), billing.NoSuchCustomer, "customer"},
		"no such customer, 404": {404,
			missing + param("customer") + says("No such customer: 'cus_"+m+"'"), billing.NoSuchCustomer, "customer"},
		"no such customer, naming no param": {400, missing + says("No such customer: 'cus_"+m+"'"),
			billing.RequestRefused, ""},
		"no such customer, of another param": {400,
			missing + param("flow_data[customer]") + says("No such customer: 'cus_"+m+"'"), billing.RequestRefused, ""},
		"customer refused for another reason": {400, `"code":"parameter_invalid_empty",` +
			invalid + param("customer") + says("You passed an empty string for 'customer'."),
			billing.ParameterRefused, "customer"},

		// Test mode and live mode. https://github.com/payolapayments/payola/issues/278
		"live customer, test key": {400, missing + param("customer") + says("No such customer: 'cus_"+m+"'"+
			wrongModeTest), billing.ModeMismatch, "customer"},
		"test customer, live key": {400, missing + param("customer") + says("No such customer: 'cus_"+m+"'"+
			wrongModeLive), billing.ModeMismatch, "customer"},
		"live configuration, test key": {400, missing + param("configuration") + says("No such configuration: 'bpc_"+
			m+"'"+wrongModeTest), billing.ModeMismatch, "configuration"},
		"livemode_mismatch": {400, `"code":"livemode_mismatch",` +
			invalid + says("Test and live mode API keys, requests, and objects are only available within the mode "+
			"they are in."), billing.ModeMismatch, ""},
		"only the caller's subscription": {400, missing + param(cancel) + says("No such subscription: 'sub_"+m+"'"+
			wrongModeTest), billing.NoSuchSubscription, cancel},
		"only the caller's price": {400, missing + param(confirm+"[items][0][price]") + says("No such price: 'price_"+
			m+"'"+wrongModeTest), billing.ParameterRefused, confirm + "[items][0][price]"},

		// The deployment's other settings.
		"no such configuration": {400, missing + param("configuration") + says("No such configuration: "+
			"'bpc_"+m+"'"), billing.NoSuchConfiguration, "configuration"},
		"portal settings never saved":      {400, invalid + says(neverSaved1), billing.PortalNotConfigured, ""},
		"portal settings never saved, now": {400, invalid + says(neverSaved2), billing.PortalNotConfigured, ""},
		"portal settings, live mode": {400, invalid + says(strings.ReplaceAll(strings.ReplaceAll(neverSaved2,
			"test mode", "live mode"), "/test/", "/")), billing.PortalNotConfigured, ""},
		"update disabled in the portal": {400, invalid + says("This subscription cannot be updated because the "+
			"subscription update feature in the portal configuration is disabled."), billing.FlowUnavailable, ""},
		// own words
		"another word for it": {400, invalid + says("The subscription_update feature is not enabled in the portal "+
			"configuration."), billing.FlowUnavailable, ""},
		// own words, after those for the update
		"cancel disabled in the portal": {400, invalid + param(cancel) + says("This subscription cannot be canceled "+
			"because the subscription cancel feature in the portal configuration is disabled."),
			billing.FlowUnavailable, cancel},
		// own words for the first, https://docs.stripe.com/error-codes#account-invalid
		"no such account for on_behalf_of": {400, missing + param("on_behalf_of") + says("No such account: 'acct_"+m+
			"'"), billing.NoSuchAccount, "on_behalf_of"},
		"on_behalf_of without permission": {403, invalid + param("on_behalf_of") + says("The provided key "+
			"'sk_test_***"+m+"' does not have access to account 'acct_"+m+
			"' (or that account does not exist). Application access may have been revoked."),
			billing.NoSuchAccount, "on_behalf_of"},
		"an account that is not accessible": {403, `"code":"account_invalid",` +
			invalid + says("The provided key 'sk_test_***"+m+"' does not have access to account 'acct_"+m+
			"' (or that account does not exist). Application access may have been revoked."),
			billing.NoSuchAccount, ""},

		// The subscription. Refusals of a flow were reported with and without a param.
		"no such subscription to cancel": {400,
			missing + param(cancel) + says("No such subscription: 'sub_"+m+"'"), billing.NoSuchSubscription, cancel},
		"no such subscription to update": {400,
			missing + param(update) + says("No such subscription: 'sub_"+m+"'"), billing.NoSuchSubscription, update},
		"no such subscription to confirm": {400, missing + param(confirm+
			"[subscription]") + says("No such subscription: 'sub_"+m+"'"), billing.NoSuchSubscription,
			confirm + "[subscription]"},
		"already set to be canceled": {400, invalid + param(cancel) + says("This subscription is "+
			"already set to be canceled"), billing.SubscriptionRefused, cancel},
		"already set to be canceled at period end": {400, invalid + says("The subscription sub_"+m+
			" is already set to be canceled at period end."), billing.SubscriptionRefused, ""},
		"no changes to confirm": {400, invalid + says("Cannot update the subscription because there are no changes "+
			"to confirm."), billing.SubscriptionRefused, ""},
		"no price to change to": {400, invalid + param(update) + says("This subscription cannot be updated because "+
			"there is no price in the portal configuration available to change to."),
			billing.SubscriptionRefused, update},
		"no such item": {400, missing + param(confirm+"[items][0][id]") + says("No such subscription item: 'si_"+m+"'"),
			billing.ParameterRefused, confirm + "[items][0][id]"},
		// own words
		"a price that is not in the configuration": {400,
			invalid + param(confirm+"[items][0][price]") + says("The price 'price_"+m+
				"' is not included in the configuration's features.subscription_update.products."),
			billing.ParameterRefused, confirm + "[items][0][price]"},
		"a price with another billing interval": {400,
			invalid + param(confirm+"[items][0][price]") + says("The customer portal cannot update this subscription "+
				"to a price with a different billing interval."), billing.ParameterRefused,
			confirm + "[items][0][price]"},
		"no such coupon": {400,
			missing + param(confirm+"[discounts][0][coupon]") + says("No such coupon: '"+m+"'"),
			billing.ParameterRefused, confirm + "[discounts][0][coupon]"},
		"a parameter that Stripe does not know": {400,
			`"code":"parameter_unknown",` + invalid + param("flow_data["+m+
				"]") + says("Received unknown parameter: flow_data["+m+"]"), billing.RequestRefused, ""},
		"a parameter with a lower-case secret in it": {400, invalid + param("flow_data[keyx7q]") + says("Bad"),
			billing.RequestRefused, ""},
		"return_url refused": {400, `"code":"url_invalid",` + invalid + param("return_url") + says("Not a valid URL"),
			billing.ParameterRefused, "return_url"},

		// Other errors.
		"an address that is not Stripe's API": {404, invalid + says("Unrecognized request URL (POST: /v1/"+m+
			"). Please see https://stripe.com/docs or we can help at https://support.stripe.com/."),
			billing.RequestRefused, ""},
		"a card error": {402, `"code":"card_declined","type":"card_error",` + says("Your card was declined."),
			billing.BadResponse, ""},
		"an API error below 500": {400, `"type":"api_error",` + says(m), billing.BadResponse, ""},
		"an empty error":         {400, ``, billing.BadResponse, ""},
		"too many requests":      {429, rateLimit, billing.Busy, ""},
		"lock timeout":           {409, lockTimeout, billing.Busy, ""},
		"a server error":         {500, serverError, billing.Unavailable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, client := newStripe(t, stripeError(test.status, test.error))
			_, err := create(t, client)
			failure := requireClass(t, err, test.want)
			if failure.Param != test.param {
				t.Errorf("Param = %q, want %q", failure.Param, test.param)
			}
			if failure.Calls.RequestID != "req_Zyn1cMXCSLzzKf" {
				t.Errorf("Calls = %+v", failure.Calls)
			}
			if failure.Class.String() == "" || !strings.HasPrefix(err.Error(), "stripe: "+failure.Class.String()) {
				t.Errorf("Error = %q", err)
			}
		})
	}
}

func TestForeignRequestIDIsNotKept(t *testing.T) {
	for _, id := range []string{"", faulttest.Marker, "req_" + strings.Repeat("x", 65), "req_a b",
		"req_" + faulttest.Marker + "/..", "https://billing.stripe.com/p/session/x"} {
		_, client := newStripe(t,
			with("Request-Id", id, stripeError(http.StatusBadRequest, `"type":"invalid_request_error"`)))
		_, err := create(t, client)
		if failure := requireClass(t, err, billing.RequestRefused); failure.Calls.RequestID != "" {
			t.Errorf("RequestID = %q", failure.Calls.RequestID)
		}
	}
	longest := "req_" + strings.Repeat("x", 64)
	_, client := newStripe(t,
		with("Request-Id", longest, stripeError(http.StatusBadRequest, `"type":"invalid_request_error"`)))
	_, err := create(t, client)
	if failure := requireClass(t, err, billing.RequestRefused); failure.Calls.RequestID != longest {
		t.Errorf("RequestID = %q", failure.Calls.RequestID)
	}
}

func TestTypeAndCodeAreKeptIfStripeGoKnowsThem(t *testing.T) {
	for name, test := range map[string]struct {
		error    string
		wantType stripe.ErrorType
		wantCode stripe.ErrorCode
	}{
		"both": {`"type":"invalid_request_error","code":"url_invalid"`, stripe.ErrorTypeInvalidRequest,
			stripe.ErrorCodeURLInvalid},
		"only a type":     {`"type":"card_error"`, stripe.ErrorTypeCard, ""},
		"both unknown":    {`"type":"` + faulttest.Marker + `","code":"` + faulttest.Marker + `"`, "", ""},
		"in another case": {`"type":"Invalid_request_error","code":"URL_invalid"`, "", ""},
		"none":            {``, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, client := newStripe(t, stripeError(http.StatusBadRequest, test.error))
			_, err := create(t, client)
			var failure *billing.Error
			if !errors.As(err, &failure) || failure.Type != test.wantType || failure.Code != test.wantCode {
				t.Errorf("%+v", failure)
			}
		})
	}
}
