package preflight

import (
	"context"
	"net/url"
	"strings"

	"billingportal/functions/internal/billing"
)

// OwnAccount compares the account whose events count, among those of an organization, with the account of the key.
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
				"Set STRIPE_ACCOUNT to the ID of the account that the key belongs to: https://dashboard.stripe.com/settings/account.")
		}
		return ok("it is the account of the Stripe key")
	}}
}

// ClientReferences says whose client_reference_id names a user. Which value of CLIENT_REFERENCES is right depends on where the account
// sells, which nothing at Stripe tells.
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
		return warning("Payment Links name users too, and a buyer can change the client_reference_id in the address of one",
			"Choose sessions, or none if the account has a pricing table, or another app that makes Checkout Sessions.")
	}}
}

// unseen says that nothing can be said of an organization's event destination.
func unseen() Finding {
	return warning("this account has none, and the Stripe key cannot see those of its organization",
		"Look in the organization's dashboard: the destination must be enabled, have all types of events, and send snapshot payloads.")
}

const (
	thinPayload    = "thin"
	chooseSnapshot = "Create an event destination with snapshot payloads at https://dashboard.stripe.com/workbench/webhooks, and delete the one with thin payloads."
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

// ThinDestinations looks for event destinations whose address ends in a path and whose events carry no object. The list of webhook
// endpoints lacks them. An account has at most 16 destinations.
//
// https://docs.stripe.com/event-destinations#thin-events
func (s *Stripe) ThinDestinations(path string) Check {
	return Check{Name: "thin events", Run: func(ctx context.Context) Finding {
		var list struct{ Data []destination }
		if err := s.read(ctx, "/v2/core/event_destinations", url.Values{"include[0]": {"webhook_endpoint.url"}, "limit": {"20"}}, &list); err != nil {
			return fromStripe(err, "Give the restricted key Event destinations: Read if you want it looked at, or look at https://dashboard.stripe.com/workbench/webhooks.")
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
