package params

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v79"
	"github.com/stripe/stripe-go/v79/form"

	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/problem"
)

// accepted are the parameters that callers may send. Each has a rule in Policy. A new version of
// stripe-go can add parameters: decide who may set them before you add them here.
var accepted = []string{
	"configuration",
	"flow_data[after_completion][hosted_confirmation][custom_message]",
	"flow_data[after_completion][redirect][return_url]",
	"flow_data[after_completion][type]",
	"flow_data[subscription_cancel][retention][coupon_offer][coupon]",
	"flow_data[subscription_cancel][retention][type]",
	"flow_data[subscription_cancel][subscription]",
	"flow_data[subscription_update][subscription]",
	"flow_data[subscription_update_confirm][discounts][0][coupon]",
	"flow_data[subscription_update_confirm][discounts][0][promotion_code]",
	"flow_data[subscription_update_confirm][items][0][id]",
	"flow_data[subscription_update_confirm][items][0][price]",
	"flow_data[subscription_update_confirm][items][0][quantity]",
	"flow_data[subscription_update_confirm][subscription]",
	"flow_data[type]",
	"locale",
	"on_behalf_of",
	"return_url",
}

func TestEveryParameterHasARule(t *testing.T) {
	got := namesOf(reflect.TypeFor[stripe.BillingPortalSessionParams](), "")
	got = slices.DeleteFunc(got, func(name string) bool { return reserved[name] != nil })
	slices.Sort(got)
	if !slices.Equal(got, accepted) {
		t.Errorf("stripe-go has\n%s\nof which the policy knows\n%s", strings.Join(got, "\n"),
			strings.Join(accepted, "\n"))
	}
}

func namesOf(structure reflect.Type, parent string) []string {
	var names []string
	for i := range structure.NumField() {
		field := structure.Field(i)
		name := field.Tag.Get("form")
		kind := field.Type
		path := billing.Join(parent, name)
		if kind.Kind() == reflect.Slice {
			kind, path = kind.Elem(), billing.Join(path, "0")
		}
		if reserved[name] == nil && kind.Elem().Kind() == reflect.Struct {
			names = append(names, namesOf(kind.Elem(), path)...)
		} else {
			names = append(names, billing.Join(parent, name))
		}
	}
	return names
}

const (
	appURL   = "https://app.example.com/account"
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

func newPolicy() *Policy {
	return &Policy{
		AllowedOrigins:        []Origin{"https://app.example.com", "http://localhost:3000"},
		DefaultReturnURL:      appURL,
		AllowedConfigurations: []string{"bpc_1"},
		AllowedAccounts:       []string{"acct_1"},
		AllowedFlows:          Flows(),
		AllowedCoupons:        []string{"STAY20"},
		AllowedPromotionCodes: []string{"promo_1"},
	}
}

func read(policy *Policy, contentType, body string) (*stripe.BillingPortalSessionParams, error) {
	r := httptest.NewRequest(http.MethodPost, "/billing/portal", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	in, err := Read(r)
	if err != nil {
		return nil, err
	}
	return policy.Parameters(in)
}

// requireParameters compares the form that stripe-go sends for a body with the wanted form.
func requireParameters(t *testing.T, policy *Policy, contentType, body string, want url.Values) {
	t.Helper()
	params, err := read(policy, contentType, body)
	if err != nil {
		t.Fatal(err)
	}
	encoded := &form.Values{}
	form.AppendTo(encoded, params)
	if got := encoded.ToValues(); !reflect.DeepEqual(got, want) {
		t.Errorf("read %v\nwant %v", got, want)
	}
}

// complete has a request for each flow, with every parameter that the flow has.
var complete = map[string]map[string]string{
	"no flow": {"return_url": "https://app.example.com/back", "configuration": "bpc_1",
		"on_behalf_of": "acct_1", "locale": "pt-BR"},
	FlowPaymentMethodUpdate: {
		"flow_data[type]":                   FlowPaymentMethodUpdate,
		"flow_data[after_completion][type]": "portal_homepage",
	},
	FlowSubscriptionCancel: {
		"flow_data[type]": FlowSubscriptionCancel,
		"flow_data[subscription_cancel][subscription]":                    "sub_1",
		"flow_data[subscription_cancel][retention][type]":                 "coupon_offer",
		"flow_data[subscription_cancel][retention][coupon_offer][coupon]": "STAY20",
		"flow_data[after_completion][type]":                               "redirect",
		"flow_data[after_completion][redirect][return_url]":               "https://app.example.com/done?a=b&c=d",
	},
	FlowSubscriptionUpdate: {
		"flow_data[type]": FlowSubscriptionUpdate,
		"flow_data[subscription_update][subscription]":                     "sub_1",
		"flow_data[after_completion][type]":                                "hosted_confirmation",
		"flow_data[after_completion][hosted_confirmation][custom_message]": strings.Repeat("é", maxMessageLength),
	},
	FlowSubscriptionUpdateConfirm: {
		"flow_data[type]": FlowSubscriptionUpdateConfirm,
		"flow_data[subscription_update_confirm][subscription]":         "sub_1",
		"flow_data[subscription_update_confirm][items][0][id]":         "si_1",
		"flow_data[subscription_update_confirm][items][0][price]":      "price_1",
		"flow_data[subscription_update_confirm][items][0][quantity]":   "0",
		"flow_data[subscription_update_confirm][discounts][0][coupon]": "STAY20",
		"flow_data[after_completion][type]":                            "portal_homepage",
	},
	"promotion code": {
		"flow_data[type]": FlowSubscriptionUpdateConfirm,
		"flow_data[subscription_update_confirm][subscription]":                 "sub_1",
		"flow_data[subscription_update_confirm][items][0][id]":                 "si_1",
		"flow_data[subscription_update_confirm][discounts][0][promotion_code]": "promo_1",
	},
}

func TestEveryParameterReachesStripe(t *testing.T) {
	seen := map[string]bool{}
	for name, parameters := range complete {
		maps.Copy(seen, asSet(parameters))
		want := url.Values{"return_url": {appURL}}
		body := url.Values{}
		for parameter, value := range parameters {
			want.Set(parameter, value)
			body.Set(parameter, value)
		}
		for contentType, body := range map[string]string{formType: body.Encode(), jsonType: asJSON(t, parameters)} {
			t.Run(name+" as "+contentType, func(t *testing.T) {
				requireParameters(t, newPolicy(), contentType, body, want)
			})
		}
	}
	for _, name := range accepted {
		if !seen[name] {
			t.Errorf("%s is in no request of this test", name)
		}
	}
}

func asSet(parameters map[string]string) map[string]bool {
	set := map[string]bool{}
	for name := range parameters {
		set[name] = true
	}
	return set
}

// asJSON builds a JSON tree from bracket names.
func asJSON(t *testing.T, parameters map[string]string) string {
	t.Helper()
	root := map[string]any{}
	for name, value := range parameters {
		path, ok := splitName(name)
		if !ok {
			t.Fatal(name)
		}
		var leaf any = value
		if quantity, err := strconv.Atoi(value); err == nil {
			leaf = quantity
		}
		object := root
		for i := 0; i < len(path)-1; i++ {
			if path[i+1] == "0" { // a list of one
				if object[path[i]] == nil {
					object[path[i]] = []any{map[string]any{}}
				}
				object = object[path[i]].([]any)[0].(map[string]any)
				i++
				continue
			}
			if object[path[i]] == nil {
				object[path[i]] = map[string]any{}
			}
			object = object[path[i]].(map[string]any)
		}
		object[path[len(path)-1]] = leaf
	}
	body, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestDefaults(t *testing.T) {
	for name, test := range map[string]struct {
		configuration, account string
		body                   string
		want                   url.Values
	}{
		"none": {"", "", "", url.Values{"return_url": {appURL}}},
		"the operator's": {"bpc_9", "acct_9", "",
			url.Values{"return_url": {appURL}, "configuration": {"bpc_9"}, "on_behalf_of": {"acct_9"}}},
		"the caller's": {"bpc_9", "acct_9", "configuration=bpc_1&on_behalf_of=acct_1",
			url.Values{"return_url": {appURL}, "configuration": {"bpc_1"}, "on_behalf_of": {"acct_1"}}},
		"blank locale": {"", "", "locale=", url.Values{"return_url": {appURL}}},
		"locale auto":  {"", "", "locale=auto", url.Values{"return_url": {appURL}, "locale": {"auto"}}},
		"the caller's page": {"", "", "return_url=http://localhost:3000/x",
			url.Values{"return_url": {"http://localhost:3000/x"}}},
	} {
		t.Run(name, func(t *testing.T) {
			policy := newPolicy()
			policy.DefaultConfiguration, policy.DefaultOnBehalfOf = test.configuration, test.account
			contentType := ""
			if test.body != "" {
				contentType = formType
			}
			requireParameters(t, policy, contentType, test.body, test.want)
		})
	}
}

// Many clients send null for absent values, and PHP sends an empty list for an empty object.
func TestNullAndEmptyListsInJSONCountAsAbsent(t *testing.T) {
	want := url.Values{"return_url": {appURL}}
	confirm := url.Values{
		"flow_data[type]": {FlowSubscriptionUpdateConfirm},
		"flow_data[subscription_update_confirm][items][0][price]": {"price_1"},
	}
	maps.Copy(confirm, want)
	for name, test := range map[string]struct {
		body string
		want url.Values
	}{
		"every parameter": {`{"configuration":null,"flow_data":null,"locale":null,"on_behalf_of":null,` +
			`"return_url":null}`, want},
		"at every depth": {`{"flow_data":{"type":"subscription_update_confirm","after_completion":null,` +
			`"subscription_cancel":null,"subscription_update":null,
			"subscription_update_confirm":{"subscription":null,"discounts":null,"items":[{"id":null,` +
			`"price":"price_1","quantity":null}]}}}`, confirm},
		"an empty list for an object, at every depth": {`{"flow_data":{"type":"subscription_update_confirm",` +
			`"after_completion":[],"subscription_cancel":[],"subscription_update":[ ],
			"subscription_update_confirm":{"discounts":[],"items":[{"price":"price_1"}]}}}`, confirm},
		"null in a list": {`{"flow_data":{"type":"subscription_update_confirm",
			"subscription_update_confirm":{"discounts":[null],"items":[null,{"price":"price_1"}]}}}`, confirm},
		"an empty list in a list": {`{"flow_data":{"type":"subscription_update_confirm",
			"subscription_update_confirm":{"discounts":[[]],"items":[{"price":"price_1"},[ ]]}}}`, confirm},
	} {
		t.Run(name, func(t *testing.T) {
			requireParameters(t, newPolicy(), jsonType, test.body, test.want)
		})
	}
}

func BenchmarkParameters(b *testing.B) {
	body := url.Values{}
	for name, value := range complete[FlowSubscriptionUpdateConfirm] {
		body.Set(name, value)
	}
	policy := newPolicy()
	for contentType, body := range map[string]string{
		formType: body.Encode(),
		jsonType: `{"flow_data":{"type":"subscription_update_confirm",` +
			`"subscription_update_confirm":{"items":[{"price":"price_1","quantity":1}]}}}`,
	} {
		b.Run(contentType, func(b *testing.B) {
			for b.Loop() {
				if _, err := read(policy, contentType, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestTextsNameTheLimits(t *testing.T) {
	for want, p := range map[string]*problem.Problem{
		fmt.Sprintf("%d bytes for a request", MaxBodySize): {Code: "payload-too-large"},
		fmt.Sprintf("more than %d parameters", maxNames):   errTooManyNames,
		fmt.Sprintf("more than %d deep", maxDepth):         errTooDeep,
	} {
		if text := strings.ReplaceAll(p.Error(), ",", ""); !strings.Contains(text, want) {
			t.Errorf("%q does not say %q", text, want)
		}
	}
}
