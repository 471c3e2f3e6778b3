package stripewire

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"
	"github.com/stripe/stripe-mock/spec"
)

// document is Stripe's OpenAPI document together with stripe-mock's checks made from it.
type document struct {
	ready  chan struct{} // closed once the fields below are set
	err    error
	paths  map[spec.Path]map[spec.HTTPVerb]*spec.Operation
	server *server.StubServer
}

// served lists the operations that the stateful layer answers, by their path in the document.
var served = map[string]string{
	"/v1/billing_portal/sessions":                 "post",
	"/v1/subscriptions":                           "get",
	"/v1/subscriptions/{subscription_exposed_id}": "get",
	"/v1/products":                                "get",
}

func loadDocument() *document {
	d := &document{ready: make(chan struct{})}
	go func() {
		defer close(d.ready)
		d.err = d.load()
	}()
	return d
}

func (d *document) load() error {
	requests, err := requestsOnly(embedded.OpenAPISpec)
	if err != nil {
		return fmt.Errorf("read Stripe's OpenAPI document: %w", err)
	}
	document, err := server.LoadSpec(requests, "")
	if err != nil {
		return fmt.Errorf("read Stripe's OpenAPI document: %w", err)
	}
	d.paths = document.Paths
	d.server, err = server.NewStubServer(&spec.Fixtures{}, document, false, false)
	if err != nil {
		return fmt.Errorf("start stripe-mock: %w", err)
	}
	return nil
}

// requestsOnly cuts the document down to what checks requests: the served operations, each with an answer of any shape
// since the stateful layer answers. Reading all 8 MB takes half a second, and ten times that under the race detector.
func requestsOnly(openAPI []byte) ([]byte, error) {
	var whole struct {
		Info  json.RawMessage                       `json:"info"`
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(openAPI, &whole); err != nil {
		return nil, err
	}
	anyAnswer := json.RawMessage(`{"200":{"content":{"application/json":{"schema":{"type":"object"}}}}}`)
	paths := make(map[string]map[string]map[string]json.RawMessage)
	for path, verb := range served {
		var operation map[string]json.RawMessage
		if err := json.Unmarshal(whole.Paths[path][verb], &operation); err != nil {
			return nil, fmt.Errorf("%s %s: %w", verb, path, err)
		}
		operation["responses"] = anyAnswer
		paths[path] = map[string]map[string]json.RawMessage{verb: operation}
	}
	return json.Marshal(map[string]any{
		"info":       whole.Info,
		"paths":      paths,
		"components": map[string]any{"schemas": map[string]any{}},
	})
}

// wait blocks until the document is loaded or the request is given up.
func (d *document) wait(ctx context.Context) error {
	select {
	case <-d.ready:
		return d.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// parameters is the schema of an operation's parameters.
func (d *document) parameters(path, method string) *spec.Schema {
	operation := d.paths[spec.Path(path)][spec.HTTPVerb(strings.ToLower(method))]
	if method == http.MethodGet {
		return spec.BuildQuerySchema(operation)
	}
	return operation.RequestBody.Content["application/x-www-form-urlencoded"].Schema
}

// referee has stripe-mock check a request. Whatever it refuses is refused in its own words: the checks before it have
// Stripe's words for what is usual, so this is for what they overlook.
func (d *document) referee(r *http.Request, body string) *apiError {
	request := r.Clone(r.Context())
	request.Body = http.NoBody
	if body != "" {
		request.Body = readCloser{strings.NewReader(body)}
	}
	verdict := &verdict{header: make(http.Header)}
	d.server.HandleRequest(verdict, request)
	if verdict.status == http.StatusOK {
		return nil
	}
	var refused server.ResponseError
	if err := json.Unmarshal(verdict.body.Bytes(), &refused); err != nil {
		return &apiError{status: http.StatusInternalServerError, Type: "api_error", Message: "stripe-mock gave no readable answer"}
	}
	return &apiError{status: verdict.status, Type: refused.ErrorInfo.Type, Message: refused.ErrorInfo.Message}
}

// verdict keeps stripe-mock's answer, of which only the refusal matters.
type verdict struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (v *verdict) Header() http.Header         { return v.header }
func (v *verdict) WriteHeader(status int)      { v.status = status }
func (v *verdict) Write(b []byte) (int, error) { return v.body.Write(b) }

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }
