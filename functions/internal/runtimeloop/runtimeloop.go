// Package runtimeloop serves invocations of the Lambda Runtime API, one at a time.
//
// It does what github.com/aws/aws-lambda-go/lambda does for a [lambda.Handler]. That module's own loop sends each answer in
// chunks with trailers, in three writes, and cannot be told how to dial; together with what its [http.Client] adds that is a
// tenth of a request's CPU time. What a handler sees is the same: deadline, [lambdacontext], X-Ray's trace ID. What Lambda sees
// too, but for a panic: the handler is to recover, and one that does not ends the process.
//
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
package runtimeloop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// traceVariable is where code that calls AWS looks for the trace ID.
const traceVariable = "_X_AMZN_TRACE_ID"

// loop serves one process.
type loop struct {
	transport http.RoundTripper
	base      string // of the URLs of invocations
	handler   lambda.Handler
	event     bytes.Buffer // of the current invocation
}

// Run serves the Runtime API at host:port until it fails, and returns why. The transport must wait for as long as nobody calls.
func Run(ctx context.Context, address string, transport http.RoundTripper, handler lambda.Handler) error {
	l := &loop{transport: transport, base: "http://" + address + "/2018-06-01/runtime/invocation/", handler: handler}
	for {
		if err := l.serveOne(ctx); err != nil {
			return err
		}
	}
}

func (l *loop) serveOne(ctx context.Context) error {
	header, err := l.next(ctx)
	if err != nil {
		return fmt.Errorf("next invocation: %w", err)
	}
	milliseconds, err := strconv.ParseInt(header.Get("Lambda-Runtime-Deadline-Ms"), 10, 64)
	if err != nil {
		return errors.New("next invocation: no deadline")
	}
	id := header.Get("Lambda-Runtime-Aws-Request-Id")
	answer, err := l.invoke(ctx, time.UnixMilli(milliseconds), &lambdacontext.LambdaContext{
		AwsRequestID:       id,
		InvokedFunctionArn: header.Get("Lambda-Runtime-Invoked-Function-Arn"),
		TenantID:           header.Get("Lambda-Runtime-Aws-Tenant-Id"),
	}, header.Get("Lambda-Runtime-Trace-Id"))
	path := id + "/response"
	if err != nil {
		path, answer = id+"/error", errorDocument(err)
		log.Printf("%s", answer)
	}
	if err := l.post(ctx, path, answer); err != nil {
		return fmt.Errorf("answer an invocation: %w", err)
	}
	return nil
}

// invoke calls the handler with what aws-lambda-go's own loop would give it.
func (l *loop) invoke(ctx context.Context, deadline time.Time, invocation *lambdacontext.LambdaContext, trace string) ([]byte, error) {
	ctx, cancel := context.WithDeadline(lambdacontext.NewContext(ctx, invocation), deadline)
	defer cancel()
	if err := os.Setenv(traceVariable, trace); err != nil {
		return nil, err
	}
	return l.handler.Invoke(context.WithValue(ctx, "x-amzn-trace-id", trace), l.event.Bytes()) //nolint:revive,staticcheck // the SDK's own key
}

// next waits for an invocation, and keeps its event.
func (l *loop) next(ctx context.Context) (http.Header, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.base+"next", nil)
	if err != nil {
		return nil, err
	}
	l.event.Reset()
	return l.exchange(r, http.StatusOK, &l.event)
}

func (l *loop) post(ctx context.Context, path string, document []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, l.base+path, bytes.NewReader(document))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	_, err = l.exchange(r, http.StatusAccepted, io.Discard)
	return err
}

func (l *loop) exchange(r *http.Request, want int, body io.Writer) (http.Header, error) {
	response, err := l.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if _, err := io.Copy(body, response.Body); err != nil {
		return nil, err
	}
	if response.StatusCode != want {
		return nil, fmt.Errorf("the Runtime API answered %d", response.StatusCode)
	}
	return response.Header, nil
}

// errorDocument is a function error. The handler answers callers by itself, so there is one only where the function is at fault.
func errorDocument(err error) []byte {
	document, _ := json.Marshal(struct { // two strings always marshal
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{"Function.Error", err.Error()})
	return document
}
