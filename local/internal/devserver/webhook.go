package devserver

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

// ListenSecret names the variable for the signing secret that `stripe listen` prints. It is for
// events from Stripe's test mode.
const ListenSecret = "STRIPE_WEBHOOK_SECRET"

// WebhookEventTypes are the types of events that an endpoint needs. The template has them as the
// output WebhookEventTypes.
var WebhookEventTypes = []string{"customer.created", "customer.updated", "customer.deleted",
	"checkout.session.completed"}

// storeSigningSecrets stores the signing secret of the stand-in Stripe and of the command events,
// and the secret of the Stripe CLI if ListenSecret is set.
func (l *Server) storeSigningSecrets() error {
	secrets := []string{DemoSigningSecret}
	if secret := strings.TrimSpace(os.Getenv(ListenSecret)); strings.HasPrefix(secret, "whsec_") {
		secrets = append(secrets, secret)
	}
	value, err := json.Marshal(secrets)
	l.SecretsManager.Put(WebhookSecret, string(value))
	return err
}

func checkListenSecret() error {
	secret := strings.TrimSpace(os.Getenv(ListenSecret))
	if secret == "" || strings.HasPrefix(secret, "whsec_") {
		return nil
	}
	return &app.EnvironmentError{Wrong: []string{ListenSecret +
		" must be the signing secret that stripe listen prints: whsec_…"}}
}

// WebhookEnvironment returns the variables that template.yaml and Lambda set for the webhook
// function. host is the origin of the stand-ins for the function.
func (l *Server) WebhookEnvironment(host string) map[string]string {
	env := map[string]string{}
	portal := l.Environment(host)
	for _, name := range []string{
		"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL_DYNAMODB",
		"AWS_ENDPOINT_URL_SECRETS_MANAGER",
		"CUSTOMERS_TABLE", "STRIPE_LIVEMODE",
	} {
		env[name] = portal[name]
	}
	env["AWS_LAMBDA_FUNCTION_NAME"] = "WebhookFunction"
	env["WEBHOOK_SECRET_ID"] = WebhookSecret
	return env
}

// WebhookTunable lists the variables of the webhook function that a developer may set.
var WebhookTunable = []string{"USER_METADATA_KEY", "CLIENT_REFERENCES", "STRIPE_ACCOUNT", "LOG_LEVEL"}

// webhook serves the webhook function behind the gateway. The stand-in Stripe sends its events
// there.
func (l *Server) webhook(ctx context.Context, logs io.Writer) (http.Handler, error) {
	env := l.WebhookEnvironment(l.Origin)
	for _, name := range WebhookTunable {
		if value := os.Getenv(name); value != "" {
			env[name] = value
		}
	}
	function, err := webhook.New(ctx, GetenvOf(env), logs)
	if err != nil {
		return nil, err
	}
	l.Stripe.SendEvents(ctx, events.Endpoint{URL: l.Origin + WebhookPath, Secret: DemoSigningSecret})
	return gateway.New(function, gateway.Config{}), nil
}
