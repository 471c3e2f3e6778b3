package pages

import (
	"crypto/rand"
	"html/template"
	"net/http"

	"billingportal/local/internal/fakestripe/account"
)

// OpenCheckout creates a Checkout Session and returns its URL.
func (s *Pages) OpenCheckout(c account.Checkout) string {
	s.account.Lock()
	defer s.account.Unlock()
	name := rand.Text()
	s.account.Checkouts[name] = account.UnpaidCheckout{Checkout: c, ID: "cs_test_" + name, Created: s.account.Now()}
	return s.origin + "/p/checkout/" + name
}

// checkoutPage shows the plan and a button to pay.
func (s *Pages) checkoutPage(w http.ResponseWriter, r *http.Request) {
	s.account.Lock()
	c, ok := s.account.Checkouts[r.PathValue("name")]
	plan := viewer{&s.account.Data}.plan(c.Price, 1)
	s.account.Unlock()
	if !ok {
		http.Error(w, "This Checkout Session does not exist, or it is already paid.", http.StatusNotFound)
		return
	}
	action := template.URL(r.URL.Path) //nolint:gosec // the path of this page
	s.writePage(w, "checkout.html", map[string]any{"Plan": plan, "Action": action}, http.StatusOK)
}

// payCheckout completes a Checkout Session: it creates a customer with a subscription, and sends
// the events customer.created and checkout.session.completed.
func (s *Pages) payCheckout(w http.ResponseWriter, r *http.Request) {
	s.account.Lock()
	name := r.PathValue("name")
	c, ok := s.account.Checkouts[name]
	delete(s.account.Checkouts, name) // it can be paid once
	s.account.Unlock()
	if !ok {
		http.Error(w, "This Checkout Session does not exist, or it is already paid.", http.StatusNotFound)
		return
	}
	now := s.account.Now()
	customer := account.Customer{ID: "cus_" + rand.Text(), Name: "A new customer", Email: "new@example.com",
		Created: now, Reference: c.ClientReferenceID, Card: account.FirstCard}
	subscription := account.Subscription{
		ID: "sub_" + rand.Text(), Customer: customer.ID, Status: "active", Created: now, PeriodStart: now,
		PeriodEnd: now.AddDate(0, 1, 0),
		Items:     []account.Item{{ID: "si_" + rand.Text(), Price: c.Price, Quantity: 1}},
	}
	s.account.Change(func(d *account.Data) {
		d.Customers = append(d.Customers, customer)
		d.Subscriptions = append(d.Subscriptions, subscription)
	})
	s.account.SendEvent("customer.created", account.CustomerObject(customer))
	s.account.SendEvent("checkout.session.completed", map[string]any{
		"id": c.ID, "object": "checkout.session", "created": c.Created.Unix(), "livemode": false,
		"mode": "subscription", "status": "complete",
		"payment_status": "paid", "payment_link": nil, "client_reference_id": c.ClientReferenceID,
		"customer":     customer.ID,
		"subscription": subscription.ID, "metadata": map[string]any{}, "success_url": c.SuccessURL, "url": nil,
	})
	http.Redirect(w, r, c.SuccessURL, http.StatusSeeOther)
}
