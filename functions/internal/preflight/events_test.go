package preflight_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/preflight"
	"billingportal/functions/internal/secret"
)

type eventsKey struct{}

func (eventsKey) Get(context.Context) (secret.Key, error) {
	return secret.StripeKey("api_key", false)("sk_test_" + "events")
}

// eventsStripe returns a Stripe that answers one request, which is in the form METHOD /path?query.
func eventsStripe(t *testing.T, request string, status int, body string) *preflight.Stripe {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := strings.TrimSuffix(r.Method+" "+r.URL.Path+"?"+r.URL.Query().Encode(), "?"); got != request {
			t.Errorf("asked %s, want %s", got, request)
		}
		if version := r.Header.Get("Stripe-Version"); strings.HasPrefix(r.URL.Path, "/v2/") &&
			version != "2024-10-28.acacia" {
			t.Errorf("version %s has no event destinations", version)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	limiter := preflight.NewRateLimiter(false, func(ctx context.Context, _ time.Duration) error { return ctx.Err() })
	return &preflight.Stripe{Keys: eventsKey{}, RateLimiter: limiter,
		API: billing.New(billing.Config{APIBase: server.URL})}
}

const deniedByStripe = `{"error":{"type":"invalid_request_error","message":"The provided key does not have the ` +
	`required permissions. MARKERx7Q"}}`

func TestStripeAccountMustBeTheKeysAccount(t *testing.T) {
	for name, test := range map[string]struct {
		status         int
		body           string
		want           preflight.Status
		detail, advice string
	}{
		"the same": {200, `{"id":"acct_OURS","object":"account"}`, preflight.OK,
			"it is the account of the Stripe key", ""},
		"another": {200, `{"id":"acct_OTHER","object":"account"}`, preflight.Problem,
			"it is not the account of the Stripe key, so the events of the key's account have no effect",
			"Set STRIPE_ACCOUNT to the ID of the account that the key belongs to: " +
				"https://dashboard.stripe.com/settings/account."},
		"a restricted key": {
			403, deniedByStripe, preflight.Warning,
			"a restricted key cannot read its own account, so nothing was compared",
			"Compare STRIPE_ACCOUNT with the account's ID at https://dashboard.stripe.com/settings/account.",
		},
		"a request that it refuses": {400, `{"error":{"type":"invalid_request_error"}}`, preflight.Problem,
			"stripe: the request is refused, and no parameter is named", lookItUp},
	} {
		t.Run(name, func(t *testing.T) {
			s := eventsStripe(t, "GET /v1/account", test.status, test.body)
			requireFinding(t, s.OwnAccount("acct_OURS"), "STRIPE_ACCOUNT", test.want, test.detail, test.advice)
		})
	}
}

func TestFindingsOfClientReferences(t *testing.T) {
	for counts, want := range map[string]struct {
		status         preflight.Status
		detail, advice string
	}{
		"none": {preflight.OK, "no client_reference_id names a user", ""},
		"sessions": {
			preflight.OK,
			"the client_reference_id of a Checkout Session names a user, unless a Payment Link made the session. " +
				"This is right if your server makes all sessions. Choose none if the account has a pricing table, or " +
				"another app that makes sessions", "",
		},
		"all": {
			preflight.Warning,
			"the client_reference_id of a Payment Link names a user too, but a buyer can change it in the address",
			"Choose sessions, or none if the account has a pricing table, or another app that makes Checkout Sessions.",
		},
	} {
		requireFinding(t, preflight.ClientReferences(counts), "CLIENT_REFERENCES", want.status,
			want.detail, want.advice)
	}
}

func TestThinDestinationsAreNamed(t *testing.T) {
	destination := func(id, payload, url string) string {
		return `{"id":"` + id + `","event_payload":"` + payload + `","webhook_endpoint":` + url + `}`
	}
	const ours, others = `{"url":"https://api.example.com/v1/stripe/webhook"}`,
		`{"url":"https://api.example.com/stripe/webhook/other"}`
	for name, test := range map[string]struct {
		status         int
		body           string
		want           preflight.Status
		detail, advice string
	}{
		"none": {200, `{"data":[]}`, preflight.OK, "no event destination sends thin events", ""},
		"snapshots": {200, `{"data":[` + destination("ed_1", "snapshot", ours) + `]}`, preflight.OK,
			"no event destination sends thin events", ""},
		"another address": {200, `{"data":[` + destination("ed_1", "thin", others) + `]}`, preflight.OK,
			"no event destination sends thin events", ""},
		"an event bus": {200, `{"data":[` + destination("ed_1", "thin", `null`) + `]}`, preflight.OK,
			"no event destination sends thin events", ""},
		"two": {200, `{"data":[` + destination("ed_1", "thin", ours) + `,` + destination("ed_2",
			"snapshot", ours) + `,` + destination("ed_3", "thin", ours) + `]}`, preflight.Warning,
			"these event destinations send thin events, which have no effect: ed_1, ed_3", chooseSnapshots},
		"a restricted key": {403, deniedByStripe, preflight.Warning, notLookedAt, mayReadDestinations},
	} {
		t.Run(name, func(t *testing.T) {
			s := eventsStripe(t,
				"GET /v2/core/event_destinations?include%5B0%5D=webhook_endpoint.url&limit=20", test.status, test.body)
			requireFinding(t, s.ThinDestinations("/stripe/webhook"), "thin events", test.want, test.detail, test.advice)
		})
	}
}

func TestAnOrganizationsDestinationsCannotBeSeen(t *testing.T) {
	const missing = `{"error":{"type":"invalid_request_error","code":"resource_missing"}}`
	type finding struct {
		status         preflight.Status
		detail, advice string
	}
	unseen := finding{
		preflight.Warning, "this account has none, and the Stripe key cannot see those of its organization",
		"Check the organization's dashboard: the destination must be enabled, have all " +
			"event types, and send snapshot payloads.",
	}
	for _, test := range []struct {
		organization          bool
		endpoint, destination finding
	}{
		{true, unseen, unseen},
		{
			false, finding{preflight.Problem, "no endpoint has a URL that ends in /stripe/webhook", createEndpoint},
			finding{preflight.Problem,
				"no event destination in this mode has the ID that STRIPE_EVENT_SOURCE ends with", compareSource},
		},
	} {
		s := eventsStripe(t, "GET /v1/webhook_endpoints?limit=100", 200,
			`{"data":[{"url":"https://api.example.com/other","status":"enabled"}]}`)
		s.Organization = test.organization
		requireFinding(t, s.Endpoint("/stripe/webhook", nil), "webhook endpoint", test.endpoint.status,
			test.endpoint.detail, test.endpoint.advice)
		s = eventsStripe(t, "GET /v2/core/event_destinations/ed_1", 404, missing)
		s.Organization = test.organization
		requireFinding(t, s.EventSource("aws.partner/stripe.com/ed_1", nil), "event destination",
			test.destination.status, test.destination.detail, test.destination.advice)
		s = eventsStripe(t, "GET /v2/core/event_destinations/ed_1", 200,
			`{"id":"ed_1","status":"enabled","event_payload":"thin","enabled_events":["*"]}`)
		s.Organization = test.organization
		requireFinding(t, s.EventSource("aws.partner/stripe.com/ed_1", nil), "event destination", preflight.Problem,
			"it sends thin events, which have no effect", chooseSnapshots)
	}
}

// newWebhook stands in for Lambda with a new version of the webhook.
type newWebhook struct {
	variables map[string]string
	answer    string
	fails     bool
	payload   string // of the last invocation
}

func (l *newWebhook) GetFunctionConfiguration(context.Context, *lambda.GetFunctionConfigurationInput,
	...func(*lambda.Options)) (*lambda.GetFunctionConfigurationOutput, error) {
	return &lambda.GetFunctionConfigurationOutput{Version: aws.String("7"),
		Environment: &lambdatypes.EnvironmentResponse{Variables: l.variables}}, nil
}

func (l *newWebhook) Invoke(_ context.Context, input *lambda.InvokeInput,
	_ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	l.payload = string(input.Payload)
	output := &lambda.InvokeOutput{Payload: []byte(l.answer)}
	if l.fails {
		output.FunctionError = aws.String("Unhandled")
	}
	return output, nil
}

// toldOfBus stands in for CodeDeploy and keeps the reported statuses.
type toldOfBus struct{ status []string }

func (r *toldOfBus) PutLifecycleEventHookExecutionStatus(_ context.Context,
	input *codedeploy.PutLifecycleEventHookExecutionStatusInput,
	_ ...func(*codedeploy.Options)) (*codedeploy.PutLifecycleEventHookExecutionStatusOutput, error) {
	r.status = append(r.status, string(input.Status))
	return &codedeploy.PutLifecycleEventHookExecutionStatusOutput{}, nil
}

func TestAWebhookWithoutARouteIsSentAnEvent(t *testing.T) {
	const source = "aws.partner/stripe.com/ed_1"
	for name, test := range map[string]struct {
		secret, source string
		answer         string
		fails          bool
		sent, reported string
	}{
		"only a bus":             {"", source, "null", false, `"source":"` + source + `"`, "Succeeded"},
		"a bus with white space": {" ", " " + source + " ", "null", false, `"source":"` + source + `"`, "Succeeded"},
		"a bus that fails":       {"", source, "null", true, `"source":"` + source + `"`, "Failed"},
		"a bus that answers":     {"", source, `{"statusCode":400}`, false, `"source":"` + source + `"`, "Failed"},
		"both": {"webhook", source, `{"statusCode":400}`, false,
			`"rawPath":"/stripe/webhook"`, "Succeeded"},
		"only an endpoint": {"webhook", "", `{"statusCode":400}`, false, `"rawPath":"/stripe/webhook"`, "Succeeded"},
		"neither":          {"", "", `{"statusCode":404}`, false, `"rawPath":"/stripe/webhook"`, "Failed"},
	} {
		t.Run(name, func(t *testing.T) {
			told := &toldOfBus{}
			webhook := &newWebhook{variables: map[string]string{"WEBHOOK_SECRET_ID": test.secret,
				"STRIPE_EVENT_SOURCE": test.source}, answer: test.answer, fails: test.fails}
			hook := &preflight.Hook{
				Lambda: webhook, CodeDeploy: told, Webhook: "arn:webhook:7", Logs: io.Discard,
				Look: func(context.Context, preflight.Environments) []preflight.Finding { return nil },
			}
			if _, err := hook.Invoke(t.Context(),
				[]byte(`{"DeploymentId":"d-1","LifecycleEventHookExecutionId":"hook-1"}`)); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(webhook.payload, test.sent) || len(told.status) != 1 ||
				told.status[0] != test.reported {
				t.Errorf("sent %s, reported %v, want %s", webhook.payload, told.status, test.reported)
			}
		})
	}
}
