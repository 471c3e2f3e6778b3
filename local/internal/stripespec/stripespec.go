// Package stripespec reads operations of the OpenAPI document that Stripe publishes, from the copy
// that stripe-mock embeds.
//
// The whole document has 8 MB, and reading it takes half a second (ten times that under the race
// detector). Single operations take milliseconds.
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

// Embedded returns Stripe's document, in the version of stripe-mock.
func Embedded() Document { return embedded.OpenAPISpec }

// Operations returns the operations of a path by their verbs, in lower case.
func (d Document) Operations(path string) (map[string]map[string]json.RawMessage, error) {
	var operations map[string]map[string]json.RawMessage
	if err := d.member(path, &operations); err != nil {
		return nil, err
	}
	return operations, nil
}

// Parameters returns the schema of the form that a path's post takes.
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
		return nil, fmt.Errorf("stripespec: post %s takes no form", path)
	}
	return form.Schema, nil
}

// Version is the API version that the document describes.
func (d Document) Version() (string, error) {
	var info struct{ Version string }
	if err := d.member("info", &info); err != nil {
		return "", err
	}
	return info.Version, nil
}

// member decodes the first member of a name. In JSON nothing but a name can look like one:
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
