package devserver

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"billingportal/local/internal/fakestripe/events"
	"billingportal/local/internal/gateway"
)

// Files of the repository.
const (
	EventsFolder    = "events"
	EnvironmentFile = "local/env.json"
	// StripeEventsFolder has the bodies of events from Stripe. They are written by hand.
	StripeEventsFolder = EventsFolder + "/stripe"
	// ContainerHost is the origin of the development server for containers of sam local.
	ContainerHost = "http://host.docker.internal:8080"
	// APIHost is the host name of the API in the events.
	APIHost = "abcdefghij.execute-api.eu-central-1.amazonaws.com"
	// demoEventSource is the source of the event for the event bus.
	demoEventSource = "aws.partner/stripe.com/ed_test_61Demo"
)

// Request is the HTTP request of an event.
type Request struct {
	method  string // "" is POST
	path    string // "" is the path of the portal
	Headers map[string]string
	form    url.Values
	json    string
}

// eventRequests returns the requests of the events, by name, with these tokens.
func eventRequests(token, expired string) map[string]Request {
	bearer := map[string]string{"Authorization": "Bearer " + token}
	flow := func(pairs ...string) Request {
		form := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			form.Set("flow_data"+pairs[i], pairs[i+1])
		}
		return Request{Headers: bearer, form: form}
	}
	return map[string]Request{
		"portal": {Headers: bearer},
		"form": {
			Headers: map[string]string{
				"Accept":         "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
				"Origin":         DefaultURL,
				"Sec-Fetch-Dest": "document",
				"Sec-Fetch-Mode": "navigate",
				"Sec-Fetch-Site": "cross-site",
			},
			form: url.Values{"access_token": {token}, "return_url": {DefaultURL + "/"}, "locale": {"auto"}},
		},
		"json": {
			Headers: map[string]string{
				"Accept":         "application/json",
				"Authorization":  "Bearer " + token,
				"Origin":         DefaultURL,
				"Sec-Fetch-Dest": "empty",
				"Sec-Fetch-Mode": "cors",
				"Sec-Fetch-Site": "cross-site",
			},
			json: `{"return_url":"` + DefaultURL + `/","configuration":"bpc_DemoDefault"}`,
		},
		"payment-method-update": flow("[type]", "payment_method_update"),
		"subscription-cancel": flow(
			"[type]", "subscription_cancel",
			"[subscription_cancel][subscription]", "sub_DemoAlice",
			"[subscription_cancel][retention][type]", "coupon_offer",
			"[subscription_cancel][retention][coupon_offer][coupon]", "STAY20",
		),
		"subscription-update": flow(
			"[type]", "subscription_update",
			"[subscription_update][subscription]", "sub_DemoAlice",
		),
		"subscription-update-confirm": flow(
			"[type]", "subscription_update_confirm",
			"[subscription_update_confirm][subscription]", "sub_DemoAlice",
			"[subscription_update_confirm][items][0][id]", "si_DemoAlice",
			"[subscription_update_confirm][items][0][price]", "price_ProMonthly",
			"[after_completion][type]", "redirect",
			"[after_completion][redirect][return_url]", DefaultURL+"/",
		),
		"billing-status": {
			method: http.MethodGet, path: "/billing/status?include=subscriptions",
			Headers: map[string]string{
				"Accept":         "application/json",
				"Authorization":  "Bearer " + token,
				"Origin":         DefaultURL,
				"Sec-Fetch-Dest": "empty",
				"Sec-Fetch-Mode": "cors",
				"Sec-Fetch-Site": "cross-site",
			},
		},
		"missing-token": {},
		"expired-token": {Headers: map[string]string{"Authorization": "Bearer " + expired}},
	}
}

// WriteEvents writes the events and the environment. It signs the tokens with a new key, which it
// does not keep.
func WriteEvents(ctx context.Context, dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	token, err := signEventToken(key, now, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		return err
	}
	expired, err := signEventToken(key, now.Add(-2*time.Hour), now.Add(-time.Hour))
	if err != nil {
		return err
	}
	for name, request := range eventRequests(token, expired) {
		event, err := request.Event(ctx)
		if err != nil {
			return err
		}
		if err := writeJSON(filepath.Join(dir, name+".json"), event); err != nil {
			return err
		}
	}
	if err := writeJSON(filepath.Join(dir, "payload-v1.json"), payloadV1(token)); err != nil {
		return err
	}
	bus, err := busEvent(dir)
	if err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(dir, "eventbridge.json"), bus); err != nil {
		return err
	}
	environment, err := containerEnvironment(key)
	if err != nil {
		return err
	}
	return writeJSON(environmentFileOf(dir), environment)
}

// environmentFileOf returns the file for the environment, which has the key of the events in a
// folder. Events in another folder have a file of their own, so the committed events stay valid.
func environmentFileOf(dir string) string {
	if filepath.Clean(dir) == EventsFolder {
		return EnvironmentFile
	}
	return filepath.Join(dir, "env.json")
}

const eventKeyID = "events"

func signEventToken(key *ecdsa.PrivateKey, issued, expires time.Time) (string, error) {
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: eventKeyID}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{
		"iss": DefaultURL + IssuerPath, "aud": Audience, "sub": "alice", "iat": issued.Unix(), "exp": expires.Unix(),
	})
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// Event returns the event that API Gateway sends to the function for the request.
func (r Request) Event(ctx context.Context) (json.RawMessage, error) {
	body, contentType := r.json, "application/json"
	if r.form != nil {
		body, contentType = r.form.Encode(), "application/x-www-form-urlencoded"
	}
	httpRequest := httptest.NewRequestWithContext(ctx, cmp.Or(r.method, http.MethodPost),
		"https://"+APIHost+cmp.Or(r.path, "/billing/portal"), strings.NewReader(body))
	if body != "" {
		httpRequest.Header.Set("Content-Type", contentType)
	}
	for name, value := range r.Headers {
		httpRequest.Header.Set(name, value)
	}
	return gateway.Event(httpRequest)
}

// payloadV1 returns an event in payload format 1.0. The function must refuse it.
func payloadV1(token string) map[string]any {
	return map[string]any{
		"version":           "1.0",
		"resource":          "/billing/portal",
		"path":              "/billing/portal",
		"httpMethod":        http.MethodPost,
		"headers":           map[string]string{"Authorization": "Bearer " + token, "Host": APIHost},
		"multiValueHeaders": map[string][]string{"Authorization": {"Bearer " + token}, "Host": {APIHost}},
		"requestContext": map[string]any{
			"httpMethod": http.MethodPost, "path": "/billing/portal",
			"requestId": "JKJaXmPLvHcESHA=", "stage": "$default",
		},
		"body":            nil,
		"isBase64Encoded": false,
	}
}

// containerEnvironment returns the functions' variables for containers of sam local, while the
// development server has its default address.
func containerEnvironment(key *ecdsa.PrivateKey) (map[string]any, error) {
	l := &Server{Origin: DefaultURL, StripeKey: DemoKey}
	environment, webhook := l.Environment(ContainerHost), l.WebhookEnvironment(ContainerHost)
	for _, variables := range []map[string]string{environment, webhook} {
		maps.DeleteFunc(variables, func(name, _ string) bool { // sam local sets them
			return strings.HasPrefix(name, "AWS_") && !strings.HasPrefix(name, "AWS_ENDPOINT_URL_")
		})
	}
	jwks, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: key.Public(), KeyID: eventKeyID, Algorithm: string(jose.ES256), Use: "sig"},
	}})
	if err != nil {
		return nil, err
	}
	environment["JWT_JWKS"] = string(jwks)
	webhook["STRIPE_EVENT_SOURCE"] = demoEventSource
	return map[string]any{"PortalFunction": environment, "WebhookFunction": webhook}, nil
}

// PrintWebhookEvent prints an event from Stripe as API Gateway sends it, with a signature of now.
func PrintWebhookEvent(ctx context.Context, w io.Writer, dir, name string) error {
	body, err := ReadStripeEvent(dir, name)
	if err != nil {
		return err
	}
	event, err := Request{
		path:    WebhookPath,
		Headers: map[string]string{"Stripe-Signature": events.Sign(body, DemoSigningSecret, time.Now())},
		json:    string(body),
	}.Event(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", event)
	return err
}

// ReadStripeEvent reads the body of an event from the folder, or else from the committed events.
func ReadStripeEvent(dir, name string) ([]byte, error) {
	file := filepath.Base(name) + ".json"
	// The developer names the folder, and the file name has no path.
	body, err := os.ReadFile(filepath.Join(dir, "stripe", file)) //nolint:gosec
	if errors.Is(err, fs.ErrNotExist) {
		body, err = os.ReadFile(filepath.Join(filepath.FromSlash(StripeEventsFolder), file)) //nolint:gosec // as above
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noStripeEvent(dir, name)
	}
	return body, err
}

// noStripeEvent says that there is no such event, and names those that there are.
func noStripeEvent(dir, name string) error {
	names := map[string]bool{}
	for _, folder := range []string{filepath.Join(dir, "stripe"), filepath.FromSlash(StripeEventsFolder)} {
		files, _ := os.ReadDir(folder) // a missing folder has no events
		for _, file := range files {
			if event, isEvent := strings.CutSuffix(file.Name(), ".json"); isEvent {
				names[event] = true
			}
		}
	}
	if len(names) == 0 {
		return fmt.Errorf("there is no folder %s: run this in the top folder of the repository", StripeEventsFolder)
	}
	return fmt.Errorf("there is no event %q. The events are %s", name,
		strings.Join(slices.Sorted(maps.Keys(names)), ", "))
}

// busEvent returns an event as EventBridge sends it to the webhook function. It has no signature,
// so it does not expire.
//
// https://docs.stripe.com/event-destinations/eventbridge
func busEvent(dir string) (map[string]any, error) {
	body, err := ReadStripeEvent(dir, "customer.created")
	return map[string]any{
		"version": "0", "id": "3f6a4a0e-5f0b-4b3c-9a0a-7d1c2b3a4f5e", "detail-type": "customer.created",
		"source":  demoEventSource,
		"account": "123456789012", "time": "2024-06-03T16:00:00Z", "region": "eu-central-1",
		"resources": []string{"arn:aws:events:eu-central-1::event-source/" + demoEventSource},
		"detail":    json.RawMessage(body),
	}, err
}

func writeJSON(path string, value any) error {
	var document bytes.Buffer
	encoder := json.NewEncoder(&document)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, document.Bytes(), 0o644)
}
