package stripewire

import (
	"slices"
	"time"
)

// The card that customers have, and the one that they change it to.
const (
	firstCard  = "Visa ending in 4242"
	secondCard = "Mastercard ending in 4444"
)

// complete does what the customer agrees to in a flow: to a price among those offered, or to an offer for staying. What is no longer
// possible is left out.
func (d *Data) complete(s *session, price string, acceptsOffer bool) {
	switch f := s.Flow; {
	case f.Cancel != nil:
		subscription := d.subscription(f.Cancel.Subscription)
		switch {
		case subscription == nil || !subscription.EndedAt.IsZero():
		case acceptsOffer && f.Cancel.Retention != nil:
			subscription.Coupon = f.Cancel.Retention.CouponOffer.Coupon
		default:
			subscription.CancelAtPeriodEnd, subscription.CanceledAt = true, time.Unix(s.Created, 0)
		}
	case f.Update != nil:
		if c := d.configuration(s.Configuration); c != nil && slices.Contains(c.Prices, price) {
			d.change(f.Update.Subscription, flowItem{Price: &price}, nil)
		}
	case f.UpdateConfirmation != nil:
		d.change(f.UpdateConfirmation.Subscription, f.UpdateConfirmation.Items[0], f.UpdateConfirmation.Discounts)
	default:
		if customer := d.customer(s.Customer); customer != nil {
			customer.Card = map[string]string{firstCard: secondCard}[customer.Card]
			if customer.Card == "" {
				customer.Card = firstCard
			}
		}
	}
}

func (d *Data) change(id string, to flowItem, discounts []flowDiscount) {
	subscription := d.subscription(id)
	if subscription == nil || len(subscription.Items) == 0 {
		return
	}
	// A copy: what was shown before keeps its items.
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
		} else if promotion := d.promotionCode(*discount.PromotionCode); promotion != nil {
			subscription.Coupon = promotion.Coupon
		}
	}
}

// Overview is what there is of a customer at a glance.
type Overview struct {
	Card          string
	Subscriptions []SubscriptionView
}

// Overview looks at a customer. There is none of one who was deleted.
func (s *Stripe) Overview(customer string) (o Overview, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.data.customer(customer)
	if c == nil {
		return Overview{}, false
	}
	return Overview{c.Card, s.data.subscriptionViews(c.ID)}, true
}
