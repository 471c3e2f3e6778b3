package fakestripe

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v79"

	"billingportal/local/internal/fakestripe/account"
)

func TestListReadsAllPages(t *testing.T) {
	data := account.DemoData(time.Now())
	var want []string
	for i := range 250 {
		id := fmt.Sprintf("sub_%03d", i)
		want = append(want, id)
		data.Subscriptions = append(data.Subscriptions, account.Subscription{
			ID: id, Customer: "cus_DemoErin", Status: "active", Created: time.Unix(int64(10_000-i), 0),
			Items: []account.Item{{ID: "si_" + id, Price: "price_TeamMonthly", Quantity: int64(i)}},
		})
	}
	s := start(t, Config{Data: &data})
	params := &stripe.SubscriptionListParams{Customer: stripe.String("cus_DemoErin")}
	params.Limit = stripe.Int64(100)
	var got []string
	list := s.client.Subscriptions.List(params)
	for list.Next() {
		got = append(got, list.Subscription().ID)
	}
	if list.Err() != nil || !slices.Equal(got, want) {
		t.Errorf("error %v, listed %d subscriptions: %v", list.Err(), len(got), got)
	}
	if calls := len(s.Requests()); calls != 3 {
		t.Errorf("the list took %d calls", calls)
	}
}

func TestListByStatus(t *testing.T) {
	s := start(t, Config{Data: withEveryState()})
	tests := map[string][]string{
		"": {"sub_DemoAlice", "sub_incomplete", "sub_incomplete_expired", "sub_trialing",
			"sub_past_due", "sub_unpaid", "sub_paused", "sub_cancelling", "sub_dated", "sub_two"},
		"active":             {"sub_DemoAlice", "sub_cancelling", "sub_dated", "sub_two"},
		"trialing":           {"sub_trialing"},
		"past_due":           {"sub_past_due"},
		"paused":             {"sub_paused"},
		"unpaid":             {"sub_unpaid"},
		"incomplete":         {"sub_incomplete"},
		"incomplete_expired": {"sub_incomplete_expired"},
		"canceled":           {"sub_canceled"},
		"ended":              {"sub_incomplete_expired", "sub_canceled"},
		"all": {"sub_DemoAlice", "sub_incomplete", "sub_incomplete_expired", "sub_trialing",
			"sub_past_due", "sub_canceled", "sub_unpaid", "sub_paused", "sub_cancelling", "sub_dated", "sub_two"},
	}
	for status, want := range tests {
		t.Run(status, func(t *testing.T) {
			params := &stripe.SubscriptionListParams{Customer: stripe.String("cus_DemoAlice")}
			params.Limit = stripe.Int64(100)
			if status != "" {
				params.Status = stripe.String(status)
			}
			var got []string
			list := s.client.Subscriptions.List(params)
			for list.Next() {
				got = append(got, list.Subscription().ID)
			}
			if list.Err() != nil || !slices.Equal(got, want) {
				t.Errorf("error %v, listed %v", list.Err(), got)
			}
		})
	}
}

func TestListPages(t *testing.T) {
	s := start(t, Config{})
	tests := map[string]string{ // query to IDs, followed by "+" if there are more
		"customer=cus_DemoDave":                                      "sub_DemoDaveStorage sub_DemoDaveTeam",
		"customer=cus_DemoDave&limit=1":                              "sub_DemoDaveStorage +",
		"customer=cus_DemoDave&starting_after=sub_DemoDaveStorage":   "sub_DemoDaveTeam",
		"customer=cus_DemoDave&starting_after=sub_DemoDaveTeam":      "",
		"customer=cus_DemoDave&ending_before=sub_DemoDaveTeam":       "sub_DemoDaveStorage",
		"status=all&limit=1&ending_before=sub_DemoErin":              "sub_DemoDaveTeam +",
		"customer=cus_DemoErin":                                      "",
		"customer=cus_DemoErin&status=all":                           "sub_DemoErin",
		"customer=cus_DemoDave&price=price_TeamMonthly":              "sub_DemoDaveTeam",
		"customer=cus_DemoDave&expand[]=data.items.data.price&limit": "?You passed an empty string for 'limit'.",
		"customer=cus_DemoDave&limit=0":                              "?This value must be between 1 and 100.",
		"customer=cus_DemoDave&limit=101":                            "?This value must be between 1 and 100.",
		"customer=cus_DemoDave&starting_after=sub_DemoAlice":         "?No such object: 'sub_DemoAlice'",
		"starting_after=sub_DemoAlice&ending_before=sub_DemoErin":    "?You may only specify one of these parameters",
		"customer=cus_DemoCarol":                                     "?No such customer: 'cus_DemoCarol'",
		"customer=cus_None":                                          "?No such customer: 'cus_None'",
		"customer=cus_DemoDave&status=cancelled":                     "?Invalid status: must be one of",
		"customer=cus_DemoDave&collection_method=send_invoice":       "?Not in this stand-in",
		"customer=cus_DemoDave&colour=red":                           "?Received unknown parameter: colour",
		"expand[]=data.default_payment_method":                       "?Not in this stand-in",
	}
	for query, want := range tests {
		t.Run(query, func(t *testing.T) {
			got := s.send(t, "GET", "/v1/subscriptions?"+query, "")
			if message, refused := strings.CutPrefix(want, "?"); refused {
				if got.status != 400 || !strings.HasPrefix(got.Error.Message, message) {
					t.Errorf("status %d: %s", got.status, got.body)
				}
				return
			}
			list := decodeList(t, got.body)
			if list != want {
				t.Errorf("got %q, want %q", list, want)
			}
		})
	}
}

// TestExpansionDepth: Stripe expands four levels. In a list the leading "data" is one of them, so
// the expansion of a list cannot reach the products.
func TestExpansionDepth(t *testing.T) {
	s := start(t, Config{})
	list := &stripe.SubscriptionListParams{Customer: stripe.String("cus_DemoAlice")}
	list.AddExpand("data.items.data.price.product")
	page := s.client.Subscriptions.List(list)
	var refused *stripe.Error
	if page.Next() || !errors.As(page.Err(), &refused) || refused.Code != "property_expansion_max_depth" {
		t.Errorf("expanding five levels of a list: got %v, want an error", page.Err())
	}

	one := &stripe.SubscriptionParams{}
	one.AddExpand("items.data.price.product")
	got, err := s.client.Subscriptions.Get("sub_DemoAlice", one)
	if err != nil {
		t.Fatal(err)
	}
	if product := got.Items.Data[0].Price.Product; product.Name != "Starter" {
		t.Errorf("the expanded product is %+v", product)
	}
}

func TestSubscription(t *testing.T) {
	now := time.Date(2026, 1, 20, 0, 0, 0, 0, time.UTC)
	data := account.DemoData(now)
	s := start(t, Config{Data: &data, Now: func() time.Time { return now }})
	s.Change(func(d *account.Data) {
		team := d.Subscription("sub_DemoDaveTeam")
		team.CancelAtPeriodEnd, team.PauseCollection = true, "void"
	})
	team, err := s.client.Subscriptions.Get("sub_DemoDaveTeam", nil)
	if err != nil {
		t.Fatal(err)
	}
	item := team.Items.Data[0]
	if team.Customer.ID != "cus_DemoDave" || team.Status != "active" ||
		item.ID != "si_DemoDaveTeam" || item.Quantity != 5 ||
		item.Price.ID != "price_TeamMonthly" || item.Price.UnitAmount != 1500 || item.Price.Product.ID != "prod_Team" ||
		item.Price.Product.Name != "" {
		t.Errorf("subscription %+v, item %+v", team, item)
	}
	end := now.AddDate(0, 0, 20).Unix()
	if !team.CancelAtPeriodEnd || team.CancelAt != end || team.CurrentPeriodEnd != end ||
		team.PauseCollection.Behavior != "void" {
		t.Errorf("the subscription is %+v", team)
	}
	storage, err := s.client.Subscriptions.Get("sub_DemoDaveStorage", nil)
	if err != nil {
		t.Fatal(err)
	}
	if storage.Status != "trialing" || storage.TrialEnd != end || storage.TrialStart == 0 || storage.CancelAt != 0 {
		t.Errorf("the subscription is %+v", storage)
	}
	_, err = s.client.Subscriptions.Get("sub_None", nil)
	var refused *stripe.Error
	if !errors.As(err, &refused) || refused.HTTPStatusCode != 404 ||
		refused.Code != "resource_missing" || refused.Param != "id" {
		t.Errorf("a missing subscription: got %v, want 404", err)
	}
}

func TestProducts(t *testing.T) {
	s := start(t, Config{})
	params := &stripe.ProductListParams{IDs: stripe.StringSlice([]string{"prod_Team", "prod_Storage", "prod_None"})}
	params.Limit = stripe.Int64(100)
	names := make(map[string]string)
	list := s.client.Products.List(params)
	for list.Next() {
		names[list.Product().ID] = list.Product().Name
	}
	if list.Err() != nil || len(names) != 2 || names["prod_Team"] != "Team" || names["prod_Storage"] != "Storage" {
		t.Errorf("error %v, listed %v", list.Err(), names)
	}
	if got := decodeList(t,
		s.send(t, "GET", "/v1/products?limit=3", "").body); got != "prod_Starter prod_Pro prod_Team +" {
		t.Errorf("without IDs: %q", got)
	}
}
