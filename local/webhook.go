package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"

	"billingportal/functions/app"
	"billingportal/functions/app/webhook"
	"billingportal/local/internal/fakestripe/events"
	"billingportal/local/internal/gateway"
)

// listenSecret names the variable with the signing secret that `stripe listen` prints, for events of Stripe's test mode.
const listenSecret = "STRIPE_WEBHOOK_SECRET"

// webhookEventTypes are those to choose for an endpoint, as the template's output WebhookEventTypes has them.
var webhookEventTypes = []string{"customer.created", "customer.updated", "customer.deleted", "checkout.session.completed"}

// acceptEventsOf keeps the signing secrets of whoever may send events: the stand-in Stripe, the command events and, where it is
// told, Stripe's own CLI.
func (l *devserver) acceptEventsOf() error {
	secrets := []string{demoSigningSecret}
	if secret := strings.TrimSpace(os.Getenv(listenSecret)); strings.HasPrefix(secret, "whsec_") {
		secrets = append(secrets, secret)
	}
	value, err := json.Marshal(secrets)
	l.secretsManager.Put(webhookSecret, string(value))
	return err
}

func checkListenSecret() error {
	secret := strings.TrimSpace(os.Getenv(listenSecret))
	if secret == "" || strings.HasPrefix(secret, "whsec_") {
		return nil
	}
	return &app.EnvironmentError{Wrong: []string{listenSecret + " must be the signing secret that stripe listen prints: whsec_…"}}
}

// webhookEnvironment is what template.yaml and Lambda would set for the webhook function. host is the origin at which it reaches
// the stand-ins.
func (l *devserver) webhookEnvironment(host string) map[string]string {
	env := map[string]string{}
	portal := l.environment(host)
	for _, name := range []string{
		"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SECRETS_MANAGER",
		"CUSTOMERS_TABLE", "STRIPE_LIVEMODE",
	} {
		env[name] = portal[name]
	}
	env["AWS_LAMBDA_FUNCTION_NAME"] = "WebhookFunction"
	env["WEBHOOK_SECRET_ID"] = webhookSecret
	return env
}

// webhookTunable are the variables of the webhook function that an engineer may set to try it with another rule.
var webhookTunable = []string{"USER_METADATA_KEY", "CLIENT_REFERENCES", "STRIPE_ACCOUNT", "LOG_LEVEL"}

// webhook serves the webhook function behind the gateway, and has the stand-in Stripe tell it what happens.
func (l *devserver) webhook(ctx context.Context, logs io.Writer) (http.Handler, error) {
	env := l.webhookEnvironment(l.origin)
	for _, name := range webhookTunable {
		if value := os.Getenv(name); value != "" {
			env[name] = value
		}
	}
	function, err := webhook.New(ctx, getenvOf(env), logs)
	if err != nil {
		return nil, err
	}
	l.stripe.SendEvents(ctx, events.Endpoint{URL: l.origin + webhookPath, Secret: demoSigningSecret})
	return gateway.New(function, gateway.Config{}), nil
}
