package webhook

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/upstream"
)

// gateway stands for the function's other door.
type gateway struct{ events int }

func (g *gateway) Invoke(context.Context, []byte) ([]byte, error) {
	g.events++
	return []byte(`{"statusCode":200}`), nil
}

// busEventOf is what EventBridge invokes a function with.
func busEventOf(t *testing.T, source string, detail []byte) []byte {
	t.Helper()
	payload, err := json.Marshal(map[string]any{
		"version": "0", "id": "9f4c1b7e-1d2c-4f3a-8b5d-6e7f8a9b0c1d", "detail-type": "customer.created", "source": source,
		"account": "123456789012", "time": "2024-06-03T16:00:00Z", "region": "eu-central-1", "resources": []string{"arn:aws:events:eu-central-1::event-source/" + source},
		"detail": json.RawMessage(detail),
	})
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

const source = "aws.partner/stripe.com/ed_test_61QabcDEF"

func TestEventsOfTheBusNeedNoSignature(t *testing.T) {
	f, next := newFixture(t), &gateway{}
	f.Secrets = nil
	answer, err := f.Bus(next).Invoke(t.Context(), busEventOf(t, source, file(t, "customer.created")))
	if err != nil || string(answer) != "null" || next.events != 0 {
		t.Errorf("answer = %s, %v", answer, err)
	}
	if len(f.applied) != 1 || f.applied[0].Facts[0] != claimed("alice", created) {
		t.Errorf("applied %+v", f.applied)
	}
	line := f.line(t)
	for name, want := range map[string]any{"route": "eventbridge", "status": 200.0, "code": "ok", "effect": "claimed", "event_type": "customer.created", "level": "INFO"} {
		if line[name] != want {
			t.Errorf("%s = %v, want %v", name, line[name], want)
		}
	}
}

func TestWhatIsNotOfStripesBusIsTheGateways(t *testing.T) {
	for name, payload := range map[string][]byte{
		"another partner":          busEventOf(t, "aws.partner/other.example/x", file(t, "customer.created")),
		"a source that ends so":    busEventOf(t, "x.aws.partner/stripe.com", file(t, "customer.created")),
		"an event of an app's own": busEventOf(t, "my.app", file(t, "customer.created")),
		"a request":                []byte(`{"version":"2.0","rawPath":"/stripe/webhook","body":"{\"source\":\"aws.partner/stripe.com\"}"}`),
		"a source that is a list":  []byte(`{"source":["aws.partner/stripe.com"]}`),
		"no JSON":                  []byte(`aws.partner/stripe.com`),
		"nothing":                  nil,
	} {
		t.Run(name, func(t *testing.T) {
			f, next := newFixture(t), &gateway{}
			if _, err := f.Bus(next).Invoke(t.Context(), payload); err != nil || next.events != 1 || len(f.applied) != 0 {
				t.Errorf("%v, %d at the gateway, applied %v", err, next.events, f.applied)
			}
		})
	}
}

func TestOfTwoStripeAccountsOneIsHeard(t *testing.T) {
	for sender, taken := range map[string]int{source: 1, "aws.partner/stripe.com/ed_test_ofAnother": 0} {
		f, next := newFixture(t), &gateway{}
		f.Source = source
		if _, err := f.Bus(next).Invoke(t.Context(), busEventOf(t, sender, file(t, "customer.created"))); err != nil || len(f.applied) != taken {
			t.Errorf("from %s: applied %v, %v", sender, f.applied, err)
		}
	}
}

func TestWhatCannotBeTakenFromTheBusIsAFunctionError(t *testing.T) {
	const marker = "MARKERx7Q"
	for name, test := range map[string]struct {
		detail []byte
		apply  func() (customers.Outcome, error)
		want   string
	}{
		"no event":  {[]byte(`{"x":"` + marker + `"}`), nil, "invalid-request: webhook: the body is not an event"},
		"no detail": {[]byte("null"), nil, "invalid-request: webhook: the body is not an event"},
		"DynamoDB down": {file(t, "customer.created"), func() (customers.Outcome, error) {
			return customers.Outcome{}, &upstream.Error{Service: "dynamodb", Reason: "no connection"}
		}, "customer-store-unavailable: dynamodb: no connection"},
		"DynamoDB denies": {file(t, "customer.created"), func() (customers.Outcome, error) {
			return customers.Outcome{}, &upstream.Error{Service: "dynamodb", Reason: "AccessDeniedException", Permanent: true}
		}, "webhook-misconfigured: dynamodb: AccessDeniedException"},
		"a panic": {file(t, "customer.created"), func() (customers.Outcome, error) { panic(marker) }, "internal: panic"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.apply = test.apply
			answer, err := f.Bus(&gateway{}).Invoke(t.Context(), busEventOf(t, source, test.detail))
			if answer != nil || err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("answer = %s, %v, want %s", answer, err, test.want)
			}
			if line := f.line(t); line["error"] == nil || line["route"] != "eventbridge" || strings.Contains(f.logs.String(), marker) {
				t.Errorf("%v", line)
			}
		})
	}
}
