package demo

import (
	"slices"
	"testing"
	"time"

	"billingportal/local/internal/fakeissuer"
	"billingportal/local/internal/fakestripe/account"
)

// The IDs that the page offers exist at the stand-ins.
func TestTheStandInsKnowTheDemo(t *testing.T) {
	data := account.DemoData(time.Now())
	var names []string
	for _, user := range Users() {
		names = append(names, user.ID)
		var want []Subscription
		for _, customer := range data.Customers {
			if customer.User != user.ID || customer.Deleted {
				continue
			}
			for _, s := range data.Subscriptions {
				if s.Customer == customer.ID && len(s.Items) == 1 {
					want = append(want, Subscription{ID: s.ID, Item: s.Items[0].ID})
				}
			}
		}
		got := slices.Clone(user.Subscriptions)
		for i := range got {
			got[i].Label = ""
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s has %v, and at Stripe %v", user.ID, got, want)
		}
	}
	if !slices.Equal(names, fakeissuer.Users()) {
		t.Errorf("users %v, and the issuer knows %v", names, fakeissuer.Users())
	}

	choices := DefaultChoices()
	var configurations []string
	for _, c := range data.Configurations {
		configurations = append(configurations, c.ID)
		if c.Default && !slices.Contains(c.Prices, choices.Price) {
			t.Errorf("the default configuration does not sell %s", choices.Price)
		}
	}
	if !slices.Equal(choices.Configurations, configurations) || !slices.Equal(choices.Accounts, data.Connected) {
		t.Errorf("configurations %v and accounts %v, at Stripe %v and %v", choices.Configurations, choices.Accounts,
			configurations, data.Connected)
	}
	price := slices.IndexFunc(data.Prices, func(p account.Price) bool { return p.ID == choices.Price })
	if price < 0 ||
		!slices.Contains(data.Products, account.Product{ID: data.Prices[price].Product, Name: choices.Plan}) {
		t.Errorf("%s is no price of %s", choices.Price, choices.Plan)
	}
	if !slices.ContainsFunc(data.Coupons,
		func(c account.Coupon) bool { return c.ID == choices.Coupon && !c.Expired }) ||
		!slices.ContainsFunc(data.PromotionCodes,
			func(p account.PromotionCode) bool { return p.ID == choices.PromotionCode && !p.Inactive }) {
		t.Errorf("no coupon %s, or no promotion code %s", choices.Coupon, choices.PromotionCode)
	}
}
