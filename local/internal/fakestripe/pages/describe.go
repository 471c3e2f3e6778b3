package pages

import (
	"fmt"

	"billingportal/local/internal/fakestripe/account"
)

// describe puts a flow into the customer's words.
func (d viewer) describe(f *account.Flow) (heading string, facts []fact) {
	switch {
	case f.Cancel != nil:
		facts = d.subscriptionFacts(f.Cancel.Subscription)
		if f.Cancel.Retention != nil {
			facts = append(facts, d.couponFact("retention", "Offer for staying", f.Cancel.Retention.CouponOffer.Coupon))
		}
		return "Cancel the subscription", facts
	case f.Update != nil:
		return "Change the plan", d.subscriptionFacts(f.Update.Subscription)
	case f.UpdateConfirmation != nil:
		return "Confirm the change", d.confirmFacts(f.UpdateConfirmation)
	}
	if f.CustomerUpdate != nil {
		return "Update billing details", []fact{{
			Key: "details", Label: "Billing details", Text: "The new address and tax ID are on the next invoice.",
		}}
	}
	return "Add a payment method", []fact{{
		Key: "payment-method", Label: "Payment method",
		Text: "The new one becomes the customer's default for invoices.",
	}}
}

func (d viewer) subscriptionFacts(id string) []fact {
	subscription := d.Subscription(id)
	if subscription == nil {
		return []fact{{Key: "subscription", Label: "Subscription", ID: id}}
	}
	v := d.subscriptionView(*subscription)
	return []fact{
		{Key: "subscription", Label: "Subscription", Text: v.Plan, ID: v.ID},
		{Key: "period", Label: "Period", Text: v.Period},
	}
}

// choices are the plans that a configuration lets the customer change a subscription to.
func (d viewer) choices(c *account.Configuration, subscription string) []choice {
	var choices []choice
	for _, price := range c.Prices {
		if s := d.Subscription(subscription); s != nil && len(s.Items) == 1 && s.Items[0].Price == price {
			continue
		}
		choices = append(choices, choice{price, d.plan(price, 1)})
	}
	return choices
}

func (d viewer) confirmFacts(f *account.FlowConfirm) []fact {
	facts := d.subscriptionFacts(f.Subscription)
	wanted := f.Items[0]
	current := account.Item{ID: wanted.ID, Quantity: 1}
	if subscription := d.Subscription(f.Subscription); subscription != nil && len(subscription.Items) > 0 {
		current = subscription.Items[0]
	}
	price, quantity := current.Price, current.Quantity
	if wanted.Price != nil {
		price = *wanted.Price
	}
	if wanted.Quantity != nil {
		quantity = *wanted.Quantity
	}
	facts = append(facts,
		fact{Key: "new-price", Label: "New plan", Text: d.plan(price, quantity), ID: price},
		fact{Key: "new-quantity", Label: "New quantity", Text: fmt.Sprint(quantity)})
	for _, discount := range f.Discounts {
		if discount.Coupon != nil {
			facts = append(facts, d.couponFact("discount-coupon", "Coupon", *discount.Coupon))
			continue
		}
		promotion := d.PromotionCode(*discount.PromotionCode)
		if promotion == nil {
			promotion = &account.PromotionCode{}
		}
		applied := d.couponFact("discount-promotion", "Promotion code", promotion.Coupon)
		applied.Text = promotion.Code + ": " + applied.Text
		applied.ID = *discount.PromotionCode
		facts = append(facts, applied)
	}
	return facts
}

func (d viewer) couponFact(key, label, id string) fact {
	f := fact{Key: key, Label: label, ID: id}
	if coupon := d.Coupon(id); coupon != nil {
		f.Text = fmt.Sprintf("%s (%g %% off)", coupon.Name, coupon.PercentOff)
	}
	return f
}
