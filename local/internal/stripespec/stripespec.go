// Package stripespec reads operations of the Stripe OpenAPI document, from the copy that
// stripe-mock embeds.
//
// The document has 8 MB. Reading all of it takes half a second, or five seconds with the race
// detector. Reading a single operation takes milliseconds.
package stripespec

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/spec"
)

// Document is the text of an OpenAPI document.
type Document []byte

// Embedded returns the OpenAPI document of stripe-mock.
func Embedded() Document { return embedded.OpenAPISpec }

// Operations returns the operations of a path by their HTTP methods, in lower case.
func (d Document) Operations(path string) (map[string]map[string]json.RawMessage, error) {
	var operations map[string]map[string]json.RawMessage
	if err := d.member(path, &operations); err != nil {
		return nil, err
	}
	return operations, nil
}

// Parameters returns the schema of the form for a POST to path.
func (d Document) Parameters(path string) (*spec.Schema, error) {
	operations, err := d.Operations(path)
	if err != nil {
		return nil, err
	}
	var body spec.RequestBody
	if err := json.Unmarshal(operations["post"]["requestBody"], &body); err != nil {
		return nil, fmt.Errorf("stripespec: post %s: %w", path, err)
	}
	form, ok := body.Content["application/x-www-form-urlencoded"]
	if !ok || form.Schema == nil {
		return nil, fmt.Errorf("stripespec: post %s does not accept a form", path)
	}
	return form.Schema, nil
}

// Version returns the API version of the document.
func (d Document) Version() (string, error) {
	var info struct{ Version string }
	if err := d.member("info", &info); err != nil {
		return "", err
	}
	return info.Version, nil
}

// member decodes the first member with this name. In JSON only a name can look like one, because
// quotation marks inside strings are escaped.
func (d Document) member(name string, into any) error {
	_, after, found := bytes.Cut(d, []byte(`"`+name+`":`))
	if !found {
		return fmt.Errorf("stripespec: the OpenAPI document has no %s", name)
	}
	if err := json.NewDecoder(bytes.NewReader(after)).Decode(into); err != nil {
		return fmt.Errorf("stripespec: %s: %w", name, err)
	}
	return nil
}
