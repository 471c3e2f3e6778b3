package importer

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"golang.org/x/time/rate"

	"billingportal/functions/app/operator"
)

// Reader reads objects of a Stripe account.
type Reader interface {
	Read(ctx context.Context, path string, query url.Values) (json.RawMessage, error)
	// Livemode reports whether its objects should be in live mode.
	Livemode() bool
}

// customer has the fields of a Stripe customer that are read.
//
// https://docs.stripe.com/api/customers/object
type customer struct {
	ID       string
	Created  int64
	Email    string
	Deleted  bool
	Livemode *bool // nil for a deleted customer
	Metadata map[string]string

	Subscriptions struct {
		Data []struct {
			ID     string
			Status string
		}
	}
}

// pageSize is the largest page that Stripe returns.
const pageSize = "100"

// customersAfter reads a page of customers, the newest first.
//
// https://docs.stripe.com/api/customers/list
func customersAfter(ctx context.Context, reader Reader, limiter *rate.Limiter, after string,
	expand ...string) (page []customer, more bool, err error) {
	if err := limiter.Wait(ctx); err != nil {
		return nil, false, err
	}
	query := url.Values{"limit": {pageSize}}
	if after != "" {
		query.Set("starting_after", after)
	}
	for _, what := range expand {
		query.Add("expand[]", what)
	}
	document, err := reader.Read(ctx, "/v1/customers", query)
	if err != nil {
		return nil, false, err
	}
	var list struct {
		Data    []customer
		HasMore bool `json:"has_more"`
	}
	if json.Unmarshal(document, &list) != nil {
		return nil, false, errList
	}
	for _, c := range list.Data {
		if c.isOfOtherMode(reader) {
			return nil, false, errMode
		}
	}
	return list.Data, list.HasMore && len(list.Data) > 0, nil
}

// shownID returns the ID, shortened in case it does not have Stripe's form.
func (c customer) shownID() string { return shown(c.ID) }

// isOfOtherMode reports whether the customer is in the other mode. It is the final check for keys
// that do not name their mode.
func (c customer) isOfOtherMode(reader Reader) bool {
	return c.Livemode != nil && *c.Livemode != reader.Livemode()
}

var (
	errList = errors.New("stripe: the answer is not a list of customers")
	errMode = errors.New("stripe: the customers are in the other mode: check the Stripe key and STRIPE_LIVEMODE")
)

// NewLimiter returns a limiter for this many Stripe reads per second.
func NewLimiter(perSecond int) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(max(1, perSecond)), 1)
}

// FromStripe is the source of the customers whose metadata names a user.
type FromStripe struct {
	Reader      Reader
	Limiter     *rate.Limiter
	MetadataKey string
}

// Name implements Source.
func (s *FromStripe) Name() string {
	mode := "test"
	if s.Reader.Livemode() {
		mode = "live"
	}
	return "stripe, " + mode + " mode, metadata " + s.MetadataKey
}

// Prepare implements Source. Stripe does not say how many customers there are.
func (s *FromStripe) Prepare(context.Context, Progress) (int64, error) { return 0, nil }

// ByHand implements Source.
func (s *FromStripe) ByHand() bool { return false }

// Next implements Source. The claim is made at the customer's creation, as the webhook does for
// metadata that was always there. If the table knows a release of the pair, the claim is made at
// the time of reading: metadata that is there now is newer than any release.
func (s *FromStripe) Next(ctx context.Context, from Position) (Batch, error) {
	seen := time.Now().Unix()
	page, more, err := customersAfter(ctx, s.Reader, s.Limiter, from.After)
	if err != nil {
		return Batch{}, err
	}
	batch := Batch{Next: Position{End: !more}}
	for _, c := range page {
		batch.Next.After = c.ID
		user, isNamed := c.Metadata[s.MetadataKey]
		switch {
		case !isNamed || user == "":
			batch.Skipped++
		case !operator.IsUserID(user):
			batch.Rejected = append(batch.Rejected, Rejected{Kind: kindMalformed, Customer: c.shownID(),
				Reason: "the user in its metadata has more than 255 characters, has control characters, or looks " +
					"like a customer ID: correct the metadata at Stripe"})
		case !operator.IsCustomerID(c.ID):
			batch.Rejected = append(batch.Rejected, Rejected{Kind: kindMalformed, User: user, Customer: c.shownID(),
				Reason: "the customer ID does not look like cus_…, so the portal cannot use it"})
		default:
			batch.Claims = append(batch.Claims, Claim{User: user, Customer: c.ID, At: c.Created, Seen: seen})
		}
	}
	return batch, nil
}

// namedUser returns the user in a customer's metadata; "" for none.
func namedUser(c customer, metadataKey string) string {
	if user := c.Metadata[metadataKey]; operator.IsUserID(user) {
		return user
	}
	return ""
}
