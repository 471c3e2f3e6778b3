package portalconfig

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/spec"
)

// each maps the text of a file to a part of the error, which includes the line.
var faults = map[string]struct{ text, want string }{
	"an unknown parameter": {"a:\n  features:\n    subscription_cancel:\n      enabel: true",
		`f.yaml:4: "a": features.subscription_cancel.enabel: unknown parameter; known here: cancellation_reason, ` +
			`enabled, mode, proration_behavior`},
	"an unknown parameter of a product": {"a:\n  features:\n    subscription_update:\n      products:\n        - " +
		"{product: p, prices: [x]}\n        - {product: q, prices: [x], price: y}",
		`f.yaml:6: "a": features.subscription_update.products[1].price: unknown parameter`},
	"a field that only answers have": {"a: {login_page: {enabled: true, url: 'https://x'}}",
		`"a": login_page.url: unknown parameter; known here: enabled`},
	"a parameter of the call": {"a: {expand: [features]}", `"a": expand: unknown parameter`},
	"an unset ID":             {`{"a": {"id": "bpc_1"}}`, `f.yaml:1: "a": id: unknown parameter`},
	"every fault, in order": {"a:\n  nam: x\n  active: 1\nb:\n  name: 2\n",
		"f.yaml:2: \"a\": nam: unknown parameter; known here: active, business_profile, default_return_url, " +
			"features, login_page, metadata, name\n  f.yaml:3: \"a\": active: must be true or false, without " +
			"quotes\n  f.yaml:5: \"b\": name: must be a string: put it in quotes"},
	"malformed":         {"a:\n  name: \"x\n", "neither YAML nor JSON: line 2:"},
	"malformed JSON":    {`{"a": {"name": "x"}`, "neither YAML nor JSON: line 1:"},
	"an unknown anchor": {"a: *b", "neither YAML nor JSON: unknown anchor"},
	"nothing":           {"", "is empty"},
	"only a comment":    {"# nothing\n", "is empty"},
	"only null":         {"null", "must have configurations"},
	"a list": {"- name: x",
		"f.yaml:1: must have configurations, each under a name of your choice"},
	"no configuration":         {"{}", "must have configurations"},
	"two documents":            {"a: {name: x}\n---\nb: {name: x}\n", "more than one document"},
	"something after the JSON": {`{"a": {"name": "x"}} {"b": {}}`, "f.yaml"},
	"no name": {"features:\n  invoice_history: {enabled: true}",
		`f.yaml:1: "features": this is a Stripe parameter, not a name: indent it below`},
	"an empty name": {`"": {name: x}`, `f.yaml:1: "": not a name`},
	"a name with terminal control characters": {`"a\u001b[2J": {name: x}`, "not a name"},
	"a long name":           {strings.Repeat("a", 101) + ": {name: x}", "not a name"},
	"a name that is null":   {"~: {name: x}", "has a name that is not a string"},
	"a name that is a list": {"[a]: {name: x}", "has a name that is not a string"},
	"two of a name":         {"a: {name: x}\nb: {name: x}\na: {name: y}", "f.yaml:3: a: occurs twice"},
	"a parameter twice": {"a:\n  name: x\n  active: true\n  name: x",
		`f.yaml:4: "a": name: occurs twice`},
	"a parameter twice, in JSON": {"{\"a\": {\n\"name\": \"x\",\n\"name\": \"x\"}}",
		`f.yaml:3: "a": name: occurs twice`},
	"a configuration that is null":     {"a:\n", `f.yaml:1: "a": has no value`},
	"a configuration that is a string": {"a: x", `"a": must be an object`},
	"null": {"a:\n  name: null",
		`f.yaml:2: "a": name: has no value: write "" to unset it, or leave it out`},
	"nothing after the colon": {"a:\n  default_return_url:\n  active: true",
		`f.yaml:2: "a": default_return_url: has no value: write "" to unset it`},
	"null that cannot be unset": {"a: {active: ~}", `"a": active: has no value: give it a value, or leave it out`},
	"empty, and cannot be unset": {`a: {features: {subscription_cancel: {mode: ""}}}`,
		"features.subscription_cancel.mode: must be one of: at_period_end, immediately"},
	"an empty ID": {`a: {features: {subscription_update: {products: [{product: "", prices: [x]}]}}}`,
		"products[0].product: cannot be empty or unset"},
	"an empty list that cannot be": {"a: {features: {subscription_update: {products: [{product: p, prices: []}]}}}",
		"products[0].prices: must have an element"},
	"all metadata unset":     {`a: {metadata: ""}`, "metadata: must be an object"},
	"a boolean of YAML 1.1":  {"a: {active: yes}", "active: must be true or false"},
	"a boolean by force":     {"a: {active: !!bool yes}", "active: must be true or false"},
	"a boolean in quotes":    {`a: {active: "true"}`, "active: must be true or false, without quotes"},
	"a number for a boolean": {"a: {active: 0}", "active: must be true or false"},
	"a boolean for a string": {"a: {name: true}", "name: must be a string: put it in quotes"},
	"a date for a string":    {"a: {name: 2024-01-01}", "name: must be a string: put it in quotes"},
	"a tag of its own":       {"a: {name: !secret x}", "name: must be a string: put it in quotes"},
	"a list for a string":    {"a: {name: [x]}", "name: must be a string"},
	"a string for a list": {"a: {features: {customer_update: {allowed_updates: email}}}",
		"allowed_updates: must be a list"},
	"a list for an object": {"a: {features: []}", "features: must be an object"},
	"a string for an object": {"a: {features: {invoice_history: true}}",
		"features.invoice_history: must be an object"},
	"not one of the values": {"a: {features: {subscription_cancel: {mode: At_Period_End}}}",
		"mode: must be one of: at_period_end, immediately"},
	"not one of a list's values": {"a:\n  features:\n    customer_update:\n      allowed_updates:\n        - " +
		"email\n        - mail", "f.yaml:6: \"a\": features.customer_update.allowed_updates[1]: must be one of: " +
		"address, email, name, phone, shipping, tax_id"},
	"a value twice": {"a: {features: {customer_update: {allowed_updates: [email, email]}}}",
		"allowed_updates[1]: occurs twice"},
	"a product twice": {"a: {features: {subscription_update: {products: [{product: p, prices: [x]}, " +
		"{product: p, prices: [y]}]}}}", "products[1]: occurs twice"},
	"a product without prices": {"a: {features: {subscription_update: {products: [{product: p}]}}}",
		"products[0].prices: is missing; Stripe requires it"},
	"quantities without enabled": {"a: {features: {subscription_update: {products: [{product: p, prices: [x], " +
		"adjustable_quantity: {minimum: 1}}]}}}", "adjustable_quantity.enabled: is missing"},
	"a long headline": {"a: {business_profile: {headline: " + strings.Repeat("é", 61) + "}}",
		"business_profile.headline: has more than 60 characters"},
	"white space": {"a:\n  name: |\n    x\n", "name: has white space around it"},
	"the name's own key": {"a: {metadata: {portal_config_name: b}}",
		"metadata.portal_config_name: holds the configuration's name"},
	"a number in metadata":     {"a: {metadata: {tier: 2}}", "metadata.tier: must be a string: put it in quotes"},
	"an object in metadata":    {"a: {metadata: {tier: {x: y}}}", "metadata.tier: must be a string"},
	"an empty key of metadata": {`a: {metadata: {"": x}}`, "a key has 1 to 40 characters"},
	"two merges":               {"a:\n  <<: {name: x}\n  <<: {name: y}\n", `f.yaml:3: "a": <<: occurs twice`},
	"a long key of metadata": {"a: {metadata: {" + strings.Repeat("k", 41) + ": x}}",
		"a key has 1 to 40 characters"},
	"a key with terminal control characters": {`a: {metadata: {"\u001b[2J": x}}`,
		`"metadata.\x1b.2J": a key has 1 to 40 characters and no brackets`},
	"brackets in a key of metadata": {`a: {metadata: {"a]b": x}}`, "a key has 1 to 40 characters and no brackets"},
	"a long value of metadata": {"a: {metadata: {k: " + strings.Repeat("v", 501) + "}}",
		"has more than 500 characters"},
	"an object that merges itself": {"a: &a\n  <<: *a\n  name: x", "merges too many objects"},
	"a merge of a string":          {"a:\n  <<: x\n", `<< must name an object`},
	"a value that contains itself": {"a: &a\n  features: *a", "unknown parameter"},
}

func TestFaultsHaveTheirLineAndParameter(t *testing.T) {
	for name, test := range faults {
		t.Run(name, func(t *testing.T) {
			if _, err := parse("folder/f.yaml", []byte(test.text)); err == nil ||
				!strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
}

func TestIntegersAreWholeAndDecimal(t *testing.T) {
	for text, want := range map[string]any{
		"0": int64(0), "12": int64(12), "-1": int64(-1), "999999999999999999": int64(999999999999999999),
		"1.5": nil, "1e3": nil, "0x10": nil, "010": nil, "1_000": nil, `"5"`: nil, "true": nil, "five": nil, "-0": nil,
		"9999999999999999999": nil, ".inf": nil,
	} {
		file, err := parse("f.yaml", []byte("a: {features: {subscription_update: {products: [{product: p, prices: "+
			"[x], adjustable_quantity: {enabled: true, maximum: "+text+"}}]}}}"))
		if want == nil {
			if err == nil ||
				!strings.Contains(err.Error(), "adjustable_quantity.maximum: must be a whole number, without quotes") {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		update := file.Configurations[0].parameters["features"].(map[string]any)["subscription_update"].(map[string]any)
		product := update["products"].([]any)[0].(map[string]any)
		if got := product["adjustable_quantity"].(map[string]any)["maximum"]; got != want {
			t.Errorf("%s is %v", text, got)
		}
	}
}

// Stripe counts characters: https://docs.stripe.com/api/metadata
func TestKeysOfMetadataAreCountedInCharacters(t *testing.T) {
	if _, err := parse("f.yaml", []byte("a: {metadata: {"+strings.Repeat("é", 40)+": x}}")); err != nil {
		t.Error(err)
	}
}

func TestYAMLAndJSONSayTheSame(t *testing.T) {
	want := []string{"solo", "team 😀 é / \\ud83d"}
	profile := map[string]any{"headline": "", "privacy_policy_url": "https://example.com/p"}
	features := map[string]any{
		"customer_update": map[string]any{"enabled": true, "allowed_updates": []any{"email"}},
		"invoice_history": map[string]any{"enabled": false},
	}
	for name, text := range map[string]string{
		"YAML": "\ufeff# comment\nsolo: &base\n" +
			"  business_profile: &profile {headline: \"\", privacy_policy_url: https://example.com/p}\n" +
			"  features:\n    customer_update: &update {enabled: True, allowed_updates: &list [email]}\n" +
			"    invoice_history:\n      enabled: false\n" +
			"'team 😀 é / \\ud83d':\n  <<: [*base, {name: merged}]\n  name: own\n",
		"JSON": "{\n\t\"solo\": {" +
			"\"business_profile\": {\"headline\": \"\", \"privacy_policy_url\": \"https:\\/\\/example.com\\/p\"},\r\n" +
			"\t\"features\": {\"customer_update\": {\"enabled\": true, \"allowed_updates\": [\"email\"]}, " +
			"\"invoice_history\": {\"enabled\": false}}},\n" +
			"\t\"team \\ud83d\\uDE00 \\u00e9 / \\\\ud83d\": {\"name\": \"own\", " +
			"\"business_profile\": {\"headline\": \"\", \"privacy_policy_url\": \"https://example.com/p\"},\n" +
			"\t\"features\": {\"customer_update\": {\"enabled\": true, \"allowed_updates\": [\"email\"]}, " +
			"\"invoice_history\": {\"enabled\": false}}}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			file, err := Read(path)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for i, c := range file.Configurations {
				names = append(names, c.Name)
				expected := map[string]any{"business_profile": profile, "features": features}
				if i == 1 {
					expected["name"] = "own"
				}
				if !reflect.DeepEqual(c.parameters, expected) {
					t.Errorf("%s: %v", c.Name, c.parameters)
				}
			}
			if !slices.Equal(names, want) {
				t.Errorf("%q", names)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		large: "more than 1048576 bytes", filepath.Join(t.TempDir(), "none"): "no such file", t.TempDir(): "directory",
	} {
		if _, err := Read(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// Stripe leaves out an expandable field that is not required, unless the request expands it.
func TestFieldsThatStripeLeavesOutAreExpanded(t *testing.T) {
	var document struct {
		Components struct{ Schemas map[string]json.RawMessage }
	}
	if err := json.Unmarshal(embedded.OpenAPISpec, &document); err != nil {
		t.Fatal(err)
	}
	known, err := loadSchemas()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	var walk func(name, path string, parameters *spec.Schema)
	walk = func(name, path string, parameters *spec.Schema) {
		var schema struct {
			Expandable []string `json:"x-expandableFields"`
			Required   []string
			Properties map[string]struct {
				Ref string `json:"$ref"`
			}
		}
		if err := json.Unmarshal(document.Components.Schemas[name], &schema); err != nil {
			t.Fatal(err)
		}
		for field, property := range schema.Properties {
			known := parameters.Properties[field]
			if known == nil {
				continue // not a parameter
			}
			if slices.Contains(schema.Expandable, field) && !slices.Contains(schema.Required, field) {
				found = append(found, path+field)
			} else if property.Ref != "" {
				walk(strings.TrimPrefix(property.Ref, "#/components/schemas/"), path+field+".", known)
			}
		}
	}
	walk("billing_portal.configuration", "", known.update)
	slices.Sort(found)
	if want := slices.Sorted(slices.Values(expansions)); !slices.Equal(found, want) {
		t.Errorf("expandable: %v, expanded: %v", found, want)
	}
}
