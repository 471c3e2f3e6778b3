package fakestripe

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v79"

	"billingportal/local/internal/fakestripe/account"
)

// Short names for the parameters of the client.
type (
	flowParams    = stripe.BillingPortalSessionFlowDataParams
	offerParams   = stripe.BillingPortalSessionFlowDataSubscriptionCancelRetentionCouponOfferParams
	afterParams   = stripe.BillingPortalSessionFlowDataAfterCompletionParams
	confirmParams = stripe.BillingPortalSessionFlowDataSubscriptionUpdateConfirmParams
)

// TestEveryFlowWithEveryParameter sends every parameter of a portal session with the real client.
// Each request must pass stripe-mock, and its form must be exactly as expected.
func TestEveryFlowWithEveryParameter(t *testing.T) {
	redirectParams := &afterParams{
		Type: stripe.String("redirect"),
		Redirect: &stripe.BillingPortalSessionFlowDataAfterCompletionRedirectParams{
			ReturnURL: stripe.String("https://example.com/done?a=1&b=2"),
		},
	}
	tests := []struct {
		name   string
		params *stripe.BillingPortalSessionParams
		form   []string // one parameter per line, decoded, in the order sent
		flow   string   // in the response
	}{
		{
			name:   "customer alone",
			params: &stripe.BillingPortalSessionParams{Customer: stripe.String("cus_DemoAlice")},
			form:   []string{"customer=cus_DemoAlice"},
			flow:   `null`,
		},
		{
			name: "everything outside flows",
			params: &stripe.BillingPortalSessionParams{
				Customer: stripe.String("cus_DemoAlice"), Configuration: stripe.String("bpc_DemoCancelOnly"),
				Locale:     stripe.String("pt-BR"),
				OnBehalfOf: stripe.String("acct_DemoConnect"), ReturnURL: stripe.String("https://example.com/account"),
			},
			form: []string{
				"configuration=bpc_DemoCancelOnly", "customer=cus_DemoAlice", "locale=pt-BR",
				"on_behalf_of=acct_DemoConnect",
				"return_url=https://example.com/account",
			},
			flow: `null`,
		},
		{
			name: "payment_method_update, then the portal's home page",
			params: &stripe.BillingPortalSessionParams{
				Customer: stripe.String("cus_DemoAlice"),
				FlowData: &flowParams{Type: stripe.String("payment_method_update"),
					AfterCompletion: &afterParams{Type: stripe.String("portal_homepage")}},
			},
			form: []string{
				"customer=cus_DemoAlice", "flow_data[after_completion][type]=portal_homepage",
				"flow_data[type]=payment_method_update",
			},
			flow: `{"after_completion":{"hosted_confirmation":null,"redirect":null,"type":"portal_homepage"},` +
				`"subscription_cancel":null,
				"subscription_update":null,"subscription_update_confirm":null,"type":"payment_method_update"}`,
		},
		{
			name: "subscription_cancel with an offer, then a redirect",
			params: &stripe.BillingPortalSessionParams{
				Customer: stripe.String("cus_DemoAlice"),
				FlowData: &flowParams{
					Type: stripe.String("subscription_cancel"), AfterCompletion: redirectParams,
					SubscriptionCancel: &stripe.BillingPortalSessionFlowDataSubscriptionCancelParams{
						Subscription: stripe.String("sub_DemoAlice"),
						Retention: &stripe.BillingPortalSessionFlowDataSubscriptionCancelRetentionParams{
							Type: stripe.String("coupon_offer"),
							CouponOffer: &offerParams{
								Coupon: stripe.String("STAY20"),
							},
						},
					},
				},
			},
			form: []string{
				"customer=cus_DemoAlice",
				"flow_data[after_completion][redirect][return_url]=https://example.com/done?a=1&b=2",
				"flow_data[after_completion][type]=redirect",
				"flow_data[subscription_cancel][retention][coupon_offer][coupon]=STAY20",
				"flow_data[subscription_cancel][retention][type]=coupon_offer",
				"flow_data[subscription_cancel][subscription]=sub_DemoAlice",
				"flow_data[type]=subscription_cancel",
			},
			flow: `{"after_completion":{"hosted_confirmation":null,` +
				`"redirect":{"return_url":"https://example.com/done?a=1&b=2"},"type":"redirect"},
				"subscription_cancel":{"retention":{"coupon_offer":{"coupon":"STAY20"},"type":"coupon_offer"},` +
				`"subscription":"sub_DemoAlice"},
				"subscription_update":null,"subscription_update_confirm":null,"type":"subscription_cancel"}`,
		},
		{
			name: "subscription_update, then a confirmation",
			params: &stripe.BillingPortalSessionParams{
				Customer: stripe.String("cus_DemoDave"),
				FlowData: &flowParams{
					Type: stripe.String("subscription_update"),
					SubscriptionUpdate: &stripe.BillingPortalSessionFlowDataSubscriptionUpdateParams{
						Subscription: stripe.String("sub_DemoDaveStorage")},
					AfterCompletion: &afterParams{
						Type: stripe.String("hosted_confirmation"),
						HostedConfirmation: &stripe.BillingPortalSessionFlowDataAfterCompletionHostedConfirmationParams{
							CustomMessage: stripe.String("Merci & à bientôt")},
					},
				},
			},
			form: []string{
				"customer=cus_DemoDave",
				"flow_data[after_completion][hosted_confirmation][custom_message]=Merci & à bientôt",
				"flow_data[after_completion][type]=hosted_confirmation",
				"flow_data[subscription_update][subscription]=sub_DemoDaveStorage",
				"flow_data[type]=subscription_update",
			},
			flow: `{"after_completion":{"hosted_confirmation":{"custom_message":"Merci & à ` +
				`bientôt"},"redirect":null,"type":"hosted_confirmation"},
				"subscription_cancel":null,"subscription_update":{"subscription":"sub_DemoDaveStorage"},` +
				`"subscription_update_confirm":null,"type":"subscription_update"}`,
		},
		{
			name: "subscription_update_confirm with a price, a quantity and a promotion code",
			params: &stripe.BillingPortalSessionParams{
				Customer: stripe.String("cus_DemoDave"),
				FlowData: &flowParams{
					Type: stripe.String("subscription_update_confirm"),
					SubscriptionUpdateConfirm: &confirmParams{
						Subscription: stripe.String("sub_DemoDaveTeam"),
						Items: []*stripe.BillingPortalSessionFlowDataSubscriptionUpdateConfirmItemParams{{
							ID: stripe.String("si_DemoDaveTeam"), Price: stripe.String("price_ProMonthly"),
							Quantity: stripe.Int64(7),
						}},
						Discounts: []*stripe.BillingPortalSessionFlowDataSubscriptionUpdateConfirmDiscountParams{
							{PromotionCode: stripe.String("promo_DemoSpring")}},
					},
				},
			},
			form: []string{
				"customer=cus_DemoDave",
				"flow_data[subscription_update_confirm][discounts][0][promotion_code]=promo_DemoSpring",
				"flow_data[subscription_update_confirm][items][0][id]=si_DemoDaveTeam",
				"flow_data[subscription_update_confirm][items][0][price]=price_ProMonthly",
				"flow_data[subscription_update_confirm][items][0][quantity]=7",
				"flow_data[subscription_update_confirm][subscription]=sub_DemoDaveTeam",
				"flow_data[type]=subscription_update_confirm",
			},
			flow: `{"after_completion":{"hosted_confirmation":null,"redirect":null,"type":"portal_homepage"},` +
				`"subscription_cancel":null,"subscription_update":null,
				"subscription_update_confirm":{"discounts":[{"coupon":null,"promotion_code":"promo_DemoSpring"}],
				"items":[{"id":"si_DemoDaveTeam","price":"price_ProMonthly","quantity":7}],` +
				`"subscription":"sub_DemoDaveTeam"},"type":"subscription_update_confirm"}`,
		},
		{
			name: "subscription_update_confirm with a coupon alone",
			params: &stripe.BillingPortalSessionParams{
				Customer: stripe.String("cus_DemoAlice"),
				FlowData: &flowParams{
					Type: stripe.String("subscription_update_confirm"),
					SubscriptionUpdateConfirm: &confirmParams{
						Subscription: stripe.String("sub_DemoAlice"),
						Items: []*stripe.BillingPortalSessionFlowDataSubscriptionUpdateConfirmItemParams{
							{ID: stripe.String("si_DemoAlice")}},
						Discounts: []*stripe.BillingPortalSessionFlowDataSubscriptionUpdateConfirmDiscountParams{
							{Coupon: stripe.String("STAY20")}},
					},
				},
			},
			form: []string{
				"customer=cus_DemoAlice",
				"flow_data[subscription_update_confirm][discounts][0][coupon]=STAY20",
				"flow_data[subscription_update_confirm][items][0][id]=si_DemoAlice",
				"flow_data[subscription_update_confirm][subscription]=sub_DemoAlice",
				"flow_data[type]=subscription_update_confirm",
			},
			flow: `{"after_completion":{"hosted_confirmation":null,"redirect":null,"type":"portal_homepage"},` +
				`"subscription_cancel":null,"subscription_update":null,
				"subscription_update_confirm":{"discounts":[{"coupon":"STAY20","promotion_code":null}],` +
				`"items":[{"id":"si_DemoAlice","price":null}],
				"subscription":"sub_DemoAlice"},"type":"subscription_update_confirm"}`,
		},
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := start(t, Config{Now: func() time.Time { return now }})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := s.client.BillingPortalSessions.New(tt.params)
			if err != nil {
				t.Fatal(err)
			}
			requests := s.Requests()
			sent := requests[len(requests)-1]
			if sent.Method != "POST" || sent.Path != sessions || sent.IdempotencyKey == "" ||
				sent.StripeVersion != "2024-06-20" {
				t.Errorf("the client sent %+v", sent)
			}
			if lines := decode(t, sent.Body); !slices.Equal(lines, tt.form) {
				t.Errorf("form:\n%s\nwant:\n%s", strings.Join(lines, "\n"), strings.Join(tt.form, "\n"))
			}
			var answer struct{ Flow json.RawMessage }
			if err := json.Unmarshal(got.LastResponse.RawJSON, &answer); err != nil {
				t.Fatal(err)
			}
			if got, want := compact(t, answer.Flow), compact(t, []byte(tt.flow)); got != want {
				t.Errorf("flow:\n%s\nwant:\n%s", got, want)
			}
			if got.Created != now.Unix() || got.Livemode || got.Customer != *tt.params.Customer {
				t.Errorf("the session is %+v", got)
			}
		})
	}
}

// TestSessionHasStripesFields compares the response with the sample in Stripe's reference, field by
// field and in order.
func TestSessionHasStripesFields(t *testing.T) {
	s := start(t, Config{})
	got := s.send(t, "POST", sessions, "customer=cus_DemoAlice&return_url=https://example.com/account")
	var fields []string
	for _, match := range regexp.MustCompile(`(?m)^  "(\w+)": `).FindAllStringSubmatch(got.body, -1) {
		fields = append(fields, match[1])
	}
	want := []string{"id", "object", "configuration", "created", "customer", "flow", "livemode", "locale",
		"on_behalf_of", "return_url", "url"}
	if !slices.Equal(fields, want) {
		t.Errorf("the session has the fields %v", fields)
	}
	for _, line := range []string{
		`"object": "billing_portal.session"`, `"configuration": "bpc_DemoDefault"`, `"customer": "cus_DemoAlice"`,
		`"flow": null`, `"livemode": false`,
		`"locale": null`, `"on_behalf_of": null`, `"return_url": "https://example.com/account"`,
	} {
		if !strings.Contains(got.body, line) {
			t.Errorf("no %s in %s", line, got.body)
		}
	}
	if !regexp.MustCompile(`^bps_1\w{23}$`).MatchString(got.ID) {
		t.Errorf("the session has the ID %q", got.ID)
	}
	if !regexp.MustCompile(`^http://127\.0\.0\.1:8080/p/session/test_\w{52}$`).MatchString(got.URL) {
		t.Errorf("the session has the URL %q", got.URL)
	}
}

func TestPortalSettingsWereNeverSaved(t *testing.T) {
	data := account.DemoData(time.Now())
	data.Configurations[0].Default = false
	s := start(t, Config{Data: &data})
	got := s.send(t, "POST", sessions, "customer=cus_DemoAlice")
	if got.status != 400 || !strings.HasPrefix(got.Error.Message,
		"No configuration provided and your test mode default configuration has not been created.") {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	if got := s.send(t, "POST", sessions, "customer=cus_DemoAlice&configuration=bpc_DemoDefault"); got.status != 200 {
		t.Errorf("with a configuration: %d %s", got.status, got.body)
	}
}

func compact(t *testing.T, text []byte) string {
	t.Helper()
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}
