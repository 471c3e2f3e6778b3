package account

import (
	"slices"
	"time"
)

// Data is the state of an account, as far as portal sessions depend on it.
type Data struct {
	Account        string // the account ID, acct_…
	Customers      []Customer
	Products       []Product
	Prices         []Price
	Subscriptions  []Subscription
	Configurations []Configuration
	Coupons        []Coupon
	PromotionCodes []PromotionCode
	Connected      []string // accounts that on_behalf_of can name
	Endpoints      []WebhookEndpoint
}

// Customer is a customer. The API treats a deleted customer as missing.
type Customer struct {
	ID, Name, Email string
	Created         time.Time
	User            string // metadata.user_id, or ""
	// client_reference_id of the Checkout Session that created the customer, or ""
	Reference string
	Card      string // for example "Visa ending in 4242", or ""
	Address   string // in one line, or ""
	TaxID     string // for example "US EIN 12-3456789", or ""
	Deleted   bool
}

// Product is a product that the account sells.
type Product struct{ ID, Name string }

// Price is a monthly price in US cents for one unit of a product.
type Price struct {
	ID, Product string
	UnitAmount  int64
}

// Subscription is a subscription of a customer. Status is a status of Stripe: incomplete,
// incomplete_expired, trialing, active, past_due, canceled, unpaid, paused. Zero times are null in
// the API.
type Subscription struct {
	ID, Customer, Status   string
	Items                  []Item
	Created                time.Time
	PeriodStart, PeriodEnd time.Time
	TrialEnd               time.Time
	CancelAtPeriodEnd      bool
	// a date set by hand; with CancelAtPeriodEnd Stripe shows the end of the period
	CancelAt            time.Time
	CanceledAt, EndedAt time.Time
	Coupon              string // a coupon ID, or ""
	// "", keep_as_draft, mark_uncollectible or void. This pause does not change Status.
	PauseCollection string
}

// Item is a line of a subscription.
type Item struct {
	ID, Price string
	Quantity  int64
}

// Configuration is a portal configuration: the actions that the portal offers.
type Configuration struct {
	ID               string
	Default          bool
	Name             string
	DefaultReturnURL string
	Cancel           bool     // features.subscription_cancel.enabled
	Update           bool     // features.subscription_update.enabled
	AllowedUpdates   []string // features.subscription_update.default_allowed_updates: price, quantity, promotion_code
	Prices           []string // features.subscription_update.products, only their prices
	PaymentMethod    bool     // features.payment_method_update.enabled
	CustomerUpdate   bool     // features.customer_update.enabled
	Inactive         bool
	// parameters set through the API; the fields above override them
	More map[string]any
}

// Coupon is a discount in percent.
type Coupon struct {
	ID, Name   string
	PercentOff float64
	Expired    bool
}

// PromotionCode is a code with which customers redeem a coupon.
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

// Customer returns a customer, or nil if it is missing or deleted.
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

// DefaultConfiguration returns the configuration of sessions that do not name one, or nil.
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
