package fakestripe

import (
	"strings"
	"testing"
	"time"

	"billingportal/local/internal/fakestripe/account"
)

// withEveryState returns the account of the demo, plus subscriptions of Alice in the states that
// flows reject.
func withEveryState() *account.Data {
	data := account.DemoData(time.Now())
	for _, status := range []string{"incomplete", "incomplete_expired", "trialing", "past_due",
		"canceled", "unpaid", "paused"} {
		data.Subscriptions = append(data.Subscriptions, account.Subscription{
			ID: "sub_" + status, Customer: "cus_DemoAlice", Status: status,
			Items: []account.Item{{ID: "si_" + status, Price: "price_StarterMonthly", Quantity: 1}},
		})
	}
	data.Subscriptions = append(data.Subscriptions,
		account.Subscription{
			ID: "sub_cancelling", Customer: "cus_DemoAlice", Status: "active", CancelAtPeriodEnd: true,
			Items: []account.Item{{ID: "si_cancelling", Price: "price_StarterMonthly", Quantity: 1}},
		},
		account.Subscription{
			ID: "sub_dated", Customer: "cus_DemoAlice", Status: "active", CancelAt: time.Now().AddDate(0, 1, 0),
			Items: []account.Item{{ID: "si_dated", Price: "price_StarterMonthly", Quantity: 1}},
		},
		account.Subscription{
			ID: "sub_two", Customer: "cus_DemoAlice", Status: "active",
			Items: []account.Item{{ID: "si_a", Price: "price_StarterMonthly", Quantity: 1},
				{ID: "si_b", Price: "price_StorageMonthly", Quantity: 1}},
		})
	data.Prices = append(data.Prices, account.Price{ID: "price_Unlisted", Product: "prod_Pro", UnitAmount: 1})
	data.Configurations = append(data.Configurations,
		account.Configuration{ID: "bpc_priceOnly", Update: true, AllowedUpdates: []string{"price"},
			Prices: []string{"price_ProMonthly"}},
		account.Configuration{ID: "bpc_quantityOnly", Update: true, AllowedUpdates: []string{"quantity"},
			Prices: []string{"price_ProMonthly"}},
		account.Configuration{ID: "bpc_nothing"})
	return &data
}

// Prefixes of forms. They are concatenated without %s, so that the table shows the form as sent.
const (
	alice   = "customer=cus_DemoAlice"
	cancel  = alice + "&flow_data[type]=subscription_cancel&flow_data[subscription_cancel][subscription]="
	update  = alice + "&flow_data[type]=subscription_update&flow_data[subscription_update][subscription]="
	confirm = alice + "&flow_data[type]=subscription_update_confirm&" +
		"flow_data[subscription_update_confirm][subscription]=sub_DemoAlice"
	item    = "&flow_data[subscription_update_confirm][items][0]"
	ofAlice = item + "[id]=si_DemoAlice"
	toPro   = ofAlice + item + "[price]=price_ProMonthly"
	rebate  = "&flow_data[subscription_update_confirm][discounts][0]"
)

func TestRefusals(t *testing.T) {
	tests := []struct {
		name, form  string
		code, param string
		message     string // a part of the message
	}{
		// Errors that stripe-mock does not find.
		{"no such customer", "customer=cus_None", "resource_missing", "customer", "No such customer: 'cus_None'"},
		{"deleted customer", "customer=cus_DemoCarol", "resource_missing", "customer",
			"No such customer: 'cus_DemoCarol'"},
		{"no customer", "locale=de", "parameter_missing", "customer", "Missing required param: customer."},
		{"no such configuration", alice + "&configuration=bpc_None", "resource_missing", "configuration",
			"No such configuration: 'bpc_None'"},
		{"no such account", alice + "&on_behalf_of=acct_None", "resource_missing", "on_behalf_of",
			"No such account: 'acct_None'"},
		{"return_url without a scheme", alice + "&return_url=example.com", "url_invalid", "return_url",
			"Invalid URL: An explicit scheme (such as https) must be provided."},
		{"return_url with a script", alice + "&return_url=javascript:alert(1)", "url_invalid",
			"return_url", "Not a valid URL"},
		{"return_url without a host", alice + "&return_url=https:///x", "url_invalid", "return_url", "Not a valid URL"},
		{"return_url that is invalid", alice + "&return_url=https://a%20b/", "url_invalid",
			"return_url", "Not a valid URL"},
		{
			"redirect to an invalid URL", cancel + "sub_DemoAlice&flow_data[after_completion][type]=redirect&" +
				"flow_data[after_completion][redirect][return_url]=/x",
			"url_invalid", "flow_data[after_completion][redirect][return_url]", "Invalid URL",
		},
		{
			"redirect without its block", cancel + "sub_DemoAlice&flow_data[after_completion][type]=redirect",
			"parameter_missing", "flow_data[after_completion][redirect]", "Missing required param",
		},
		{
			"the block of another completion", cancel + "sub_DemoAlice&flow_data[after_completion][type]=redirect&" +
				"flow_data[after_completion][hosted_confirmation][custom_message]=x",
			"", "flow_data[after_completion][hosted_confirmation]", "You may only specify",
		},
		{"a type without its block", alice + "&flow_data[type]=subscription_cancel", "parameter_missing",
			"flow_data[subscription_cancel]", "Missing required param: flow_data[subscription_cancel]."},
		{
			"the block of another type",
			cancel + "sub_DemoAlice&flow_data[subscription_update][subscription]=sub_DemoAlice",
			"", "flow_data[subscription_update]", "You may only specify",
		},
		{
			"unknown nested name", cancel + "sub_DemoAlice&flow_data[subscription_cancel][refund]=all",
			"parameter_unknown", "flow_data[subscription_cancel][refund]",
			"Received unknown parameter: flow_data[subscription_cancel][refund]",
		},
		{"negative quantity", confirm + ofAlice + item + "[quantity]=-1", "parameter_invalid_integer",
			"flow_data[subscription_update_confirm][items][0][quantity]", "greater than or equal to 0"},
		{"two items", confirm + toPro + "&flow_data[subscription_update_confirm][items][1][id]=si_b", "",
			"flow_data[subscription_update_confirm][items]", "Only up to one item"},
		{
			"two discounts", confirm + toPro + rebate +
				"[coupon]=STAY20&flow_data[subscription_update_confirm][discounts][1][coupon]=STAY20",
			"", "flow_data[subscription_update_confirm][discounts]", "Only up to one discount",
		},
		{"both kinds of discount", confirm + toPro + rebate + "[coupon]=STAY20" + rebate +
			"[promotion_code]=promo_DemoSpring", "", "flow_data[subscription_update_confirm][discounts][0]",
			"You may only specify one of these parameters: coupon, promotion_code."},

		// Errors that Stripe's document describes, with Stripe's messages.
		{"unknown name", alice + "&colour=red", "parameter_unknown", "colour", "Received unknown parameter: colour"},
		{"unknown locale", alice + "&locale=xx", "", "locale", "Invalid locale: must be one of auto, bg,"},
		{"unknown flow", alice + "&flow_data[type]=pay", "", "flow_data[type]",
			"Invalid flow_data[type]: must be one of"},
		{"a flow of a later version", alice + "&flow_data[type]=customer_update", "", "flow_data[type]",
			"Invalid flow_data[type]: must be one of payment_method_update, subscription_cancel, " +
				"subscription_update, or subscription_update_confirm"},
		{"a flow of a later version, for a customer who does not exist",
			"customer=cus_none&flow_data[type]=customer_update", "", "flow_data[type]", "Invalid flow_data[type]"},
		{"a flow without a type", alice + "&flow_data[subscription_cancel][subscription]=sub_DemoAlice",
			"parameter_missing", "flow_data[type]", "Missing required param: flow_data[type]."},
		{"an empty value", "customer=", "parameter_invalid_empty", "customer",
			"You passed an empty string for 'customer'."},
		{"a quantity that is not a number", confirm + ofAlice + item + "[quantity]=x", "parameter_invalid_integer",
			"flow_data[subscription_update_confirm][items][0][quantity]", "Invalid integer: x"},
		{"a quantity that is not a whole number", confirm + ofAlice + item + "[quantity]=1.5",
			"parameter_invalid_integer",
			"flow_data[subscription_update_confirm][items][0][quantity]", "Invalid integer: 1.5"},
		{"a value for an object", alice + "&flow_data=x", "", "flow_data", "Invalid object"},
		{"an object for a value", alice + "&locale[x]=de", "", "locale", "Invalid string"},
		{"a value for a list", confirm + "&flow_data[subscription_update_confirm][items]=x", "",
			"flow_data[subscription_update_confirm][items]", "Invalid array"},
		{"no items", confirm, "parameter_missing", "flow_data[subscription_update_confirm][items]",
			"Missing required param"},
		{"an item without its ID", confirm + item + "[price]=price_ProMonthly", "parameter_missing",
			"flow_data[subscription_update_confirm][items][0][id]", "Missing required param"},
		{
			"a message that is too long", cancel + "sub_DemoAlice&flow_data[after_completion][type]=" +
				"hosted_confirmation&flow_data[after_completion][hosted_confirmation][custom_message]=" +
				strings.Repeat("ä", 501),
			"", "flow_data[after_completion][hosted_confirmation][custom_message]", "must be at most 500 characters",
		},
		{"expanding", alice + "&expand[]=configuration", "", "expand", "Not in this stand-in"},
		{"a parameter of a later version", alice + "&customer_account=acct_1", "", "customer_account",
			"Not in this stand-in"},

		// Cancelling.
		{"cancel a missing subscription", cancel + "sub_None", "resource_missing",
			"flow_data[subscription_cancel][subscription]", "No such subscription: 'sub_None'"},
		{"cancel a subscription of another customer", cancel + "sub_DemoDaveTeam", "resource_missing",
			"flow_data[subscription_cancel][subscription]", "No such subscription: 'sub_DemoDaveTeam'"},
		{"cancel a canceled subscription", cancel + "sub_canceled", "", "",
			"cannot be canceled because its status is `canceled`"},
		{"cancel a subscription that never started", cancel + "sub_incomplete_expired", "", "",
			"cannot be canceled because its status is `incomplete_expired`"},
		{"cancel a subscription that ends at the period end", cancel + "sub_cancelling", "", "",
			"The subscription `sub_cancelling` is already set to be canceled at period end."},
		{"cancel a subscription that ends on a date", cancel + "sub_dated", "", "",
			"already set to be canceled at period end."},
		{
			"offer a missing coupon", cancel + "sub_DemoAlice&flow_data[subscription_cancel][retention][type]=" +
				"coupon_offer&flow_data[subscription_cancel][retention][coupon_offer][coupon]=NONE",
			"resource_missing", "flow_data[subscription_cancel][retention][coupon_offer][coupon]",
			"No such coupon: 'NONE'",
		},
		{"cancel when the portal does not allow it", cancel + "sub_DemoAlice&configuration=bpc_nothing", "", "",
			"the subscription cancel feature in the portal configuration is disabled."},

		// Changing.
		{"change a subscription of another customer", update + "sub_DemoErin", "resource_missing",
			"flow_data[subscription_update][subscription]", "No such subscription: 'sub_DemoErin'"},
		{"change a canceled subscription", update + "sub_canceled", "", "",
			"cannot be updated because its status is `canceled`"},
		{"change a paused subscription", update + "sub_paused", "", "",
			"cannot be updated because its status is `paused`"},
		{"change a subscription with several items", update + "sub_two", "", "", "multiple subscription items"},
		{"change when the portal does not allow it", update + "sub_DemoAlice&configuration=bpc_DemoCancelOnly", "", "",
			"This subscription cannot be updated because the subscription update feature in the portal configuration " +
				"is disabled."},
		{"change nothing", confirm + ofAlice, "", "",
			"Cannot update the subscription because there are no changes to confirm."},
		{"change to the current price", confirm + ofAlice + item + "[price]=price_StarterMonthly" + item +
			"[quantity]=1", "", "", "Cannot update the subscription because there are no changes to confirm."},
		{"an item of another subscription", confirm + item + "[id]=si_DemoDaveTeam", "resource_missing",
			"flow_data[subscription_update_confirm][items][0][id]", "No such subscription item: 'si_DemoDaveTeam'"},
		{"no such price", confirm + ofAlice + item + "[price]=price_None", "resource_missing",
			"flow_data[subscription_update_confirm][items][0][price]", "No such price: 'price_None'"},
		{"a price that is not in the portal", confirm + ofAlice + item + "[price]=price_Unlisted", "", "",
			"the price `price_Unlisted` is not in the portal configuration."},
		{"no such coupon", confirm + toPro + rebate + "[coupon]=NONE", "resource_missing",
			"flow_data[subscription_update_confirm][discounts][0][coupon]", "No such coupon: 'NONE'"},
		{"no such promotion code", confirm + toPro + rebate + "[promotion_code]=promo_None", "resource_missing",
			"flow_data[subscription_update_confirm][discounts][0][promotion_code]",
			"No such promotion code: 'promo_None'"},
		{"promotion codes when the portal does not allow them", confirm + toPro + rebate +
			"[coupon]=STAY20&configuration=bpc_priceOnly", "", "", "does not include `promotion_code`."},
		{"quantities when the portal does not allow them",
			confirm + toPro + item + "[quantity]=2&configuration=bpc_priceOnly",
			"", "", "does not include `quantity`."},
		{"prices when the portal does not allow them", confirm + toPro + "&configuration=bpc_quantityOnly", "", "",
			"does not include `price`."},
		{"payment methods when the portal does not allow them", alice +
			"&flow_data[type]=payment_method_update&configuration=bpc_nothing", "", "",
			"the payment method update feature in the portal configuration is disabled."},
	}
	s := start(t, Config{Data: withEveryState()})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := s.send(t, "POST", sessions, tt.form)
			if got.status != 400 || got.Error.Type != "invalid_request_error" || got.Error.Code != tt.code ||
				got.Error.Param != tt.param ||
				!strings.Contains(got.Error.Message, tt.message) {
				t.Errorf("status %d: %s", got.status, got.body)
			}
		})
	}
}

// TestFlowsAreAllowed covers the other states: those in which Stripe's portal changes a
// subscription.
func TestFlowsAreAllowed(t *testing.T) {
	s := start(t, Config{Data: withEveryState()})
	for _, form := range []string{
		cancel + "sub_trialing", cancel + "sub_past_due", cancel + "sub_unpaid",
		cancel + "sub_paused", cancel + "sub_two",
		update + "sub_trialing", update + "sub_past_due", update + "sub_cancelling",
		confirm + toPro, confirm + ofAlice + item + "[quantity]=0",
		confirm + toPro + "&configuration=bpc_priceOnly",
	} {
		if got := s.send(t, "POST", sessions, form); got.status != 200 {
			t.Errorf("%s: %d %s", form, got.status, got.body)
		}
	}
}

// TestStripeMockIsUsed sends an error that the checks before stripe-mock do not find: a body of
// another type.
func TestStripeMockIsUsed(t *testing.T) {
	s := start(t, Config{})
	got := s.send(t, "POST", sessions, alice, "Content-Type", "text/plain")
	if got.status != 400 || !strings.Contains(got.Error.Message, "didn't match the path's expected media type") {
		t.Errorf("status %d: %s", got.status, got.body)
	}
}
