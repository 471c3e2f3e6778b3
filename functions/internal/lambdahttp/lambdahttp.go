// Package lambdahttp runs an [http.Handler] as a Lambda function behind an API Gateway HTTP API
// (payload format 2.0). It stands on github.com/awslabs/aws-lambda-go-api-proxy, is the only
// package that imports it, and is the home of every workaround for it: that module is no longer
// maintained.
//
// The handler sees a request as net/http's own server would have made it: header values whole, one
// Cookie header, Host outside the header map, RemoteAddr as host:port (the port is 0, the gateway
// does not tell it), and net/http's rules for the answer: the first WriteHeader wins, headers set
// after it are ignored, nothing written is a 200.
//
// Limits:
//   - Nothing is streamed: the body is in memory before the handler starts and the answer leaves when
//     it returns. Lambda allows 6 MB for each. There is no Flush, Hijack, Push or trailer.
//   - A body that is longer than the handler takes is refused with [ErrTooLarge], before it is decoded.
//   - The gateway joins repeated request headers with commas, and they stay joined. Repeated answer
//     headers are joined the same way, except Set-Cookie.
//   - The request's context ends with the Lambda deadline, not when the client goes away, which
//     Lambda never learns.
//   - API Gateway decodes percent-encoding in the path before it fills rawPath, and what is left is decoded
//     once more. What does not decode is refused with [ErrBadRequest].
//   - Payload format 1.0 (REST APIs, and HTTP APIs asked for it) is refused with [ErrPayloadVersion].
package lambdahttp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"runtime"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/awslabs/aws-lambda-go-api-proxy/core"
)

// ErrPayloadVersion reports an event that is not of payload format 2.0. It says how the function
// was wired, not what a caller did.
var ErrPayloadVersion = errors.New("lambdahttp: the event is not of payload format 2.0")

// ErrBadRequest reports an event that no HTTP request can be made of: not JSON, an impossible
// method or path, a body whose base64 does not decode. The text never quotes the event.
var ErrBadRequest = errors.New("lambdahttp: the event is not a valid request")

// ErrTooLarge reports a body that is longer than the handler takes.
var ErrTooLarge = errors.New("lambdahttp: the body is too large")

// PanicError reports a handler that panicked, [http.ErrAbortHandler] included: Lambda has no
// connection to abort.
type PanicError struct {
	Value any    // what was passed to panic; it may quote the request
	Stack []byte // of the panicking goroutine, as [debug.Stack] formats it
}

// Error tells of the panic what may be logged: where it was, and what it was if the runtime raised
// it. Any other value could hold whatever was at hand.
func (e *PanicError) Error() string {
	what := "panic"
	if err, ok := e.Value.(runtime.Error); ok {
		what = err.Error()
	}
	return what + "\n" + string(e.Stack)
}

// New adapts h to Lambda. onError answers what never reaches h, and replaces whatever h had written
// when it panicked; its err is or wraps [ErrPayloadVersion], [ErrBadRequest], [ErrTooLarge] or a
// [*PanicError], anything else is a fault of the function itself. The r that onError gets is never
// nil: of an event that cannot become a request it carries the method (empty if that is
// impossible), the headers and the URL (or "/" if that is impossible), so that the answer can be
// negotiated. An onError that writes nothing, or panics, gives a 500 without a body.
//
// basePath is what a custom domain's mapping key or a named stage puts before the path, such as
// "/v1"; "" for nothing. It is taken off the paths that begin with it, and h knows nothing of it:
// the API's own domain has none.
//
// maxBody is the length of the longest body that h takes, in bytes.
func New(h http.Handler, onError func(w http.ResponseWriter, r *http.Request, err error), basePath string,
	maxBody int) lambda.Handler {
	return &function{handler: h, onError: onError, basePath: basePath, maxBody: maxBody}
}

// RequestID is the gateway's ID of the request that ctx belongs to, the one in the gateway's access
// log; without a gateway the one of the Lambda invocation; outside Lambda it is empty.
func RequestID(ctx context.Context) string {
	if gateway, ok := core.GetAPIGatewayV2ContextFromContext(ctx); ok && gateway.RequestID != "" {
		return gateway.RequestID
	}
	if invocation, ok := lambdacontext.FromContext(ctx); ok {
		return invocation.AwsRequestID
	}
	return ""
}

type function struct {
	handler http.Handler
	onError func(http.ResponseWriter, *http.Request, error)

	basePath string
	maxBody  int
}

// Invoke implements [lambda.Handler]. Every event gets an HTTP answer: a function error would show
// callers the gateway's own 500, and a panic would cost the next one a cold start.
func (f *function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	ev, err := parseEvent(payload)
	r, broken := ev.adapt(ctx)
	if broken != nil {
		return nil, broken
	}
	if err == nil {
		err = ev.complete(r, f.basePath, f.maxBody)
	}

	w := newResponseWriter()
	if err == nil {
		err = Recovering(func() error { f.handler.ServeHTTP(w, r); return nil })
	}
	if err != nil {
		w = newResponseWriter() // nothing of a partial answer is kept
		w.fallback = http.StatusInternalServerError
		panicked := Recovering(func() error { f.onError(w, r, err); return nil })
		if panicked != nil {
			w = newResponseWriter()
			w.WriteHeader(http.StatusInternalServerError)
		}
	}
	response, err := w.response()
	if err != nil {
		return nil, err
	}
	return json.Marshal(response)
}

// Recovering returns the error of f, or the [*PanicError] of a panic. Go itself would print a panic
// in many lines, and Lambda makes a log event of each.
func Recovering(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}
