package account

// WebhookEndpoint is an endpoint to which Stripe sends events.
type WebhookEndpoint struct {
	ID, URL  string
	Disabled bool
	Thin     bool     // its events do not carry an object
	Events   []string // event types, or "*"
}

// Status returns the status in the API: enabled or disabled.
func (e WebhookEndpoint) Status() string {
	if e.Disabled {
		return "disabled"
	}
	return "enabled"
}

// DestinationObject returns the endpoint as an event destination, without the URL, which the API
// shows only if the request includes it.
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
