package params

import (
	"slices"
	"unicode/utf8"

	"github.com/stripe/stripe-go/v79"

	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/problem"
)

// maxMessageLength is Stripe's limit for a confirmation message, in characters.
const maxMessageLength = 500

// checkFlow checks flow_data against Stripe's own rules and the operator's lists.
func (p *Policy) checkFlow(flow *stripe.BillingPortalSessionFlowDataParams) error {
	if flow.Type == nil {
		return missing("flow_data[type]")
	}
	if !slices.Contains(Flows(), *flow.Type) {
		return invalid("flow_data[type]", "The parameter must be one of the portal's flows.")
	}
	if err := requireListed("flow_data[type]", *flow.Type, p.AllowedFlows); err != nil {
		return err
	}
	if err := onlyBlock("flow_data", *flow.Type, map[string]bool{
		FlowSubscriptionCancel:        flow.SubscriptionCancel != nil,
		FlowSubscriptionUpdate:        flow.SubscriptionUpdate != nil,
		FlowSubscriptionUpdateConfirm: flow.SubscriptionUpdateConfirm != nil,
	}); err != nil {
		return err
	}
	if err := p.checkAfterCompletion(flow.AfterCompletion); err != nil {
		return err
	}
	switch *flow.Type {
	case FlowSubscriptionCancel:
		return p.checkCancel(flow.SubscriptionCancel)
	case FlowSubscriptionUpdate:
		if flow.SubscriptionUpdate != nil {
			return checkID("flow_data[subscription_update][subscription]", flow.SubscriptionUpdate.Subscription)
		}
	case FlowSubscriptionUpdateConfirm:
		return p.checkUpdateConfirm(flow.SubscriptionUpdateConfirm)
	}
	return nil
}

// onlyBlock refuses the block of any other type than the chosen one.
func onlyBlock(parent, chosen string, given map[string]bool) error {
	for name, isGiven := range given {
		if isGiven && name != chosen {
			return invalid(billing.Join(parent, name), "The parameter belongs to another type.")
		}
	}
	return nil
}

func (p *Policy) checkAfterCompletion(after *stripe.BillingPortalSessionFlowDataAfterCompletionParams) error {
	const name = "flow_data[after_completion]"
	if after == nil {
		return nil
	}
	if after.Type == nil {
		return missing(name + "[type]")
	}
	if err := onlyBlock(name, *after.Type, map[string]bool{
		"hosted_confirmation": after.HostedConfirmation != nil,
		"redirect":            after.Redirect != nil,
	}); err != nil {
		return err
	}
	switch stripe.BillingPortalSessionFlowAfterCompletionType(*after.Type) {
	case stripe.BillingPortalSessionFlowAfterCompletionTypePortalHomepage:
	case stripe.BillingPortalSessionFlowAfterCompletionTypeHostedConfirmation:
		if confirmation := after.HostedConfirmation; confirmation != nil &&
			utf8.RuneCountInString(stripe.StringValue(confirmation.CustomMessage)) > maxMessageLength {
			return invalid(name+"[hosted_confirmation][custom_message]", "The parameter has more than 500 characters.")
		}
	case stripe.BillingPortalSessionFlowAfterCompletionTypeRedirect:
		if after.Redirect == nil || after.Redirect.ReturnURL == nil {
			return missing(name + "[redirect][return_url]")
		}
		if !p.isReturnURL(*after.Redirect.ReturnURL) {
			return &problem.Problem{Code: problem.InvalidReturnURL, Param: name + "[redirect][return_url]"}
		}
	default:
		return invalid(name+"[type]", "The parameter must be one of Stripe's values.")
	}
	return nil
}

func (p *Policy) checkCancel(cancel *stripe.BillingPortalSessionFlowDataSubscriptionCancelParams) error {
	const name = "flow_data[subscription_cancel]"
	if cancel == nil {
		return nil
	}
	if err := checkID(name+"[subscription]", cancel.Subscription); err != nil {
		return err
	}
	retention := cancel.Retention
	if retention == nil {
		return nil
	}
	if retention.Type == nil {
		return missing(name + "[retention][type]")
	}
	if *retention.Type != string(stripe.BillingPortalSessionFlowSubscriptionCancelRetentionTypeCouponOffer) {
		return invalid(name+"[retention][type]", "The parameter must be one of Stripe's values.")
	}
	if retention.CouponOffer == nil || retention.CouponOffer.Coupon == nil {
		return missing(name + "[retention][coupon_offer][coupon]")
	}
	return requireListed(name+"[retention][coupon_offer][coupon]", *retention.CouponOffer.Coupon, p.AllowedCoupons)
}

func (p *Policy) checkUpdateConfirm(confirm *stripe.BillingPortalSessionFlowDataSubscriptionUpdateConfirmParams) error {
	const name = "flow_data[subscription_update_confirm]"
	if confirm == nil {
		return missing(name + "[items]")
	}
	if err := checkID(name+"[subscription]", confirm.Subscription); err != nil {
		return err
	}
	if len(confirm.Items) == 0 {
		return missing(name + "[items]")
	}
	item := confirm.Items[0]
	if err := checkID(name+"[items][0][id]", item.ID); err != nil {
		return err
	}
	if item.Price != nil && *item.Price == "" {
		return invalid(name+"[items][0][price]", "The parameter is empty.")
	}
	if len(confirm.Discounts) == 0 {
		return nil
	}
	discount := confirm.Discounts[0]
	switch {
	case (discount.Coupon == nil) == (discount.PromotionCode == nil):
		return invalid(name+"[discounts][0]", "The discount must have either a coupon or a promotion_code.")
	case discount.Coupon != nil:
		return requireListed(name+"[discounts][0][coupon]", *discount.Coupon, p.AllowedCoupons)
	}
	return requireListed(name+"[discounts][0][promotion_code]", *discount.PromotionCode, p.AllowedPromotionCodes)
}

// checkID refuses an empty ID. An absent ID is filled in later.
func checkID(param string, id *string) error {
	if id != nil && *id == "" {
		return invalid(param, "The parameter is empty.")
	}
	return nil
}
