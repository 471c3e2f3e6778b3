package preflight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stripe/stripe-go/v79"

	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/params"
	"billingportal/functions/internal/secret"
)

// StripeAPI has the requests that the checks send to Stripe.
type StripeAPI interface {
	Read(ctx context.Context, key, path string, query url.Values) (json.RawMessage, error)
	ProbeSessions(ctx context.Context, key string) error
	ProbeFlow(ctx context.Context, key, flow string) error
}

// Stripe has the checks that ask Stripe.
type Stripe struct {
	API         StripeAPI
	Keys        Secrets[secret.Key]
	RateLimiter *RateLimiter
	// Organization means that the account's organization may send the events, from a destination
	// that the key cannot read.
	Organization bool
}

// errNoKey means that the key is missing. Another check says why.
var errNoKey = errors.New("preflight: no key")

func (s *Stripe) read(ctx context.Context, path string, query url.Values, into any) error {
	key, err := s.Keys.Get(ctx)
	if err != nil {
		return errNoKey
	}
	var document json.RawMessage
	err = s.RateLimiter.do(ctx, func(ctx context.Context) (err error) {
		document, err = s.API.Read(ctx, key.Reveal(), path, query)
		return err // not wrapped: callers read its class
	})
	if err != nil {
		return err
	}
	if json.Unmarshal(document, into) != nil {
		return &billing.Error{Class: billing.BadResponse}
	}
	return nil
}

// fromStripe returns the finding for a request that failed. mayNot is the advice for a missing
// permission. Other checks report a key that is missing or refused.
func fromStripe(err error, mayNot string) Finding {
	var failure *billing.Error
	switch {
	case errors.Is(err, errNoKey):
		return Finding{}
	case errors.Is(err, errNoTime):
		return late("there was no time left to ask Stripe")
	case !errors.As(err, &failure):
		return problem(err.Error(), "")
	}
	switch failure.Class { // every other class is a refusal
	case billing.KeyRefused:
		return Finding{}
	case billing.PermissionMissing:
		return warning("the Stripe key lacks permission to read it, so nothing was checked", mayNot)
	case billing.Timeout:
		return late(failure.Error())
	case billing.Unavailable, billing.BadResponse:
		return problem(failure.Error(), "Stripe cannot be reached, or its answer cannot be used. Check "+
			"https://status.stripe.com, the network and STRIPE_API_BASE.")
	}
	return problem(failure.Error(), "Find the request in Stripe's dashboard, under Developers, Logs.")
}

func isMissing(err error) bool {
	var failure *billing.Error
	return errors.As(err, &failure) && failure.Code == stripe.ErrorCodeResourceMissing
}

// classOf returns the class of an error from Stripe, or 0 for any other error.
func classOf(err error) billing.Class {
	var failure *billing.Error
	if errors.As(err, &failure) {
		return failure.Class
	}
	return 0
}

// KeyAccepted checks whether Stripe accepts the key.
func (s *Stripe) KeyAccepted() Check {
	return Check{Name: "Stripe key", Run: func(ctx context.Context) Finding {
		var list struct{}
		err := s.read(ctx, "/v1/subscriptions", url.Values{"limit": {"1"}}, &list)
		switch {
		case err == nil, classOf(err) == billing.PermissionMissing:
			return ok("Stripe accepts it")
		case classOf(err) == billing.KeyRefused:
			return problem("Stripe refuses it", "It was revoked, has expired or was mistyped. Put a valid key into "+
				"the secret that STRIPE_SECRET_ID names. It works within 10 seconds.")
		}
		return fromStripe(err, "")
	}}
}

// MayCreateSessions checks the permission to create portal sessions, which every deployment needs.
func (s *Stripe) MayCreateSessions() Check {
	return Check{Name: "permission to create portal sessions", Run: func(ctx context.Context) Finding {
		key, err := s.Keys.Get(ctx)
		if err != nil {
			return Finding{}
		}
		err = s.RateLimiter.do(ctx, func(ctx context.Context) error { return s.API.ProbeSessions(ctx, key.Reveal()) })
		switch {
		case err == nil:
			return ok("the key has it")
		case classOf(err) == billing.PermissionMissing:
			return problem("the key lacks it",
				"Give the restricted key Customer portal: Write, in Stripe's dashboard under Developers, API keys.")
		}
		return fromStripe(err, "")
	}}
}

// MayReadSubscriptions checks the permission to read subscriptions, which the flows about a
// subscription need.
func (s *Stripe) MayReadSubscriptions(flows []string) Check {
	isNeeded := slices.ContainsFunc(flows, func(flow string) bool { return strings.HasPrefix(flow, "subscription_") })
	return s.mayRead("subscriptions", "Subscriptions: Read", func(advice string) Finding {
		if !isNeeded {
			return ok("the key lacks it, and no allowed flow needs it")
		}
		return problem("the key lacks it, and flows about a subscription need it",
			advice+" Or remove those flows from ALLOWED_FLOWS.")
	})
}

// MayReadProducts checks the permission to read products. Without it, the choices of an ambiguous
// flow have no product names.
func (s *Stripe) MayReadProducts() Check {
	return s.mayRead("products", "Products: Read", func(advice string) Finding {
		return warning("the key lacks it, so customers who choose among subscriptions see no product names", advice)
	})
}

func (s *Stripe) mayRead(what, permission string, lacks func(advice string) Finding) Check {
	return Check{Name: "permission to read " + what, Run: func(ctx context.Context) Finding {
		var list struct{}
		err := s.read(ctx, "/v1/"+what, url.Values{"limit": {"1"}}, &list)
		switch {
		case err == nil:
			return ok("the key has it")
		case classOf(err) == billing.PermissionMissing:
			return lacks("Give the restricted key " + permission + ".")
		}
		return fromStripe(err, "")
	}}
}

// configuration has the members that are read of a portal configuration.
//
// https://docs.stripe.com/api/customer_portal/configurations/object
type configuration struct {
	ID       string
	Active   bool
	Livemode bool
	Features map[string]json.RawMessage
}

func (c configuration) has(feature string) bool {
	var state struct{ Enabled bool }
	return json.Unmarshal(c.Features[feature], &state) == nil && state.Enabled
}

// featureOf returns the feature of a portal configuration that a flow needs.
//
// https://docs.stripe.com/customer-management/portal-deep-links
func featureOf(flow string) string {
	if flow == params.FlowSubscriptionUpdateConfirm {
		return params.FlowSubscriptionUpdate
	}
	return flow // the feature has the name of the flow
}

const portalSettings = "https://dashboard.stripe.com/settings/billing/portal"

// errNeverSaved means that the account has no portal configuration of its own.
var errNeverSaved = errors.New("preflight: the portal's settings were never saved")

// configured returns the configuration with an ID or, for "", the account's default.
func (s *Stripe) configured(ctx context.Context, id string) (configuration, error) {
	if id != "" {
		var c configuration
		err := s.read(ctx, "/v1/billing_portal/configurations/"+url.PathEscape(id), nil, &c)
		return c, err
	}
	var list struct{ Data []configuration }
	if err := s.read(ctx, "/v1/billing_portal/configurations",
		url.Values{"is_default": {"true"}, "limit": {"1"}}, &list); err != nil {
		return configuration{}, err
	}
	if len(list.Data) == 0 {
		return configuration{}, errNeverSaved
	}
	return list.Data[0], nil
}

// Configuration checks a configuration that sessions use: the one with an ID or, for "", the
// account's default.
func (s *Stripe) Configuration(id string) Check {
	name := "portal configuration " + id
	if id == "" {
		name = "portal settings"
	}
	return Check{Name: name, Run: func(ctx context.Context) Finding {
		c, err := s.configured(ctx, id)
		switch {
		case errors.Is(err, errNeverSaved):
			return problem("they were never saved in this mode",
				"Open "+portalSettings+" in the mode that you use, and choose Save once.")
		case isMissing(err):
			return problem("there is no such configuration in this mode",
				"Correct DEFAULT_CONFIGURATION or ALLOWED_CONFIGURATIONS: test and live mode have different IDs.")
		case err != nil:
			return fromStripe(err, mayNotConfigure)
		case !c.Active:
			return problem("it is not active",
				"Activate it at Stripe, or remove it from DEFAULT_CONFIGURATION and ALLOWED_CONFIGURATIONS.")
		}
		return ok("saved and active")
	}}
}

// Flows compares the allowed flows with the features of the configuration that sessions use by
// default. id is as for Configuration.
func (s *Stripe) Flows(flows []string, id string) Check {
	return Check{Name: "flows", Run: func(ctx context.Context) Finding {
		c, err := s.configured(ctx, id)
		if err != nil {
			if errors.Is(err, errNeverSaved) || errors.Is(err, errNoKey) ||
				classOf(err) == billing.PermissionMissing || isMissing(err) {
				return Finding{} // the configuration's own check says why
			}
			return fromStripe(err, "")
		}
		var lacking []string
		for _, flow := range flows {
			if !c.has(featureOf(flow)) {
				lacking = append(lacking, flow)
			}
		}
		if len(lacking) > 0 {
			return warning("the portal configuration lacks the feature for "+strings.Join(lacking, ", ")+
				", so the API answers 409 flow-unavailable",
				"Enable the features at "+portalSettings+", or remove these flows from ALLOWED_FLOWS.")
		}
		return ok("every allowed flow is enabled: " + strings.Join(flows, ", "))
	}}
}

// FlowKnown checks whether Stripe accepts a flow with the API version that sessions with this flow
// ask for.
func (s *Stripe) FlowKnown(flow, version string) Check {
	return Check{Name: "flow " + flow, Run: func(ctx context.Context) Finding {
		key, err := s.Keys.Get(ctx)
		if err != nil {
			return Finding{}
		}
		err = s.RateLimiter.do(ctx, func(ctx context.Context) error { return s.API.ProbeFlow(ctx, key.Reveal(), flow) })
		switch class := classOf(err); {
		case err == nil:
			return ok("Stripe accepts it with the API version " + version)
		case class == billing.ParameterRefused, class == billing.RequestRefused:
			return problem("Stripe refuses it with the API version "+version, "Remove "+flow+" from ALLOWED_FLOWS.")
		case class == billing.PermissionMissing, class == billing.PortalNotConfigured:
			return Finding{} // other checks report it
		}
		return fromStripe(err, "")
	}}
}

// StripeReader reads an object or a list from Stripe.
type StripeReader func(ctx context.Context, path string, query url.Values) (json.RawMessage, error)

// Extra returns a check of portal configurations for an operator's tool. If run returns an error of
// read, the finding has the same advice as those of other checks.
func (s *Stripe) Extra(name string, run func(ctx context.Context, read StripeReader) (Finding, error)) Check {
	return Check{Name: name, Run: func(ctx context.Context) Finding {
		finding, err := run(ctx,
			func(ctx context.Context, path string, query url.Values) (document json.RawMessage, err error) {
				err = s.read(ctx, path, query, &document)
				return document, err
			})
		if err != nil {
			return fromStripe(err, mayNotConfigure)
		}
		return finding
	}}
}

const mayNotConfigure = "Give the restricted key Customer portal: Write, which includes reading its configurations."

// Coupon checks a coupon of ALLOWED_COUPONS.
func (s *Stripe) Coupon(id string) Check {
	return s.object("coupon "+id, "/v1/coupons/"+url.PathEscape(id), "valid", "ALLOWED_COUPONS", "Coupons: Read")
}

// PromotionCode checks a promotion code of ALLOWED_PROMOTION_CODES.
func (s *Stripe) PromotionCode(id string) Check {
	return s.object("promotion code "+id, "/v1/promotion_codes/"+url.PathEscape(id), "active",
		"ALLOWED_PROMOTION_CODES", "Promotion Codes: Read")
}

// object checks an object that must exist and have true as the value of a member.
func (s *Stripe) object(name, path, member, variable, permission string) Check {
	return Check{Name: name, Run: func(ctx context.Context) Finding {
		var object map[string]json.RawMessage
		err := s.read(ctx, path, nil, &object)
		switch {
		case isMissing(err):
			return problem("it does not exist in this mode",
				"Correct "+variable+": test and live mode have different IDs.")
		case err != nil:
			return fromStripe(err,
				"Give the restricted key "+permission+" to enable this check. The portal itself does not need it.")
		case string(object[member]) != "true":
			return problem("it is no longer "+member, "Remove it from "+variable+", or renew it at Stripe.")
		}
		return ok("it is " + member)
	}}
}

// Account checks a connected account.
func (s *Stripe) Account(id string) Check {
	return Check{Name: "connected account " + id, Run: func(ctx context.Context) Finding {
		var account struct{ ID string }
		err := s.read(ctx, "/v1/accounts/"+url.PathEscape(id), nil, &account)
		switch {
		case classOf(err) == billing.NoSuchAccount, isMissing(err):
			return problem("the Stripe key cannot access this account",
				"Correct ALLOWED_ACCOUNTS or DEFAULT_ON_BEHALF_OF, or connect the account again.")
		case err != nil:
			return fromStripe(err, "Give the restricted key Connected accounts: Read to enable this check.")
		}
		return ok("it is connected")
	}}
}

// live checks whether the customers of the items exist at Stripe.
func (s *Stripe) live(ctx context.Context, table customers.Table, items []map[string]types.AttributeValue) Finding {
	looked, stale, conflicts, malformed := 0, 0, 0, 0
	for _, item := range items {
		entry, err := table.EntryOf(item)
		switch {
		case err != nil:
			malformed++
			continue
		case entry.Customer == "" || looked == Sampled:
			continue
		}
		if len(entry.State.Counting()) > 1 {
			conflicts++
		}
		isLive, err := s.customerExists(ctx, entry.Customer)
		if err != nil {
			return fromStripe(err,
				"Give the restricted key Customers: Read to enable this check. The portal itself does not need it.")
		}
		looked++
		if !isLive {
			stale++
		}
	}
	switch {
	case malformed > 0:
		return warning(fmt.Sprintf("%d of %d items have a value that is not a customer ID", malformed, len(items)),
			"Compare CUSTOMERS_ATTRIBUTE with the table's items.")
	case stale > 0:
		return warning(fmt.Sprintf("%d of %d customers no longer exist at Stripe", stale, looked),
			"Find all of them with go run ./local import --verify. With --fix, it also corrects them.")
	case conflicts > 0:
		return warning(fmt.Sprintf("%d of %d users have several customers that count", conflicts, looked),
			"Find their log lines of level ERROR with effect conflict, and delete the wrong customer at Stripe.")
	case looked == 0:
		return ok("no user is mapped yet")
	}
	return ok(fmt.Sprintf("%d customers checked, all exist at Stripe", looked))
}

// customerExists reports whether a customer exists and is not deleted.
//
// https://docs.stripe.com/api/customers/retrieve
func (s *Stripe) customerExists(ctx context.Context, id string) (bool, error) {
	var customer struct{ Deleted bool }
	err := s.read(ctx, "/v1/customers/"+url.PathEscape(id), nil, &customer)
	if isMissing(err) {
		return false, nil
	}
	return !customer.Deleted, err
}
