package portal

import (
	"encoding/json"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v79"
	"github.com/stripe/stripe-go/v79/form"

	"billingportal/functions/internal/billing"
)

// accepted are the parameters that callers may send. Each has a rule in Policy.
// A new version of stripe-go can bring new ones: decide who may set them before
// they are added here.
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
		t.Errorf("stripe-go has\n%s\nof which the policy knows\n%s", strings.Join(got, "\n"), strings.Join(accepted, "\n"))
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

// complete is, for each flow, a request with every parameter that it has.
var complete = map[string]map[string]string{
	"no flow": {"return_url": "https://app.example.com/back", "configuration": "bpc_1", "on_behalf_of": "acct_1", "locale": "pt-BR"},
	flowPaymentMethodUpdate: {
		"flow_data[type]":                   flowPaymentMethodUpdate,
		"flow_data[after_completion][type]": "portal_homepage",
	},
	flowSubscriptionCancel: {
		"flow_data[type]": flowSubscriptionCancel,
		"flow_data[subscription_cancel][subscription]":                    "sub_1",
		"flow_data[subscription_cancel][retention][type]":                 "coupon_offer",
		"flow_data[subscription_cancel][retention][coupon_offer][coupon]": "STAY20",
		"flow_data[after_completion][type]":                               "redirect",
		"flow_data[after_completion][redirect][return_url]":               "https://app.example.com/done?a=b&c=d",
	},
	flowSubscriptionUpdate: {
		"flow_data[type]": flowSubscriptionUpdate,
		"flow_data[subscription_update][subscription]":                     "sub_1",
		"flow_data[after_completion][type]":                                "hosted_confirmation",
		"flow_data[after_completion][hosted_confirmation][custom_message]": strings.Repeat("é", maxMessageLength),
	},
	flowSubscriptionUpdateConfirm: {
		"flow_data[type]": flowSubscriptionUpdateConfirm,
		"flow_data[subscription_update_confirm][subscription]":         "sub_1",
		"flow_data[subscription_update_confirm][items][0][id]":         "si_1",
		"flow_data[subscription_update_confirm][items][0][price]":      "price_1",
		"flow_data[subscription_update_confirm][items][0][quantity]":   "0",
		"flow_data[subscription_update_confirm][discounts][0][coupon]": "STAY20",
		"flow_data[after_completion][type]":                            "portal_homepage",
	},
	"promotion code": {
		"flow_data[type]": flowSubscriptionUpdateConfirm,
		"flow_data[subscription_update_confirm][subscription]":                 "sub_1",
		"flow_data[subscription_update_confirm][items][0][id]":                 "si_1",
		"flow_data[subscription_update_confirm][discounts][0][promotion_code]": "promo_1",
	},
}

func TestEveryParameterReachesStripe(t *testing.T) {
	seen := map[string]bool{}
	for name, parameters := range complete {
		maps.Copy(seen, asSet(parameters))
		want := url.Values{"customer": {"cus_alice"}, "return_url": {appURL}}
		body := url.Values{}
		for parameter, value := range parameters {
			want.Set(parameter, value)
			body.Set(parameter, value)
		}
		for contentType, body := range map[string]string{formType: body.Encode(), jsonType: asJSON(t, parameters)} {
			t.Run(name+" as "+contentType, func(t *testing.T) {
				f := newFixture(t, nil)
				if w := f.serve(contentType, body, nil); w.Code != 303 {
					t.Fatalf("status = %d: %s", w.Code, w.Body)
				}
				encoded := &form.Values{}
				form.AppendTo(encoded, f.created[0])
				if got := encoded.ToValues(); !reflect.DeepEqual(got, want) {
					t.Errorf("sent %v\nwant %v", got, want)
				}
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

// asJSON builds the JSON tree of bracket names.
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
		"none":              {"", "", "", url.Values{"customer": {"cus_alice"}, "return_url": {appURL}}},
		"the operator's":    {"bpc_9", "acct_9", "", url.Values{"customer": {"cus_alice"}, "return_url": {appURL}, "configuration": {"bpc_9"}, "on_behalf_of": {"acct_9"}}},
		"the caller's":      {"bpc_9", "acct_9", "configuration=bpc_1&on_behalf_of=acct_1", url.Values{"customer": {"cus_alice"}, "return_url": {appURL}, "configuration": {"bpc_1"}, "on_behalf_of": {"acct_1"}}},
		"blank locale":      {"", "", "locale=", url.Values{"customer": {"cus_alice"}, "return_url": {appURL}}},
		"locale auto":       {"", "", "locale=auto", url.Values{"customer": {"cus_alice"}, "return_url": {appURL}, "locale": {"auto"}}},
		"the caller's page": {"", "", "return_url=http://localhost:3000/x", url.Values{"customer": {"cus_alice"}, "return_url": {"http://localhost:3000/x"}}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(c *Config) {
				c.Policy.DefaultConfiguration, c.Policy.DefaultOnBehalfOf = test.configuration, test.account
			})
			contentType := ""
			if test.body != "" {
				contentType = formType
			}
			if w := f.serve(contentType, test.body, nil); w.Code != 303 {
				t.Fatalf("status = %d: %s", w.Code, w.Body)
			}
			encoded := &form.Values{}
			form.AppendTo(encoded, f.created[0])
			if got := encoded.ToValues(); !reflect.DeepEqual(got, test.want) {
				t.Errorf("sent %v\nwant %v", got, test.want)
			}
		})
	}
}

// Many clients send null for what they do not mean to send, and PHP's an empty list for an empty object.
func TestNothingInJSONIsTheSameAsAbsent(t *testing.T) {
	want := url.Values{"customer": {"cus_alice"}, "return_url": {appURL}}
	confirm := url.Values{
		"flow_data[type]": {flowSubscriptionUpdateConfirm},
		"flow_data[subscription_update_confirm][subscription]":    {"sub_1"},
		"flow_data[subscription_update_confirm][items][0][id]":    {"si_1"},
		"flow_data[subscription_update_confirm][items][0][price]": {"price_1"},
	}
	maps.Copy(confirm, want)
	for name, test := range map[string]struct {
		body string
		want url.Values
	}{
		"every parameter": {`{"configuration":null,"flow_data":null,"locale":null,"on_behalf_of":null,"return_url":null}`, want},
		"at every depth": {`{"flow_data":{"type":"subscription_update_confirm","after_completion":null,"subscription_cancel":null,"subscription_update":null,
			"subscription_update_confirm":{"subscription":null,"discounts":null,"items":[{"id":null,"price":"price_1","quantity":null}]}}}`, confirm},
		"an empty list for an object, at every depth": {`{"flow_data":{"type":"subscription_update_confirm","after_completion":[],"subscription_cancel":[],"subscription_update":[ ],
			"subscription_update_confirm":{"discounts":[],"items":[{"price":"price_1"}]}}}`, confirm},
		"null in a list": {`{"flow_data":{"type":"subscription_update_confirm",
			"subscription_update_confirm":{"discounts":[null],"items":[null,{"price":"price_1"}]}}}`, confirm},
		"an empty list in a list": {`{"flow_data":{"type":"subscription_update_confirm",
			"subscription_update_confirm":{"discounts":[[]],"items":[{"price":"price_1"},[ ]]}}}`, confirm},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, nil)
			if w := f.serve(jsonType, test.body, nil); w.Code != 303 {
				t.Fatalf("status = %d: %s", w.Code, w.Body)
			}
			encoded := &form.Values{}
			form.AppendTo(encoded, f.created[0])
			if got := encoded.ToValues(); !reflect.DeepEqual(got, test.want) {
				t.Errorf("sent %v\nwant %v", got, test.want)
			}
		})
	}
}

// FuzzInput looks for a body that breaks the reader, and holds what is accepted
// to the policy.
func FuzzInput(f *testing.F) {
	for _, test := range badInput {
		f.Add(test.contentType == jsonType, []byte(test.body))
	}
	for _, parameters := range complete {
		body := url.Values{}
		for name, value := range parameters {
			body.Set(name, value)
		}
		f.Add(false, []byte(body.Encode()))
	}
	f.Fuzz(func(t *testing.T, isJSON bool, body []byte) {
		fixture := newFixture(t, nil)
		contentType := formType
		if isJSON {
			contentType = jsonType
		}
		w := fixture.serve(contentType, string(body), nil)
		if w.Code == 303 {
			params := fixture.created[0]
			if stripe.StringValue(params.Customer) != "cus_alice" || !fixture.Policy.isReturnURL(stripe.StringValue(params.ReturnURL)) {
				t.Errorf("accepted %q: %+v", body, params)
			}
			return
		}
		if d := problemIn(t, w); d.Status != w.Code || w.Code >= 500 {
			t.Errorf("status = %d, problem = %+v", w.Code, d)
		}
	})
}

func BenchmarkReadInput(b *testing.B) {
	body := url.Values{}
	for name, value := range complete[flowSubscriptionUpdateConfirm] {
		body.Set(name, value)
	}
	tree := quantityJSON("1")
	b.Run("form", func(b *testing.B) {
		encoded := body.Encode()
		for b.Loop() {
			in, err := parseForm(encoded)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := decode(in.parameters); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("JSON", func(b *testing.B) {
		for b.Loop() {
			tree, err := parseJSON(tree)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := decode(tree); err != nil {
				b.Fatal(err)
			}
		}
	})
}
