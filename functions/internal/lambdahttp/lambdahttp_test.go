package lambdahttp_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"

	"billingportal/functions/internal/lambdahttp"

	"github.com/aws/aws-lambda-go/events"
)

// event is a payload 2.0 event as API Gateway sends it; edit, where given, changes it.
func event(t testing.TB, edit func(*events.APIGatewayV2HTTPRequest)) []byte {
	t.Helper()
	ev := events.APIGatewayV2HTTPRequest{
		Version:  "2.0",
		RouteKey: "POST /billing/portal",
		RawPath:  "/billing/portal",
		Headers: map[string]string{
			"host":         "abc123.execute-api.eu-central-1.amazonaws.com",
			"accept":       "text/html,application/xhtml+xml;q=0.9, */*;q=0.8",
			"content-type": "application/x-www-form-urlencoded",
			"user-agent":   "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
		},
		Body: "locale=de",
	}
	ev.RequestContext.RequestID = "JKJaXmPLvHcESHA="
	ev.RequestContext.DomainName = "abc123.execute-api.eu-central-1.amazonaws.com"
	ev.RequestContext.HTTP.Method = "POST"
	ev.RequestContext.HTTP.Path = "/billing/portal"
	ev.RequestContext.HTTP.Protocol = "HTTP/1.1"
	ev.RequestContext.HTTP.SourceIP = "203.0.113.7"
	if edit != nil {
		edit(&ev)
	}
	payload, err := json.Marshal(ev)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func invoke(t testing.TB, h http.HandlerFunc, onError func(http.ResponseWriter, *http.Request, error), payload []byte) events.APIGatewayV2HTTPResponse {
	t.Helper()
	out, err := lambdahttp.New(h, onError).Invoke(context.Background(), payload)
	if err != nil {
		t.Fatalf("Invoke: %v", err)
	}
	var response events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(out, &response); err != nil {
		t.Fatalf("the answer is not a payload 2.0 response: %v", err)
	}
	return response
}

func noError(t testing.TB) func(http.ResponseWriter, *http.Request, error) {
	return func(_ http.ResponseWriter, _ *http.Request, err error) { t.Errorf("onError: %v", err) }
}

func TestRoundTrip(t *testing.T) {
	got := invoke(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "locale=de" || r.Method != "POST" || r.URL.Path != "/billing/portal" {
			t.Errorf("%s %s %q %v", r.Method, r.URL.Path, body, err)
		}
		if id := lambdahttp.RequestID(r.Context()); id != "JKJaXmPLvHcESHA=" {
			t.Errorf("RequestID = %q", id)
		}
		http.Redirect(w, r, "https://billing.example/p", http.StatusSeeOther)
	}, noError(t), event(t, nil))
	if got.StatusCode != 303 || got.Headers["Location"] != "https://billing.example/p" {
		t.Errorf("%+v", got)
	}
}

func TestPanic(t *testing.T) {
	got := invoke(t, func(http.ResponseWriter, *http.Request) { panic("x") },
		func(w http.ResponseWriter, _ *http.Request, err error) {
			var p *lambdahttp.PanicError
			if !errors.As(err, &p) {
				t.Errorf("%v", err)
			}
			w.WriteHeader(500)
		}, event(t, nil))
	if got.StatusCode != 500 {
		t.Errorf("%+v", got)
	}
}
