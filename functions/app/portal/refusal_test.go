package portal

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stripe/stripe-go/v79"

	"billingportal/functions/app/internal/config/configtest"
)

// refusable are forms that together have every parameter of a portal session.
var refusable = []url.Values{
	{"configuration": {"bpc_1"}, "locale": {"de"}, "on_behalf_of": {"acct_1"},
		"return_url": {"https://app.example.com/back"}},
	{
		"flow_data[type]": {"subscription_cancel"},
		"flow_data[subscription_cancel][subscription]":                    {"sub_1"},
		"flow_data[subscription_cancel][retention][type]":                 {"coupon_offer"},
		"flow_data[subscription_cancel][retention][coupon_offer][coupon]": {"STAY20"},
		"flow_data[after_completion][type]":                               {"redirect"},
		"flow_data[after_completion][redirect][return_url]":               {"https://app.example.com/done"},
	},
	{
		"flow_data[type]": {"subscription_update"},
		"flow_data[subscription_update][subscription]":                     {"sub_1"},
		"flow_data[after_completion][type]":                                {"hosted_confirmation"},
		"flow_data[after_completion][hosted_confirmation][custom_message]": {"Thank you"},
	},
	{
		"flow_data[type]": {"subscription_update_confirm"},
		"flow_data[subscription_update_confirm][subscription]":         {"sub_1"},
		"flow_data[subscription_update_confirm][items][0][id]":         {"si_1"},
		"flow_data[subscription_update_confirm][items][0][price]":      {"price_1"},
		"flow_data[subscription_update_confirm][items][0][quantity]":   {"2"},
		"flow_data[subscription_update_confirm][discounts][0][coupon]": {"STAY20"},
	},
	{
		"flow_data[type]": {"subscription_update_confirm"},
		"flow_data[subscription_update_confirm][subscription]":                 {"sub_1"},
		"flow_data[subscription_update_confirm][items][0][id]":                 {"si_1"},
		"flow_data[subscription_update_confirm][discounts][0][promotion_code]": {"promo_1"},
	},
}

// formSending returns the form that sends a parameter, or one of its members.
func formSending(param string) url.Values {
	for _, form := range refusable {
		for name := range form {
			if name == param || strings.HasPrefix(name, param+"[") {
				return form
			}
		}
	}
	return nil
}

// parametersOf lists the parameters in a struct of stripe-go, including objects and lists.
func parametersOf(structure reflect.Type, parent string) []string {
	var names []string
	for i := range structure.NumField() {
		field := structure.Field(i)
		name := field.Tag.Get("form")
		if parent != "" {
			name = parent + "[" + name + "]"
		} else if name == "*" || name == "expand" || name == "customer" {
			continue // callers never send these
		}
		names = append(names, name)
		kind := field.Type.Elem()
		if field.Type.Kind() == reflect.Slice {
			name, kind = name+"[0]", kind.Elem()
			names = append(names, name)
		}
		if kind.Kind() == reflect.Struct {
			names = append(names, parametersOf(kind, name)...)
		}
	}
	return names
}

// refusingStripe is a Stripe that refuses every session because of the parameter param.
func refusingStripe(t *testing.T, param *string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, `{"id":"sub_1","object":"subscription","customer":"cus_Alice","status":"active",
				"items":{"data":[{"id":"si_1","price":{"id":"price_0","product":"prod_0"},"quantity":1}]}}`)
			return
		}
		w.WriteHeader(http.StatusBadRequest)
		refusal, _ := json.Marshal(map[string]any{"error": map[string]string{"type": "invalid_request_error",
			"param": *param, "message": secretText}})
		_, _ = w.Write(refusal)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

var refusableEnvironment = configtest.Env{
	"ALLOWED_CONFIGURATIONS": "bpc_1", "ALLOWED_ACCOUNTS": "acct_1", "ALLOWED_COUPONS": "STAY20",
	"ALLOWED_PROMOTION_CODES": "promo_1",
}

// Stripe names the elements of a list by their index, or not at all. The caller gets the name that
// they sent.
func TestARefusalNamesTheCallersParameter(t *testing.T) {
	c := newCloud(t)
	param := ""
	handler, written := newPortal(t,
		c.environment().With(refusableEnvironment).With(configtest.Env{"STRIPE_API_BASE": refusingStripe(t, &param)}))
	for _, name := range parametersOf(reflect.TypeFor[stripe.BillingPortalSessionParams](), "") {
		form := formSending(name)
		if form == nil {
			t.Fatalf("no request of this test sends %s", name)
		}
		// Problems with the state of a subscription have a code of their own.
		status, code := 400, "invalid-parameter"
		if strings.HasSuffix(name, "[subscription]") {
			status, code = 409, "subscription-not-eligible"
		}
		for _, param = range []string{
			name,
			strings.ReplaceAll(name, "[0]", "[]"),
			strings.ReplaceAll(name, "[0]", ""),
			strings.NewReplacer("][", ".", "[", ".", "]", "").Replace(name),
		} {
			response := c.send(t, handler, withBody(formType, form.Encode(), true))
			requireProblem(t, response, status, code, lastLine(written))
			var document struct{ Param string }
			if err := json.Unmarshal([]byte(response.Body), &document); err != nil || document.Param != name &&
				document.Param != strings.TrimSuffix(name, "[0]") {
				t.Errorf("Stripe refuses %s: param = %q, want %q", param, document.Param, name)
			}
			if line := lastLine(written); !strings.Contains(line, `"stripe_param":"`+document.Param+`"`) ||
				strings.Contains(line+response.Body, secretText) {
				t.Errorf("%s: %s\n%s", param, line, response.Body)
			}
		}
	}
}

// Parameters that the caller has not sent come from the mapping or from the operator's defaults,
// and callers cannot correct them.
func TestARefusedDefaultIsTheOperatorsFault(t *testing.T) {
	c := newCloud(t)
	param := ""
	handler, written := newPortal(t, c.environment().With(refusableEnvironment).With(configtest.Env{
		"STRIPE_API_BASE": refusingStripe(t, &param), "DEFAULT_CONFIGURATION": "bpc_1",
		"DEFAULT_ON_BEHALF_OF": "acct_1",
	}))
	for _, param = range []string{
		"customer", "configuration", "on_behalf_of", "return_url", "locale", "expand[0]", "expand", "*",
		"metadata[" + secretText + "]", "flow_data", "flow_data[type]",
		"flow_data[" + secretText + "]", "items[0][price]", secretText,
	} {
		for name, change := range map[string]func(*events.APIGatewayV2HTTPRequest){
			"nothing": func(*events.APIGatewayV2HTTPRequest) {},
			"null":    withBody("application/json", `{"configuration":null,"return_url":null,"flow_data":null}`, false),
		} {
			response := c.send(t, handler, change)
			requireProblem(t, response, 500, "billing-misconfigured", lastLine(written))
			if strings.Contains(response.Body, `"param"`) ||
				strings.Contains(lastLine(written)+response.Body, secretText) {
				t.Errorf("%s, %s sent: %s\n%s", param, name, response.Body, lastLine(written))
			}
		}
	}
}
