package account

import (
	"slices"
	"time"
)

// Data is an account's state, as far as portal sessions depend on it.
type Data struct {
	Account        string // the account itself, acct_…
	Customers      []Customer
	Products       []Product
	Prices         []Price
	Subscriptions  []Subscription
	Configurations []Configuration
	Coupons        []Coupon
	PromotionCodes []PromotionCode
	Connected      []string // accounts that on_behalf_of may name
	Endpoints      []WebhookEndpoint
}

// Customer is a customer. A deleted one answers as if it had never been.
type Customer struct {
	ID, Name, Email string
	Created         time.Time
	User            string // metadata.user_id; "" for none
	Reference       string // client_reference_id of the Checkout Session that made the customer; "" for none
	Card            string // in words, such as "Visa ending in 4242"; "" for none
	Address         string // in one line; "" for none
	TaxID           string // in words, such as "US EIN 12-3456789"; "" for none
	Deleted         bool
}

// Product is what is sold.
type Product struct{ ID, Name string }

// Price is a monthly price in US cents for one unit of a product.
type Price struct {
	ID, Product string
	UnitAmount  int64
}

// Subscription is a subscription of a customer. Status is one of Stripe's: incomplete,
// incomplete_expired, trialing, active, past_due, canceled, unpaid, paused. Zero times are null.
type Subscription struct {
	ID, Customer, Status   string
	Items                  []Item
	Created                time.Time
	PeriodStart, PeriodEnd time.Time
	TrialEnd               time.Time
	CancelAtPeriodEnd      bool
	CancelAt               time.Time // a date set by hand; with CancelAtPeriodEnd Stripe shows the period's end
	CanceledAt, EndedAt    time.Time
	Coupon                 string // "" for none
	// "", keep_as_draft, mark_uncollectible, void: the other kind of pause, with its own status
	PauseCollection string
}

// Item is one line of a subscription.
type Item struct {
	ID, Price string
	Quantity  int64
}

// Configuration is a portal configuration: what customers may do in the portal.
type Configuration struct {
	ID               string
	Default          bool
	Name             string
	DefaultReturnURL string
	Cancel           bool     // features.subscription_cancel.enabled
	Update           bool     // features.subscription_update.enabled
	AllowedUpdates   []string // features.subscription_update.default_allowed_updates: price, quantity, promotion_code
	Prices           []string // features.subscription_update.products, their prices
	PaymentMethod    bool     // features.payment_method_update.enabled
	CustomerUpdate   bool     // features.customer_update.enabled
	Inactive         bool
	More             map[string]any // parameters that were set through the API; the fields above count for more
}

// Coupon takes a percentage off.
type Coupon struct {
	ID, Name   string
	PercentOff float64
	Expired    bool
}

// PromotionCode is a code that customers know a coupon by.
type PromotionCode struct {
	ID, Code, Coupon string
	Inactive         bool
}

func find[T any](all []T, is func(T) bool) *T {
	if i := slices.IndexFunc(all, is); i >= 0 {
		return &all[i]
	}
	return nil
}

// Customer returns a customer that is not deleted, or nil.
func (d *Data) Customer(id string) *Customer {
	return find(d.Customers, func(c Customer) bool { return c.ID == id && !c.Deleted })
}

// Product returns a product, or nil.
func (d *Data) Product(id string) *Product {
	return find(d.Products, func(p Product) bool { return p.ID == id })
}

// Price returns a price, or nil.
func (d *Data) Price(id string) *Price {
	return find(d.Prices, func(p Price) bool { return p.ID == id })
}

// Subscription returns a subscription, or nil.
func (d *Data) Subscription(id string) *Subscription {
	return find(d.Subscriptions, func(s Subscription) bool { return s.ID == id })
}

// Configuration returns a portal configuration, or nil.
func (d *Data) Configuration(id string) *Configuration {
	return find(d.Configurations, func(c Configuration) bool { return c.ID == id })
}

// DefaultConfiguration returns the configuration of sessions that name none, or nil.
func (d *Data) DefaultConfiguration() *Configuration {
	return find(d.Configurations, func(c Configuration) bool { return c.Default })
}

// Coupon returns a coupon, or nil.
func (d *Data) Coupon(id string) *Coupon {
	return find(d.Coupons, func(c Coupon) bool { return c.ID == id })
}

// PromotionCode returns a promotion code by its ID, or nil.
func (d *Data) PromotionCode(id string) *PromotionCode {
	return find(d.PromotionCodes, func(p PromotionCode) bool { return p.ID == id })
}
