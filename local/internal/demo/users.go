package demo

import (
	"fmt"
	"strings"
)

// User is a demo user.
type User struct {
	ID   string
	Name string
	Note string // one line about the user, for pages without a [State]
	// Subscriptions are the subscriptions that the user's flows may name, the usual one first.
	Subscriptions []Subscription
}

// Subscription has the parts of a subscription that a flow names.
type Subscription struct {
	ID    string
	Item  string // its only item
	Label string // its name on the page
}

// State is the billing state of a user.
type State struct {
	Customer             string // of the user in the mapping; "" for none
	Deleted              bool   // the customer was deleted at Stripe
	Card, Address, TaxID string // in words; "" for none
	Subscriptions        []SubscriptionState
}

// SubscriptionState is a subscription in the customer's words.
type SubscriptionState struct{ ID, Plan, Status, Period string }

// note describes the state in a line, for example "Starter, active".
func (s *State) note() string {
	switch {
	case s.Customer == "":
		return "No billing account"
	case s.Deleted:
		return "Customer deleted at Stripe"
	case len(s.Subscriptions) == 0:
		return "No subscription"
	case len(s.Subscriptions) > 1:
		return fmt.Sprintf("%d subscriptions", len(s.Subscriptions))
	}
	plan, _, _ := strings.Cut(s.Subscriptions[0].Plan, ",") // without the price
	return plan + ", " + s.Subscriptions[0].Status
}

// plan returns the plan and status of a subscription, or its label if they are unknown.
func (s *State) plan(subscription Subscription) string {
	if s != nil {
		for _, known := range s.Subscriptions {
			if known.ID == subscription.ID {
				return known.Plan + ", " + known.Status
			}
		}
	}
	return subscription.Label
}

// Choices are the IDs and values that the page offers.
type Choices struct {
	Price          string // of the plan that the page offers as an upgrade
	Plan           string // name of that plan
	Coupon         string // offered to customers who cancel
	PromotionCode  string // applied to a change of plan
	Configurations []string
	Locales        []string
	Accounts       []string // for on_behalf_of
}

// Users returns the five demo users. The stand-ins know their IDs and subscriptions.
func Users() []User {
	return []User{
		{
			ID: "alice", Name: "Alice", Note: "One active subscription",
			Subscriptions: []Subscription{{"sub_DemoAlice", "si_DemoAlice", "Starter"}},
		},
		{ID: "bob", Name: "Bob", Note: "No billing account"},
		{ID: "carol", Name: "Carol", Note: "Customer deleted at Stripe"},
		{
			ID: "dave", Name: "Dave", Note: "Two subscriptions",
			Subscriptions: []Subscription{
				{"sub_DemoDaveTeam", "si_DemoDaveTeam", "Team, 5 seats"},
				{"sub_DemoDaveStorage", "si_DemoDaveStorage", "Storage, on trial"},
			},
		},
		{
			ID: "erin", Name: "Erin", Note: "One cancelled subscription",
			Subscriptions: []Subscription{{"sub_DemoErin", "si_DemoErin", "Starter, cancelled"}},
		},
	}
}

// DefaultChoices returns values that the stand-ins know and the lists of the development server
// allow.
func DefaultChoices() Choices {
	return Choices{
		Price: "price_ProMonthly", Plan: "Pro", Coupon: "STAY20", PromotionCode: "promo_DemoSpring",
		Configurations: []string{"bpc_DemoDefault", "bpc_DemoCancelOnly"},
		Locales:        []string{"auto", "en", "de", "fr", "ja", "pt-BR"},
		Accounts:       []string{"acct_DemoConnect"},
	}
}
