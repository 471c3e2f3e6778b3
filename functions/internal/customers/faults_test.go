package customers_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"billingportal/functions/faulttest"
	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/upstream"
)

// account and arn are parts of the text that AWS returns with AccessDenied.
const (
	account = "123456789012"
	arn     = "arn:aws:sts::" + account + ":assumed-role/portal"
)

// requireUpstreamError requires an error that contains only its code or a fixed text.
func requireUpstreamError(t *testing.T, err error, reason upstream.Reason) {
	t.Helper()
	faulttest.RequireAWSError(t, err, upstream.DynamoDB, reason)
	if errors.Is(err, customers.ErrNoCustomer) || errors.Is(err, customers.ErrMalformed) {
		t.Error("a fault says nothing about the customer")
	}
	faulttest.RequireSilent(t, err, account, arn, "portal")
}

// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
func TestDocumentedErrorCodeIsKeptWithoutItsText(t *testing.T) {
	const dynamoDB, coral = "com.amazonaws.dynamodb.v20120810#", "com.amazon.coral.service#"
	for code, test := range map[string]struct {
		prefix string
		status int
		tries  int
	}{
		"AccessDeniedException":                  {coral, 400, 1},
		"ExpiredTokenException":                  {coral, 400, 1},
		"IncompleteSignatureException":           {coral, 400, 1},
		"InternalServerError":                    {dynamoDB, 500, 2},
		"MissingAuthenticationTokenException":    {coral, 400, 1},
		"ProvisionedThroughputExceededException": {dynamoDB, 400, 2},
		"RequestLimitExceeded":                   {dynamoDB, 400, 2},
		"ResourceNotFoundException":              {dynamoDB, 400, 1},
		"SerializationException":                 {coral, 400, 1},
		"ServiceUnavailable":                     {"", 503, 2},
		"ThrottlingException":                    {dynamoDB, 400, 2},
		"UnrecognizedClientException":            {coral, 400, 1},
		"ValidationException":                    {coral, 400, 1},
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			server := faulttest.NewServer(t, faulttest.Respond(test.status, "application/x-amz-json-1.0",
				`{"__type":"`+test.prefix+code+`","message":"User: `+arn+` is not authorized `+faulttest.Marker+`"}`))
			_, err := newStore(server.URL, patient).CustomerID(t.Context(), "alice")
			requireUpstreamError(t, err, upstream.Reason(code))
			if server.Requests() != test.tries {
				t.Errorf("%d requests, want %d", server.Requests(), test.tries)
			}
		})
	}
}

func TestUndocumentedErrorCodeIsDropped(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"a code made of a secret": faulttest.AWSError(400, faulttest.Marker+"Exception"),
		"a code with a secret in it": faulttest.AWSError(400,
			"AccessDeniedException "+faulttest.Marker),
		"a documented code in another case, after a secret": faulttest.AWSError(400,
			faulttest.Marker+"#accessdeniedexception"),
		"a code of 5,000 characters": faulttest.AWSError(400,
			faulttest.Marker+strings.Repeat("A", 5000)+"Exception"),
		"a code without letters": faulttest.AWSError(400, "123 456"),
		"no code":                faulttest.Respond(400, "application/json", `{}`),
		"a code in the header": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Amzn-Errortype", faulttest.Marker+"Exception")
			faulttest.Respond(400, "application/json", `{}`)(w, r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := faulttest.NewServer(t, handler)
			_, err := newStore(server.URL, patient).CustomerID(t.Context(), "alice")
			requireUpstreamError(t, err, upstream.UndocumentedCode)
		})
	}
}

func TestFaults(t *testing.T) {
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		reason  upstream.Reason
		tries   int
	}{
		"reset after the request": {faulttest.ResetAfterRequest().ServeHTTP, upstream.NoConnection, 2},
		"hang":                    {faulttest.Hang().ServeHTTP, upstream.NoAnswer, 2},
		"slow drip":               {faulttest.Drip().ServeHTTP, upstream.NoAnswer, 2},
		"HTML, 200":               {faulttest.HTML(200).ServeHTTP, upstream.UnreadableAnswer, 1},
		"HTML, 403":               {faulttest.HTML(403).ServeHTTP, upstream.UnreadableAnswer, 1},
		"HTML, 503":               {faulttest.HTML(503).ServeHTTP, upstream.UnreadableAnswer, 2},
		"truncated JSON": {faulttest.Respond(200, "application/x-amz-json-1.0",
			`{"Item":{"customer_id":{"S":"cus_1`), upstream.UnreadableAnswer, 1},
		"body cut short": {faulttest.CutShort().Of(faulttest.Respond(200, "application/json",
			`{"Item":{"customer_id":{"S":"cus_1"}}}`)), upstream.UnreadableAnswer, 1},
		"empty body, 200": {faulttest.Respond(200, "application/x-amz-json-1.0", ""),
			upstream.UnreadableAnswer, 1},
		"empty body, 204": {faulttest.Respond(204, "", ""), upstream.UnreadableAnswer, 1},
		"empty body, 500": {faulttest.Respond(500, "application/x-amz-json-1.0", ""),
			upstream.UnreadableAnswer, 2},
		"null": {faulttest.Respond(200, "application/x-amz-json-1.0", `null`),
			upstream.UnreadableAnswer, 1},
		"a list": {faulttest.Respond(200, "application/x-amz-json-1.0", `[]`),
			upstream.UnreadableAnswer, 1},
		"an item that is text": {faulttest.Respond(200, "application/x-amz-json-1.0",
			`{"Item":"`+faulttest.Marker+`"}`), upstream.UnreadableAnswer, 1},
		"10 MB, 200": {faulttest.Large().Of(faulttest.Respond(200, "application/json", "{}")),
			upstream.UnreadableAnswer, 1},
		"10 MB, 500": {faulttest.Large().Of(faulttest.Respond(500, "application/json", "{}")),
			upstream.UnreadableAnswer, 2},
		"a redirect": {faulttest.Redirect(307, "http://127.0.0.1:9").ServeHTTP, upstream.UnreadableAnswer, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := faulttest.NewServer(t, test.handler)
			tryTimeout := patient
			if test.reason == upstream.NoAnswer {
				tryTimeout = 100 * time.Millisecond
			}
			_, err := newStore(server.URL, tryTimeout).CustomerID(t.Context(), "alice")
			requireUpstreamError(t, err, test.reason)
			if server.Requests() != test.tries {
				t.Errorf("%d requests, want %d", server.Requests(), test.tries)
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		_, err := newStore(faulttest.Broken(t, faulttest.Refused()).URL, patient).CustomerID(t.Context(), "alice")
		requireUpstreamError(t, err, upstream.NoConnection)
	})
	t.Run("reset before the request", func(t *testing.T) {
		t.Parallel()
		server := faulttest.Broken(t, faulttest.ResetAtOnce())
		_, err := newStore(server.URL, patient).CustomerID(t.Context(), "alice")
		requireUpstreamError(t, err, upstream.NoConnection)
		if _, connections := server.Take(); connections != 2 {
			t.Errorf("%d connections, want 2", connections)
		}
	})
}

func TestTheContextEndsTheWait(t *testing.T) {
	server := faulttest.NewServer(t, faulttest.Hang().ServeHTTP)
	t.Run("deadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := newStore(server.URL, patient).CustomerID(ctx, "alice")
		requireUpstreamError(t, err, upstream.NoAnswer)
	})
	t.Run("cancellation", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, cancel)
		_, err := newStore(server.URL, patient).CustomerID(ctx, "alice")
		requireUpstreamError(t, err, upstream.Cancelled)
	})
	if server.Requests() > 2 {
		t.Errorf("%d requests, want 2: a wait that the context ended is not retried", server.Requests())
	}
}

func TestAHealthyRequestFollowsAFault(t *testing.T) {
	var healthy atomic.Bool
	server := faulttest.NewServer(t, func(w http.ResponseWriter, r *http.Request) {
		if healthy.Load() {
			faulttest.Respond(200, "application/x-amz-json-1.0", `{"Item":{"customer_id":{"S":"cus_1"}}}`)(w, r)
		} else {
			faulttest.ResetAfterRequest().ServeHTTP(w, r)
		}
	})
	store := newStore(server.URL, patient)
	if _, err := store.CustomerID(t.Context(), "alice"); err == nil {
		t.Fatal("want an error")
	}
	healthy.Store(true)
	if customer, err := store.CustomerID(t.Context(), "alice"); err != nil || customer != "cus_1" {
		t.Errorf("CustomerID = %q, %v", customer, err)
	}
}
