package webhook

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/upstream"
)

// gateway is the handler of requests from API Gateway.
type gateway struct{ events int }

func (g *gateway) Invoke(context.Context, []byte) ([]byte, error) {
	g.events++
	return []byte(`{"statusCode":200}`), nil
}

// busEventOf returns the payload with which EventBridge invokes a function.
func busEventOf(t *testing.T, source string, detail []byte) []byte {
	t.Helper()
	payload, err := json.Marshal(map[string]any{
		"version": "0", "id": "9f4c1b7e-1d2c-4f3a-8b5d-6e7f8a9b0c1d",
		"detail-type": "customer.created", "source": source,
		"account": "123456789012", "time": "2024-06-03T16:00:00Z", "region": "eu-central-1",
		"resources": []string{"arn:aws:events:eu-central-1::event-source/" + source},
		"detail":    json.RawMessage(detail),
	})
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

const source = "aws.partner/stripe.com/ed_test_61QabcDEF"

// newBus returns a handler that takes the events of one source, and no requests.
func newBus(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	f.Source, f.Secrets = source, nil
	return f
}

func TestEventsOfTheBusNeedNoSignature(t *testing.T) {
	f, next := newBus(t), &gateway{}
	answer, err := f.EventBridge(next).Invoke(t.Context(), busEventOf(t, source, file(t, "customer.created")))
	if err != nil || string(answer) != "null" || next.events != 0 {
		t.Errorf("answer = %s, %v", answer, err)
	}
	if len(f.applied) != 1 || f.applied[0].Facts[0] != claimed("alice", created) {
		t.Errorf("applied %+v", f.applied)
	}
	line := f.line(t)
	for name, want := range map[string]any{"route": "eventbridge", "status": 200.0, "code": "ok", "effect": "claimed",
		"event_type": "customer.created", "level": "INFO"} {
		if line[name] != want {
			t.Errorf("%s = %v, want %v", name, line[name], want)
		}
	}
}

func TestOtherPayloadsGoToTheHandlerOfRequests(t *testing.T) {
	for name, payload := range map[string][]byte{
		"a request": []byte(`{"version":"2.0","rawPath":"/stripe/webhook","requestContext":{},` +
			`"body":"{\"source\":\"` + source + `\"}"}`),
		"a request with an event's members": []byte(`{"version":"2.0","source":"` + source +
			`","requestContext":{},"detail":` + string(file(t, "customer.created")) + `}`),
		"a request of version 1.0": []byte(`{"version":"1.0","path":"/stripe/webhook","requestContext":{}}`),
		"only names in capitals": []byte(`{"Source":"` + source + `","Detail":` +
			string(file(t, "customer.created")) + `}`),
		"another object":       []byte(`{"key":"value"}`),
		"a list":               []byte(`[{"source":"` + source + `"}]`),
		"not JSON":             []byte(source),
		"JSON without its end": []byte(`{"source":"` + source + `","detail":`),
		"nothing":              nil,
	} {
		for _, configured := range []string{source, ""} {
			f, next := newBus(t), &gateway{}
			f.Source = configured
			if _, err := f.EventBridge(next).Invoke(t.Context(), payload); err != nil ||
				next.events != 1 || len(f.applied) != 0 {
				t.Errorf("%s: %v, %d at the gateway, applied %v", name, err, next.events, f.applied)
			}
		}
	}
}

// Every principal that may invoke the function can write any event. So only events with the exact
// name of the configured source count.
func TestOnlyEventsOfTheConfiguredSourceAreTaken(t *testing.T) {
	event := file(t, "customer.created")
	from := func(payload string) []byte { return []byte(payload + `,"detail":` + string(event) + `}`) }
	const other, ambiguous = "webhook-misconfigured: webhook: the event comes from an event bus, " +
		"but its source is not STRIPE_EVENT_SOURCE", "invalid-request: webhook: the body is not an event"
	for name, test := range map[string]struct {
		payload []byte
		want    string
	}{
		"another destination":    {busEventOf(t, "aws.partner/stripe.com/ed_test_ofAnother", event), other},
		"a longer name":          {busEventOf(t, source+"x", event), other},
		"a shorter name":         {busEventOf(t, source[:len(source)-1], event), other},
		"a name in capitals":     {busEventOf(t, strings.ToUpper(source), event), other},
		"another domain":         {busEventOf(t, "aws.partner/stripe.community/x", event), other},
		"an app's event":         {busEventOf(t, "my.app", event), other},
		"a source that is empty": {busEventOf(t, "", event), other},
		"a source in capitals":   {from(`{"Source":"` + source + `"`), other},
		"a source and a SOURCE":  {from(`{"source":"my.app","SOURCE":"` + source + `"`), other},
		"a source that is null":  {from(`{"source":null`), other},
		"a source that is a list": {
			from(`{"source":["` + source + `"]`), other,
		},
		"no source":                 {from(`{"detail-type":"customer.created"`), other},
		"two sources":               {from(`{"source":"my.app","source":"` + source + `"`), ambiguous},
		"two details":               {from(`{"source":"` + source + `","detail":{}`), ambiguous},
		"a DETAIL":                  {[]byte(`{"source":"` + source + `","DETAIL":` + string(event) + `}`), ambiguous},
		"a detail that is a string": {[]byte(`{"source":"` + source + `","detail":"text"}`), ambiguous},
	} {
		f, next := newBus(t), &gateway{}
		answer, err := f.EventBridge(next).Invoke(t.Context(), test.payload)
		if answer != nil || err == nil || err.Error() != test.want || next.events != 0 || len(f.applied) != 0 {
			t.Errorf("%s: answer = %s, %v, %d at the gateway, applied %v", name, answer, err, next.events, f.applied)
		}
		if line := f.line(t); (line["level"] == "ERROR") != (test.want == other) ||
			line["route"] != "eventbridge" || line["error"] == nil {
			t.Errorf("%s: %v", name, line)
		}
	}
}

func TestWithoutASourceEventsOfTheBusAreRefused(t *testing.T) {
	event := file(t, "customer.created")
	for name, payload := range map[string][]byte{
		"Stripe's":               busEventOf(t, source, event),
		"of another partner":     busEventOf(t, "aws.partner/stripe.community/x", event),
		"with an empty source":   busEventOf(t, "", event),
		"with a Source":          []byte(`{"Source":"` + source + `","detail":` + string(event) + `}`),
		"with only a type":       []byte(`{"detail-type":"customer.created"}`),
		"with only a source":     []byte(`{"source":"` + source + `"}`),
		"with two sources":       []byte(`{"source":"","source":"` + source + `"}`),
		"with members like ours": []byte(`{"source":"","STRIPE_EVENT_SOURCE":"","detail":` + string(event) + `}`),
	} {
		f, next := newFixture(t), &gateway{}
		answer, err := f.EventBridge(next).Invoke(t.Context(), payload)
		if answer != nil || err == nil || !strings.Contains(err.Error(), "STRIPE_EVENT_SOURCE is not set") ||
			next.events != 0 || len(f.applied) != 0 {
			t.Errorf("%s: answer = %s, %v, %d at the gateway, applied %v", name, answer, err, next.events, f.applied)
		}
		if line := f.line(t); line["level"] != "ERROR" || line["code"] != "webhook-misconfigured" ||
			!strings.Contains(line["error"].(string), "STRIPE_EVENT_SOURCE is not set") {
			t.Errorf("%s: %v", name, line)
		}
	}
}

func TestAFailureOfAnEventFromTheBusIsAFunctionError(t *testing.T) {
	const marker = "MARKERx7Q"
	for name, test := range map[string]struct {
		detail []byte
		apply  func() (customers.Outcome, error)
		want   string
	}{
		"not an event": {[]byte(`{"x":"` + marker + `"}`), nil,
			"invalid-request: webhook: the body is not an event"},
		"no detail": {[]byte("null"), nil, "invalid-request: webhook: the body is not an event"},
		"an organization's " +
			"event": {with(t, file(t, "customer.created"), map[string]any{"context": "acct_1", "x": marker}),
			nil, "webhook-misconfigured: webhook: the event has a context, so an " +
				"organization sent it: set STRIPE_ACCOUNT"},
		"DynamoDB down": {file(t, "customer.created"), func() (customers.Outcome, error) {
			return customers.Outcome{}, &upstream.Error{Service: "dynamodb", Reason: "no connection"}
		}, "customer-store-unavailable: dynamodb: no connection"},
		"DynamoDB denies": {file(t, "customer.created"), func() (customers.Outcome, error) {
			return customers.Outcome{},
				&upstream.Error{Service: "dynamodb", Reason: "AccessDeniedException", Permanent: true}
		}, "webhook-misconfigured: dynamodb: AccessDeniedException"},
		"a panic": {file(t, "customer.created"),
			func() (customers.Outcome, error) { panic(marker) }, "internal: panic"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newBus(t)
			f.apply = test.apply
			answer, err := f.EventBridge(&gateway{}).Invoke(t.Context(), busEventOf(t, source, test.detail))
			if answer != nil || err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("answer = %s, %v, want %s", answer, err, test.want)
			}
			if line := f.line(t); line["error"] == nil || line["route"] != "eventbridge" ||
				strings.Contains(f.logs.String(), marker) {
				t.Errorf("%v", line)
			}
		})
	}
}

func TestWarningsAboutEventsFromTheBusAreNotErrors(t *testing.T) {
	for name, detail := range map[string][]byte{
		string(isThin): thin(t, nil),
		string(hasNoCustomer): with(t, file(t, "checkout.session.completed"),
			map[string]any{"data/object/customer": ""}),
	} {
		f := newBus(t)
		answer, err := f.EventBridge(&gateway{}).Invoke(t.Context(), busEventOf(t, source, detail))
		if err != nil || string(answer) != "null" || len(f.applied) != 0 {
			t.Errorf("%s: answer = %s, %v, applied %v", name, answer, err, f.applied)
		}
		if line := f.line(t); line["level"] != "WARN" || line["warning"] != "webhook: "+name ||
			line["effect"] != "ignored" {
			t.Errorf("%s: %v", name, line)
		}
	}
}
