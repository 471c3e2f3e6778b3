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
	"billingportal/functions/internal/secret"
)

// StripeAPI is what the checks ask Stripe.
type StripeAPI interface {
	Read(ctx context.Context, key, path string, query url.Values) (json.RawMessage, error)
	ProbeSessions(ctx context.Context, key string) error
	ProbeFlow(ctx context.Context, key, flow string) error
}

// Stripe asks Stripe with the key of a secret.
type Stripe struct {
	API         StripeAPI
	Keys        Secrets[secret.Key]
	RateLimiter *RateLimiter
	// Organization says that the account's organization may send the events, from a destination
	// that the key cannot see.
	Organization bool
}

// errNoKey means that nothing can be asked. Another check says why.
var errNoKey = errors.New("preflight: no key")

func (s *Stripe) read(ctx context.Context, path string, query url.Values, into any) error {
	key, err := s.Keys.Get(ctx)
	if err != nil {
		return errNoKey
	}
	var document json.RawMessage
	err = s.RateLimiter.do(ctx, func(ctx context.Context) (err error) {
		document, err = s.API.Read(ctx, key.Reveal(), path, query)
		return err // its class is what is looked at
	})
	if err != nil {
		return err
	}
	if json.Unmarshal(document, into) != nil {
		return &billing.Error{Class: billing.BadResponse}
	}
	return nil
}

// fromStripe says what is to be done about a request that failed. A key that is missing or refused
// is another check's finding.
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
	switch failure.Class { // the others are refusals
	case billing.KeyRefused:
		return Finding{}
	case billing.PermissionMissing:
		return warning("the key may not read it, so nothing was looked at", mayNot)
	case billing.Timeout:
		return late(failure.Error())
	case billing.Unavailable, billing.BadResponse:
		return problem(failure.Error(), "Stripe does not answer from here as it should: look at "+
			"https://status.stripe.com, at the network, and at STRIPE_API_BASE.")
	}
	return problem(failure.Error(), "Look the request up in Stripe's dashboard, under Developers, Logs.")
}

func isMissing(err error) bool {
	var failure *billing.Error
	return errors.As(err, &failure) && failure.Code == stripe.ErrorCodeResourceMissing
}

// classOf is the class of a refusal, 0 for anything else.
func classOf(err error) billing.Class {
	var failure *billing.Error
	if errors.As(err, &failure) {
		return failure.Class
	}
	return 0
}

// KeyAccepted asks with the key, for anything.
func (s *Stripe) KeyAccepted() Check {
	return Check{Name: "Stripe key", Run: func(ctx context.Context) Finding {
		var list struct{}
		err := s.read(ctx, "/v1/subscriptions", url.Values{"limit": {"1"}}, &list)
		switch {
		case err == nil, classOf(err) == billing.PermissionMissing:
			return ok("Stripe accepts it")
		case classOf(err) == billing.KeyRefused:
			return problem("Stripe refuses it", "It was revoked, expired or mistyped. Put a new one into the secret "+
				"that STRIPE_SECRET_ID names; it works within 10 seconds.")
		}
		return fromStripe(err, "")
	}}
}

// MayCreateSessions proves the one permission without which nothing works.
func (s *Stripe) MayCreateSessions() Check {
	return Check{Name: "permission to create portal sessions", Run: func(ctx context.Context) Finding {
		key, err := s.Keys.Get(ctx)
		if err != nil {
			return Finding{}
		}
		// As above.
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

// MayReadSubscriptions is needed by the flows about a subscription.
func (s *Stripe) MayReadSubscriptions(flows []string) Check {
	isNeeded := slices.ContainsFunc(flows, func(flow string) bool { return strings.HasPrefix(flow, "subscription_") })
	return s.mayRead("subscriptions", "Subscriptions: Read", func(advice string) Finding {
		if !isNeeded {
			return ok("the key lacks it, and no allowed flow needs it")
		}
		return problem("the key lacks it, and flows about a subscription need it",
			advice+" Or leave those flows out of ALLOWED_FLOWS.")
	})
}

// MayReadProducts is needed for the names among the choices of an ambiguous flow.
func (s *Stripe) MayReadProducts() Check {
	return s.mayRead("products", "Products: Read", func(advice string) Finding {
		return warning("the key lacks it: customers who choose among subscriptions see no names", advice)
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

// configuration is what is read of a portal configuration.
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

// featureOf is the feature of a portal configuration that a flow needs.
//
// https://docs.stripe.com/customer-management/portal-deep-links
func featureOf(flow string) string {
	if flow == "subscription_update_confirm" {
		return "subscription_update"
	}
	return flow
}

const portalSettings = "https://dashboard.stripe.com/settings/billing/portal"

// errNeverSaved means that the account has no portal configuration of its own.
var errNeverSaved = errors.New("preflight: the portal's settings were never saved")

// configured returns the configuration of an ID, or the account's own.
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

// Configuration looks at the configuration that sessions use: the one of an ID, or with "" the
// account's own.
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
				"Open "+portalSettings+" in the mode that you use, and press Save once.")
		case isMissing(err):
			return problem("there is no such configuration in this mode",
				"Correct DEFAULT_CONFIGURATION or ALLOWED_CONFIGURATIONS: test and live mode have IDs of their own.")
		case err != nil:
			return fromStripe(err, mayNotConfigure)
		case !c.Active:
			return problem("it is not active",
				"Activate it at Stripe, or take it out of DEFAULT_CONFIGURATION and ALLOWED_CONFIGURATIONS.")
		}
		return ok("saved and active")
	}}
}

// Flows compares the allowed flows with the features of the configuration that sessions use by
// default.
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
			return warning("the portal's configuration lacks the feature of "+strings.Join(lacking, ", ")+
				": buttons for them answer 409 flow-unavailable",
				"Switch the features on at "+portalSettings+", or leave these flows out of ALLOWED_FLOWS.")
		}
		return ok("every allowed flow is enabled: " + strings.Join(flows, ", "))
	}}
}

// FlowKnown asks Stripe whether it knows a flow in the version of the API that sessions with it ask
// for.
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
			return problem("Stripe refuses it with the API version "+version, "Leave "+flow+" out of ALLOWED_FLOWS.")
		case class == billing.PermissionMissing, class == billing.PortalNotConfigured:
			return Finding{} // the checks of these report it
		}
		return fromStripe(err, "")
	}}
}

// StripeReader asks Stripe for an object or a list.
type StripeReader func(ctx context.Context, path string, query url.Values) (json.RawMessage, error)

// Extra is a check of portal configurations by an operator's tool. An error of read gets the advice
// that other checks give.
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

// Coupon looks at a coupon that callers may ask for.
func (s *Stripe) Coupon(id string) Check {
	return s.object("coupon "+id, "/v1/coupons/"+url.PathEscape(id), "valid", "ALLOWED_COUPONS", "Coupons: Read")
}

// PromotionCode looks at a promotion code that callers may ask for.
func (s *Stripe) PromotionCode(id string) Check {
	return s.object("promotion code "+id, "/v1/promotion_codes/"+url.PathEscape(id), "active",
		"ALLOWED_PROMOTION_CODES", "Promotion Codes: Read")
}

// object looks at something that must exist and have a member that is true.
func (s *Stripe) object(name, path, member, variable, permission string) Check {
	return Check{Name: name, Run: func(ctx context.Context) Finding {
		var object map[string]json.RawMessage
		err := s.read(ctx, path, nil, &object)
		switch {
		case isMissing(err):
			return problem("there is none in this mode",
				"Correct "+variable+": test and live mode have IDs of their own.")
		case err != nil:
			return fromStripe(err,
				"Give the restricted key "+permission+" if you want it looked at; the portal itself does not need it.")
		case string(object[member]) != "true":
			return problem("it is not "+member+" any more", "Take it out of "+variable+", or renew it at Stripe.")
		}
		return ok("it is " + member)
	}}
}

// Account looks at a connected account.
func (s *Stripe) Account(id string) Check {
	return Check{Name: "connected account " + id, Run: func(ctx context.Context) Finding {
		var account struct{ ID string }
		err := s.read(ctx, "/v1/accounts/"+url.PathEscape(id), nil, &account)
		switch {
		case classOf(err) == billing.NoSuchAccount, isMissing(err):
			return problem("this key reaches no such account",
				"Correct ALLOWED_ACCOUNTS or DEFAULT_ON_BEHALF_OF, or connect the account again.")
		case err != nil:
			return fromStripe(err, "Give the restricted key Connected accounts: Read if you want it looked at.")
		}
		return ok("it is connected")
	}}
}

// live looks whether the customers of items live.
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
		isLive, err := s.lives(ctx, entry.Customer)
		if err != nil {
			return fromStripe(err,
				"Give the restricted key Customers: Read if you want it looked at; the portal itself does not need it.")
		}
		looked++
		if !isLive {
			stale++
		}
	}
	switch {
	case malformed > 0:
		return warning(fmt.Sprintf("%d of %d items hold something else than a customer's ID", malformed, len(items)),
			"Compare CUSTOMERS_ATTRIBUTE with the table's items.")
	case stale > 0:
		return warning(fmt.Sprintf("%d of %d customers do not exist at Stripe any more", stale, looked),
			"Run: go run ./local import --verify, and with --fix it corrects them.")
	case conflicts > 0:
		return warning(fmt.Sprintf("%d of %d users have several customers that count", conflicts, looked),
			"Look for their error lines (effect conflict), and delete the wrong customer at Stripe.")
	case looked == 0:
		return ok("nobody is mapped yet")
	}
	return ok(fmt.Sprintf("%d customers looked at, all live", looked))
}

// lives reports whether a customer exists. https://docs.stripe.com/api/customers/retrieve
func (s *Stripe) lives(ctx context.Context, id string) (bool, error) {
	var customer struct{ Deleted bool }
	err := s.read(ctx, "/v1/customers/"+url.PathEscape(id), nil, &customer)
	if isMissing(err) {
		return false, nil
	}
	return !customer.Deleted, err
}
