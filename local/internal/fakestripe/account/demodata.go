package account

import "time"

// DemoData returns the account of the demo. Alice, Dave and Erin are customers, Carol is a deleted
// customer, and Bob has no customer. Periods and trials include now.
func DemoData(now time.Time) Data {
	began := now.AddDate(0, -3, -10)
	period := func(s Subscription) Subscription {
		s.Created = began
		s.PeriodStart, s.PeriodEnd = now.AddDate(0, 0, -10), now.AddDate(0, 0, 20)
		return s
	}
	trial := period(Subscription{
		ID: "sub_DemoDaveStorage", Customer: "cus_DemoDave", Status: "trialing",
		Items: []Item{{ID: "si_DemoDaveStorage", Price: "price_StorageMonthly", Quantity: 1}},
	})
	trial.Created = now.AddDate(0, 0, -10)
	trial.TrialEnd = trial.PeriodEnd
	ended := period(Subscription{
		ID: "sub_DemoErin", Customer: "cus_DemoErin", Status: "canceled",
		Items: []Item{{ID: "si_DemoErin", Price: "price_StarterMonthly", Quantity: 1}},
	})
	ended.PeriodEnd = now.AddDate(0, 0, -2)
	ended.CanceledAt, ended.EndedAt = ended.PeriodEnd, ended.PeriodEnd

	return Data{
		Account: "acct_Demo",
		Customers: []Customer{
			{ID: "cus_DemoAlice", Name: "Alice Archer", Email: "alice@example.com", Created: began,
				User: "alice", Card: FirstCard},
			{ID: "cus_DemoCarol", Name: "Carol Cole", Email: "carol@example.com", Created: began,
				User: "carol", Deleted: true},
			{ID: "cus_DemoDave", Name: "Dave Dunn", Email: "dave@example.com", Created: began,
				User: "dave", Card: FirstCard},
			{ID: "cus_DemoErin", Name: "Erin Ellis", Email: "erin@example.com", Created: began,
				User: "erin", Card: FirstCard},
		},
		Products: []Product{
			{ID: "prod_Starter", Name: "Starter"},
			{ID: "prod_Pro", Name: "Pro"},
			{ID: "prod_Team", Name: "Team"},
			{ID: "prod_Storage", Name: "Storage"},
		},
		Prices: []Price{
			{ID: "price_StarterMonthly", Product: "prod_Starter", UnitAmount: 900},
			{ID: "price_ProMonthly", Product: "prod_Pro", UnitAmount: 2900},
			{ID: "price_TeamMonthly", Product: "prod_Team", UnitAmount: 1500},
			{ID: "price_StorageMonthly", Product: "prod_Storage", UnitAmount: 400},
		},
		Subscriptions: []Subscription{
			period(Subscription{
				ID: "sub_DemoAlice", Customer: "cus_DemoAlice", Status: "active",
				Items: []Item{{ID: "si_DemoAlice", Price: "price_StarterMonthly", Quantity: 1}},
			}),
			period(Subscription{
				ID: "sub_DemoDaveTeam", Customer: "cus_DemoDave", Status: "active",
				Items: []Item{{ID: "si_DemoDaveTeam", Price: "price_TeamMonthly", Quantity: 5}},
			}),
			trial,
			ended,
		},
		Configurations: []Configuration{
			{
				ID: "bpc_DemoDefault", Default: true, Name: "Everything",
				Cancel: true, Update: true, PaymentMethod: true, CustomerUpdate: true,
				AllowedUpdates: []string{"price", "quantity", "promotion_code"},
				Prices: []string{"price_StarterMonthly", "price_ProMonthly", "price_TeamMonthly",
					"price_StorageMonthly"},
			},
			{ID: "bpc_DemoCancelOnly", Name: "Cancelling only", Cancel: true},
		},
		Coupons: []Coupon{
			{ID: "STAY20", Name: "Stay with us", PercentOff: 20},
			{ID: "SPRING10", Name: "Spring sale", PercentOff: 10},
		},
		PromotionCodes: []PromotionCode{{ID: "promo_DemoSpring", Code: "SPRING", Coupon: "SPRING10"}},
		Connected:      []string{"acct_DemoConnect"},
	}
}
