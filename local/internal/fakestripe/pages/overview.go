package pages

// Overview is what there is of a customer at a glance.
type Overview struct {
	Card          string
	Subscriptions []SubscriptionView
}

// Overview looks at a customer. There is none of one who was deleted.
func (s *Pages) Overview(customer string) (o Overview, ok bool) {
	s.account.Lock()
	defer s.account.Unlock()
	c := s.account.Data.Customer(customer)
	if c == nil {
		return Overview{}, false
	}
	return Overview{c.Card, viewer{&s.account.Data}.subscriptionViews(c.ID)}, true
}
