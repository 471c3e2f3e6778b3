package api

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/stripe/stripe-mock/embedded"
)

// TestReducedDocumentKeepsTheRequests compares the reduced document with the whole one: all
// parameters and bodies of the supported operations must be equal.
func TestReducedDocumentKeepsTheRequests(t *testing.T) {
	cut, err := requestsOnly(embedded.OpenAPISpec)
	if err != nil {
		t.Fatal(err)
	}
	type operations struct {
		Paths map[string]map[string]struct {
			Parameters  any
			RequestBody any
		}
	}
	var kept, whole operations
	if err := json.Unmarshal(cut, &kept); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(embedded.OpenAPISpec, &whole); err != nil {
		t.Fatal(err)
	}
	for _, e := range endpoints {
		got, want := kept.Paths[e.path][strings.ToLower(e.method)], whole.Paths[e.path][strings.ToLower(e.method)]
		if !reflect.DeepEqual(got, want) || want.Parameters == nil && want.RequestBody == nil {
			t.Errorf("%s %s differs", e.method, e.path)
		}
	}
}

func TestDocumentWithoutAnOperation(t *testing.T) {
	for name, document := range map[string]string{
		"nothing": `{}`,
		"paths without operations": strings.ReplaceAll(`{"paths":{"/v1/billing_portal/sessions":X,`+
			`"/v1/subscriptions":X,"/v1/subscriptions/{subscription_exposed_id}":X,"/v1/products":X}}`, "X", "{}"),
		"cut short": strings.ReplaceAll(`{"paths":{"/v1/billing_portal/sessions":X,"/v1/subscriptions":X,`+
			`"/v1/subscriptions/{subscription_exposed_id}":X,"/v1/products":X}}`, "X", "{"),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := requestsOnly([]byte(document)); err == nil {
				t.Error("requestsOnly returned no error")
			}
		})
	}
}
