package checks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"billingportal/functions/app/webhook"
	"billingportal/local/internal/stripespec"
)

// samples returns values that match a schema, each as a JSON tree. The first has every property.
// Each further value uses another choice.
func (c *contract) samples(schema *outline) []any {
	schema = c.resolve(schema)
	if choices := schema.at("oneOf"); len(choices.names) > 0 {
		var all []any
		for _, i := range choices.names {
			all = append(all, c.samples(choices.at(i))...)
		}
		return all
	}
	switch {
	case schema.at("type").value == "object":
		first, others := map[string]any{}, map[string][]any{}
		for _, name := range schema.at("properties").names {
			values := c.samples(schema.at("properties", name))
			first[name], others[name] = values[0], values[1:]
		}
		all := []any{first}
		for _, name := range slices.Sorted(maps.Keys(others)) {
			for _, value := range others[name] {
				other := maps.Clone(first)
				other[name] = value
				all = append(all, other)
			}
		}
		return all
	case schema.at("type").value == "array":
		var all []any
		for _, value := range c.samples(schema.at("items")) {
			all = append(all, []any{value})
		}
		return all
	case schema.at("type").value == "integer":
		return []any{json.Number(schema.at("minimum").value)}
	}
	for _, list := range []string{"examples", "enum"} {
		if values := schema.at(list).list(); len(values) > 0 {
			return []any{values[len(values)-1]}
		}
	}
	return []any{"x"}
}

// trial is a body that differs from a valid one in one place, and whether the document allows it.
type trial struct {
	name string
	line int // line of the schema
	body any
	good bool
}

// trials returns, for each limit of a schema, a value within the limit and one beyond it. put
// returns the body with another value at this place; nil removes the value.
func (c *contract) trials(schema *outline, value any, name string, put func(any) any) []trial {
	schema = c.resolve(schema)
	if choices := schema.at("oneOf"); len(choices.names) > 0 {
		for _, i := range choices.names {
			choice := c.resolve(choices.at(i))
			if slices.ContainsFunc(c.samples(choice), func(sample any) bool { return sameShape(sample, value) }) {
				return c.trials(choice, value, name, put)
			}
		}
		return []trial{{name + "matches no choice", schema.line, nil, true}}
	}
	var all []trial
	try := func(what string, other any, good bool) {
		all = append(all, trial{name + what, schema.line, put(other), good})
	}
	switch value := value.(type) {
	case map[string]any:
		try("is a string", "x", false)
		with := func(member string) func(any) any {
			return func(other any) any {
				changed := maps.Clone(value)
				changed[member] = other
				if other == nil {
					delete(changed, member)
				}
				return put(changed)
			}
		}
		if schema.at("additionalProperties").value == "false" {
			all = append(all, trial{name + "has an unknown member", schema.line, with("other")("x"), false})
		}
		required := schema.at("required").list()
		for _, member := range slices.Sorted(maps.Keys(value)) {
			inner := name + "." + member
			all = append(all,
				trial{inner + "is missing", schema.line, with(member)(nil), !slices.Contains(required, member)})
			all = append(all, c.trials(schema.at("properties", member), value[member], inner, with(member))...)
		}
	case []any:
		try("is a string", "x", false)
		try(" is empty", []any{}, schema.at("minItems").value == "")
		try(" has two", []any{value[0], value[0]}, schema.at("maxItems").value != "1")
		all = append(all,
			c.trials(schema.at("items"), value[0], name+"[0]", func(other any) any { return put([]any{other}) })...)
	case json.Number:
		least, _ := strconv.ParseInt(schema.at("minimum").value, 10, 64)
		most, _ := strconv.ParseInt(schema.at("maximum").value, 10, 64)
		try("is the minimum", least, true)
		try("is below the minimum", least-1, false)
		try("is the maximum", most, true)
		try("is above the maximum", most+1, false)
		try("is a string", "x", false)
		try("is a fraction", 1.5, false)
	case string:
		try(" is a number", 1, false)
		try(" is an object", map[string]any{"x": "x"}, false)
		values := schema.at("enum").list()
		if len(values) > 5 { // if there are fewer, each has its own samples
			for _, other := range values {
				try(" is "+strconv.Quote(other), other, true)
			}
		}
		if len(values) > 0 {
			try("is not an allowed value", "none", false)
		}
		if most, err := strconv.Atoi(schema.at("maxLength").value); err == nil {
			start := value
			if schema.at("pattern").value == "" {
				start = ""
			}
			try("has the maximum length", start+strings.Repeat("x", most-len(start)), true)
			try(" is too long", start+strings.Repeat("x", most-len(start)+1), false)
		}
		if schema.at("minLength").value == "1" {
			try(" is empty", "", false)
		}
		if schema.at("pattern").value != "" {
			try("does not match the pattern", "https://app.example.com/ü", false)
		}
	}
	return all
}

// sameShape reports whether two trees have the same JSON type. Objects must also have the same
// members and the same value of "type".
func sameShape(a, b any) bool {
	x, ok := a.(map[string]any)
	y, also := b.(map[string]any)
	if !ok || !also {
		return fmt.Sprintf("%T", a) == fmt.Sprintf("%T", b)
	}
	return x["type"] == y["type"] && slices.Equal(slices.Sorted(maps.Keys(x)), slices.Sorted(maps.Keys(y)))
}

// TestOpenAPIRequestLimits sends, for each flow, bodies that the document allows and bodies that it
// forbids.
func TestOpenAPIRequestLimits(t *testing.T) {
	c, s := readContract(t), startService(t)
	portal := s.portal(map[string]string{"ALLOWED_FLOWS": strings.Join(c.at("components", "schemas", "FlowType",
		"enum").list(), ",")})
	schema := c.at("paths", "/billing/portal", "post", "requestBody", "content", "application/json", "schema")
	token := s.token("one")
	asked := map[string]bool{}
	post := func(contentType, body string) (status int, sent map[string][]string) {
		r := request{http.MethodPost, "/billing/portal", body,
			map[string]string{"Content-Type": contentType, "Authorization": "Bearer " + token}}
		s.sent = nil
		return r.ask(t, portal).Code, s.sent
	}
	// Limits that several flows share are checked once.
	check := func(what string, line int, body any, good bool) {
		text, err := json.Marshal(body)
		if key := fmt.Sprint(what, line); err != nil || asked[key] {
			return
		} else if line != 0 {
			asked[key] = true
		}
		got, _ := post("application/json", string(text))
		if isGood := got == http.StatusSeeOther; isGood != good || !good && got != http.StatusBadRequest &&
			got != http.StatusForbidden {
			t.Errorf("infra/openapi.yaml:%[4]d: a body gets the status %[2]d, but the document allows it: %[3]v "+
				"(%[1]s): %.400[5]s",
				what, got, good, line, text)
		}
	}
	samples := c.samples(schema)
	for _, sample := range samples {
		check("a sample", 0, sample, true)
		for _, trial := range c.trials(schema, sample, "", func(other any) any { return other }) {
			check(trial.name, trial.line, trial.body, trial.good)
		}
		// A form with the same parameters must have the same effect.
		body := url.Values{}
		flatten(body, "", sample)
		text, _ := json.Marshal(sample)
		_, want := post("application/json", string(text))
		if code, sent := post("application/x-www-form-urlencoded", body.Encode()); code != http.StatusSeeOther ||
			!maps.EqualFunc(sent, want, slices.Equal) {
			t.Errorf("sent as a form: status %d, Stripe gets\n%v\nsent as JSON, Stripe gets\n%v", code, sent, want)
		}
	}
	if len(samples) < 7 || len(asked) < 150 {
		t.Errorf("%d samples, %d requests", len(samples), len(asked))
	}
}

// flatten writes a tree as fields with bracket names.
func flatten(into url.Values, name string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for member, inner := range value {
			path := member
			if name != "" {
				path = name + "[" + member + "]"
			}
			flatten(into, path, inner)
		}
	case []any:
		for i, inner := range value {
			flatten(into, fmt.Sprintf("%s[%d]", name, i), inner)
		}
	default:
		into.Set(name, fmt.Sprint(value))
	}
}

// TestOpenAPIFormHasTheSchemasOfTheJSON compares each field of the form with the same parameter in
// JSON.
func TestOpenAPIFormHasTheSchemasOfTheJSON(t *testing.T) {
	c := readContract(t)
	leaves := map[string]string{}
	var walk func(schema *outline, name string)
	walk = func(schema *outline, name string) {
		reference := schema.at("$ref").value
		schema = c.resolve(schema)
		for _, i := range schema.at("oneOf").names {
			walk(schema.at("oneOf", i), name)
		}
		for _, property := range schema.at("properties").names {
			path := property
			if name != "" {
				path = name + "[" + property + "]"
			}
			walk(schema.at("properties", property), path)
		}
		if schema.at("type").value == "array" {
			walk(schema.at("items"), name+"[0]")
		}
		if kind := schema.at("type").value; kind == "string" || kind == "integer" {
			leaves[name] = reference
		}
	}
	walk(c.schema("PortalSessionRequest"), "")
	fields := c.schema("PortalSessionForm").at("properties")
	for _, name := range fields.names {
		is := fields.at(name, "$ref").value
		if want, ok := leaves[name]; want != "" && is != want || !ok && name != "access_token" {
			t.Errorf("infra/openapi.yaml: the form field %s has the schema %s, but %s in JSON", name, is, want)
		}
	}
	// In JSON each choice has its own type with one value. In a form the type has all values.
	for name, mapping := range map[string]string{"FlowType": "FlowData", "AfterCompletionType": "AfterCompletion"} {
		discriminator := c.schema(mapping).at("discriminator", "mapping")
		var references []string
		for i, choice := range c.schema(mapping).at("oneOf").names {
			reference := c.schema(mapping).at("oneOf", choice, "$ref").value
			references = append(references, reference)
			if key := discriminator.names[i]; discriminator.at(key).value != reference ||
				!slices.Equal(c.resolve(c.schema(mapping).at("oneOf", choice)).at("properties", "type", "enum").list(),
					[]string{key}) {
				t.Errorf("infra/openapi.yaml: %s: the choice %s does not have the type %s", mapping, reference, key)
			}
		}
		if got := c.schema(name).at("enum").list(); !slices.Equal(got, discriminator.names) ||
			len(references) != len(discriminator.names) {
			t.Errorf("infra/openapi.yaml: %s has the values %v, %s has %v", name, got, mapping, discriminator.names)
		}
	}
}

func TestOpenAPIExamples(t *testing.T) {
	c, s := readContract(t), startService(t)
	portal := s.portal(nil)
	content := c.at("paths", "/billing/portal", "post", "requestBody", "content")
	n := 0
	for _, mediaType := range content.names {
		for _, name := range content.at(mediaType, "examples").names {
			n++
			value := tree(content.at(mediaType, "examples", name, "value"))
			body, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(mediaType, "urlencoded") {
				form := url.Values{}
				flatten(form, "", value)
				body = []byte(form.Encode())
			}
			w := request{http.MethodPost, "/billing/portal", string(body),
				map[string]string{"Content-Type": mediaType, "Authorization": "Bearer " + s.token("one")}}.ask(t,
				portal)
			if w.Code != http.StatusSeeOther {
				t.Errorf("infra/openapi.yaml: the example %s gets %d %s", name, w.Code, w.Body)
			}
		}
	}
	if n < 8 {
		t.Errorf("infra/openapi.yaml has only %d examples", n)
	}
}

// tree converts an outline to JSON values. A string of digits becomes a number.
func tree(o *outline) any {
	switch {
	case len(o.names) > 0 && o.names[0] == "0":
		var list []any
		for _, name := range o.names {
			list = append(list, tree(o.at(name)))
		}
		return list
	case len(o.names) > 0:
		object := map[string]any{}
		for _, name := range o.names {
			object[name] = tree(o.at(name))
		}
		return object
	}
	if n, err := strconv.Atoi(o.value); err == nil {
		return n
	}
	return o.value
}

// TestOpenAPISecurity tries each security scheme as the document describes it.
func TestOpenAPISecurity(t *testing.T) {
	c, s := readContract(t), startService(t)
	portal, webhook := s.portal(nil), s.assembled(webhook.New, map[string]string{"WEBHOOK_SECRET_ID": "webhook"}, 0)
	bare := request{http.MethodPost, "/billing/portal", "", map[string]string{"Origin": "https://app.example.com"}}
	token := s.token("one")
	with := map[string]request{}
	for _, name := range c.at("components", "securitySchemes").names {
		scheme := c.at("components", "securitySchemes", name)
		value := func(at string) string { return scheme.at(at).value }
		switch {
		case value("type") == "http":
			with[name] = bare.with("Authorization", value("scheme")+" "+token)
		case value("type") == "apiKey" && value("in") == "cookie":
			with[name] = bare.with("Cookie", value("name")+"="+token)
		case value("type") == "apiKey" && value("in") == "header":
			with[name] = bare.with(value("name"), token)
		}
	}
	// Without a scheme the token is a field of the form.
	field := bare.with("Content-Type", "application/x-www-form-urlencoded")
	field.body = "access_token=" + token
	with[""] = field

	security := c.at("security")
	var listed []string
	for _, i := range security.names {
		listed = append(listed, strings.Join(security.at(i).names, "+"))
	}
	if want := slices.Sorted(maps.Keys(with)); !slices.Equal(slices.Sorted(slices.Values(listed)), want) ||
		len(want) != 3 {
		t.Errorf("infra/openapi.yaml: security lists %q, want the schemes %q", listed, want)
	}
	for name, r := range with {
		if got := r.ask(t, portal).Code; got != http.StatusSeeOther {
			t.Errorf("infra/openapi.yaml: the security scheme %q gets the status %d", name, got)
		}
	}
	if got := bare.ask(t, portal).Code; got != http.StatusUnauthorized {
		t.Errorf("without a credential the status is %d, want 401", got)
	}

	for _, path := range c.at("paths").names {
		for _, method := range c.at("paths", path).names {
			operation := c.at("paths", path, method)
			r := request{strings.ToUpper(method), path, "", map[string]string{"Accept": "text/html"}}
			handler := portal
			if strings.HasPrefix(path, "/stripe/") {
				r, handler = signed(`{"id":"evt_1","object":"event","type":"x","livemode":false,"created":1,`+
					`"data":{"object":{}}}`), webhook
				r.path = path
			}
			code := r.ask(t, handler).Code
			if isOpen := operation.at("security").value == "[]"; isOpen != (code != http.StatusUnauthorized) ||
				isOpen && code != http.StatusOK {
				t.Errorf("infra/openapi.yaml: %s %s without a credential gets %d, which does not match its security",
					method, path, code)
			}
			// The document must list exactly the headers that a request needs.
			var needed []string
			for name := range r.header {
				less := r
				less.header = maps.Clone(r.header)
				delete(less.header, name)
				if name != "Accept" && name != "Content-Type" && less.ask(t, handler).Code != code {
					needed = append(needed, name)
				}
			}
			var documented []string
			optional := 0
			for _, i := range operation.at("parameters").names {
				parameter := c.resolve(operation.at("parameters", i))
				if parameter.at("in").value == "query" && parameter.at("required").value == "false" {
					optional++
				}
				if parameter.at("in").value == "header" && parameter.at("required").value == "true" &&
					parameter.at("schema", "type").value == "string" {
					documented = append(documented, parameter.at("name").value)
				}
			}
			if !slices.Equal(needed, documented) ||
				len(documented)+optional != len(operation.at("parameters").names) {
				t.Errorf("infra/openapi.yaml: %s %s needs the headers %v, the document has %v", method,
					path, needed, documented)
			}
		}
	}
}

// TestOpenAPIPaths compares the paths with the constants of the functions. Methods that the
// document does not have must get 405.
func TestOpenAPIPaths(t *testing.T) {
	c, s := readContract(t), startService(t)
	packages := newGoPackages(t)
	want := []string{packages.text("button", "TypesPath"), packages.text("button", "Path"),
		packages.text("portal", "Path"), packages.text("portal", "StatusPath"), packages.text("webhook", "Path")}
	paths := c.at("paths")
	if got := slices.Sorted(slices.Values(paths.names)); !slices.Equal(got, want) {
		t.Errorf("infra/openapi.yaml has the paths %v, the functions have %v", got, want)
	}
	portal, webhook := s.portal(nil), s.assembled(webhook.New, map[string]string{"WEBHOOK_SECRET_ID": "webhook"}, 0)
	for _, path := range paths.names {
		handler := portal
		if path == packages.text("webhook", "Path") {
			handler = webhook
		}
		for _, method := range []string{"get", "head", "post", "put", "patch", "delete"} {
			code := request{strings.ToUpper(method), path, "",
				map[string]string{"Accept": "text/html"}}.ask(t, handler).Code
			_, ok := paths.at(path).members[method]
			if isHead := path == packages.text("portal", "Path") &&
				method == "head"; ok != (code != http.StatusMethodNotAllowed) && !isHead {
				t.Errorf("infra/openapi.yaml: %s %s gets %d; the document has the operation: %v",
					method, path, code, ok)
			}
			for _, status := range []string{"429", "431"} {
				if ok && !strings.HasPrefix(paths.at(path, method, "responses", status, "$ref").value,
					"#/components/responses/") {
					t.Errorf("infra/openapi.yaml: %s %s has no response %s of API Gateway", method, path, status)
				}
			}
		}
	}
	if got, want := c.at("servers", "1", "url").value, packages.text("devserver", "DefaultURL"); got != want {
		t.Errorf("infra/openapi.yaml: the URL of the development server is %s, want %s", got, want)
	}
}

// TestOpenAPISessionMatchesStripe compares each member of a session with Stripe's OpenAPI document.
func TestOpenAPISessionMatchesStripe(t *testing.T) {
	c := readContract(t)
	theirs := func(name string) map[string]any {
		_, after, ok := bytes.Cut(stripespec.Embedded(), []byte(`"`+name+`":`))
		if !ok {
			t.Fatalf("Stripe's OpenAPI document has no schema %s", name)
		}
		var schema map[string]any
		if err := json.NewDecoder(bytes.NewReader(after)).Decode(&schema); err != nil {
			t.Fatal(err)
		}
		return schema
	}
	var compare func(name string, ours *outline, stripes map[string]any)
	compare = func(name string, ours *outline, stripes map[string]any) {
		ours = c.resolve(ours)
		nullable := stripes["nullable"] == true
		switch choices := asList(stripes["anyOf"]); len(choices) {
		case 0:
		case 1: // a reference that may be null
			stripes, _ = choices[0].(map[string]any)
		default: // an ID, or the object if expanded
			stripes = map[string]any{"type": "string"}
		}
		if reference, ok := stripes["$ref"].(string); ok {
			stripes = theirs(strings.TrimPrefix(reference, "#/components/schemas/"))
		}
		types := ours.at("type").list()
		if types == nil {
			types = []string{ours.at("type").value}
		}
		want := []string{fmt.Sprint(stripes["type"])}
		if nullable {
			want = append(want, "null")
		}
		if name != "" && !slices.Equal(types, want) {
			t.Errorf("infra/openapi.yaml: PortalSession%s has the type %v, Stripe's has %v", name, types, want)
		}
		if values := slices.DeleteFunc(asList(stripes["enum"]), isNewer); name == ".flow.type" || name == ".object" {
			got := append(ours.at("enum").list(), strings.Fields(ours.at("const").value)...)
			if fmt.Sprint(got) != fmt.Sprint(values) {
				t.Errorf("infra/openapi.yaml: PortalSession%s has the values %v, Stripe's has %v", name, got, values)
			}
		}
		if items, ok := stripes["items"].(map[string]any); ok {
			compare(name+"[]", ours.at("items"), items)
		}
		members, _ := stripes["properties"].(map[string]any)
		maps.DeleteFunc(members, func(member string, _ any) bool { return isNewer(member) })
		if got := slices.Sorted(slices.Values(ours.at("properties").names)); !slices.Equal(got,
			slices.Sorted(maps.Keys(members))) {
			t.Errorf("infra/openapi.yaml: PortalSession%s has the members %v, Stripe's has %v", name, got,
				slices.Sorted(maps.Keys(members)))
		}
		for _, member := range ours.at("required").list() {
			if !slices.Contains(asList(stripes["required"]), any(member)) {
				t.Errorf("infra/openapi.yaml: PortalSession%s.%s is required, but not in Stripe's document",
					name, member)
			}
		}
		for _, member := range ours.at("properties").names {
			if stripe, ok := members[member].(map[string]any); ok {
				compare(name+"."+member, ours.at("properties", member), stripe)
			}
		}
	}
	session := c.schema("PortalSession")
	compare("", session, theirs("billing_portal.session"))
	// The function checks these before it responds.
	if got := session.at("required").list(); !slices.Equal(got,
		[]string{"id", "object", "customer", "livemode", "url"}) {
		t.Errorf("infra/openapi.yaml: PortalSession requires %v", got)
	}
}

// isNewer reports whether a name is newer than the API version of stripe-go. Stripe's document
// describes the newest version.
func isNewer(name any) bool { return name == "customer_account" }

func asList(value any) []any {
	list, _ := value.([]any)
	return list
}

// TestOpenAPISubscriptionChoice compares the subscriptions in a 409 with the subscription states
// that a flow allows.
func TestOpenAPISubscriptionChoice(t *testing.T) {
	c, s := readContract(t), startService(t)
	r := request{http.MethodPost, "/billing/portal", `{"flow_data":{"type":"subscription_cancel"}}`,
		map[string]string{"Content-Type": "application/json", "Authorization": "Bearer " + s.token("two")}}
	choices := asList(decoded(r.ask(t, s.portal(nil)))["subscriptions"])
	if len(choices) != 2 {
		t.Fatalf("the response has the choices %v, want 2", choices)
	}
	choice := choices[0].(map[string]any)
	item := asList(choice["items"])[0].(map[string]any)
	for schema, value := range map[string]map[string]any{"SubscriptionChoice": choice, "SubscriptionChoiceItem": item} {
		want := slices.Sorted(maps.Keys(value))
		required := slices.Sorted(slices.Values(c.schema(schema).at("required").list()))
		if !slices.Equal(required, want) ||
			!slices.Equal(slices.Sorted(slices.Values(c.schema(schema).at("properties").names)), want) {
			t.Errorf("infra/openapi.yaml: %s requires %v, but a response has %v", schema, required, want)
		}
	}
	if fewest := c.schema("Problem").at("properties", "subscriptions",
		"minItems").value; fewest != strconv.Itoa(len(choices)) {
		t.Errorf("infra/openapi.yaml: Problem.subscriptions has minItems %s, want 2", fewest)
	}
	if product := c.schema("SubscriptionChoiceItem").at("properties", "product",
		"description").value; item["product"] != "Basic" || !strings.HasPrefix(product, "Name of the product") {
		t.Errorf("infra/openapi.yaml: the description of product does not fit the value %v: %s",
			item["product"], product)
	}
	states := regexp.MustCompile(`(?m)^\tcase (stripe\.SubscriptionStatus.*):$`).FindStringSubmatch(readText(t,
		"functions/internal/portal/subscription.go"))
	if states == nil {
		t.Fatal("functions/internal/portal/subscription.go lists no states")
	}
	words := regexp.MustCompile(`([a-z])([A-Z])`)
	var want []string
	for _, state := range strings.Split(states[1], ", ") {
		want = append(want, strings.ToLower(words.ReplaceAllString(strings.TrimPrefix(state,
			"stripe.SubscriptionStatus"), "${1}_${2}")))
	}
	if got := c.schema("SubscriptionChoice").at("properties", "status", "enum").list(); !slices.Equal(got, want) {
		t.Errorf("infra/openapi.yaml: SubscriptionChoice.status has the values %v, subscription.go has %v", got, want)
	}
	problem := decoded(request{http.MethodPost, "/billing/portal", "", nil}.ask(t, s.portal(nil)))
	if required := slices.Sorted(slices.Values(c.schema("Problem").at("required").list())); !slices.Equal(required,
		slices.Sorted(maps.Keys(problem))) {
		t.Errorf("infra/openapi.yaml: Problem requires %v, but a response has %v", required,
			slices.Sorted(maps.Keys(problem)))
	}
}

// Generated clients use these names, so they must not change.
func TestOpenAPIOperationIDs(t *testing.T) {
	c := readContract(t)
	got := map[string]string{}
	for _, path := range c.at("paths").names {
		for _, method := range c.at("paths", path).names {
			got[method+" "+path] = c.at("paths", path, method, "operationId").value
		}
	}
	want := map[string]string{
		"post /billing/portal": "createPortalSession", "get /billing/portal": "askToOpenPortal",
		"get /billing/button.js": "getButton", "head /billing/button.js": "headButton",
		"get /billing/button.d.ts": "getButtonTypes", "head /billing/button.d.ts": "headButtonTypes",
		"get /billing/status": "getBillingStatus", "head /billing/status": "headBillingStatus",
		"post /stripe/webhook": "receiveStripeEvent",
	}
	if !maps.Equal(got, want) {
		t.Errorf("infra/openapi.yaml has the operations %v, want %v", got, want)
	}
}

// The statuses and codes in descriptions must be those of the responses to such requests, in the
// same order.
func TestOpenAPIDescriptionsOfErrors(t *testing.T) {
	c, s := readContract(t), startService(t)
	portal := s.portal(map[string]string{"ALLOWED_FLOWS": "subscription_cancel,subscription_update_confirm"})
	header := map[string]string{"Content-Type": "application/json"}
	post := func(user, body string) request {
		return request{http.MethodPost, "/billing/portal", body, header}.with("Authorization", "Bearer "+s.token(user))
	}
	cookie := func() request {
		return request{http.MethodPost, "/billing/portal", "", nil}.with("Cookie", "session="+s.token("one"))
	}
	cancel := func(more string) string {
		return `{"flow_data":{"type":"subscription_cancel","subscription_cancel":{` + more + `}}}`
	}
	confirm := func(more string) string {
		return `{"flow_data":{"type":"subscription_update_confirm",` +
			`"subscription_update_confirm":{"items":[{"price":"price_Basic","quantity":1}]` + more + `}}}`
	}
	flow, noChange := post("one", `{"flow_data":{"type":"payment_method_update"}}`), post("one", confirm(""))
	described := map[string][]request{
		"components/schemas/ConfigurationId": {post("one", `{"configuration":"other"}`)},
		"components/schemas/AccountId":       {post("one", `{"on_behalf_of":"other"}`)},
		"components/schemas/ReturnUrl":       {post("one", `{"return_url":"https://other.example/"}`)},
		"components/schemas/FlowType":        {flow},
		"components/schemas/FlowData":        {post("two", cancel("")), post("none", cancel("")), flow},
		"components/schemas/SubscriptionId":  {post("one", cancel(`"subscription":"sub_other"`))},
		"components/schemas/OfferedCouponId": {post("one",
			cancel(`"retention":{"type":"coupon_offer","coupon_offer":{"coupon":"other"}}`))},
		"components/schemas/CouponId":        {post("one", confirm(`,"discounts":[{"coupon":"other"}]`))},
		"components/schemas/PromotionCodeId": {post("one", confirm(`,"discounts":[{"promotion_code":"other"}]`))},
		"components/schemas/SubscriptionUpdateConfirmFlow/properties/subscription_update_confirm/properties/items": {
			noChange},
		"components/securitySchemes/cookie": {cookie().with("Origin", "https://other.example")},
		"info": {cookie().with("Authorization", "Bearer x"),
			post("one", `{"customer":"cus_one"}`)},
	}
	found := map[string]bool{}
	var visit func(o *outline, path []string)
	visit = func(o *outline, path []string) {
		if pairs := statusBeforeCode.FindAllStringSubmatch(o.at("description").value, -1); pairs != nil {
			place := strings.Join(path, "/")
			found[place] = true
			var got, want []string
			for _, pair := range pairs {
				got = append(got, pair[1]+" "+pair[2])
			}
			for _, r := range described[place] {
				w := r.ask(t, portal)
				want = append(want, fmt.Sprint(w.Code, " ", decoded(w)["code"]))
			}
			if !slices.Equal(got, want) {
				t.Errorf("infra/openapi.yaml:%d: the description of %s has %q, but the responses are %q",
					o.line, place, got, want)
			}
		}
		for _, name := range o.names {
			visit(o.at(name), append(slices.Clone(path), name))
		}
	}
	visit(c.at(), nil)
	if needed := c.at("paths", "/billing/portal", "post", "requestBody", "required").value; needed != "false" {
		t.Errorf("infra/openapi.yaml: the requestBody of POST /billing/portal has required: %s, want false", needed)
	}
	for place := range described {
		if !found[place] {
			t.Errorf("infra/openapi.yaml: the description of %s names no error", place)
		}
	}
}
