package demo

// User is somebody who can be signed in.
type User struct {
	ID   string
	Name string
	Note string // one line: what is special about them
	// Subscriptions are what the user's flows may name, the usual one first.
	Subscriptions []Subscription
}

// Subscription is what a flow needs to know of a subscription.
type Subscription struct {
	ID    string
	Item  string // its only item
	Label string // what the page calls it
}

// State is what there is of a user.
type State struct {
	Customer      string // whom the user is mapped to; "" for nobody
	Deleted       bool   // the customer was deleted at Stripe
	Card          string
	Subscriptions []SubscriptionState
}

// SubscriptionState is a subscription in the customer's words.
type SubscriptionState struct{ ID, Plan, Status, Period string }

// Choices are the IDs and values that the page offers.
type Choices struct {
	Price          string // what the change of plan asks for
	Plan           string // its name
	Coupon         string // offered to those who cancel
	PromotionCode  string // applied to a change of plan
	Configurations []string
	Locales        []string
	Accounts       []string // for on_behalf_of
}

// Users are the five of the demo. Their IDs and subscriptions are those that the stand-ins know.
func Users() []User {
	return []User{
		{
			ID: "alice", Name: "Alice", Note: "One active subscription",
			Subscriptions: []Subscription{{"sub_DemoAlice", "si_DemoAlice", "Starter"}},
		},
		{ID: "bob", Name: "Bob", Note: "No billing account"},
		{ID: "carol", Name: "Carol", Note: "Mapped to a customer who was deleted at Stripe"},
		{
			ID: "dave", Name: "Dave", Note: "Two subscriptions",
			Subscriptions: []Subscription{
				{"sub_DemoDaveTeam", "si_DemoDaveTeam", "Team, 5 seats"},
				{"sub_DemoDaveStorage", "si_DemoDaveStorage", "Storage, on trial"},
			},
		},
		{
			ID: "erin", Name: "Erin", Note: "Her one subscription is already cancelled",
			Subscriptions: []Subscription{{"sub_DemoErin", "si_DemoErin", "Starter, cancelled"}},
		},
	}
}

// DefaultChoices are the values that the stand-ins know and the laptop's lists allow.
func DefaultChoices() Choices {
	return Choices{
		Price: "price_ProMonthly", Plan: "Pro", Coupon: "STAY20", PromotionCode: "promo_DemoSpring",
		Configurations: []string{"bpc_DemoDefault", "bpc_DemoCancelOnly"},
		Locales:        []string{"auto", "en", "de", "fr", "ja", "pt-BR"},
		Accounts:       []string{"acct_DemoConnect"},
	}
}
