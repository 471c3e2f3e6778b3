// Package gateway simulates an API Gateway HTTP API on a development server. It converts HTTP
// requests to payload 2.0 events, invokes a Lambda handler with them and writes the responses, with
// the CORS and limits of the real one. Stage, routes and CORS are those of template.yaml.
//
// Three behaviors are not in the developer guide and follow what others measured at the real API
// Gateway: the bodies that arrive in base64, the decoded path, and the status of each error. The
// texts of 413 and 431 are not documented. Throttling, authorizers and access logs are missing, and
// the package logs nothing.
package gateway

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Limits in bytes of HTTP APIs
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html) and Lambda
// (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
const (
	maxHead    = 10_240     // request line and headers
	maxBody    = 10_485_760 // request body
	maxPayload = 6_291_556  // the event of a synchronous invocation, and its response
)

const (
	defaultTimeout = 15 * time.Second
	maxWait        = 30 * time.Second // for the response of a function (http-api-quotas, as above)
)

// Config configures an HTTP API and its function.
type Config struct {
	AllowedOrigins []string      // their scripts may call and read responses; compared exactly
	Timeout        time.Duration // timeout of the function; 0 means 15 s, as in the template
}

// New returns the HTTP API of function.
func New(function lambda.Handler, cfg Config) http.Handler {
	g := &gateway{function: function, timeout: cfg.Timeout, origins: make(map[string]bool, len(cfg.AllowedOrigins))}
	if g.timeout == 0 {
		g.timeout = defaultTimeout
	}
	for _, origin := range cfg.AllowedOrigins {
		// splitting an empty list gives "", which must not match requests without Origin
		g.origins[origin] = origin != ""
	}
	return g
}

type gateway struct {
	function lambda.Handler
	timeout  time.Duration
	origins  map[string]bool
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := newRequestID()
	w.Header().Set("Apigw-Requestid", id)
	if isPreflight(r) {
		g.answerPreflight(w, r)
		return
	}
	g.addCORS(w.Header(), r)
	answer, refusal := g.proxy(w, r, id)
	if refusal != 0 {
		refuse(w, refusal)
		return
	}
	answer.write(w)
}

// Event returns the event that API Gateway would send to the function for a request, in payload
// format 2.0. It returns an error if API Gateway would respond without invoking the function.
func Event(r *http.Request) (payload json.RawMessage, err error) {
	w := httptest.NewRecorder()
	New(capture(func(event []byte) { payload = event }), Config{}).ServeHTTP(w, r)
	if payload == nil {
		return nil, fmt.Errorf("the gateway responds to %s %s without the function: %d", r.Method, r.URL.Path, w.Code)
	}
	return payload, nil
}

// capture is a function that only records its event.
type capture func(event []byte)

func (c capture) Invoke(_ context.Context, event []byte) ([]byte, error) {
	c(event)
	return []byte(`{"statusCode":204}`), nil
}

// proxy returns the response of the function, or the status with which the gateway responds without
// it.
func (g *gateway) proxy(w http.ResponseWriter, r *http.Request, id string) (answer *answer, refusal int) {
	if headSize(r) > maxHead {
		return nil, http.StatusRequestHeaderFieldsTooLarge
	}
	routeKey, parameters, ok := route(r.Method, path(r))
	if !ok {
		return nil, http.StatusNotFound
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return nil, http.StatusRequestEntityTooLarge
	}
	if err != nil {
		return nil, http.StatusBadRequest
	}
	payload, err := json.Marshal(newEvent(r, routeKey, parameters, body, id, time.Now()))
	if err != nil {
		return nil, http.StatusInternalServerError
	}
	if len(payload) > maxPayload {
		return nil, http.StatusRequestEntityTooLarge
	}
	switch answer, err = g.invoke(payload); {
	case errors.Is(err, errNoAnswer):
		return nil, http.StatusServiceUnavailable
	case err != nil:
		return nil, http.StatusInternalServerError
	}
	return answer, 0
}

// errNoAnswer means that the function took longer than API Gateway waits.
var errNoAnswer = errors.New("no answer in time")

// invoke returns the response of the function, or an error if it exceeds its timeout. The context
// does not depend on the connection of the client, because Lambda does not notice when a client
// disconnects.
func (g *gateway) invoke(payload []byte) (*answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), g.timeout)
	defer cancel()
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: newUUID()})

	type result struct {
		out []byte
		err error
	}
	// buffered, so that a function that exceeds its timeout can still end
	done := make(chan result, 1)
	go func() {
		var res result
		defer func() {
			if v := recover(); v != nil {
				res.err = fmt.Errorf("the function panicked: %T", v)
			}
			done <- res
		}()
		res.out, res.err = g.function.Invoke(ctx, payload)
	}()

	select {
	case res := <-done:
		if res.err != nil {
			return nil, res.err
		}
		return parseAnswer(res.out)
	case <-ctx.Done():
		return nil, fmt.Errorf("the function timed out after %s", g.timeout)
	case <-time.After(maxWait):
		return nil, errNoAnswer
	}
}

// headSize returns the size of the request line and the headers on the wire.
func headSize(r *http.Request) int {
	size := len(r.Method) + len(r.RequestURI) + len(r.Proto) + len("  \r\n")
	size += len("Host: \r\n") + len(r.Host) // net/http removes it from the headers
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(value) + len(": \r\n")
		}
	}
	return size
}

// refuse responds without the function.
func refuse(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"message":%q}`, http.StatusText(status))
}

// newRequestID returns an ID in the format of API Gateway: 16 characters of base64, the last one
// padding.
func newRequestID() string {
	var b [11]byte
	rand.Read(b[:]) // never fails
	return base64.StdEncoding.EncodeToString(b[:])
}

func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // version 4 (RFC 9562, section 5.4)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
