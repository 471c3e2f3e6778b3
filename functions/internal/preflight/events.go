package preflight

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"billingportal/functions/internal/billing"
)

// endpoint is what is read of a webhook endpoint or an event destination.
//
// https://docs.stripe.com/api/webhook_endpoints/object
// https://docs.stripe.com/api/v2/core/event_destinations/object
type endpoint struct {
	URL     string
	Status  string
	Events  []string `json:"enabled_events"`
	Payload string   `json:"event_payload"` // "" for a webhook endpoint, whose events are snapshots
}

// lacks returns the types that are not sent there.
func (e endpoint) lacks(wanted []string) []string {
	if slices.Contains(e.Events, "*") {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(wanted), func(kind string) bool { return slices.Contains(e.Events, kind) })
}

// Endpoint looks for a webhook endpoint whose address ends in a path, with all types of events.
func (s *Stripe) Endpoint(path string, wanted []string) Check {
	return Check{Name: "webhook endpoint", Run: func(ctx context.Context) Finding {
		var list struct{ Data []endpoint }
		if err := s.read(ctx, "/v1/webhook_endpoints", url.Values{"limit": {"100"}}, &list); err != nil {
			return fromStripe(err, "Give the restricted key Webhook endpoints: Read if you want it looked at, or "+
				"look at https://dashboard.stripe.com/webhooks.")
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
		return checkEndpoints(ours, wanted, "no endpoint's address ends in "+path,
			"Create one at https://dashboard.stripe.com/webhooks with the stack's output WebhookEndpoint.")
	}}
}

// EventSource looks at the event destination behind an event source of EventBridge,
// aws.partner/stripe.com/ed_….
func (s *Stripe) EventSource(source string, wanted []string) Check {
	return Check{Name: "event destination", Run: func(ctx context.Context) Finding {
		id := source[strings.LastIndex(source, "/")+1:]
		var destination endpoint
		err := s.read(ctx, "/v2/core/event_destinations/"+url.PathEscape(id), nil, &destination)
		if err != nil && !isMissing(err) {
			return fromStripe(err, "Give the restricted key Event destinations: Read if you want it looked at, or "+
				"look at https://dashboard.stripe.com/workbench/webhooks.")
		}
		var ours []endpoint
		if err == nil {
			ours = append(ours, destination)
		} else if s.Organization {
			return unseen()
		}
		return checkEndpoints(ours, wanted, "there is no destination behind STRIPE_EVENT_SOURCE in this mode",
			"Compare STRIPE_EVENT_SOURCE with the destination at https://dashboard.stripe.com/workbench/webhooks.")
	}}
}

// checkEndpoints checks the state and the event types of endpoints. Its findings never stop a
// deployment: Stripe disables an endpoint that failed for days, and the new version may be the fix.
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
			return ok("enabled, with all types of events")
		}
	}
	if lacking == nil {
		return problem("it is disabled, so the mapping grows old",
			"Enable it at Stripe, and then run: go run ./local import --verify")
	}
	return problem("it does not get "+strings.Join(lacking, ", "), "Add these types of events to it at Stripe.")
}

// OwnAccount compares the account whose events count, among those of an organization, with the
// account of the key.
func (s *Stripe) OwnAccount(id string) Check {
	return Check{Name: "STRIPE_ACCOUNT", Run: func(ctx context.Context) Finding {
		var account struct{ ID string }
		err := s.read(ctx, "/v1/account", nil, &account)
		switch {
		case classOf(err) == billing.PermissionMissing:
			// https://docs.stripe.com/keys/restricted-api-keys
			return warning("a restricted key may not read its own account, so nothing was compared",
				"Compare STRIPE_ACCOUNT with the account's ID at https://dashboard.stripe.com/settings/account.")
		case err != nil:
			return fromStripe(err, "")
		case account.ID != id:
			return problem("it is another account than the Stripe key's, so the events of this one have no effect",
				"Set STRIPE_ACCOUNT to the ID of the account that the key belongs to: "+
					"https://dashboard.stripe.com/settings/account.")
		}
		return ok("it is the account of the Stripe key")
	}}
}

// ClientReferences says whose client_reference_id names a user. Which value of CLIENT_REFERENCES is
// right depends on where the account sells, which nothing at Stripe tells.
//
// https://docs.stripe.com/payment-links/url-parameters
func ClientReferences(counts string) Check {
	return Check{Name: "CLIENT_REFERENCES", Run: func(context.Context) Finding {
		switch counts {
		case "none":
			return ok("no client_reference_id names a user")
		case "sessions":
			return ok("Checkout Sessions that no Payment Link made name users; right if your server makes them all. " +
				"Choose none if the account has a pricing table, or another app that makes sessions")
		}
		return warning("Payment Links name users too, and a buyer can change the client_reference_id in the address "+
			"of one",
			"Choose sessions, or none if the account has a pricing table, or another app that makes Checkout Sessions.")
	}}
}

// unseen says that nothing can be said of an organization's event destination.
func unseen() Finding {
	return warning("this account has none, and the Stripe key cannot see those of its organization",
		"Look in the organization's dashboard: the destination must be enabled, have all types of events, and send "+
			"snapshot payloads.")
}

const (
	thinPayload    = "thin"
	chooseSnapshot = "Create an event destination with snapshot payloads at " +
		"https://dashboard.stripe.com/workbench/webhooks, and delete the one with thin payloads."
)

// destination is an event destination that posts to an address.
//
// https://docs.stripe.com/api/v2/core/event_destinations/object
type destination struct {
	ID       string
	Payload  string `json:"event_payload"`
	Endpoint struct {
		URL string
	} `json:"webhook_endpoint"`
}

// ThinDestinations looks for event destinations whose address ends in a path and whose events carry
// no object. The list of webhook endpoints lacks them. An account has at most 16 destinations.
//
// https://docs.stripe.com/event-destinations#thin-events
func (s *Stripe) ThinDestinations(path string) Check {
	return Check{Name: "thin events", Run: func(ctx context.Context) Finding {
		var list struct{ Data []destination }
		if err := s.read(ctx, "/v2/core/event_destinations",
			url.Values{"include[0]": {"webhook_endpoint.url"}, "limit": {"20"}}, &list); err != nil {
			return fromStripe(err, "Give the restricted key Event destinations: Read if you want it looked at, or "+
				"look at https://dashboard.stripe.com/workbench/webhooks.")
		}
		var thin []string
		for _, d := range list.Data {
			if d.Payload == thinPayload && strings.HasSuffix(d.Endpoint.URL, path) {
				thin = append(thin, d.ID)
			}
		}
		if len(thin) > 0 {
			return warning(strings.Join(thin, ", ")+" sends thin events, which have no effect", chooseSnapshot)
		}
		return ok("no event destination sends any")
	}}
}
