// Package lambdahttp runs an [http.Handler] as a Lambda function behind an API Gateway HTTP API
// (payload format 2.0). It is the only package that imports
// github.com/awslabs/aws-lambda-go-api-proxy, and contains every workaround for that module, which
// is no longer maintained.
//
// The handler gets the request that net/http's own server would make: whole header values, one
// Cookie header, Host outside the header map, and RemoteAddr as host:port (with port 0, because the
// gateway does not send the port). net/http's rules hold for the answer too: the first WriteHeader
// wins, headers set after it are ignored, and a handler that writes nothing answers 200.
//
// Limits:
//   - Nothing is streamed: the whole body is in memory before the handler starts, and the answer is
//     sent when it returns. Lambda allows 6 MB for each. Flush, Hijack, Push and trailers are missing.
//   - A body longer than the handler's limit is refused with [ErrTooLarge] before it is decoded.
//   - The gateway joins repeated request headers with commas, and they stay joined. Repeated answer
//     headers are joined the same way, except Set-Cookie.
//   - The request's context ends at the Lambda deadline. It does not end when the client disconnects:
//     Lambda never learns of that.
//   - API Gateway decodes percent-encoding in the path before it fills rawPath. This package decodes
//     the rest once more. A path that cannot be decoded is refused with [ErrBadRequest].
//   - Payload format 1.0 (of REST APIs, and of HTTP APIs that ask for it) is refused with
//     [ErrPayloadVersion].
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

// ErrPayloadVersion reports an event in another format than payload format 2.0. The function is
// then connected to the wrong source of events; no caller can cause this.
var ErrPayloadVersion = errors.New("lambdahttp: the event is not of payload format 2.0")

// ErrBadRequest reports an event that cannot become an HTTP request: invalid JSON, an invalid
// method or path, or a body with invalid base64. The error's text never quotes the event.
var ErrBadRequest = errors.New("lambdahttp: the event is not a valid request")

// ErrTooLarge reports a body that is longer than the handler's limit.
var ErrTooLarge = errors.New("lambdahttp: the body is too large")

// PanicError reports that a handler panicked. This includes a panic with [http.ErrAbortHandler],
// because Lambda has no connection to abort.
type PanicError struct {
	Value any    // the argument of panic; it may quote the request
	Stack []byte // the stack of the goroutine that panicked, as [debug.Stack] formats it
}

// Error returns the part of the panic that may be logged: the stack and, if the Go runtime caused
// the panic, its message. It omits any other value, because that could contain a secret.
func (e *PanicError) Error() string {
	what := "panic"
	if err, ok := e.Value.(runtime.Error); ok {
		what = err.Error()
	}
	return what + "\n" + string(e.Stack)
}

// New adapts h to Lambda.
//
// onError answers events that never reach h. If h panics, onError's answer replaces everything that
// h has written. err is or wraps [ErrPayloadVersion], [ErrBadRequest], [ErrTooLarge] or a
// [*PanicError]; any other error is a fault of the function itself. r is never nil. If the event
// cannot become a request, r has its headers, its method (empty if invalid) and its URL ("/" if
// invalid), so that onError can choose a format for the answer. If onError writes nothing, or
// panics, the answer is a 500 without a body.
//
// basePath is the prefix that a custom domain's mapping key or a named stage adds to the path, such
// as "/v1", or "". It is removed from every path that begins with it, so h never sees it. Other
// paths stay unchanged, because the API's own domain adds no prefix.
//
// maxBody is the length of the longest body that h accepts, in bytes.
func New(h http.Handler, onError func(w http.ResponseWriter, r *http.Request, err error), basePath string,
	maxBody int) lambda.Handler {
	return &function{handler: h, onError: onError, basePath: basePath, maxBody: maxBody}
}

// RequestID returns the gateway's ID of the request that ctx belongs to, which is also in the
// gateway's access log. Without a gateway it returns the ID of the Lambda invocation, and outside
// Lambda "".
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

// Invoke implements [lambda.Handler]. Every event gets an HTTP answer: after a function error the
// gateway would answer with its own 500, and after a panic the next request would get a cold start.
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
		w = newResponseWriter() // discard a partial answer
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

// Recovering returns f's error, or a [*PanicError] if f panics. Without it, Go would print the
// panic in many lines, and Lambda would log each line as a separate event.
func Recovering(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}
