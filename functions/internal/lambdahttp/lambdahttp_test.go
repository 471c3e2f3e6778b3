package lambdahttp_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"billingportal/functions/internal/lambdahttp"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// event returns a payload 2.0 event as API Gateway sends it. edit may change it first.
func event(t testing.TB, edit func(*events.APIGatewayV2HTTPRequest)) []byte {
	t.Helper()
	ev := events.APIGatewayV2HTTPRequest{
		Version:  "2.0",
		RouteKey: "$default",
		RawPath:  "/billing/portal",
		Headers: map[string]string{
			"host":         "abc123.execute-api.eu-central-1.amazonaws.com",
			"accept":       "text/html,application/xhtml+xml;q=0.9, */*;q=0.8",
			"content-type": "application/x-www-form-urlencoded",
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

type onErrorFunc func(http.ResponseWriter, *http.Request, error)

func invoke(t testing.TB, h http.HandlerFunc, onError onErrorFunc, payload []byte) events.APIGatewayV2HTTPResponse {
	t.Helper()
	out, err := lambdahttp.New(h, onError, "", maxBody).Invoke(context.Background(), payload)
	if err != nil {
		t.Fatalf("Invoke: %v", err)
	}
	var response events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(out, &response); err != nil {
		t.Fatalf("the answer is not a payload 2.0 response: %v", err)
	}
	return response
}

// received returns the request that the handler gets for payload, and its body.
func received(t testing.TB, payload []byte) (*http.Request, string) {
	t.Helper()
	var got *http.Request
	var body []byte
	invoke(t, func(_ http.ResponseWriter, r *http.Request) {
		got = r
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			t.Errorf("read the body: %v", err)
		}
	}, func(_ http.ResponseWriter, _ *http.Request, err error) { t.Errorf("onError: %v", err) }, payload)
	if got == nil {
		t.Fatal("the handler was not called")
	}
	return got, string(body)
}

// refused returns the request and the error that onError gets for payload. It fails if the handler
// is called.
func refused(t testing.TB, payload []byte) (*http.Request, error) {
	t.Helper()
	var got *http.Request
	var gotErr error
	invoke(t, func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the handler was called: %s %s", r.Method, r.URL)
	}, func(w http.ResponseWriter, r *http.Request, err error) { got, gotErr = r, err }, payload)
	if got == nil {
		t.Fatal("onError was not called with a request")
	}
	return got, gotErr
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestDocumentedEvent reads the example event of
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
func TestDocumentedEvent(t *testing.T) {
	r, body := received(t, readFile(t, "testdata/payload-2.0.json"))
	for what, pair := range map[string][2]string{
		"method":      {r.Method, "POST"},
		"path":        {r.URL.Path, "/my/path"},
		"query":       {r.URL.RawQuery, "parameter1=value1&parameter1=value2&parameter2=value"},
		"request URI": {r.RequestURI, "/my/path?parameter1=value1&parameter1=value2&parameter2=value"},
		"host":        {r.Host, "id.execute-api.us-east-1.amazonaws.com"},
		"header":      {strings.Join(r.Header["Header2"], "|"), "value1,value2"},
		"cookies":     {strings.Join(r.Header["Cookie"], "|"), "cookie1; cookie2"},
		"address":     {r.RemoteAddr, "192.0.2.1:0"},
		"body":        {body, "Hello from Lambda"},
		"request ID":  {lambdahttp.RequestID(r.Context()), "id"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s = %q, want %q", what, pair[0], pair[1])
		}
	}
	if r.ContentLength != int64(len(body)) {
		t.Errorf("ContentLength = %d, want %d", r.ContentLength, len(body))
	}
}

// The development server's gateway makes this event from a browser's form. A test of the gateway
// compares its event with the same file.
func TestEventOfTheDevelopmentServer(t *testing.T) {
	r, body := received(t, readFile(t, "../../../local/internal/gateway/testdata/form.json"))
	cookie, err := r.Cookie("__Host-session")
	if err != nil || cookie.Value != "a.b.c" {
		t.Errorf("cookie %v, %v", cookie, err)
	}
	if body != "locale=de" || r.Host != "127.0.0.1:8080" || r.RemoteAddr != "[2001:db8::1]:0" ||
		r.URL.Query().Get("a") != " b" {
		t.Errorf("body %q, host %q, address %q, query %v", body, r.Host, r.RemoteAddr, r.URL.Query())
	}
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		t.Errorf("a form of the same origin: %v", err)
	}
}

func TestTheHandlerGetsLambdasContext(t *testing.T) {
	deadline := time.Now().Add(time.Hour)
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: "aws-id"})

	h := lambdahttp.New(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if got, ok := r.Context().Deadline(); !ok || !got.Equal(deadline) {
			t.Errorf("deadline = %v, %v; want Lambda's", got, ok)
		}
		if lc, ok := lambdacontext.FromContext(r.Context()); !ok || lc.AwsRequestID != "aws-id" {
			t.Error("the Lambda context is lost")
		}
	}), func(_ http.ResponseWriter, _ *http.Request, err error) { t.Error(err) }, "", maxBody)
	if _, err := h.Invoke(ctx, event(t, nil)); err != nil {
		t.Fatal(err)
	}
}

func TestRequestID(t *testing.T) {
	lambdaCtx := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "aws-id"})
	for name, tc := range map[string]struct {
		ctx       context.Context
		gatewayID string
		want      string
	}{
		"the gateway's":                       {lambdaCtx, "gateway-id", "gateway-id"},
		"without a gateway, the invocation's": {lambdaCtx, "", "aws-id"},
		"outside Lambda, the gateway's":       {context.Background(), "gateway-id", "gateway-id"},
		"outside Lambda without a gateway":    {context.Background(), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			payload := event(t, func(ev *events.APIGatewayV2HTTPRequest) { ev.RequestContext.RequestID = tc.gatewayID })
			h := lambdahttp.New(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if got := lambdahttp.RequestID(r.Context()); got != tc.want {
					t.Errorf("RequestID = %q, want %q", got, tc.want)
				}
			}), nil, "", maxBody)
			if _, err := h.Invoke(tc.ctx, payload); err != nil {
				t.Fatal(err)
			}
		})
	}
	if got := lambdahttp.RequestID(lambdaCtx); got != "aws-id" {
		t.Errorf("before a request: %q", got)
	}
}

// ServeMux, CrossOriginProtection and FormValue must work as they do behind net/http's own server.
func TestStandardLibraryHandlersWork(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /billing/portal", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://billing.example/p?locale="+r.FormValue("locale"), http.StatusSeeOther)
	})
	h := http.NewCrossOriginProtection().Handler(mux).ServeHTTP
	fail := func(_ http.ResponseWriter, _ *http.Request, err error) { t.Error(err) }

	got := invoke(t, h, fail, event(t, nil))
	if got.StatusCode != 303 || got.Headers["Location"] != "https://billing.example/p?locale=de" {
		t.Errorf("form: %+v", got)
	}
	got = invoke(t, h, fail,
		event(t, func(ev *events.APIGatewayV2HTTPRequest) { ev.RequestContext.HTTP.Method = "GET" }))
	if got.StatusCode != 405 || got.Headers["Allow"] != "POST" {
		t.Errorf("GET: %+v", got)
	}
	got = invoke(t, h, fail, event(t, func(ev *events.APIGatewayV2HTTPRequest) {
		ev.Headers["origin"] = "https://abc123.execute-api.eu-central-1.amazonaws.com"
	}))
	if got.StatusCode != 303 {
		t.Errorf("same origin: %+v", got)
	}
	got = invoke(t, h, fail,
		event(t, func(ev *events.APIGatewayV2HTTPRequest) { ev.Headers["origin"] = "https://evil.example" }))
	if got.StatusCode != 403 {
		t.Errorf("other origin: %+v", got)
	}
}

func TestErrorsAreDistinct(t *testing.T) {
	if errors.Is(lambdahttp.ErrBadRequest, lambdahttp.ErrPayloadVersion) {
		t.Error("a bad request is not a wrong payload version")
	}
	p := &lambdahttp.PanicError{Value: "secret-value"}
	if strings.Contains(p.Error(), "secret") {
		t.Errorf("%q quotes the value", p.Error())
	}
}

func TestBasePathIsRemovedFromPathsBelowIt(t *testing.T) {
	for name, test := range map[string]struct{ base, path, want string }{
		"a mapping key":                 {"/v1", "/v1/billing/portal", "/billing/portal"},
		"a mapping key of two segments": {"/api/v1", "/api/v1/billing/portal", "/billing/portal"},
		"the mapping key alone":         {"/v1", "/v1", "/"},
		"the mapping key and a slash":   {"/v1", "/v1/", "/"},
		"only once":                     {"/v1", "/v1/v1/billing/portal", "/v1/billing/portal"},
		"not from a longer segment":     {"/v1", "/v10/billing/portal", "/v10/billing/portal"},
		"not in another letter case":    {"/v1", "/V1/billing/portal", "/V1/billing/portal"},
		"not from a later segment":      {"/v1", "/billing/v1/portal", "/billing/v1/portal"},
		"not on the API's own domain":   {"/v1", "/billing/portal", "/billing/portal"},
		"no base path":                  {"", "/billing/portal", "/billing/portal"},
		"not after two slashes":         {"/v1", "//v1/billing/portal", "//v1/billing/portal"},
	} {
		t.Run(name, func(t *testing.T) {
			h := lambdahttp.New(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if r.URL.Path != test.want || r.RequestURI != r.URL.RequestURI() {
					t.Errorf("path = %q of %q, want %q", r.URL.Path, r.RequestURI, test.want)
				}
			}), func(_ http.ResponseWriter, _ *http.Request, err error) { t.Error(err) }, test.base, maxBody)
			payload := event(t, func(ev *events.APIGatewayV2HTTPRequest) {
				ev.RawPath, ev.RequestContext.HTTP.Path = test.path, test.path
			})
			if _, err := h.Invoke(t.Context(), payload); err != nil {
				t.Fatal(err)
			}
		})
	}
}
