package stripewire

import (
	"bytes"
	"crypto/rand"
	"html/template"
	"net/http"
	"time"
)

// Checkout is a Checkout Session as an app's server makes one: what is bought, and for whom.
//
// https://docs.stripe.com/api/checkout/sessions
type Checkout struct {
	ClientReferenceID string
	Price             string
	SuccessURL        string
}

// checkout is a session that nobody has paid for yet.
type checkout struct {
	Checkout
	id      string
	created time.Time
}

// OpenCheckout makes a Checkout Session and returns the URL of its page.
func (s *Stripe) OpenCheckout(c Checkout) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := rand.Text()
	s.checkouts[name] = checkout{Checkout: c, id: "cs_test_" + name, created: s.now()}
	return s.publicURL + "/p/checkout/" + name
}

// checkoutPage asks the buyer to pay.
func (s *Stripe) checkoutPage(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	c, ok := s.checkouts[r.PathValue("name")]
	plan := s.data.plan(c.Price, 1)
	s.mu.Unlock()
	if !ok {
		http.Error(w, "There is no such Checkout Session, or it is complete.", http.StatusNotFound)
		return
	}
	var body bytes.Buffer
	if err := s.templates.ExecuteTemplate(&body, "checkout.html", map[string]any{"Plan": plan, "Action": template.URL(r.URL.Path)}); err != nil { //nolint:gosec // the page's own path
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	_, _ = body.WriteTo(w) // a browser that has gone needs no page
}

// payCheckout completes a Checkout Session: there is a new customer with a subscription, and Stripe's events tell of both.
func (s *Stripe) payCheckout(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	name := r.PathValue("name")
	c, ok := s.checkouts[name]
	delete(s.checkouts, name) // it is paid once
	if !ok {
		s.mu.Unlock()
		http.Error(w, "There is no such Checkout Session, or it is complete.", http.StatusNotFound)
		return
	}
	now := s.now()
	customer := Customer{ID: "cus_" + rand.Text(), Name: "A new customer", Email: "new@example.com", Created: now, Reference: c.ClientReferenceID, Card: firstCard}
	subscription := Subscription{
		ID: "sub_" + rand.Text(), Customer: customer.ID, Status: "active", Created: now, PeriodStart: now, PeriodEnd: now.AddDate(0, 1, 0),
		Items: []Item{{ID: "si_" + rand.Text(), Price: c.Price, Quantity: 1}},
	}
	s.data.Customers, s.listed = append(s.data.Customers, customer), nil
	s.data.Subscriptions = append(s.data.Subscriptions, subscription)
	s.mu.Unlock()

	s.tell("customer.created", customerObject(customer))
	s.tell("checkout.session.completed", map[string]any{
		"id": c.id, "object": "checkout.session", "created": c.created.Unix(), "livemode": false, "mode": "subscription", "status": "complete",
		"payment_status": "paid", "payment_link": nil, "client_reference_id": c.ClientReferenceID, "customer": customer.ID,
		"subscription": subscription.ID, "metadata": map[string]any{}, "success_url": c.SuccessURL, "url": nil,
	})
	http.Redirect(w, r, c.SuccessURL, http.StatusSeeOther)
}

// DeleteCustomersOf deletes the customers of a user, as somebody would in Stripe's dashboard, and returns how many they were.
func (s *Stripe) DeleteCustomersOf(user string) int {
	s.mu.Lock()
	var deleted []Customer
	for i := range s.data.Customers {
		c := &s.data.Customers[i]
		if !c.Deleted && (c.User == user || c.Reference == user) {
			c.Deleted = true
			deleted = append(deleted, *c)
		}
	}
	s.listed = nil
	s.mu.Unlock()
	for _, c := range deleted {
		s.tell("customer.deleted", customerObject(c))
	}
	return len(deleted)
}

// customerObject is a customer as the API shows it.
//
// https://docs.stripe.com/api/customers/object
func customerObject(c Customer) map[string]any {
	metadata := map[string]any{}
	if c.User != "" {
		metadata["user_id"] = c.User
	}
	return map[string]any{
		"id": c.ID, "object": "customer", "created": c.Created.Unix(), "livemode": false, "email": c.Email, "name": c.Name, "metadata": metadata,
		"address": nil, "balance": 0, "currency": nil, "default_source": nil, "delinquent": false, "description": nil, "discount": nil,
		"phone": nil, "preferred_locales": []any{}, "shipping": nil, "tax_exempt": "none", "test_clock": nil,
	}
}
