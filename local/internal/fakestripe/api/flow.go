package api

import (
	"slices"
	"strconv"

	"billingportal/local/internal/fakestripe/account"
)

// blocks are the flow types that have their own block of parameters. The block has the name of the
// type.
var blocks = []string{"subscription_cancel", "subscription_update", "subscription_update_confirm"}

// firstCustomerUpdate is the first API version with the flow customer_update
// (https://docs.stripe.com/changelog/dahlia/2026-08-26/adds-a-customer-update-deep-link-for-billing-portal-sessions).
const firstCustomerUpdate = "2026-08-26.dahlia"

// checkFlowType returns an error if an API version does not have this type of flow.
func checkFlowType(kind, version string) *apiError {
	types := []any{"payment_method_update", blocks[0], blocks[1], blocks[2]}
	if version >= firstCustomerUpdate {
		types = append([]any{"customer_update"}, types...)
	}
	if kind != "" && !slices.Contains(types, any(kind)) {
		return notOneOf("flow_data[type]", types)
	}
	return nil
}

// readFlow reads flow_data after check. It applies the rules that are missing in Stripe's document:
// each type requires its own block and allows no other, and there may be only one item, one
// discount, and one kind of discount.
func readFlow(data *node) (*account.Flow, *apiError) {
	if data == nil {
		return nil, nil
	}
	kind := data.or("", "type")
	for _, block := range blocks {
		given := data.at(block)
		if block == kind && given == nil {
			return nil, missingParam("flow_data[" + block + "]")
		}
		if block != kind && given != nil {
			// The rule is reported, the message is not.
			return nil, invalid("", given.name,
				"You may only specify `%s` when `flow_data[type]` is `%s`.", given.name, block)
		}
	}
	after, problem := readAfterCompletion(data.at("after_completion"))
	if problem != nil {
		return nil, problem
	}
	f := &account.Flow{Type: kind, AfterCompletion: after}
	block := data.at(kind)
	switch kind {
	case "customer_update":
		f.CustomerUpdate = &struct{}{}
	case "subscription_cancel":
		f.Cancel = &account.FlowCancel{Subscription: block.or("", "subscription")}
		if offer := block.at("retention"); offer != nil {
			f.Cancel.Retention = &account.Retention{
				Type:        offer.or("", "type"),
				CouponOffer: account.CouponOffer{Coupon: offer.or("", "coupon_offer", "coupon")},
			}
		}
	case "subscription_update":
		f.Update = &account.FlowUpdate{Subscription: block.or("", "subscription")}
	case "subscription_update_confirm":
		f.UpdateConfirmation, problem = readConfirm(block)
	}
	return f, problem
}

func readAfterCompletion(data *node) (account.AfterCompletion, *apiError) {
	if data == nil {
		return account.AfterCompletion{Type: "portal_homepage"}, nil
	}
	after := account.AfterCompletion{Type: data.or("", "type")}
	for _, block := range []string{"hosted_confirmation", "redirect"} {
		// The message is not reported, as above.
		if given := data.at(block); given != nil && after.Type != block {
			return after, invalid("", given.name,
				"You may only specify `%s` when `flow_data[after_completion][type]` is `%s`.", given.name, block)
		}
	}
	switch after.Type {
	case "hosted_confirmation":
		after.HostedConfirmation = &account.HostedConfirmation{CustomMessage: data.text("hosted_confirmation",
			"custom_message")}
	case "redirect":
		to := data.text("redirect", "return_url")
		if to == nil {
			return after, missingParam("flow_data[after_completion][redirect]")
		}
		after.Redirect = &account.Redirect{ReturnURL: *to}
		return after, checkURL(*to, "flow_data[after_completion][redirect][return_url]")
	}
	return after, nil
}

func readConfirm(data *node) (*account.FlowConfirm, *apiError) {
	items := data.at("items").list()
	if len(items) > 1 {
		// The message is not reported. The document says "Currently, only up to one may be
		// specified".
		return nil, invalid("", data.at("items").name,
			"Only up to one item may be specified in `%s`.", data.at("items").name)
	}
	item := account.FlowItem{ID: items[0].or("", "id"), Price: items[0].text("price")}
	if text := items[0].text("quantity"); text != nil {
		quantity, err := strconv.ParseInt(*text, 10, 64)
		if err != nil || quantity < 0 {
			return nil, invalid("parameter_invalid_integer", items[0].at("quantity").name,
				"This value must be greater than or equal to 0.")
		}
		item.Quantity = &quantity
	}
	confirm := &account.FlowConfirm{Subscription: data.or("", "subscription"), Items: []account.FlowItem{item}}
	discounts := data.at("discounts").list()
	if len(discounts) > 1 {
		return nil, invalid("", data.at("discounts").name, "Only up to one discount may be specified in `%s`.",
			data.at("discounts").name)
	}
	for _, d := range discounts {
		discount := account.FlowDiscount{Coupon: d.text("coupon"), PromotionCode: d.text("promotion_code")}
		if discount.Coupon != nil && discount.PromotionCode != nil {
			return nil, invalid("", d.name, "You may only specify one of these parameters: coupon, promotion_code.")
		}
		if discount.Coupon == nil && discount.PromotionCode == nil {
			return nil, invalid("parameter_missing", d.name,
				"You must specify one of these parameters: coupon, promotion_code.")
		}
		confirm.Discounts = append(confirm.Discounts, discount)
	}
	return confirm, nil
}
