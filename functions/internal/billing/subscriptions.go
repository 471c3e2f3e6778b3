package billing

import (
	"context"
	"net/http"
	"regexp"

	"github.com/stripe/stripe-go/v79"
	"github.com/stripe/stripe-go/v79/form"
)

// Subscription is the part of a subscription that a flow needs. stripe-go's own type would add the
// decoders of half of Stripe's objects to the binary.
type Subscription struct {
	ID       string
	Customer string
	// Status is the status in Stripe's words, for example active, trialing, past_due or canceled.
	Status stripe.SubscriptionStatus
	// Cancelling reports whether it is set to end, at the end of the period or on a date.
	Cancelling bool
	// CancelAt is when it will end, in Unix seconds; 0 if it is not set to end.
	CancelAt int64
	// CurrentPeriodEnd is the end of the invoiced period, in Unix seconds; 0 if Stripe does not
	// say.
	CurrentPeriodEnd int64
	Items            []Item
}

// Item is one item of a subscription: a quantity of a price.
type Item struct {
	ID       string
	Price    string
	Product  string // ID
	Quantity int64
}

// subscriptionObject has the members that are read.
//
// https://docs.stripe.com/api/subscriptions/object
type subscriptionObject struct {
	stripe.APIResource
	ID                string                    `json:"id"`
	Customer          string                    `json:"customer"`
	Status            stripe.SubscriptionStatus `json:"status"`
	CancelAtPeriodEnd bool                      `json:"cancel_at_period_end"`
	CancelAt          int64                     `json:"cancel_at"`
	CurrentPeriodEnd  int64                     `json:"current_period_end"`
	Items             struct {
		Data []struct {
			ID    string `json:"id"`
			Price struct {
				ID      string `json:"id"`
				Product string `json:"product"`
			} `json:"price"`
			Quantity int64 `json:"quantity"`
		} `json:"data"`
	} `json:"items"`
}

func (o *subscriptionObject) subscription() Subscription {
	s := Subscription{
		ID:         o.ID,
		Customer:   o.Customer,
		Status:     o.Status,
		Cancelling: o.CancelAtPeriodEnd || o.CancelAt != 0,
		CancelAt:   o.CancelAt, CurrentPeriodEnd: o.CurrentPeriodEnd,
	}
	if s.CancelAt == 0 && o.CancelAtPeriodEnd {
		s.CancelAt = o.CurrentPeriodEnd
	}
	for _, item := range o.Items.Data {
		s.Items = append(s.Items,
			Item{ID: item.ID, Price: item.Price.ID, Product: item.Price.Product, Quantity: item.Quantity})
	}
	return s
}

// subscriptionList and productList are pages of lists.
//
// https://docs.stripe.com/api/pagination
type subscriptionList struct {
	stripe.APIResource
	stripe.ListMeta
	Object string               `json:"object"`
	Data   []subscriptionObject `json:"data"`
}

type productList struct {
	stripe.APIResource
	Data []struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"data"`
}

// idPattern matches Stripe's IDs. Other text never becomes part of a path.
var idPattern = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

// pageSize is the largest page that Stripe returns.
const pageSize = 100

// Subscription returns a subscription by its ID. It does not check which customer the subscription
// belongs to. Every error is an [*Error]; its class is NoSuchSubscription if the subscription does
// not exist.
//
// https://docs.stripe.com/api/subscriptions/retrieve
func (c *Client) Subscription(ctx context.Context, key, id string) (Subscription, Calls, error) {
	if !idPattern.MatchString(id) {
		return Subscription{}, Calls{}, &Error{Class: NoSuchSubscription}
	}
	var object subscriptionObject
	common := &stripe.Params{}
	calls, err := c.do(ctx, subscriptionsRead, common, func() error {
		object = subscriptionObject{}
		return c.backend.CallRaw(http.MethodGet, stripe.FormatURLPath("/v1/subscriptions/%s", id),
			key, nil, common, &object)
	})
	switch {
	case err != nil:
		return Subscription{}, calls, err
	case object.ID != id:
		return Subscription{}, calls, &Error{Class: BadResponse, Calls: calls}
	}
	return object.subscription(), calls, nil
}

// Subscriptions returns all subscriptions of a customer, the newest first, including those that
// have ended. Every error is an [*Error].
//
// https://docs.stripe.com/api/subscriptions/list
func (c *Client) Subscriptions(ctx context.Context, key, customer string) ([]Subscription, Calls, error) {
	var all []Subscription
	var total Calls
	params := &stripe.SubscriptionListParams{Customer: stripe.String(customer), Status: stripe.String("all")}
	params.Limit = stripe.Int64(pageSize)
	for {
		var page subscriptionList
		common := &stripe.Params{}
		calls, err := c.do(ctx, subscriptionsRead, common, func() error {
			page = subscriptionList{}
			return c.backend.CallRaw(http.MethodGet, "/v1/subscriptions", key, query(params), common, &page)
		})
		total = total.plus(calls)
		if err != nil {
			err.Calls = total
			return nil, total, err
		}
		if page.Object != "list" && page.Data == nil { // null, for example
			return nil, total, &Error{Class: BadResponse, Calls: total}
		}
		for i := range page.Data {
			if page.Data[i].Customer != customer {
				return nil, total, &Error{Class: BadResponse, Calls: total}
			}
			all = append(all, page.Data[i].subscription())
		}
		if !page.HasMore {
			return all, total, nil
		}
		last := ""
		if len(page.Data) > 0 {
			last = page.Data[len(page.Data)-1].ID
		}
		if last == stripe.StringValue(params.StartingAfter) { // this list would never end
			return nil, total, &Error{Class: BadResponse, Calls: total}
		}
		params.StartingAfter = stripe.String(last)
	}
}

// ProductNames returns the names of at most 100 products by ID.
//
// The names need a call of their own, because a list of subscriptions cannot be expanded down to
// its products: that is one level more than Stripe allows.
//
// https://docs.stripe.com/api/products/list
// https://docs.stripe.com/api/expanding_objects
func (c *Client) ProductNames(ctx context.Context, key string, ids []string) (map[string]string, Calls, error) {
	params := &stripe.ProductListParams{IDs: stripe.StringSlice(ids[:min(len(ids), pageSize)])}
	params.Limit = stripe.Int64(pageSize)
	var page productList
	common := &stripe.Params{}
	calls, err := c.do(ctx, productsRead, common, func() error {
		page = productList{}
		return c.backend.CallRaw(http.MethodGet, "/v1/products", key, query(params), common, &page)
	})
	if err != nil {
		return nil, calls, err
	}
	names := map[string]string{}
	for _, product := range page.Data {
		names[product.ID] = product.Name
	}
	return names, calls, nil
}

// query encodes the parameters of a list as stripe-go's own list clients do.
func query(params any) *form.Values {
	values := &form.Values{}
	form.AppendTo(values, params)
	return values
}

func (c Calls) plus(more Calls) Calls {
	c.Attempts += more.Attempts
	if more.RequestID != "" {
		c.RequestID = more.RequestID
	}
	return c
}
