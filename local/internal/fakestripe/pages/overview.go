package pages

// Overview is a customer's state in a few words.
type Overview struct {
	Card, Address, TaxID string // "" for none
	Subscriptions        []SubscriptionView
}

// Overview describes a customer. ok is false if the customer does not exist or was deleted.
func (s *Pages) Overview(customer string) (o Overview, ok bool) {
	s.account.Lock()
	defer s.account.Unlock()
	c := s.account.Data.Customer(customer)
	if c == nil {
		return Overview{}, false
	}
	return Overview{Card: c.Card, Address: c.Address, TaxID: c.TaxID,
		Subscriptions: viewer{&s.account.Data}.subscriptionViews(c.ID)}, true
}
