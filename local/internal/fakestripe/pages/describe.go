package pages

import (
	"fmt"
	"strings"

	"billingportal/local/internal/fakestripe/account"
)

// describe describes the flow of a session.
func (d viewer) describe(s *account.Session) *flowView {
	f, v := s.Flow, &flowView{Type: s.Flow.Type}
	switch {
	case f.Cancel != nil:
		v.Heading, v.Button = "Cancel your subscription", "Cancel subscription"
		v.Facts = d.subscriptionFacts(f.Cancel.Subscription)
		if f.Cancel.Retention != nil {
			v.Facts = append(v.Facts,
				d.couponFact("retention", "Offer if you stay", f.Cancel.Retention.CouponOffer.Coupon))
		}
	case f.Update != nil:
		v.Heading, v.Button = "Change your plan", "Change plan"
		v.Facts = d.subscriptionFacts(f.Update.Subscription)
	case f.UpdateConfirmation != nil:
		v.Heading = "Confirm your change"
		v.Button, v.Facts = d.confirmation(f.UpdateConfirmation)
	case f.CustomerUpdate != nil:
		v.Heading, v.Button = "Update your billing details", "Update billing details"
		v.Facts = d.detailsFacts(s.Customer)
	default:
		v.Heading, v.Button = "Update your payment method", "Update payment method"
		v.Facts = d.cardFacts(s.Customer)
	}
	return v
}

// outcome describes the change that a completed flow made.
func (d viewer) outcome(s *account.Session) string {
	var subscription string
	switch f := s.Flow; {
	case f.Cancel != nil:
		subscription = f.Cancel.Subscription
	case f.Update != nil:
		subscription = f.Update.Subscription
	case f.UpdateConfirmation != nil:
		subscription = f.UpdateConfirmation.Subscription
	default:
		customer := d.Customer(s.Customer)
		switch {
		case customer == nil:
			return "Nothing was changed."
		case f.CustomerUpdate != nil:
			return "Your billing details are now: " + details(customer.Address, customer.TaxID) + "."
		}
		return "Your payment method is now " + customer.Card + "."
	}
	found := d.Subscription(subscription)
	if found == nil || !found.EndedAt.IsZero() {
		return "Nothing was changed."
	}
	v := d.subscriptionView(*found)
	if found.CancelAtPeriodEnd {
		return "Your subscription is cancelled. " + sentence(v.Period)
	}
	return "Your plan is now " + v.Plan + "."
}

func (d viewer) cardFacts(customer string) []fact {
	c := d.Customer(customer)
	if c == nil {
		return nil
	}
	return []fact{
		{Key: "payment-method", Label: "Payment method", Text: orNone(c.Card)},
		{Key: "new-payment-method", Label: "New payment method",
			Text: c.NewCard() + ", the default for your invoices"},
	}
}

func (d viewer) detailsFacts(customer string) []fact {
	c := d.Customer(customer)
	if c == nil {
		return nil
	}
	return []fact{
		{Key: "details", Label: "Billing details", Text: orNone(details(c.Address, c.TaxID))},
		{Key: "new-details", Label: "New billing details",
			Text: details(c.NewDetails()) + ", on your next invoice"},
	}
}

// details joins a billing address and a tax ID, each of which may be "".
func details(address, taxID string) string {
	if address == "" || taxID == "" {
		return address + taxID
	}
	return address + ", " + taxID
}

// sentence turns the period of a subscription into a sentence: "It ends on …", "The trial ends on
// …".
func sentence(period string) string {
	subject := "It "
	if strings.HasPrefix(period, "Trial") {
		subject = "The "
	}
	return subject + strings.ToLower(period[:1]) + period[1:] + "."
}

func orNone(text string) string {
	if text == "" {
		return "None"
	}
	return text
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

// choices returns the plans that a configuration lets the customer change a subscription to.
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

// confirmation returns the label of the button that confirms a change, and its facts.
func (d viewer) confirmation(f *account.FlowConfirm) (button string, facts []fact) {
	facts = d.subscriptionFacts(f.Subscription)
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
	switch {
	case price != current.Price:
		button = d.changeTo(current.Price, price)
	case quantity != current.Quantity:
		button = fmt.Sprintf("Change quantity to %d", quantity)
	default:
		button = "Apply discount"
	}
	return button, facts
}

// changeTo returns the label for a change from one price to another.
func (d viewer) changeTo(from, to string) string {
	verb := "Change"
	if before, after := d.Price(from), d.Price(to); before != nil && after != nil {
		switch {
		case after.UnitAmount > before.UnitAmount:
			verb = "Upgrade"
		case after.UnitAmount < before.UnitAmount:
			verb = "Downgrade"
		}
	}
	return verb + " to " + d.product(to)
}

func (d viewer) couponFact(key, label, id string) fact {
	f := fact{Key: key, Label: label, ID: id}
	if coupon := d.Coupon(id); coupon != nil {
		f.Text = fmt.Sprintf("%s (%g%% off)", coupon.Name, coupon.PercentOff)
	}
	return f
}
