package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"billingportal/local/bench/internal/cloud"
	fakeevents "billingportal/local/internal/fakestripe/events"
	"billingportal/local/internal/runtimeapi"
)

const (
	webhookName    = "webhook"
	webhookPackage = "billingportal/functions/webhook"
	// webhookLimit is the target for the size of the webhook binary, in bytes.
	webhookLimit = 9_500_000
)

// stripeEvent is a kind of event, with the number of DynamoDB calls that it should cause.
type stripeEvent struct {
	name, kind  string
	object      map[string]any
	badlySigned bool
	calls       int
}

// claimEvent is the most frequent kind of event that writes to DynamoDB.
var claimEvent = stripeEvent{name: "claim by a customer's metadata", kind: "customer.created",
	object: customerOf("new"), calls: 3}

var stripeEvents = []stripeEvent{
	claimEvent,
	{name: "the same claim, already known", kind: "customer.created", object: customerOf(cloud.KnownUser), calls: 1},
	{name: "claim by a Checkout Session", kind: "checkout.session.completed", object: map[string]any{
		"object": "checkout.session", "customer": "cus_NffrFeUfNV2Hib", "client_reference_id": "new",
		"payment_link": nil, "metadata": map[string]any{},
	}, calls: 3},
	{name: "another type", kind: "invoice.paid", object: map[string]any{"id": "in_1", "object": "invoice"}},
	{name: "a bad signature", kind: "customer.created", object: customerOf("new"), badlySigned: true},
}

func customerOf(user string) map[string]any {
	return map[string]any{
		"id": "cus_NffrFeUfNV2Hib", "object": "customer", "created": 1717430400, "livemode": false,
		"email": "jenny.rosen@example.com", "name": "Jenny Rosen",
		"metadata": map[string]any{"user_id": user}, "address": nil, "balance": 0, "currency": nil,
		"delinquent": false, "phone": nil,
	}
}

// payload returns the event as API Gateway sends it, signed with the current time.
func (e stripeEvent) payload() ([]byte, error) {
	body, err := fakeevents.New(e.kind, time.Now(), e.object)
	if err != nil {
		return nil, err
	}
	secret := cloud.SigningSecret
	if e.badlySigned {
		secret += "x"
	}
	return json.Marshal(events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "ANY /stripe/webhook", RawPath: "/stripe/webhook",
		Headers: map[string]string{
			"accept": "*/*; q=0.5, application/xml", "cache-control": "no-cache",
			"content-type":     "application/json; charset=utf-8",
			"stripe-signature": fakeevents.Sign(body, secret, time.Now()),
			"user-agent":       "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
		},
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: http.MethodPost,
				Path: "/stripe/webhook"}},
		Body: string(body),
	})
}

// take sends the event to a process and checks the response.
func (e stripeEvent) take(ctx context.Context, _ *testbed, process *runtimeapi.Process) error {
	payload, err := e.payload()
	if err != nil {
		return err
	}
	response, functionError, err := process.Invoke(ctx, payload, time.Now().Add(15*time.Second))
	if err != nil {
		return err
	}
	var answer events.APIGatewayV2HTTPResponse
	if functionError == nil {
		err = json.Unmarshal(response, &answer)
	}
	if taken := answer.StatusCode == http.StatusOK; err != nil || taken == e.badlySigned {
		return fmt.Errorf("%s: %s%s\n%s%s", e.name, response, functionError, process.Stdout(), process.Stderr())
	}
	return nil
}

// compareWebhook measures the webhook and the portal in turns.
func (b *testbed) compareWebhook(ctx context.Context, portal program, o options, out io.Writer) error {
	webhook := program{name: webhookName, pkg: webhookPackage, tags: runtimeapi.Tags, take: claimEvent.take}
	for name, value := range b.cloud.WebhookEnvironment() {
		webhook.env = append(webhook.env, name+"="+value)
	}
	if err := b.compile(ctx, &webhook); err != nil {
		return err
	}
	results, err := b.inTurns(ctx, []program{portal, webhook}, 0, o)
	if err != nil {
		return err
	}
	printWebhook(out, results[0], results[1])
	return b.countCalls(ctx, webhook, out)
}

// webhookTargets are the highest ratios of the webhook to the portal, by the name of the row.
var webhookTargets = map[string]float64{firstAnswer: 1.1, warmCPU: 1.3}

func printWebhook(out io.Writer, portal, webhook result) {
	fmt.Fprint(out, "\n| | portal | webhook | to the portal |\n|---|---|---|---|\n")
	for _, row := range rows() {
		of, to := row.measure(portal), row.measure(webhook)
		fmt.Fprintf(out, "| %s | "+row.format+" | "+row.format+" | %s |\n",
			strings.ReplaceAll(row.name, "request", "request or event"), of, to,
			verdict(to, of, webhookTargets[row.name]))
	}
	fmt.Fprintf(out, "| webhook binary and its limit, MB | | | %s |\n",
		verdict(float64(webhook.binary), webhookLimit, 1))
}

// countCalls prints the number of DynamoDB calls for each kind of event.
func (b *testbed) countCalls(ctx context.Context, webhook program, out io.Writer) error {
	process, _, err := b.start(ctx, webhook)
	if err != nil {
		return err
	}
	defer process.Stop()
	fmt.Fprint(out, "\n| event | DynamoDB calls |\n|---|---|\n")
	for _, e := range stripeEvents {
		before := b.cloud.Traffic()
		if err := e.take(ctx, b, process); err != nil {
			return err
		}
		calls := 0
		for _, name := range cloud.Upstreams() {
			if strings.HasPrefix(name, "DynamoDB") {
				calls += b.cloud.Traffic()[name].Minus(before[name]).Calls
			}
		}
		said := "PASS"
		if calls != e.calls {
			said = fmt.Sprintf("FAIL, want %d", e.calls)
		}
		fmt.Fprintf(out, "| %s | %d %s |\n", e.name, calls, said)
	}
	return nil
}

// signedEvent returns a signed request with an event for a separate user, as Stripe sends it.
func signedEvent(ctx context.Context, url string, number int) (*http.Request, error) {
	body, err := fakeevents.New(claimEvent.kind, time.Now(), customerOf(fmt.Sprint("user-", number)))
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err == nil {
		request.Header.Set("Stripe-Signature", fakeevents.Sign(body, cloud.SigningSecret, time.Now()))
	}
	return request, err
}

// withWebhook adds the variables of the webhook to those of a portal function.
func (b *testbed) withWebhook(environment []string) []string {
	for name, value := range b.cloud.WebhookEnvironment() {
		environment = append(slices.Clip(environment), name+"="+value)
	}
	return environment
}
