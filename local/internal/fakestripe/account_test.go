package fakestripe

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"billingportal/local/internal/fakestripe/account"
)

// everything returns an account in which each object has one unusual value, at a fixed time.
func everything() Config {
	now := time.Date(2026, 1, 20, 12, 0, 0, 0, time.UTC)
	data := account.DemoData(now)
	data.Coupons[1].Expired = true
	data.PromotionCodes = append(data.PromotionCodes,
		account.PromotionCode{ID: "promo_Old", Code: "OLD", Coupon: "STAY20", Inactive: true})
	data.Endpoints = []account.WebhookEndpoint{
		{ID: "we_1", URL: "https://api.example.com/stripe/webhook", Events: []string{"customer.created"}},
		{ID: "we_2", URL: "https://api.example.com/other", Disabled: true, Events: []string{"*"}},
		{ID: "ed_3", URL: "https://api.example.com/thin", Thin: true, Events: []string{"v1.customer.created"}},
	}
	return Config{Data: &data, Now: func() time.Time { return now }}
}

const destinationVersion = "2024-10-28.acacia"

// These are the fields of each object that the product reads, in the format of the Stripe API
// reference.
func TestObjectsOfTheAccount(t *testing.T) {
	const alice = `"address":null,"balance":0,"created":1760097600,"currency":null,"default_source":null,` +
		`"delinquent":false,"description":null,"discount":null,` +
		`"email":"alice@example.com","id":"cus_DemoAlice","livemode":false,"metadata":{"user_id":"alice"},` +
		`"name":"Alice Archer","object":"customer",` +
		`"phone":null,"preferred_locales":[],"shipping":null,"tax_exempt":"none","test_clock":null`
	destination := func(id, url, status, events, payload string) string {
		return fmt.Sprintf(`{"enabled_events":[%q],"event_payload":%q,"id":%q,"livemode":false,`+
			`"object":"v2.core.event_destination","status":%q,"webhook_endpoint":{"signing_secret":null,"url":%s}}`,
			events, payload, id, status, url)
	}
	s := start(t, everything())
	for path, want := range map[string]string{
		"/v1/account":                   `{"charges_enabled":true,"id":"acct_Demo","object":"account"}`,
		"/v1/accounts/acct_DemoConnect": `{"charges_enabled":true,"id":"acct_DemoConnect","object":"account"}`,
		"/v1/coupons/STAY20": `{"id":"STAY20","livemode":false,"name":"Stay with ` +
			`us","object":"coupon","percent_off":20,"valid":true}`,
		"/v1/coupons/SPRING10": `{"id":"SPRING10","livemode":false,"name":"Spring ` +
			`sale","object":"coupon","percent_off":10,"valid":false}`,
		"/v1/promotion_codes/promo_DemoSpring": `{"active":true,"code":"SPRING","id":"promo_DemoSpring",` +
			`"livemode":false,"object":"promotion_code"}`,
		"/v1/promotion_codes/promo_Old": `{"active":false,"code":"OLD","id":"promo_Old","livemode":false,` +
			`"object":"promotion_code"}`,
		"/v1/customers/cus_DemoAlice": `{` + alice + `}`,
		"/v1/customers/cus_DemoCarol": `{"deleted":true,"id":"cus_DemoCarol","object":"customer"}`,
		"/v1/customers?email=alice@example.com": `{"data":[{` + alice +
			`}],"has_more":false,"object":"list","url":"/v1/customers"}`,
		"/v1/webhook_endpoints": `{"data":[` +
			`{"created":1768906800,"enabled_events":["customer.created"],"id":"we_1","livemode":false,` +
			`"object":"webhook_endpoint","status":"enabled","url":"https://api.example.com/stripe/webhook"},` +
			`{"created":1768906800,"enabled_events":["*"],"id":"we_2","livemode":false,"object":"webhook_endpoint",` +
			`"status":"disabled","url":"https://api.example.com/other"}` +
			`],"has_more":false,"object":"list","url":"/v1/webhook_endpoints"}`,
		"/v2/core/event_destinations": `{"data":[` + destination("we_1", "null", "enabled",
			"customer.created", "snapshot") + `,` +
			destination("we_2", "null", "disabled", "*", "snapshot") + `,` + destination("ed_3", "null", "enabled",
			"v1.customer.created", "thin") +
			`],"next_page_url":null,"previous_page_url":null}`,
		"/v2/core/event_destinations?include[0]=webhook_endpoint.url": `{"data":[` +
			destination("we_1", `"https://api.example.com/stripe/webhook"`, "enabled",
				"customer.created", "snapshot") + `,` +
			destination("we_2", `"https://api.example.com/other"`, "disabled", "*", "snapshot") + `,` +
			destination("ed_3", `"https://api.example.com/thin"`, "enabled", "v1.customer.created", "thin") +
			`],"next_page_url":null,"previous_page_url":null}`,
		"/v2/core/event_destinations/ed_3": destination("ed_3", "null", "enabled", "v1.customer.created", "thin"),
	} {
		t.Run(path, func(t *testing.T) {
			got := s.send(t, "GET", path, "", "Stripe-Version", destinationVersion)
			if body := compact(t, []byte(got.body)); got.status != 200 || body != want {
				t.Errorf("%d\n%s\nwant\n%s", got.status, body, want)
			}
			if got := got.header.Get("Content-Type"); got != "application/json" {
				t.Errorf("Content-Type: %s", got)
			}
			if got := got.header.Get("Cache-Control"); got != "no-cache, no-store" {
				t.Errorf("Cache-Control: %s", got)
			}
		})
	}
}

// Stripe's errors for an unknown ID, and for a restricted key without a read permission.
// https://docs.stripe.com/error-codes
func TestMissingObjectsAndMissingPermissions(t *testing.T) {
	config, restricted := everything(), "rk_test_"+"restricted"
	config.Keys = []string{testKey, restricted}
	s := start(t, config)
	for path, want := range map[string]struct {
		status                  int
		code, param, permission string
	}{
		"/v1/account":                              {200, "", "", "accounts_kyc_basic_read"},
		"/v1/accounts/acct_None":                   {403, "account_invalid", "", "connected_account_read"},
		"/v1/coupons/NONE":                         {404, "resource_missing", "coupon", "coupon_read"},
		"/v1/promotion_codes/promo_None":           {404, "resource_missing", "promotion_code", "promotion_code_read"},
		"/v1/customers/cus_None":                   {404, "resource_missing", "id", "customer_read"},
		"/v1/customers":                            {200, "", "", "customer_read"},
		"/v1/products":                             {200, "", "", "product_read"},
		"/v1/subscriptions":                        {200, "", "", "subscription_read"},
		"/v1/subscriptions/sub_None":               {404, "resource_missing", "id", "subscription_read"},
		"/v1/billing_portal/configurations":        {200, "", "", "customer_portal_write"},
		"/v1/billing_portal/configurations/bpc_No": {404, "resource_missing", "configuration", "customer_portal_write"},
		"/v1/webhook_endpoints":                    {200, "", "", "webhook_read"},
		"/v2/core/event_destinations":              {200, "", "", "webhook_read"},
		"/v2/core/event_destinations/ed_None":      {404, "resource_missing", "", "webhook_read"},
	} {
		t.Run(path, func(t *testing.T) {
			got := s.send(t, "GET", path, "", "Stripe-Version", destinationVersion)
			if got.status != want.status || got.Error.Code != want.code || got.Error.Param != want.param ||
				want.status != 200 && got.Error.Type != "invalid_request_error" {
				t.Errorf("status %d: %s", got.status, got.body)
			}
			s.Withhold(restricted, want.permission)
			denied := s.send(t, "GET", path, "", "Stripe-Version", destinationVersion,
				"Authorization", "Bearer "+restricted)
			if denied.status != http.StatusForbidden || denied.Error.Code != "" ||
				!strings.Contains(denied.Error.Message, "('"+want.permission+"')") {
				t.Errorf("without %s: %d %s", want.permission, denied.status, denied.body)
			}
		})
	}
}

// The product never sends an older version to event destinations.
func TestOlderVersionsHaveNoEventDestinations(t *testing.T) {
	s := start(t, everything())
	for version, want := range map[string]int{"": 400, "2024-06-20": 400, "2024-09-30.acacia": 400,
		destinationVersion: 200, "2026-08-26.dahlia": 200} {
		if got := s.send(t, "GET", "/v2/core/event_destinations", "", "Stripe-Version", version); got.status != want {
			t.Errorf("%q: %d %s", version, got.status, got.body)
		}
	}
}

// Stripe lists ten objects by default. https://docs.stripe.com/api/pagination
func TestListsHaveTenObjectsByDefault(t *testing.T) {
	config := everything()
	for i := range 12 {
		created := config.Now().Add(-time.Duration(i) * time.Hour)
		config.Data.Customers = append(config.Data.Customers,
			account.Customer{ID: fmt.Sprintf("cus_%02d", i), Created: created})
		config.Data.Products = append(config.Data.Products, account.Product{ID: fmt.Sprintf("prod_%02d", i)})
		config.Data.Subscriptions = append(config.Data.Subscriptions,
			account.Subscription{ID: fmt.Sprintf("sub_%02d", i), Customer: "cus_DemoAlice",
				Status: "active", Created: created})
		config.Data.Configurations = append(config.Data.Configurations,
			account.Configuration{ID: fmt.Sprintf("bpc_%02d", i)})
		config.Data.Endpoints = append(config.Data.Endpoints,
			account.WebhookEndpoint{ID: fmt.Sprintf("we_%02d", i), Events: []string{"*"}})
	}
	s := start(t, config)
	for _, path := range []string{"/v1/customers", "/v1/products", "/v1/subscriptions",
		"/v1/billing_portal/configurations", "/v1/webhook_endpoints"} {
		first := strings.Fields(decodeList(t, s.send(t, "GET", path, "").body))
		if len(first) != 11 || first[10] != "+" {
			t.Fatalf("%s lists %v, want ten objects and more", path, first)
		}
		rest := strings.Fields(decodeList(t, s.send(t, "GET", path+"?starting_after="+first[9], "").body))
		all := strings.Fields(decodeList(t, s.send(t, "GET", path+"?limit=100", "").body))
		if len(rest) < 2 || !slices.Equal(append(first[:10:10], rest...), all) {
			t.Errorf("%s lists %v, then %v, of %v", path, first, rest, all)
		}
	}
}

func TestCustomersAreListedNewestFirst(t *testing.T) {
	config := everything()
	config.Data.Customers = []account.Customer{
		{ID: "cus_Old", Created: time.Unix(1, 0)}, {ID: "cus_New", Created: time.Unix(3, 0)},
		{ID: "cus_Gone", Created: time.Unix(4, 0), Deleted: true}, {ID: "cus_Middle", Created: time.Unix(2, 0)},
	}
	s := start(t, config)
	if got := decodeList(t, s.send(t, "GET", "/v1/customers", "").body); got != "cus_New cus_Middle cus_Old" {
		t.Errorf("the order is %s", got)
	}
}

// An expanded customer contains the subscriptions that are not canceled.
func TestCustomersWithTheirSubscriptions(t *testing.T) {
	s := start(t, everything())
	for email, want := range map[string]string{
		"dave@example.com": `"url":"/v1/customers/cus_DemoDave/subscriptions"`,
		"erin@example.com": `"subscriptions":{"data":[],"has_more":false,"object":"list"`,
	} {
		if body := compact(t, []byte(s.send(t, "GET", "/v1/customers?expand[]=data.subscriptions&email="+email,
			"").body)); !strings.Contains(body, want) {
			t.Errorf("the customer %s is expanded to %s", email, body)
		}
	}
	body := s.send(t, "GET", "/v1/customers?expand[]=data.subscriptions&email=dave@example.com", "").body
	if strings.Count(body, `"object": "subscription",`) != 2 || !strings.Contains(body, `"sub_DemoDaveTeam"`) ||
		!strings.Contains(body, `"sub_DemoDaveStorage"`) {
		t.Error(body)
	}
}
