package billing_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stripe/stripe-go/v79"
)

// Every parameter of a session, with the names and in the order that stripe-go sends.
//
// https://docs.stripe.com/api/customer_portal/sessions/create
func TestFormBodyOfEveryParameter(t *testing.T) {
	common := stripe.BillingPortalSessionParams{
		Customer:      stripe.String(customer),
		Configuration: stripe.String("bpc_1MAhNDLkdIwHu7ixckACO1Jq"),
		Locale:        stripe.String("pt-BR"),
		OnBehalfOf:    stripe.String("acct_1M2JTkLkdIwHu7ix"),
		ReturnURL:     stripe.String("https://example.com/account?a=1&b=ü"),
	}
	const (
		first = "configuration=bpc_1MAhNDLkdIwHu7ixckACO1Jq&customer=" + customer
		last  = "&locale=pt-BR&on_behalf_of=acct_1M2JTkLkdIwHu7ix&" +
			"return_url=https%3A%2F%2Fexample.com%2Faccount%3Fa%3D1%26b%3D%C3%BC"
	)
	for name, test := range map[string]struct {
		flow *stripe.BillingPortalSessionFlowDataParams
		want string
	}{
		"no flow": {nil, ""},
		"payment_method_update, then a confirmation": {
			&stripe.BillingPortalSessionFlowDataParams{
				Type: stripe.String("payment_method_update"),
				AfterCompletion: &stripe.BillingPortalSessionFlowDataAfterCompletionParams{
					Type: stripe.String("hosted_confirmation"),
					HostedConfirmation: &stripe.BillingPortalSessionFlowDataAfterCompletionHostedConfirmationParams{
						CustomMessage: stripe.String("Thank you & goodbye"),
					},
				},
			},
			"&flow_data[after_completion][hosted_confirmation][custom_message]=Thank+you+%26+goodbye" +
				"&flow_data[after_completion][type]=hosted_confirmation" +
				"&flow_data[type]=payment_method_update",
		},
		"subscription_cancel with a coupon offered, then a redirect": {
			&stripe.BillingPortalSessionFlowDataParams{
				Type: stripe.String("subscription_cancel"),
				AfterCompletion: &stripe.BillingPortalSessionFlowDataAfterCompletionParams{
					Type: stripe.String("redirect"),
					Redirect: &stripe.BillingPortalSessionFlowDataAfterCompletionRedirectParams{
						ReturnURL: stripe.String("https://example.com/bye"),
					},
				},
				SubscriptionCancel: &stripe.BillingPortalSessionFlowDataSubscriptionCancelParams{
					Subscription: stripe.String("sub_1MowQVLkdIwHu7ix"),
					Retention: &stripe.BillingPortalSessionFlowDataSubscriptionCancelRetentionParams{
						Type: stripe.String("coupon_offer"),
						CouponOffer: &stripe.BillingPortalSessionFlowDataSubscriptionCancelRetentionCouponOfferParams{
							Coupon: stripe.String("STAY20"),
						},
					},
				},
			},
			"&flow_data[after_completion][redirect][return_url]=https%3A%2F%2Fexample.com%2Fbye" +
				"&flow_data[after_completion][type]=redirect" +
				"&flow_data[subscription_cancel][retention][coupon_offer][coupon]=STAY20" +
				"&flow_data[subscription_cancel][retention][type]=coupon_offer" +
				"&flow_data[subscription_cancel][subscription]=sub_1MowQVLkdIwHu7ix" +
				"&flow_data[type]=subscription_cancel",
		},
		"subscription_update, then the portal's homepage": {
			&stripe.BillingPortalSessionFlowDataParams{
				Type: stripe.String("subscription_update"),
				AfterCompletion: &stripe.BillingPortalSessionFlowDataAfterCompletionParams{
					Type: stripe.String("portal_homepage"),
				},
				SubscriptionUpdate: &stripe.BillingPortalSessionFlowDataSubscriptionUpdateParams{
					Subscription: stripe.String("sub_1MowQVLkdIwHu7ix"),
				},
			},
			"&flow_data[after_completion][type]=portal_homepage" +
				"&flow_data[subscription_update][subscription]=sub_1MowQVLkdIwHu7ix" +
				"&flow_data[type]=subscription_update",
		},
		"subscription_update_confirm with a promotion code and quantity 0": {
			&stripe.BillingPortalSessionFlowDataParams{
				Type: stripe.String("subscription_update_confirm"),
				SubscriptionUpdateConfirm: &stripe.BillingPortalSessionFlowDataSubscriptionUpdateConfirmParams{
					Subscription: stripe.String("sub_1MowQVLkdIwHu7ix"),
					Items: []*stripe.BillingPortalSessionFlowDataSubscriptionUpdateConfirmItemParams{{
						ID:       stripe.String("si_Na6dzxczY5fwHx"),
						Price:    stripe.String("price_1MoBy5LkdIwHu7ix"),
						Quantity: stripe.Int64(0),
					}},
					Discounts: []*stripe.BillingPortalSessionFlowDataSubscriptionUpdateConfirmDiscountParams{{
						PromotionCode: stripe.String("promo_1MiM6KLkdIwHu7ix"),
					}},
				},
			},
			"&flow_data[subscription_update_confirm][discounts][0][promotion_code]=promo_1MiM6KLkdIwHu7ix" +
				"&flow_data[subscription_update_confirm][items][0][id]=si_Na6dzxczY5fwHx" +
				"&flow_data[subscription_update_confirm][items][0][price]=price_1MoBy5LkdIwHu7ix" +
				"&flow_data[subscription_update_confirm][items][0][quantity]=0" +
				"&flow_data[subscription_update_confirm][subscription]=sub_1MowQVLkdIwHu7ix" +
				"&flow_data[type]=subscription_update_confirm",
		},
		"subscription_update_confirm with a coupon": {
			&stripe.BillingPortalSessionFlowDataParams{
				Type: stripe.String("subscription_update_confirm"),
				SubscriptionUpdateConfirm: &stripe.BillingPortalSessionFlowDataSubscriptionUpdateConfirmParams{
					Subscription: stripe.String("sub_1MowQVLkdIwHu7ix"),
					Items: []*stripe.BillingPortalSessionFlowDataSubscriptionUpdateConfirmItemParams{{
						ID: stripe.String("si_Na6dzxczY5fwHx"),
					}},
					Discounts: []*stripe.BillingPortalSessionFlowDataSubscriptionUpdateConfirmDiscountParams{{
						Coupon: stripe.String("STAY20"),
					}},
				},
			},
			"&flow_data[subscription_update_confirm][discounts][0][coupon]=STAY20" +
				"&flow_data[subscription_update_confirm][items][0][id]=si_Na6dzxczY5fwHx" +
				"&flow_data[subscription_update_confirm][subscription]=sub_1MowQVLkdIwHu7ix" +
				"&flow_data[type]=subscription_update_confirm",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server, client := newStripe(t, goodSession)
			params := common
			params.FlowData = test.flow
			if _, err := client.CreateSession(t.Context(), apiKey, &params); err != nil {
				t.Fatal(err)
			}
			want := first + test.want + last
			if got := server.seen()[0].body; got != want {
				t.Errorf("body:\n%s\nwant:\n%s", strings.ReplaceAll(got, "&", "\n&"),
					strings.ReplaceAll(want, "&", "\n&"))
			}
		})
	}
}

func TestRequest(t *testing.T) {
	server, client := newStripe(t, goodSession)
	for range 2 {
		if _, err := create(t, client); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range server.seen() { // the second request too, because telemetry describes the one before
		if r.method != http.MethodPost || r.path != "/v1/billing_portal/sessions" {
			t.Errorf("%s %s", r.method, r.path)
		}
		for name, want := range map[string]string{
			"Authorization":             "Bearer " + apiKey,
			"Content-Type":              "application/x-www-form-urlencoded",
			"Stripe-Version":            "2024-06-20", // the version that stripe-go v79 pins
			"Stripe-Account":            "",
			"X-Stripe-Client-Telemetry": "",
		} {
			if got := r.header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	}
	if keys := server.idempotencyKeys(); len(keys) != 2 {
		t.Errorf("idempotency keys = %v, want two", keys)
	}
}

func TestIdempotencyKeysAreRandom(t *testing.T) {
	const requests = 64
	server, client := newStripe(t, goodSession)
	var wait sync.WaitGroup
	for range requests {
		wait.Go(func() {
			if _, err := create(t, client); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	keys := server.idempotencyKeys()
	if len(keys) != requests {
		t.Errorf("%d idempotency keys for %d requests", len(keys), requests)
	}
	for key := range keys {
		// 128 bits need at least 22 characters in any alphabet that headers allow.
		if len(key) < 22 || strings.Contains(key, customer) {
			t.Errorf("idempotency key %q is short, or made of the customer", key)
		}
	}
}

func TestAnswersTheSessionByteForByte(t *testing.T) {
	_, client := newStripe(t, goodSession)
	session, err := create(t, client)
	if err != nil {
		t.Fatal(err)
	}
	if string(session.JSON) != sessionJSON || session.URL != sessionURL {
		t.Errorf("session = %s\n%s", session.JSON, session.URL)
	}
	if session.Calls.Attempts != 1 || session.Calls.RequestID != "req_Zyn1cMXCSLzzKf" {
		t.Errorf("Calls = %+v", session.Calls)
	}
}
