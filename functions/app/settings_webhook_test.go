package app_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"billingportal/functions/app/internal/config/configtest"
)

// webhookBase has a value for every variable that the webhook requires.
var webhookBase = variables{
	"AWS_REGION":               "eu-central-1",
	"AWS_ACCESS_KEY_ID":        "AKIDFIRST",
	"AWS_SECRET_ACCESS_KEY":    firstAccessKey,
	"AWS_SESSION_TOKEN":        firstSessionToken,
	"AWS_LAMBDA_FUNCTION_NAME": "first-function",
	"CUSTOMERS_TABLE":          "customers",
	"STRIPE_LIVEMODE":          "false",
	"WEBHOOK_SECRET_ID":        "billing-portal/webhook",
}

// A stripeEvent is an event about a customer, and a user of the same name.
type stripeEvent struct {
	name      string
	reference bool           // client_reference_id names the user, instead of metadata
	object    map[string]any // members of data.object
	members   map[string]any // members of the event
	secret    string         // "" means the secret of WEBHOOK_SECRET_ID
	path      string
	source    string // event source on the event bus; "" for a request
}

const eventSource = "aws.partner/stripe.com/ed_1"

var stripeEvents = []stripeEvent{
	{name: "plain"},
	{name: "test", members: map[string]any{"livemode": false}},
	{name: "live", members: map[string]any{"livemode": true}},
	{name: "session", reference: true, object: map[string]any{"payment_link": nil}},
	{name: "link", reference: true, object: map[string]any{"payment_link": "plink_1"}},
	{name: "own", members: map[string]any{"context": "acct_1"}},
	{name: "foreign", members: map[string]any{"context": "acct_2"}},
	{name: "prefixed", path: "/v1/stripe/webhook"},
	{name: "bus", source: eventSource},
	{name: "stranger", source: eventSource + "2"},
	{name: "first", secret: signingSecret},
	{name: "other", secret: otherSigningSecret},
}

// document returns the event as Stripe writes it.
func (e stripeEvent) document(livemode bool) []byte {
	now := time.Now().Unix()
	kind, object := "customer.created", map[string]any{
		"object": "customer", "id": "cus_" + e.name, "created": now,
		"metadata": map[string]string{"user_id": "user-" + e.name, "uid": "uid-" + e.name},
	}
	if e.reference {
		kind, object = "checkout.session.completed", map[string]any{
			"object": "checkout.session", "id": "cs_1", "customer": "cus_" + e.name,
			"client_reference_id": "reference-" + e.name, "created": now,
		}
	}
	maps.Copy(object, e.object)
	event := map[string]any{
		"id": "evt_1", "object": "event", "type": kind, "created": now, "livemode": livemode,
		"api_version": "2024-06-20", "data": map[string]any{"object": object},
	}
	maps.Copy(event, e.members)
	document, _ := json.Marshal(event)
	return document
}

// signature signs a body.
//
// https://docs.stripe.com/webhooks#verify-manually
func signature(secret string, body []byte) string {
	now := time.Now().Unix()
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = fmt.Fprintf(mac, "%d.%s", now, body)
	return fmt.Sprintf("t=%d,v1=%s", now, hex.EncodeToString(mac.Sum(nil)))
}

// request returns the event as API Gateway sends it.
func (e stripeEvent) request(livemode bool, secret string) events.APIGatewayV2HTTPRequest {
	body := e.document(livemode)
	if e.secret != "" {
		secret = e.secret
	}
	path := e.path
	if path == "" {
		path = "/stripe/webhook"
	}
	request := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RawPath: path, Body: string(body), RawQueryString: "q=" + queryString,
		Headers: map[string]string{"host": "api.example.com", "content-type": "application/json",
			"stripe-signature": signature(secret, body)},
	}
	request.RequestContext.RequestID = "gateway-request"
	request.RequestContext.HTTP.Method, request.RequestContext.HTTP.SourceIP = http.MethodPost, "192.0.2.1"
	return request
}

// playWebhook sends every event.
func playWebhook(t *testing.T, e *environment, seen *facts) {
	t.Helper()
	defer takeNetwork(&cloud{seen: seen})()
	written := &configtest.Log{}
	handler, err := assemblies["webhook"](t.Context(), e.get, written)
	if err != nil {
		t.Fatal(err)
	}
	livemode, secret := e.values["STRIPE_LIVEMODE"] == "true", signingSecret
	if strings.Contains(e.values["WEBHOOK_SECRET_ID"], "other") {
		secret = otherSigningSecret
	}
	for _, event := range stripeEvents {
		if event.source != "" {
			payload := fmt.Appendf(nil, `{"version":"0","id":"1","detail-type":"customer.created","source":%q,`+
				`"detail":%s}`, event.source, event.document(livemode))
			output, err := handler.Invoke(t.Context(), payload)
			seen.add("%s: %s %v", event.name, output, err)
			continue
		}
		seen.add("%s: %s", event.name, invoke(t, handler, event.request(livemode, secret)))
	}
	lines := written.Requests(t)
	if len(lines) != len(stripeEvents) {
		t.Fatalf("%d lines for %d events", len(lines), len(stripeEvents))
	}
	for i, event := range stripeEvents {
		seen.add("%s: effect %v", event.name, lines[i]["effect"])
	}
	seen.noteLine(lines[0])
	seen.noteOtherLines(written.Lines(t))
	requireSilence(t, written.String())
}

// claim returns the facts of an event that is joined into the table.
func claim(event, user string) []string {
	return []string{
		event + ": effect claimed", "dynamodb UpdateItem of key user_id=cus_" + event,
		"dynamodb GetItem of key user_id=" + user, "dynamodb UpdateItem of key user_id=" + user,
	}
}

// TestEverySettingOfTheWebhook holds the effect of every variable of the webhook: a second value of
// each must change exactly these facts.
func TestEverySettingOfTheWebhook(t *testing.T) {
	const noSource = "bus:  webhook-misconfigured: webhook: the event comes from an event bus, but " +
		"STRIPE_EVENT_SOURCE is not set"
	requireSettings(t, webhookBase, playWebhook, slices.Concat(awsSettings, sharedSettings, []setting{
		{variable: "LOG_LEVEL", value: "error", nothing: "a healthy webhook logs only the lines of requests"},
		{variable: "BASE_PATH", value: "/v1", gone: []string{"prefixed: 404 not-found", "prefixed: effect <nil>"},
			come: append(claim("prefixed", "user-prefixed"), "prefixed: 200")},
		{variable: "CUSTOMERS_SORT_KEY", value: "sk=BILLING",
			replaced: [][2]string{{"key user_id=", "key sk=BILLING user_id="}}},
		{variable: "CUSTOMERS_ATTRIBUTE", value: "billing.customer",
			gone: []string{"dynamodb GetItem of attribute customer_id", "dynamodb UpdateItem of attribute customer_id"},
			come: []string{"dynamodb GetItem of attribute billing", "dynamodb UpdateItem of attribute billing"}},
		{variable: "STRIPE_LIVEMODE", value: "true",
			gone: append(claim("test", "user-test"), "live: effect ignored"),
			come: append(claim("live", "user-live"), "test: effect ignored")},
		{variable: "STRIPE_ACCOUNT", value: "acct_1", gone: []string{"own: 500 webhook-misconfigured",
			"own: effect <nil>", "foreign: 500 webhook-misconfigured", "foreign: effect <nil>"},
			come: append(claim("own", "user-own"), "own: 200", "foreign: 200", "foreign: effect ignored")},
		{variable: "WEBHOOK_SECRET_ID", value: "billing-portal/other-webhook",
			replaced: [][2]string{{"of billing-portal/webhook", "of billing-portal/other-webhook"}},
			gone: append(claim("first", "user-first"), "first: 200",
				"other: 400 invalid-signature", "other: effect <nil>"),
			come: append(claim("other", "user-other"), "other: 200", "first: 400 invalid-signature",
				"first: effect <nil>")},
		{variable: "STRIPE_EVENT_SOURCE", value: eventSource,
			gone: []string{noSource, "bus: effect <nil>", strings.Replace(noSource, "bus", "stranger", 1)},
			come: append(claim("bus", "user-bus"), "bus: null <nil>",
				"stranger:  webhook-misconfigured: webhook: the event comes from an event bus, "+
					"but its source is not STRIPE_EVENT_SOURCE")},
		{variable: "USER_METADATA_KEY", value: "uid", replaced: [][2]string{{"user_id=user-", "user_id=uid-"}}},
		{variable: "CLIENT_REFERENCES", value: "none", gone: claim("session", "reference-session"),
			come: []string{"session: effect ignored"}},
		{variable: "CLIENT_REFERENCES", value: "all", gone: []string{"link: effect ignored"},
			come: claim("link", "reference-link")},
		{variable: "CLIENT_REFERENCES", value: "sessions", nothing: "it is the default"},
	}))
}
