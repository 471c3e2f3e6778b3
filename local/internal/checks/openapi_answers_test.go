package checks

import (
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"billingportal/functions/app/portal"
	"billingportal/functions/app/webhook"
)

// contract is infra/openapi.yaml with its schemas, and the parts of it that responses have used.
type contract struct {
	api
	compiler *jsonschema.Compiler
	codes    map[string]map[string]bool // by operation and status
	// by the path of the response, which several operations may share
	headers map[string]map[string]bool
	media   map[string]map[string]bool
}

func readContract(t *testing.T) *contract {
	t.Helper()
	document := readAPI(t)
	var tree any
	if err := yaml.Unmarshal([]byte(readText(t, "infra/openapi.yaml")), &tree); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("openapi.json", value); err != nil {
		t.Fatal(err)
	}
	return &contract{document, compiler, map[string]map[string]bool{}, map[string]map[string]bool{},
		map[string]map[string]bool{}}
}

// schemaOf compiles the schema at a path.
func (c *contract) schemaOf(path ...string) *jsonschema.Schema {
	c.t.Helper()
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	at := ""
	for _, name := range path {
		at += "/" + escape.Replace(name)
	}
	schema, err := c.compiler.Compile("openapi.json#" + at)
	if err != nil {
		c.t.Fatal(err)
	}
	return schema
}

// place returns the path of a node after following references.
func (c *contract) place(path ...string) []string {
	c.t.Helper()
	reference := c.at(path...).at("$ref").value
	if reference == "" {
		return path
	}
	return strings.Split(strings.TrimPrefix(reference, "#/"), "/")
}

// usual are the headers that the gateway, net/http and CORS add to all responses, and those of a
// body.
var usual = []string{"Apigw-Requestid", "Content-Type", "Content-Length", "Date", "Vary", "Content-Encoding"}

// see compares a response with the document: its status, headers and body.
func (c *contract) see(t *testing.T, operation string, w *httptest.ResponseRecorder) {
	t.Helper()
	path, method, _ := strings.Cut(operation, " ")
	at := []string{"paths", path, method, "responses", strconv.Itoa(w.Code)}
	response := c.at(at...)
	if response.line == 0 {
		t.Errorf("infra/openapi.yaml: the operation has no response with the status %d: %s", w.Code, w.Body)
		return
	}
	at = c.place(at...)
	response = c.at(at...)
	key := operation + " " + strconv.Itoa(w.Code)
	note := func(seen map[string]map[string]bool, key, name string) {
		if seen[key] == nil {
			seen[key] = map[string]bool{}
		}
		seen[key][name] = true
	}
	shared := strings.Join(at, "/")
	note(c.codes, key, fmt.Sprint(decoded(w)["code"]))

	headers := response.at("headers")
	for name := range w.Header() {
		isThis := func(other string) bool { return strings.EqualFold(name, other) }
		if !slices.ContainsFunc(headers.names, isThis) && !slices.Contains(usual, name) {
			t.Errorf("infra/openapi.yaml: %s: add the response header %s", key, name)
		}
	}
	for _, name := range headers.names {
		place := c.place(slices.Concat(at, []string{"headers", name})...)
		header := c.at(place...)
		value := w.Header().Get(name)
		if value == "" {
			if header.at("required").value == "true" {
				t.Errorf("%s: the response has no header %s, which infra/openapi.yaml requires", key, name)
			}
			continue
		}
		note(c.headers, shared, name)
		var read any = value
		_, err := strconv.Atoi(value)
		if isNumber := header.at("schema", "type").value == "integer"; isNumber != (err == nil) {
			t.Errorf("infra/openapi.yaml: %s: the header %s is %q; its type is a number: %v",
				key, name, value, isNumber)
		} else if isNumber {
			read = json.Number(value)
		}
		schema := c.schemaOf(append(place, "schema")...)
		if err := schema.Validate(read); err != nil {
			t.Errorf("infra/openapi.yaml: %s: the header %s is %q, which its schema does not allow: %v",
				key, name, value, err)
		}
		if err := schema.Validate(json.Number("0")); err == nil {
			t.Errorf("infra/openapi.yaml: %s: the schema of the header %s must not allow 0", key, name)
		}
		if free := []string{"etag", "location", "content-security-policy"}; !slices.Contains(free,
			strings.ToLower(name)) && schema.Validate("x") == nil {
			t.Errorf("infra/openapi.yaml: %s: the schema of the header %s must not allow every string", key, name)
		}
	}

	mediaType, _, _ := mime.ParseMediaType(w.Header().Get("Content-Type"))
	if w.Body.Len() == 0 && len(response.at("content").names) == 0 || method == "head" {
		return
	}
	if w.Code == http.StatusSeeOther && w.Body.Len() == 0 {
		return
	}
	if response.at("content", mediaType).line == 0 {
		t.Errorf("infra/openapi.yaml: %s: add the content type %s", key, mediaType)
		return
	}
	note(c.media, shared, mediaType)
	if !strings.HasSuffix(mediaType, "json") {
		return
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(w.Body.String()))
	if err != nil {
		t.Errorf("%s: %v", key, err)
		return
	}
	schema := c.schemaOf(slices.Concat(at, []string{"content", mediaType, "schema"})...)
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s: %s: %v", key, w.Body, err)
	}
	if schema.Validate(map[string]any{}) == nil {
		t.Errorf("infra/openapi.yaml: %s: the schema must not allow an empty object", key)
	}
}

const (
	portalPost  = "/billing/portal post"
	portalGet   = "/billing/portal get"
	webhookPost = "/stripe/webhook post"
)

// answerTest is a request, and the response that it must get.
type answerTest struct {
	operation string
	handler   http.Handler
	request   request
	broken    map[string]http.HandlerFunc
	want      string // status and code
}

// TestOpenAPIResponses makes the functions respond with every status and every code of the
// document, and checks that all responses match it.
func TestOpenAPIResponses(t *testing.T) {
	c, s := readContract(t), startService(t)
	atPortal, atWebhook := s.portal(nil), s.assembled(webhook.New, map[string]string{"WEBHOOK_SECRET_ID": "webhook"}, 0)
	button := map[string]string{"get": http.MethodGet, "head": http.MethodHead}

	json := map[string]string{"Content-Type": "application/json"}
	post := func(user, body string) request {
		return request{http.MethodPost, "/billing/portal", body, json}.with("Authorization", "Bearer "+s.token(user))
	}
	cancel := `{"flow_data":{"type":"subscription_cancel"}}`
	nothing := map[string]string{}
	broken := func(upstream string, how http.HandlerFunc) map[string]http.HandlerFunc {
		return map[string]http.HandlerFunc{upstream: how}
	}
	tests := []answerTest{
		{portalPost, atPortal, post("one", "").with("Accept", "application/json"), nil, "200"},
		{portalPost, atPortal, post("one", ""), nil, "303"},
		{portalPost, atPortal, post("one", "").with("Cookie", "session=x"), nil, "400 invalid-request"},
		{portalPost, atPortal, post("one", `{"x":1}`), nil, "400 unknown-parameter"},
		{portalPost, atPortal, post("one", `{"locale":"xx"}`), nil, "400 invalid-parameter"},
		{portalPost, atPortal, post("one", `{"return_url":"https://evil.example"}`), nil, "400 invalid-return-url"},
		{portalPost, atPortal, request{http.MethodPost, "/billing/portal", "", nothing}, nil,
			"401 missing-credentials"},
		{portalPost, atPortal, request{http.MethodPost, "/billing/portal", "", nothing}.with("Authorization",
			"Bearer x"), nil, "401 invalid-token"},
		{portalPost, s.portal(map[string]string{"JWT_REQUIRED_SCOPE": "billing"}), post("one", ""), nil,
			"403 insufficient-scope"},
		{portalPost, s.portal(map[string]string{"JWT_REQUIRED_CLAIM": "role=admin"}), post("one", ""), nil,
			"403 insufficient-role"},
		{portalPost, atPortal, request{http.MethodPost, "/billing/portal", "", nothing}.with("Cookie",
			"session="+s.token("one")).with("Origin", "https://evil.example"), nil, "403 cross-origin-request"},
		{portalPost, atPortal, post("one", `{"configuration":"bpc_other"}`), nil, "403 parameter-not-allowed"},
		{portalPost, atPortal, request{http.MethodPost, "/billing/other", "", nothing}, nil, "404 not-found"},
		{portalPost, atPortal, post("stranger", ""), nil, "404 no-billing-account"},
		{portalPost, atPortal, post("one", `{"flow_data":{"type":"subscription_cancel",`+
			`"subscription_cancel":{"subscription":"sub_other"}}}`), nil, "404 subscription-not-found"},
		{portalPost, atPortal, request{http.MethodPut, "/billing/portal", "", nothing}, nil, "405 method-not-allowed"},
		{portalPost, atPortal, post("two", cancel), nil, "409 subscription-ambiguous"},
		{portalPost, atPortal, post("none", cancel), nil, "409 subscription-not-eligible"},
		{portalPost, atPortal, post("one", cancel), broken("sessions",
			stripeError(400, map[string]any{"type": "invalid_request_error",
				"message": "The portal configuration has this disabled"})), "409 flow-unavailable"},
		{portalPost, atPortal, post("one", strings.Repeat(" ", 8193)), nil, "413 payload-too-large"},
		{portalPost, atPortal, post("one", "x").with("Content-Type", "text/plain"), nil, "415 unsupported-media-type"},
		{portalPost, s.portal(map[string]string{"STRIPE_SECRET_ID": "nothing"}), post("one", ""), nil,
			"500 billing-misconfigured"},
		{portalPost, atPortal, post("one", ""), broken("sessions", status(500)), "502 billing-unavailable"},
		{portalPost, atPortal, post("one", ""), broken("sessions", status(200)), "502 billing-bad-response"},
		{portalPost, s.portal(map[string]string{"JWT_ISSUER": s.origin + "/nowhere"}),
			request{http.MethodPost, "/billing/portal", "", nothing}.with("Authorization",
				"Bearer "+s.tokenOf("/nowhere")), nil, "503 identity-provider-unavailable"},
		{portalPost, atPortal, post("one", ""), broken("dynamodb", status(500)), "503 customer-store-unavailable"},
		{portalPost, s.portal(map[string]string{"AWS_ENDPOINT_URL_SECRETS_MANAGER": s.origin + "/nowhere"}),
			post("one", ""), nil, "503 secrets-unavailable"},
		{portalPost, atPortal, post("one", ""), broken("sessions",
			stripeError(429, map[string]any{"type": "invalid_request_error", "code": "rate_limit"})),
			"503 billing-busy"},
		{portalPost, s.assembled(portal.New, nil, 700*time.Millisecond), post("one", ""), broken("dynamodb", hang),
			"504 upstream-timeout"},
		{portalPost, atPortal, request{http.MethodPost, "/billing/portal", "", nothing}.with("X",
			strings.Repeat("x", 10_241)), nil, "431"},

		{portalGet, atPortal,
			request{http.MethodGet, "/billing/portal", "", nothing}.with("Accept", "text/html"), nil, "200"},
		{portalGet, atPortal, request{http.MethodGet, "/billing/portal?locale=xx", "", nothing}.with("Accept",
			"text/html"), nil, "400 invalid-parameter"},
		{portalGet, atPortal, request{http.MethodGet, "/billing/portal?x=1", "", nothing}.with("Accept", "text/html"),
			nil, "400 unknown-parameter"},
		{portalGet, atPortal, request{http.MethodGet, "/billing/portal?return_url=https://evil.example", "",
			nothing}.with("Accept", "text/html"), nil, "400 invalid-return-url"},
		{portalGet, atPortal, request{http.MethodGet, "/billing/portal?%zz", "", nothing}.with("Accept", "text/html"),
			nil, "400 invalid-request"},
		{portalGet, atPortal, request{http.MethodGet, "/billing/portal?configuration=bpc_other", "",
			nothing}.with("Accept", "text/html"), nil, "403 parameter-not-allowed"},
		{portalGet, atPortal, request{http.MethodGet, "/billing/portal", "", nothing}, nil, "405 method-not-allowed"},

		{webhookPost, atWebhook, signed(`{"id":"evt_1","object":"event","type":"x","livemode":false,"created":1,` +
			`"data":{"object":{}}}`), nil, "200"},
		{webhookPost, atWebhook, signed(`[]`), nil, "400 invalid-request"},
		{webhookPost, atWebhook, request{http.MethodPost, "/stripe/webhook", "{}", json}, nil, "400 invalid-signature"},
		{webhookPost, s.assembled(webhook.New, map[string]string{"STRIPE_EVENT_SOURCE": "aws.partner/stripe.com/x"}, 0),
			signed(`{}`), nil, "404 not-found"},
		{webhookPost, atWebhook, request{http.MethodPut, "/stripe/webhook", "", nothing}, nil,
			"405 method-not-allowed"},
		{webhookPost, atWebhook, signed(`{"x":"` + strings.Repeat("x", 262_144) + `"}`), nil, "413 payload-too-large"},
		{webhookPost, atWebhook, signed(`{"id":"evt_1","object":"event","type":"customer.created","livemode":false,` +
			`"context":"acct_1","created":1,"data":{"object":{}}}`), nil, "500 webhook-misconfigured"},
		{webhookPost, atWebhook, signed(`{"id":"evt_1","object":"event","type":"customer.created","livemode":false,` +
			`"created":1,"data":{"object":{"id":"cus_1","object":"customer","created":1,"metadata":{"user_id":"u"}}}}`),
			broken("dynamodb", status(500)), "503 customer-store-unavailable"},
		{webhookPost, s.assembled(webhook.New, map[string]string{"WEBHOOK_SECRET_ID": "webhook",
			"AWS_ENDPOINT_URL_SECRETS_MANAGER": s.origin + "/nowhere"}, 0), signed(`{}`), nil,
			"503 secrets-unavailable"},
	}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		operation := "/billing/status " + strings.ToLower(method)
		ask := func(user, query string) request {
			return request{method, "/billing/status" + query, "", nothing}.with("Authorization",
				"Bearer "+s.token(user))
		}
		bare := request{method, "/billing/status", "", nothing}
		const included = "?include=subscriptions"
		add := func(handler http.Handler, r request, broken map[string]http.HandlerFunc, want string) {
			tests = append(tests, answerTest{operation, handler, r, broken, want})
		}
		add(atPortal, ask("one", ""), nil, "200")
		add(atPortal, ask("stranger", included), nil, "200")
		add(atPortal, ask("two", included), nil, "200")
		add(atPortal, bare.with("Cookie", "session="+s.token("one")), nil, "200")
		add(atPortal, ask("one", "?include=%zz"), nil, "400 invalid-request")
		add(atPortal, ask("one", "?x=1"), nil, "400 unknown-parameter")
		add(atPortal, ask("one", "?include=x"), nil, "400 invalid-parameter")
		add(atPortal, bare, nil, "401 missing-credentials")
		add(atPortal, bare.with("Authorization", "Bearer x"), nil, "401 invalid-token")
		add(s.portal(map[string]string{"JWT_REQUIRED_SCOPE": "billing"}), ask("one", ""), nil, "403 insufficient-scope")
		add(s.portal(map[string]string{"JWT_REQUIRED_CLAIM": "role=admin"}), ask("one", ""), nil,
			"403 insufficient-role")
		add(atPortal, bare.with("Cookie", "session="+s.token("one")).with("Origin", "https://evil.example"), nil,
			"403 cross-origin-request")
		add(s.portal(map[string]string{"STRIPE_SECRET_ID": "nothing"}), ask("one", included), nil,
			"500 billing-misconfigured")
		add(atPortal, ask("one", included), broken("stripe", status(500)), "502 billing-unavailable")
		add(atPortal, ask("one", included), broken("stripe", status(200)), "502 billing-bad-response")
		add(atPortal, ask("one", included), broken("stripe",
			stripeError(429, map[string]any{"type": "invalid_request_error", "code": "rate_limit"})),
			"503 billing-busy")
		add(atPortal, ask("one", ""), broken("dynamodb", status(500)), "503 customer-store-unavailable")
		add(s.assembled(portal.New, nil, 700*time.Millisecond), ask("one", ""), broken("dynamodb", hang),
			"504 upstream-timeout")
		put := request{http.MethodPut, "/billing/status", "", nothing}
		add(atPortal, put, nil, "405 method-not-allowed")
	}
	// These cases are slow because of their retries, and another case covers the page with their
	// status.
	slow := []string{"502 billing-unavailable", "503 customer-store-unavailable"}
	for _, test := range tests {
		t.Run(test.operation+" "+test.want, func(t *testing.T) {
			s.breakUpstreams(test.broken)
			for _, accept := range []string{test.request.header["Accept"], "text/html"} {
				w := test.request.with("Accept", accept).ask(t, test.handler)
				got := strings.TrimSuffix(fmt.Sprint(w.Code, " ", decoded(w)["code"]), " <nil>")
				if want, _, _ := strings.Cut(test.want, " "); accept != "text/html" && got != test.want ||
					strconv.Itoa(w.Code) != want && want != "200" && want != "405" {
					t.Errorf("response = %s, want %s", got, test.want)
				}
				if accept == "text/html" && test.want == "405 method-not-allowed" && test.operation == portalGet {
					continue // a page
				}
				c.see(t, test.operation, w)
				if slices.Contains(slow, test.want) {
					break
				}
			}
		})
	}
	s.breakUpstreams(nil)
	for _, path := range []string{"/billing/button.js", "/billing/button.d.ts"} {
		for name, method := range button {
			operation := path + " " + name
			t.Run(operation, func(t *testing.T) {
				w := request{method, path, "", nothing}.ask(t, atPortal)
				c.see(t, operation, w)
				c.see(t, operation,
					request{method, path, "", nothing}.with("If-None-Match", w.Header().Get("ETag")).ask(t, atPortal))
				for _, accept := range []string{"*/*", "text/html"} {
					c.see(t, operation,
						request{http.MethodPost, path, "", nothing}.with("Accept", accept).ask(t, atPortal))
				}
			})
		}
	}
	c.isComplete(t)
}

// tokenOf returns a token of the issuer at another path.
func (s *service) tokenOf(path string) string {
	s.t.Helper()
	token, err := s.issuer.Token("one", map[string]any{"iss": s.origin + path}, time.Hour)
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// notProvoked are responses that no request of this test can cause: those of API Gateway, and those
// of a bug.
var notProvoked = regexp.MustCompile(` 4(?:29|31)$| 500 internal$`)

// isComplete fails the test if the document has a status, header, content type or code that no
// response had.
func (c *contract) isComplete(t *testing.T) {
	t.Helper()
	statuses := statusesOfCodes(t)
	for _, path := range c.at("paths").names {
		for _, method := range c.at("paths", path).names {
			operation := path + " " + method
			for _, status := range c.at("paths", path, method, "responses").names {
				key := operation + " " + status
				if notProvoked.MatchString(key) {
					continue
				}
				if c.codes[key] == nil {
					t.Errorf("infra/openapi.yaml: no response was %s: remove it, or add a request to this test", key)
					continue
				}
				at := c.place("paths", path, method, "responses", status)
				response := c.at(at...)
				for _, name := range response.at("headers").names {
					if !c.headers[strings.Join(at, "/")][name] {
						t.Errorf("infra/openapi.yaml: %s: no response had the header %s", key, name)
					}
				}
				for _, mediaType := range response.at("content").names {
					if !c.media[strings.Join(at, "/")][mediaType] {
						t.Errorf("infra/openapi.yaml: %s: no response had the content type %s", key, mediaType)
					}
				}
				schema := c.resolve(response.at("content", "application/problem+json", "schema"))
				for _, i := range schema.at("allOf").names {
					own := schema.at("allOf", i, "properties")
					for _, code := range own.at("code", "enum").list() {
						if statuses[code] != status {
							t.Errorf("infra/openapi.yaml: %s has the code %s, whose status is %s",
								key, code, statuses[code])
						}
						if !c.codes[key][code] && !notProvoked.MatchString(key+" "+code) &&
							!c.isShared(at, operation, status) {
							t.Errorf("infra/openapi.yaml: %s: no response had the code %s", key, code)
						}
					}
				}
			}
		}
	}
	if got := slices.Sorted(slices.Values(c.schema("ProblemCode").at("enum").list())); !slices.Equal(got,
		slices.Sorted(maps.Keys(statuses))) {
		t.Errorf("infra/openapi.yaml: ProblemCode has\n%v\ncodes.go has\n%v", got, slices.Sorted(maps.Keys(statuses)))
	}
}

// isShared reports whether another operation shares the response of POST /billing/portal, which has
// all codes.
func (c *contract) isShared(at []string, operation, status string) bool {
	return operation != portalPost && slices.Equal(at, c.place("paths", "/billing/portal", "post", "responses", status))
}
