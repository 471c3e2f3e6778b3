package api

import (
	"slices"

	"billingportal/local/internal/fakestripe/account"
)

// rules are Stripe's rules for the objects of an account to which a request may refer.
type rules struct{ *account.Data }

// allows returns an error if the state of the account or the settings of the portal do not allow a
// flow.
func (d rules) allows(customer string, configuration *account.Configuration, f *account.Flow) *apiError {
	switch {
	case f.Cancel != nil:
		return d.allowsCancel(customer, configuration, f.Cancel)
	case f.Update != nil:
		_, problem := d.updatable(customer, configuration, f.Update.Subscription,
			"flow_data[subscription_update][subscription]")
		return problem
	case f.UpdateConfirmation != nil:
		return d.allowsConfirm(customer, configuration, f.UpdateConfirmation)
	case f.CustomerUpdate != nil:
		if !configuration.CustomerUpdate {
			// The message is not reported. It follows that of the update feature.
			return refusal("The customer cannot be updated because the customer update feature in the portal " +
				"configuration is disabled.")
		}
	case !configuration.PaymentMethod:
		// The message is not reported. It follows that of the update feature.
		return refusal("The payment method cannot be updated because the payment method update feature in the portal " +
			"configuration is disabled.")
	}
	return nil
}

// owned finds a subscription of the customer. Subscriptions of other customers are treated as
// missing.
func (d rules) owned(customer, id, param string) (*account.Subscription, *apiError) {
	subscription := d.Subscription(id)
	if subscription == nil || subscription.Customer != customer {
		return nil, noSuch("subscription", id, param)
	}
	return subscription, nil
}

func (d rules) allowsCancel(customer string, configuration *account.Configuration, f *account.FlowCancel) *apiError {
	subscription, problem := d.owned(customer, f.Subscription, "flow_data[subscription_cancel][subscription]")
	if problem != nil {
		return problem
	}
	if !configuration.Cancel {
		// Users reported only that "the subscription cancel feature" is "disabled".
		return refusal("This subscription cannot be canceled because the subscription cancel feature in the portal " +
			"configuration is disabled.")
	}
	if subscription.CancelAtPeriodEnd || !subscription.CancelAt.IsZero() {
		return refusal("The subscription `%s` is already set to be canceled at period end.", subscription.ID)
	}
	if !slices.Contains([]string{"active", "trialing", "past_due", "unpaid", "paused"}, subscription.Status) {
		// The message is not reported.
		return refusal("The subscription `%s` cannot be canceled because its status is `%s`.",
			subscription.ID, subscription.Status)
	}
	if f.Retention != nil && d.Coupon(f.Retention.CouponOffer.Coupon) == nil {
		return noSuch("coupon", f.Retention.CouponOffer.Coupon,
			"flow_data[subscription_cancel][retention][coupon_offer][coupon]")
	}
	return nil
}

// updatable finds a subscription of the customer that the customer can change in the portal.
func (d rules) updatable(customer string, configuration *account.Configuration, id,
	param string) (*account.Subscription, *apiError) {
	subscription, problem := d.owned(customer, id, param)
	if problem != nil {
		return nil, problem
	}
	if !configuration.Update {
		return nil, refusal("This subscription cannot be updated because the subscription update feature in the " +
			"portal configuration is disabled.")
	}
	if !slices.Contains([]string{"active", "trialing", "past_due"}, subscription.Status) {
		// The message is not reported.
		return nil, refusal("This subscription cannot be updated because its status is `%s`.", subscription.Status)
	}
	if len(subscription.Items) != 1 {
		// The message is not reported. flow_data.subscription_update_confirm.items documents the
		// rule.
		return nil, refusal("This subscription cannot be updated because it has multiple subscription items.")
	}
	return subscription, nil
}

func (d rules) allowsConfirm(customer string, configuration *account.Configuration, f *account.FlowConfirm) *apiError {
	const block = "flow_data[subscription_update_confirm]"
	subscription, problem := d.updatable(customer, configuration, f.Subscription, block+"[subscription]")
	if problem != nil {
		return problem
	}
	current, wanted := subscription.Items[0], f.Items[0]
	if wanted.ID != current.ID {
		// The message is not reported.
		return noSuch("subscription item", wanted.ID, block+"[items][0][id]")
	}
	newPrice := wanted.Price != nil && *wanted.Price != current.Price
	newQuantity := wanted.Quantity != nil && *wanted.Quantity != current.Quantity
	if newPrice {
		if d.Price(*wanted.Price) == nil {
			return noSuch("price", *wanted.Price, block+"[items][0][price]")
		}
		if !slices.Contains(configuration.Prices, *wanted.Price) {
			// The message is not reported. flow_data.subscription_update_confirm.items.price
			// documents the rule.
			return refusal("This subscription cannot be updated because the price `%s` is not in the portal "+
				"configuration.", *wanted.Price)
		}
	}
	if problem := d.allowsDiscounts(configuration, f.Discounts); problem != nil {
		return problem
	}
	if newPrice && !slices.Contains(configuration.AllowedUpdates, "price") {
		return notAllowedUpdate("price")
	}
	if newQuantity && !slices.Contains(configuration.AllowedUpdates, "quantity") {
		return notAllowedUpdate("quantity")
	}
	if !newPrice && !newQuantity && len(f.Discounts) == 0 {
		return refusal("Cannot update the subscription because there are no changes to confirm.")
	}
	return nil
}

func (d rules) allowsDiscounts(configuration *account.Configuration, discounts []account.FlowDiscount) *apiError {
	const block = "flow_data[subscription_update_confirm][discounts][0]"
	for _, discount := range discounts {
		if discount.Coupon != nil && d.Coupon(*discount.Coupon) == nil {
			return noSuch("coupon", *discount.Coupon, block+"[coupon]")
		}
		if discount.PromotionCode != nil && d.PromotionCode(*discount.PromotionCode) == nil {
			return noSuch("promotion code", *discount.PromotionCode, block+"[promotion_code]")
		}
		if !slices.Contains(configuration.AllowedUpdates, "promotion_code") {
			return notAllowedUpdate("promotion_code")
		}
	}
	return nil
}

// notAllowedUpdate returns a message of which users reported only that the list "does not include
// `promotion_code`".
func notAllowedUpdate(update string) *apiError {
	return refusal("This subscription cannot be updated because the portal configuration's "+
		"`features.subscription_update.default_allowed_updates` does not include `%s`.", update)
}
