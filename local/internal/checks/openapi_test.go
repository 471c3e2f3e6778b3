package checks

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// paramsSource parses a file of package params, which reads the parameters of a request.
func paramsSource(t *testing.T, file string) source {
	t.Helper()
	return parseSource(t, "../../../functions/internal/params/"+file)
}

// portalSource parses a file of package portal.
func portalSource(t *testing.T, file string) source {
	t.Helper()
	return parseSource(t, "../../../functions/internal/portal/"+file)
}

func problemSource(t *testing.T, file string) source {
	t.Helper()
	return parseSource(t, "../../../functions/internal/problem/"+file)
}

// api is infra/openapi.yaml.
type api struct {
	*outline
	t *testing.T
}

func readAPI(t *testing.T) api {
	t.Helper()
	return api{readOutline(t, "../../../infra/openapi.yaml"), t}
}

func readOutline(t *testing.T, path string) *outline {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parseOutline(string(text))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return parsed
}

func (a api) resolve(o *outline) *outline {
	a.t.Helper()
	for {
		reference := o.at("$ref").value
		if reference == "" {
			return o
		}
		o = a.at(strings.Split(strings.TrimPrefix(reference, "#/"), "/")...)
		if len(o.names) == 0 {
			a.t.Fatalf("infra/openapi.yaml: the reference %s is broken", reference)
		}
	}
}

func (a api) schema(name string) *outline { return a.at("components", "schemas", name) }

func (a api) responsesOf(path, method string) map[string]*outline {
	responses := map[string]*outline{}
	all := a.at("paths", path, method, "responses")
	for _, status := range all.names {
		responses[status] = a.resolve(all.at(status))
	}
	return responses
}

// parameters returns the names of the parameters that a body may have, in bracket notation.
func (a api) parameters(schema *outline, name string) []string {
	schema = a.resolve(schema)
	var names []string
	for _, i := range schema.at("oneOf").names {
		names = append(names, a.parameters(schema.at("oneOf", i), name)...)
	}
	for _, property := range schema.at("properties").names {
		path := property
		if name != "" {
			path = name + "[" + property + "]"
		}
		names = append(names, a.parameters(schema.at("properties", property), path)...)
	}
	if len(schema.at("items").names) > 0 {
		names = append(names, a.parameters(schema.at("items"), name+"[0]")...)
	}
	if names == nil {
		return []string{name}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// The codes of the webhook are in its files and in package config, which responds to events that
// never reach the handler.
func TestOpenAPIHasEveryCodeOfTheWebhook(t *testing.T) {
	text := ""
	for _, file := range []string{"internal/webhook/errors.go", "internal/webhook/handler.go",
		"app/internal/config/deps.go"} {
		content, err := os.ReadFile("../../../functions/" + file)
		if err != nil {
			t.Fatal(err)
		}
		text += string(content)
	}
	want := map[string]bool{}
	codes := problemSource(t, "codes.go")
	for _, match := range regexp.MustCompile(`(?:Code: +|code :?= )problem\.(\w+)`).FindAllStringSubmatch(text, -1) {
		want[codes.literal(codes.value(match[1]))] = true
	}
	document := readAPI(t)
	got := map[string]bool{}
	for _, response := range document.responsesOf("/stripe/webhook", "post") {
		schema := document.resolve(response.at("content", "application/problem+json", "schema"))
		for _, i := range schema.at("allOf").names {
			for _, code := range schema.at("allOf", i, "properties", "code", "enum").list() {
				got[code] = true
			}
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("infra/openapi.yaml has the webhook codes %v, the function has %v", slices.Sorted(maps.Keys(got)),
			slices.Sorted(maps.Keys(want)))
	}
}

func TestOpenAPIHasEveryParameter(t *testing.T) {
	accepted := paramsSource(t, "params_test.go").strings("accepted")
	document := readAPI(t)
	body := document.at("paths", "/billing/portal", "post", "requestBody", "content")
	for mediaType, want := range map[string][]string{
		"application/json":                  accepted,
		"application/x-www-form-urlencoded": slices.Sorted(slices.Values(append(accepted, "access_token"))),
	} {
		if got := document.parameters(body.at(mediaType, "schema"), ""); !slices.Equal(got, want) {
			t.Errorf("infra/openapi.yaml: %s has the parameters\n%s\nthe function accepts\n%s", mediaType,
				strings.Join(got, "\n"),
				strings.Join(want, "\n"))
		}
	}
}

func TestOpenAPIHasTheValuesAndLimits(t *testing.T) {
	document := readAPI(t)
	// An empty value means the same as a missing one.
	want := append([]string{""}, paramsSource(t, "policy.go").strings("locales")...)
	if got := document.schema("Locale").at("enum").list(); !slices.Equal(got, want) {
		t.Errorf("infra/openapi.yaml has the locales\n%v\nthe function has\n%v", got, want)
	}
	flow, returnURL := paramsSource(t, "flow.go"), paramsSource(t, "returnurl.go")
	for schema, limit := range map[string]string{
		"CustomMessage": flow.literal(flow.value("maxMessageLength")),
		"ReturnUrl":     returnURL.literal(returnURL.value("maxURLLength")),
		"CompletionUrl": returnURL.literal(returnURL.value("maxURLLength")),
	} {
		if got := document.schema(schema).at("maxLength").value; got != limit {
			t.Errorf("infra/openapi.yaml: %s has the maxLength %s, want %s as in the function", schema, got, limit)
		}
	}
}

func TestOpenAPIHasEveryMemberOfAResponse(t *testing.T) {
	document := readAPI(t)
	for schema, want := range map[string][]string{
		"Problem":                append(problemSource(t, "problem.go").jsonNames("document"), "subscriptions"),
		"SubscriptionChoice":     portalSource(t, "choices.go").jsonNames("Choice"),
		"SubscriptionChoiceItem": portalSource(t, "choices.go").jsonNames("ChoiceItem"),
		"BillingStatus":          portalSource(t, "status.go").jsonNames("billingStatus"),
		"StatusSubscription":     portalSource(t, "status.go").jsonNames("statusSubscription"),
	} {
		got := slices.Sorted(slices.Values(document.schema(schema).at("properties").names))
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("infra/openapi.yaml: %s has the members %v, the function sends %v", schema, got, want)
		}
	}
}
