package portal

import (
	"context"
	"slices"

	"github.com/stripe/stripe-go/v79"

	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/language"
	"billingportal/functions/internal/params"
	"billingportal/functions/internal/problem"
)

// resolveSubscription fills in the subscription of a flow, and the item of an update. A
// subscription that the caller names must belong to the customer. If the caller names none, it is
// the only one that the flow can act on.
func (h *Handler) resolveSubscription(ctx context.Context,
	parameters *stripe.BillingPortalSessionParams, record *record) error {
	if parameters.FlowData == nil {
		return nil
	}
	named, ok := subscriptionOf(parameters.FlowData)
	if !ok {
		return nil
	}
	var subscription billing.Subscription
	var err error
	if *named != nil {
		subscription, err = h.ownSubscription(ctx, *parameters.Customer, **named, record)
	} else {
		subscription, err = h.onlySubscription(ctx, *parameters.Customer, *parameters.FlowData.Type, record)
	}
	if err != nil {
		return err
	}
	*named = stripe.String(subscription.ID)
	if confirm := parameters.FlowData.SubscriptionUpdateConfirm; confirm != nil {
		return completeUpdate(confirm, subscription)
	}
	return nil
}

// subscriptionOf returns a pointer to the flow's subscription, and creates the block that holds it
// if the caller left it out. It returns false for a flow without a subscription.
func subscriptionOf(flow *stripe.BillingPortalSessionFlowDataParams) (**string, bool) {
	switch *flow.Type {
	case params.FlowSubscriptionCancel:
		if flow.SubscriptionCancel == nil {
			flow.SubscriptionCancel = &stripe.BillingPortalSessionFlowDataSubscriptionCancelParams{}
		}
		return &flow.SubscriptionCancel.Subscription, true
	case params.FlowSubscriptionUpdate:
		if flow.SubscriptionUpdate == nil {
			flow.SubscriptionUpdate = &stripe.BillingPortalSessionFlowDataSubscriptionUpdateParams{}
		}
		return &flow.SubscriptionUpdate.Subscription, true
	case params.FlowSubscriptionUpdateConfirm:
		return &flow.SubscriptionUpdateConfirm.Subscription, true
	}
	return nil, false
}

// ownSubscription returns a subscription of the customer. A subscription of another customer gives
// the same answer as one that does not exist, after the same single call.
func (h *Handler) ownSubscription(ctx context.Context, customer, id string,
	record *record) (billing.Subscription, error) {
	var subscription billing.Subscription
	err := h.withKey(ctx, record, func(key string) (calls billing.Calls, err error) {
		subscription, calls, err = h.Subscriptions.Subscription(ctx, key, id)
		return calls, err
	})
	if err == nil && subscription.Customer != customer {
		err = &billing.Error{Class: billing.NoSuchSubscription}
	}
	return subscription, err
}

// onlySubscription returns the customer's only subscription that the flow can act on.
func (h *Handler) onlySubscription(ctx context.Context, customer, flowType string,
	record *record) (billing.Subscription, error) {
	all, err := h.subscriptions(ctx, customer, record)
	if err != nil {
		return billing.Subscription{}, err
	}
	eligible := slices.DeleteFunc(slices.Clone(all), func(s billing.Subscription) bool {
		return ineligibleReason(s, flowType) != 0
	})
	switch len(eligible) {
	case 1:
		return eligible[0], nil
	case 0:
		return billing.Subscription{}, noneEligible(all, flowType)
	}
	return billing.Subscription{}, &ambiguity{
		flow:    flowType,
		choices: h.describe(ctx, eligible, record),
	}
}

// subscriptions returns all subscriptions of the customer, the newest first, including those that
// have ended.
func (h *Handler) subscriptions(ctx context.Context, customer string, record *record) ([]billing.Subscription, error) {
	var all []billing.Subscription
	err := h.withKey(ctx, record, func(key string) (calls billing.Calls, err error) {
		all, calls, err = h.Subscriptions.Subscriptions(ctx, key, customer)
		return calls, err
	})
	return all, err
}

// ineligibleReason returns why a flow cannot act on a subscription, or 0 if it can.
//
// https://docs.stripe.com/customer-management#customer-portal-limitations
func ineligibleReason(s billing.Subscription, flowType string) language.Key {
	switch s.Status {
	case stripe.SubscriptionStatusActive, stripe.SubscriptionStatusTrialing, stripe.SubscriptionStatusPastDue:
	case stripe.SubscriptionStatusCanceled, stripe.SubscriptionStatusIncompleteExpired:
		return language.SubscriptionCancelled
	case stripe.SubscriptionStatusPaused:
		return language.SubscriptionPaused
	default:
		return language.SubscriptionNotActive
	}
	switch {
	case flowType == params.FlowSubscriptionCancel && s.Cancelling:
		return language.SubscriptionCancelling
	case flowType != params.FlowSubscriptionCancel && len(s.Items) != 1:
		return language.SubscriptionHasSeveralItems
	}
	return 0
}

// noneEligible returns the problem of a flow without an eligible subscription: the reason that all
// subscriptions share, or a general one.
func noneEligible(all []billing.Subscription, flowType string) *problem.Problem {
	if len(all) == 0 { // the default advice is to check the subscription
		return &problem.Problem{Code: problem.SubscriptionNotEligible, Reason: language.NoSubscription,
			Advice: language.GoBack}
	}
	reason := ineligibleReason(all[0], flowType)
	for _, s := range all[1:] {
		if ineligibleReason(s, flowType) != reason {
			reason = language.NoSubscriptionEligible
		}
	}
	return &problem.Problem{Code: problem.SubscriptionNotEligible, Reason: reason}
}

// completeUpdate fills in the item of an update. It refuses an update that would change nothing, as
// Stripe would.
func completeUpdate(confirm *stripe.BillingPortalSessionFlowDataSubscriptionUpdateConfirmParams,
	s billing.Subscription) error {
	item := confirm.Items[0]
	if item.ID == nil {
		if len(s.Items) != 1 {
			return &problem.Problem{Code: problem.SubscriptionNotEligible, Reason: language.SubscriptionHasSeveralItems}
		}
		item.ID = stripe.String(s.Items[0].ID)
	}
	for _, current := range s.Items {
		if current.ID != *item.ID {
			continue
		}
		samePrice := item.Price == nil || *item.Price == current.Price
		sameQuantity := item.Quantity == nil || *item.Quantity == current.Quantity
		if samePrice && sameQuantity && len(confirm.Discounts) == 0 {
			return &problem.Problem{Code: problem.SubscriptionNotEligible, Reason: language.UpdateChangesNothing,
				Advice: language.GoBack}
		}
	}
	return nil
}
