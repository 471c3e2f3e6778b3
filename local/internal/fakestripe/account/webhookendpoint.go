package account

// WebhookEndpoint is an endpoint that Stripe sends events to.
type WebhookEndpoint struct {
	ID, URL  string
	Disabled bool
	Thin     bool     // its events carry no object
	Events   []string // types, or "*"
}

// Status is the endpoint's status as the API shows it: enabled or disabled.
func (e WebhookEndpoint) Status() string {
	if e.Disabled {
		return "disabled"
	}
	return "enabled"
}

// DestinationObject is the endpoint as an event destination, which has no URL unless it is asked
// for.
//
// https://docs.stripe.com/api/v2/core/event_destinations/object
func (e WebhookEndpoint) DestinationObject() map[string]any {
	payload := "snapshot"
	if e.Thin {
		payload = "thin"
	}
	return map[string]any{
		"id": e.ID, "object": "v2.core.event_destination", "status": e.Status(), "enabled_events": e.Events,
		"event_payload": payload,
		"livemode":      false, "webhook_endpoint": map[string]any{"url": nil, "signing_secret": nil},
	}
}
