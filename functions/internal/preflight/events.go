package preflight

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"billingportal/functions/internal/billing"
)

// endpoint has the members that are read of a webhook endpoint or an event destination.
//
// https://docs.stripe.com/api/webhook_endpoints/object
// https://docs.stripe.com/api/v2/core/event_destinations/object
type endpoint struct {
	URL     string
	Status  string
	Events  []string `json:"enabled_events"`
	Payload string   `json:"event_payload"` // "" for a webhook endpoint, which gets snapshots
}

// lacks returns the wanted event types that are not enabled.
func (e endpoint) lacks(wanted []string) []string {
	if slices.Contains(e.Events, "*") {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(wanted), func(kind string) bool { return slices.Contains(e.Events, kind) })
}

// Endpoint looks for an enabled webhook endpoint with a URL that ends in path, and with all wanted
// event types.
func (s *Stripe) Endpoint(path string, wanted []string) Check {
	return Check{Name: "webhook endpoint", Run: func(ctx context.Context) Finding {
		var list struct{ Data []endpoint }
		if err := s.read(ctx, "/v1/webhook_endpoints", url.Values{"limit": {"100"}}, &list); err != nil {
			return fromStripe(err, "Give the restricted key Webhook endpoints: Read to enable this check, or check "+
				"https://dashboard.stripe.com/webhooks yourself.")
		}
		var ours []endpoint
		for _, e := range list.Data {
			if strings.HasSuffix(e.URL, path) {
				ours = append(ours, e)
			}
		}
		if len(ours) == 0 && s.Organization {
			return unseen()
		}
		return checkEndpoints(ours, wanted, "no endpoint has a URL that ends in "+path,
			"Create an endpoint at https://dashboard.stripe.com/webhooks. Its "+
				"URL is the stack's output WebhookEndpoint.")
	}}
}

// EventSource checks the event destination of an EventBridge event source
// (aws.partner/stripe.com/ed_…).
func (s *Stripe) EventSource(source string, wanted []string) Check {
	return Check{Name: "event destination", Run: func(ctx context.Context) Finding {
		id := source[strings.LastIndex(source, "/")+1:]
		var destination endpoint
		err := s.read(ctx, "/v2/core/event_destinations/"+url.PathEscape(id), nil, &destination)
		if err != nil && !isMissing(err) {
			return fromStripe(err, "Give the restricted key Event destinations: Read to enable this check, or check "+
				"https://dashboard.stripe.com/workbench/webhooks yourself.")
		}
		var ours []endpoint
		if err == nil {
			ours = append(ours, destination)
		} else if s.Organization {
			return unseen()
		}
		return checkEndpoints(ours, wanted, "no event destination in this mode has the ID that "+
			"STRIPE_EVENT_SOURCE ends with",
			"Compare STRIPE_EVENT_SOURCE with the destination at https://dashboard.stripe.com/workbench/webhooks.")
	}}
}

// checkEndpoints checks the status and the event types of endpoints. Its findings never stop a
// deployment: Stripe disables an endpoint that fails for days, and the new version may be the fix.
func checkEndpoints(ours []endpoint, wanted []string, none, create string) Finding {
	finding := checkSubscribedEvents(ours, wanted, none, create)
	finding.outside = true
	return finding
}

func checkSubscribedEvents(ours []endpoint, wanted []string, none, create string) Finding {
	if len(ours) == 0 {
		return problem(none, create)
	}
	if ours[0].Payload == thinPayload {
		return problem("it sends thin events, which have no effect", chooseSnapshot)
	}
	var lacking []string
	for _, e := range ours {
		if e.Status != "enabled" {
			continue
		}
		if lacking = e.lacks(wanted); len(lacking) == 0 {
			return ok("enabled, with all required event types")
		}
	}
	if lacking == nil {
		return problem("it is disabled, so the mapping is no longer updated",
			"Enable it at Stripe. Then run: go run ./local import --verify")
	}
	return problem("it does not get "+strings.Join(lacking, ", "), "Add these event types to it at Stripe.")
}

// OwnAccount compares STRIPE_ACCOUNT with the account of the key. An organization sends the events
// of all its accounts, and only those of STRIPE_ACCOUNT count.
func (s *Stripe) OwnAccount(id string) Check {
	return Check{Name: "STRIPE_ACCOUNT", Run: func(ctx context.Context) Finding {
		var account struct{ ID string }
		err := s.read(ctx, "/v1/account", nil, &account)
		switch {
		case classOf(err) == billing.PermissionMissing:
			// https://docs.stripe.com/keys/restricted-api-keys
			return warning("a restricted key cannot read its own account, so nothing was compared",
				"Compare STRIPE_ACCOUNT with the account's ID at https://dashboard.stripe.com/settings/account.")
		case err != nil:
			return fromStripe(err, "")
		case account.ID != id:
			return problem("it is not the account of the Stripe key, so the events of the key's account have no effect",
				"Set STRIPE_ACCOUNT to the ID of the account that the key belongs to: "+
					"https://dashboard.stripe.com/settings/account.")
		}
		return ok("it is the account of the Stripe key")
	}}
}

// ClientReferences says which client_reference_id values name a user. The right value of
// CLIENT_REFERENCES depends on where the account sells, which cannot be read from Stripe.
//
// https://docs.stripe.com/payment-links/url-parameters
func ClientReferences(counts string) Check {
	return Check{Name: "CLIENT_REFERENCES", Run: func(context.Context) Finding {
		switch counts {
		case "none":
			return ok("no client_reference_id names a user")
		case "sessions":
			return ok("the client_reference_id of a Checkout Session names a user, unless a Payment Link made the " +
				"session. This is right if your server makes all sessions. Choose none if the account has a pricing " +
				"table, or another app that makes sessions")
		}
		return warning("the client_reference_id of a Payment Link names a user too, "+
			"but a buyer can change it in the address",
			"Choose sessions, or none if the account has a pricing table, or another app that makes Checkout Sessions.")
	}}
}

// unseen returns the finding for an organization's event destination, which the key cannot read.
func unseen() Finding {
	return warning("this account has none, and the Stripe key cannot see those of its organization",
		"Check the organization's dashboard: the destination must be enabled, have all "+
			"event types, and send snapshot payloads.")
}

const (
	thinPayload    = "thin"
	chooseSnapshot = "Create an event destination with snapshot payloads at " +
		"https://dashboard.stripe.com/workbench/webhooks, and delete the one with thin payloads."
)

// destination is an event destination that sends events to a URL.
//
// https://docs.stripe.com/api/v2/core/event_destinations/object
type destination struct {
	ID       string
	Payload  string `json:"event_payload"`
	Endpoint struct {
		URL string
	} `json:"webhook_endpoint"`
}

// ThinDestinations looks for event destinations that send thin events, which carry no object, to a
// URL that ends in path. The list of webhook endpoints lacks them. An account has at most 16
// destinations.
//
// https://docs.stripe.com/event-destinations#thin-events
func (s *Stripe) ThinDestinations(path string) Check {
	return Check{Name: "thin events", Run: func(ctx context.Context) Finding {
		var list struct{ Data []destination }
		if err := s.read(ctx, "/v2/core/event_destinations",
			url.Values{"include[0]": {"webhook_endpoint.url"}, "limit": {"20"}}, &list); err != nil {
			return fromStripe(err, "Give the restricted key Event destinations: Read to enable this check, or check "+
				"https://dashboard.stripe.com/workbench/webhooks yourself.")
		}
		var thin []string
		for _, d := range list.Data {
			if d.Payload == thinPayload && strings.HasSuffix(d.Endpoint.URL, path) {
				thin = append(thin, d.ID)
			}
		}
		if len(thin) > 0 {
			return warning("these event destinations send thin events, which have no effect: "+
				strings.Join(thin, ", "), chooseSnapshot)
		}
		return ok("no event destination sends thin events")
	}}
}
