package account

// Session is a portal session as the API shows it
// (https://docs.stripe.com/api/customer_portal/sessions/object, version 2024-06-20, and
// 2026-08-26.dahlia for the flow customer_update).
type Session struct {
	ID            string  `json:"id"`
	Object        string  `json:"object"`
	Configuration string  `json:"configuration"`
	Created       int64   `json:"created"`
	Customer      string  `json:"customer"`
	Flow          *Flow   `json:"flow"`
	Livemode      bool    `json:"livemode"`
	Locale        *string `json:"locale"`
	OnBehalfOf    *string `json:"on_behalf_of"`
	ReturnURL     *string `json:"return_url"`
	URL           string  `json:"url"`
}

// Flow is a portal flow in a session. Parts that the request did not set are null.
type Flow struct {
	AfterCompletion    AfterCompletion `json:"after_completion"`
	CustomerUpdate     *struct{}       `json:"customer_update,omitempty"` // no members
	Cancel             *FlowCancel     `json:"subscription_cancel"`
	Update             *FlowUpdate     `json:"subscription_update"`
	UpdateConfirmation *FlowConfirm    `json:"subscription_update_confirm"`
	Type               string          `json:"type"`
}

// AfterCompletion is the action after a flow: portal_homepage, hosted_confirmation or redirect.
type AfterCompletion struct {
	HostedConfirmation *HostedConfirmation `json:"hosted_confirmation"`
	Redirect           *Redirect           `json:"redirect"`
	Type               string              `json:"type"`
}

// HostedConfirmation is a page that confirms a flow. Without a custom message it shows Stripe's
// message.
type HostedConfirmation struct {
	CustomMessage *string `json:"custom_message"`
}

// Redirect leads back to the app.
type Redirect struct {
	ReturnURL string `json:"return_url"`
}

// FlowCancel cancels a subscription, optionally with a retention offer.
type FlowCancel struct {
	Retention    *Retention `json:"retention"`
	Subscription string     `json:"subscription"`
}

// Retention is a retention offer; its type is coupon_offer.
type Retention struct {
	CouponOffer CouponOffer `json:"coupon_offer"`
	Type        string      `json:"type"`
}

// CouponOffer names a coupon by its ID.
type CouponOffer struct {
	Coupon string `json:"coupon"`
}

// FlowUpdate lets the customer choose another plan for a subscription.
type FlowUpdate struct {
	Subscription string `json:"subscription"`
}

// FlowConfirm lets the customer confirm a change of a subscription. It has exactly one item and at
// most one discount.
type FlowConfirm struct {
	Discounts    []FlowDiscount `json:"discounts"`
	Items        []FlowItem     `json:"items"`
	Subscription string         `json:"subscription"`
}

// FlowDiscount has either a coupon or a promotion code, by ID.
type FlowDiscount struct {
	Coupon        *string `json:"coupon"`
	PromotionCode *string `json:"promotion_code"`
}

// FlowItem is the new price and quantity of a subscription item; nil means no change.
type FlowItem struct {
	ID       string  `json:"id"`
	Price    *string `json:"price"`
	Quantity *int64  `json:"quantity,omitempty"`
}
