package account

import "time"

// Checkout is a Checkout Session as the server of an app creates it: the price, and the customer
// who buys.
//
// https://docs.stripe.com/api/checkout/sessions
type Checkout struct {
	ClientReferenceID string
	Price             string
	SuccessURL        string
}

// UnpaidCheckout is a session that is not paid yet.
type UnpaidCheckout struct {
	Checkout
	ID      string
	Created time.Time
}
