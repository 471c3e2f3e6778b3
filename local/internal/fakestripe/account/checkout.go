package account

import "time"

// Checkout is a Checkout Session as an app's server makes one: what is bought, and for whom.
//
// https://docs.stripe.com/api/checkout/sessions
type Checkout struct {
	ClientReferenceID string
	Price             string
	SuccessURL        string
}

// UnpaidCheckout is a session that nobody has paid for yet.
type UnpaidCheckout struct {
	Checkout
	ID      string
	Created time.Time
}
