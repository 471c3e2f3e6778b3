package pages

import (
	"net/url"
	"slices"

	"billingportal/local/internal/fakestripe/account"
)

// The flows that the home page links to, by the last part of their addresses.
const (
	cancelStep  = "cancel"
	changeStep  = "change-plan"
	cardStep    = "payment-method"
	detailsStep = "billing-details"
)

func isHomeFlow(step string) bool {
	return slices.Contains([]string{cancelStep, changeStep, cardStep, detailsStep}, step)
}

// homeSubscription is a subscription on the home page, with the addresses of the flows that are
// possible; "" for the others.
type homeSubscription struct {
	SubscriptionView
	Cancel, Change string
	Renews         bool // a cancellation can be taken back
}

// homeFlow returns a flow of the home page, or nil if the portal's configuration or the state of
// the subscription does not allow it. It ends at the home page.
func (d viewer) homeFlow(s *account.Session, step, subscription string) *account.Flow {
	c := d.Configuration(s.Configuration)
	if c == nil || d.Customer(s.Customer) == nil {
		return nil
	}
	f := &account.Flow{AfterCompletion: account.AfterCompletion{Type: "portal_homepage"}}
	switch {
	case step == cardStep && c.PaymentMethod:
		f.Type = "payment_method_update"
	case step == detailsStep && c.CustomerUpdate:
		f.Type, f.CustomerUpdate = "customer_update", &struct{}{}
	case step == cancelStep && c.Cancel && d.allows(s.Customer, subscription, "unpaid", "paused"):
		f.Type, f.Cancel = "subscription_cancel", &account.FlowCancel{Subscription: subscription}
	case step == changeStep && c.Update && d.allows(s.Customer, subscription) && len(d.choices(c, subscription)) > 0:
		f.Type, f.Update = "subscription_update", &account.FlowUpdate{Subscription: subscription}
	default:
		return nil
	}
	return f
}

// allows reports whether a customer may change a subscription: it is in use, and its cancellation
// is not planned. It may also have one of more statuses.
func (d viewer) allows(customer, id string, more ...string) bool {
	s := d.Subscription(id)
	return s != nil && s.Customer == customer && len(s.Items) == 1 && !isCancelling(s) &&
		slices.Contains(append([]string{"active", "trialing", "past_due"}, more...), s.Status)
}

func isCancelling(s *account.Subscription) bool {
	return s.EndedAt.IsZero() && (s.CancelAtPeriodEnd || !s.CancelAt.IsZero())
}

// homeFlowPath returns the path of the page for a flow; subscription is "" if the flow has none.
func homeFlowPath(name, step, subscription string) string {
	path := "/p/session/" + name + "/" + step
	if subscription == "" {
		return path
	}
	return path + "?" + url.Values{"subscription": {subscription}}.Encode()
}

// home fills in the home page of the session with this name.
func (d viewer) home(v *view, name string) {
	link := func(step, subscription string) string {
		if d.homeFlow(v.Session, step, subscription) == nil {
			return ""
		}
		return homeFlowPath(name, step, subscription)
	}
	for _, s := range d.Subscriptions {
		if s.Customer != v.Session.Customer {
			continue
		}
		v.Subscriptions = append(v.Subscriptions, homeSubscription{
			SubscriptionView: d.subscriptionView(s), Cancel: link(cancelStep, s.ID), Change: link(changeStep, s.ID),
			Renews: v.Configuration.Cancel && s.CancelAtPeriodEnd && s.EndedAt.IsZero(),
		})
	}
	v.Card, v.Details = link(cardStep, ""), link(detailsStep, "")
}
