package account

import (
	"slices"
	"time"
)

// The first and second card and billing details of customers in flows.
const (
	FirstCard     = "Visa ending in 4242"
	secondCard    = "Mastercard ending in 4444"
	firstAddress  = "1 Main Street, Springfield"
	secondAddress = "2 Market Street, Springfield"
	firstTaxID    = "US EIN 12-3456789"
	secondTaxID   = "US EIN 98-7654321"
)

// Complete applies the result of a flow. price is the price that the customer chose, and
// acceptsOffer reports whether the customer accepted the retention offer. Changes that are no
// longer possible are skipped.
func (d *Data) Complete(s *Session, price string, acceptsOffer bool) {
	switch f := s.Flow; {
	case f.Cancel != nil:
		subscription := d.Subscription(f.Cancel.Subscription)
		switch {
		case subscription == nil || !subscription.EndedAt.IsZero():
		case acceptsOffer && f.Cancel.Retention != nil:
			subscription.Coupon = f.Cancel.Retention.CouponOffer.Coupon
		default:
			subscription.CancelAtPeriodEnd, subscription.CanceledAt = true, time.Unix(s.Created, 0)
		}
	case f.Update != nil:
		if c := d.Configuration(s.Configuration); c != nil && slices.Contains(c.Prices, price) {
			d.change(f.Update.Subscription, FlowItem{Price: &price}, nil)
		}
	case f.UpdateConfirmation != nil:
		d.change(f.UpdateConfirmation.Subscription, f.UpdateConfirmation.Items[0], f.UpdateConfirmation.Discounts)
	default:
		if customer := d.Customer(s.Customer); customer != nil && f.CustomerUpdate != nil {
			customer.Address, customer.TaxID = customer.NewDetails()
		} else if customer != nil {
			customer.Card = customer.NewCard()
		}
	}
}

// NewCard returns the card that a change of the payment method sets.
func (c *Customer) NewCard() string { return otherThan(c.Card, FirstCard, secondCard) }

// NewDetails returns the billing address and the tax ID that a change of the billing details sets.
func (c *Customer) NewDetails() (address, taxID string) {
	return otherThan(c.Address, firstAddress, secondAddress), otherThan(c.TaxID, firstTaxID, secondTaxID)
}

// otherThan returns first, or second if first is the current value.
func otherThan(current, first, second string) string {
	if current == first {
		return second
	}
	return first
}

func (d *Data) change(id string, to FlowItem, discounts []FlowDiscount) {
	subscription := d.Subscription(id)
	if subscription == nil || len(subscription.Items) == 0 {
		return
	}
	// Use a copy, because objects that were returned before share these items.
	subscription.Items = slices.Clone(subscription.Items)
	item := &subscription.Items[0]
	if to.Price != nil {
		item.Price = *to.Price
	}
	if to.Quantity != nil {
		item.Quantity = *to.Quantity
	}
	for _, discount := range discounts {
		if discount.Coupon != nil {
			subscription.Coupon = *discount.Coupon
		} else if promotion := d.PromotionCode(*discount.PromotionCode); promotion != nil {
			subscription.Coupon = promotion.Coupon
		}
	}
}
