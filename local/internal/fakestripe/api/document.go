package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/stripe/stripe-mock/server"
	"github.com/stripe/stripe-mock/spec"

	"billingportal/local/internal/stripespec"
)

// document checks requests: Stripe's OpenAPI document, and a stripe-mock that uses it.
type document struct {
	version string
	paths   map[spec.Path]map[spec.HTTPVerb]*spec.Operation
	server  *server.StubServer
}

// loadDocument reads the document once per process. All fakes share it, because they do not change
// it.
var loadDocument = sync.OnceValues(func() (*document, error) {
	requests, err := requestsOnly(stripespec.Embedded())
	if err != nil {
		return nil, fmt.Errorf("read Stripe's OpenAPI document: %w", err)
	}
	loaded, err := server.LoadSpec(requests, "")
	if err != nil {
		return nil, fmt.Errorf("read Stripe's OpenAPI document: %w", err)
	}
	var mock *server.StubServer
	var failure error
	err = silently(func() { mock, failure = server.NewStubServer(&spec.Fixtures{}, loaded, false, false) })
	if err := errors.Join(err, failure); err != nil {
		return nil, fmt.Errorf("start stripe-mock: %w", err)
	}
	version, err := stripespec.Embedded().Version()
	if err != nil {
		return nil, err
	}
	return &document{version: version, paths: loaded.Paths, server: mock}, nil
})

// requestsOnly reduces the document to the parts that are needed to check requests: the supported
// operations, each with a response of any format, because package api writes the responses.
func requestsOnly(openAPI stripespec.Document) ([]byte, error) {
	anyAnswer := json.RawMessage(`{"200":{"content":{"application/json":{"schema":{"type":"object"}}}}}`)
	paths := make(map[string]map[string]map[string]json.RawMessage)
	for _, e := range endpoints {
		operations, err := openAPI.Operations(e.path)
		if err != nil {
			return nil, err
		}
		verb := strings.ToLower(e.method)
		operation := operations[verb]
		if operation == nil {
			return nil, fmt.Errorf("%s %s is missing", verb, e.path)
		}
		operation["responses"] = anyAnswer
		if paths[e.path] == nil {
			paths[e.path] = make(map[string]map[string]json.RawMessage)
		}
		paths[e.path][verb] = operation
	}
	return json.Marshal(map[string]any{
		"paths":      paths,
		"components": map[string]any{"schemas": map[string]any{}},
	})
}

// parameters returns the schema of the parameters of an operation.
func (d *document) parameters(path, method string) *spec.Schema {
	operation := d.paths[spec.Path(path)][spec.HTTPVerb(strings.ToLower(method))]
	if method == http.MethodGet {
		return spec.BuildQuerySchema(operation)
	}
	return operation.RequestBody.Content["application/x-www-form-urlencoded"].Schema
}

// validate checks a request with stripe-mock and returns its error. check runs before and has
// Stripe's messages for common mistakes, so validate finds only the rest.
func (d *document) validate(r *http.Request, body string) *apiError {
	request := r.Clone(r.Context())
	// stripe-mock accepts only test mode keys
	request.Header.Set("Authorization", "Bearer sk_test_"+"any")
	request.Body = http.NoBody
	if body != "" {
		request.Body = readCloser{strings.NewReader(body)}
	}
	verdict := &verdict{header: make(http.Header)}
	if err := silently(func() { d.server.HandleRequest(verdict, request) }); err != nil {
		return &apiError{status: http.StatusInternalServerError, Type: "api_error", Message: err.Error()}
	}
	if verdict.status == http.StatusOK {
		return nil
	}
	var refused server.ResponseError
	if err := json.Unmarshal(verdict.body.Bytes(), &refused); err != nil {
		return &apiError{status: http.StatusInternalServerError, Type: "api_error",
			Message: "stripe-mock returned an unreadable response"}
	}
	return &apiError{status: verdict.status, Type: refused.ErrorInfo.Type, Message: refused.ErrorInfo.Message}
}

// verdict stores the response of stripe-mock. Only errors are used.
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
