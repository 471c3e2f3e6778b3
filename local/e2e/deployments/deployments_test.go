package deployments

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"billingportal/functions/app/portal"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
	"billingportal/local/internal/gateway"
)

// deployment is the portal function as a team deploys it.
type deployment struct {
	*upstreams
	logs *devservertest.LogBuffer
	ask  func(r *http.Request) *http.Response
}

func deploy(t *testing.T, changes map[string]string, prepare func(u *upstreams)) *deployment {
	t.Helper()
	u := startUpstreams(t)
	if prepare != nil {
		prepare(u)
	}
	env := u.Environment(u.Origin)
	maps.Copy(env, changes)
	d := &deployment{upstreams: u, logs: &devservertest.LogBuffer{}}
	function, err := portal.New(t.Context(), func(name string) string { return env[name] }, d.logs)
	if err != nil {
		t.Fatal(err)
	}
	api := gateway.New(function, gateway.Config{AllowedOrigins: []string{u.Origin}})
	d.ask = func(r *http.Request) *http.Response {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		return w.Result()
	}
	return d
}

// token returns a token of alice with more claims.
func (d *deployment) token(t *testing.T, claims map[string]any) string {
	t.Helper()
	token, err := d.Issuer.Token("alice", claims, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// postTo sends a POST request and returns the status and code of the response.
func (d *deployment) postTo(t *testing.T, path, token, contentType, body string) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "https://api.example.com"+path,
		strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		r.Header.Set("Content-Type", contentType)
	}
	response := d.ask(r)
	var problem struct{ Code string }
	_ = json.NewDecoder(response.Body).Decode(&problem) // a redirect has no problem
	return response.StatusCode, problem.Code
}

func TestClaimsInsideClaims(t *testing.T) {
	team := map[string]string{"JWT_USER_CLAIM": "o.id", "JWT_REQUIRED_CLAIM": "o.rol=admin|owner"}
	realm := map[string]string{"JWT_REQUIRED_CLAIM": "realm_access.roles=billing"}
	for name, test := range map[string]struct {
		variables map[string]string
		claims    map[string]any
		status    int
		code      string
	}{
		"a team's admin": {team,
			map[string]any{"o": map[string]any{"id": "alice", "rol": "admin"}}, 303, ""},
		"a team's member": {team, map[string]any{"o": map[string]any{"id": "alice", "rol": "member"}},
			403, "insufficient-role"},
		"nobody's team": {team, map[string]any{"o": "alice"}, 401, "invalid-token"},
		"a realm's role": {realm,
			map[string]any{"realm_access": map[string]any{"roles": []string{"offline_access", "billing"}}}, 303, ""},
		"another realm's role": {realm,
			map[string]any{"resource_access": map[string]any{"roles": []string{"billing"}}}, 403, "insufficient-role"},
		"a user with a line end": {realm, map[string]any{"sub": "ali\nce",
			"realm_access": map[string]any{"roles": []string{"billing"}}}, 401, "invalid-token"},
		"a user with a NUL in the team": {team,
			map[string]any{"o": map[string]any{"id": "alice\x00", "rol": "admin"}}, 401, "invalid-token"},
	} {
		t.Run(name, func(t *testing.T) {
			d := deploy(t, test.variables, nil)
			status, code := d.postTo(t, "/billing/portal", d.token(t, test.claims), "", "")
			if status != test.status || code != test.code {
				t.Errorf("answer = %d %s, want %d %s", status, code, test.status, test.code)
			}
			if calls := d.take(); test.status != 303 && (calls["dynamodb"] != 0 || calls["stripe"] != 0) {
				t.Errorf("a rejected request called DynamoDB or Stripe: %v", calls)
			}
		})
	}
}

func TestSecretsAsConsolesSaveThem(t *testing.T) {
	keyValue := map[string]string{"STRIPE_SECRET_FIELD": "STRIPE_SECRET_KEY"}
	for name, test := range map[string]struct {
		variables map[string]string
		value     string
		status    int
		why       string
	}{
		"the bare key":            {nil, devserver.DemoKey, 303, ""},
		"in double quotes":        {nil, `"` + devserver.DemoKey + `"`, 303, ""},
		"with a line end":         {nil, devserver.DemoKey + "\r\n", 303, ""},
		"of the key/value editor": {keyValue, `{"STRIPE_SECRET_KEY":"` + devserver.DemoKey + `"}`, 303, ""},
		"under another name": {nil, `{"STRIPE_SECRET_KEY":"` + devserver.DemoKey + `"}`, 500,
			"without the member that STRIPE_SECRET_FIELD names"},
		"of live mode": {nil, "sk_" + "live_" + "localdemo", 500, "differs from STRIPE_LIVEMODE"},
		"an organization's": {nil, "sk_org_test_" + "localdemo", 500,
			"an organization's key (sk_org_…), which needs a context"},
		"publishable":                 {nil, "pk_test_" + "localdemo", 500, "does not look like a Stripe key"},
		"JSON that is not closed":     {nil, `{"api_key":"` + devserver.DemoKey, 500, "is not valid JSON"},
		"nothing, or nothing visible": {nil, " \n", 500, "it is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			d := deploy(t, test.variables,
				func(u *upstreams) { u.SecretsManager.Put(devserver.StripeSecret, test.value) })
			status, code := d.postTo(t, "/billing/portal", d.token(t, nil), "", "")
			if status != test.status || (code == "billing-misconfigured") != (test.status == 500) {
				t.Errorf("answer = %d %s, want %d", status, code, test.status)
			}
			logged := d.logs.String()
			if !strings.Contains(logged, test.why) || strings.Contains(logged, "localdemo") {
				t.Errorf("the log lacks the reason, or contains the key: %s", logged)
			}
		})
	}
}

func TestNullIsAbsent(t *testing.T) {
	d := deploy(t, nil, nil)
	const body = `{"configuration":null,"locale":"de","on_behalf_of":null,"return_url":null,` +
		`"flow_data":{"type":"subscription_cancel","after_completion":null,
		"subscription_cancel":{"subscription":null,"retention":null},"subscription_update":null}}`
	if status, code := d.postTo(t, "/billing/portal", d.token(t, nil), "application/json",
		body); status != http.StatusSeeOther {
		t.Errorf("null members: status %d %s", status, code)
	}
}

func TestPathsBehindAMappingKey(t *testing.T) {
	d := deploy(t, map[string]string{"BASE_PATH": "/v1", "ALLOWED_ORIGINS": "https://app.example.com",
		"DEFAULT_RETURN_URL": "https://app.example.com/"}, nil)
	token := d.token(t, nil)
	for path, want := range map[string]int{"/v1/billing/portal": 303, "/billing/portal": 303, "/v2/billing/portal": 404,
		"/v1/v1/billing/portal": 404} {
		if status, code := d.postTo(t, path, token, "", ""); status != want {
			t.Errorf("%s: answer = %d %s, want %d", path, status, code, want)
		}
	}
	request := func(method, body string, headers map[string]string) *http.Response {
		r := httptest.NewRequestWithContext(t.Context(), method, "https://billing.example.com/v1/billing/portal",
			strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for name, value := range headers {
			r.Header.Set(name, value)
		}
		return d.ask(r)
	}
	if response := request(http.MethodPut, "", nil); response.StatusCode != http.StatusMethodNotAllowed ||
		response.Header.Get("Allow") != "POST" {
		t.Errorf("PUT: %d, Allow = %q", response.StatusCode, response.Header.Get("Allow"))
	}
	dave, err := d.Issuer.Token("dave", nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	cancel := url.Values{"flow_data[type]": {"subscription_cancel"}}.Encode()
	for origin, want := range map[string]int{"https://billing.example.com": 409, "https://app.example.com": 409,
		"https://evil.example": 403} {
		response := request(http.MethodPost, cancel,
			map[string]string{"Cookie": "session=" + dave, "Origin": origin, "Accept": "text/html"})
		page, _ := io.ReadAll(response.Body)
		if response.StatusCode != want {
			t.Errorf("a cookie from %s: %d, want %d", origin, response.StatusCode, want)
		}
		// A form without an action submits to the address of the page, mapping key included.
		if want == 409 && (strings.Count(string(page), `<form method="post"><input`) != 2 ||
			strings.Contains(string(page), "action=")) {
			t.Errorf("the choices: %s", page)
		}
	}
}

// testPortalTables tests the portal with tables of each layout in a DynamoDB.
func testPortalTables(t *testing.T, endpoint string) {
	customer := text("cus_DemoAlice")
	items := map[string]item{
		"a plain table":         {"user_id": text("alice"), "customer_id": customer},
		"a single-table design": {"pk": text("USER#alice"), "sk": text("BILLING#alice"), "customer_id": customer},
		"a nested attribute": {"user_id": text("alice"),
			"billing": object(item{"stripe": object(item{"customer_id": customer})})},
	}
	for name, l := range layouts {
		t.Run(name, func(t *testing.T) {
			w := newTable(t, endpoint, "portal-"+strings.ReplaceAll(strings.TrimPrefix(name, "a "), " ", "-"), l)
			w.put(t, items[name])
			variables := map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": endpoint, "CUSTOMERS_TABLE": w.name}
			maps.Copy(variables, l.env)
			d := deploy(t, variables, nil)
			if status, code := d.postTo(t, "/billing/portal", d.token(t, nil), "", ""); status != http.StatusSeeOther {
				t.Errorf("alice: %d %s", status, code)
			}
			bob, err := d.Issuer.Token("bob", nil, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			if status, code := d.postTo(t, "/billing/portal", bob, "", ""); status != http.StatusNotFound ||
				code != "no-billing-account" {
				t.Errorf("bob: %d %s", status, code)
			}
			// Another attribute of the app is at the path of the customer, or on the way to it.
			theirs := l.key("alice")
			theirs["customer_id"], theirs["billing"] = text("Alice"), text("monthly")
			if _, err := w.client.PutItem(t.Context(),
				&dynamodb.PutItemInput{TableName: aws.String(w.name), Item: theirs}); err != nil {
				t.Fatal(err)
			}
			if status, code := d.postTo(t, "/billing/portal", d.token(t, nil), "",
				""); status != http.StatusInternalServerError || code != "billing-misconfigured" {
				t.Errorf("alice, with other data at the path of the customer: %d %s", status, code)
			}
		})
	}
	t.Run("a table that does not exist", func(t *testing.T) {
		d := deploy(t, map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": endpoint, "CUSTOMERS_TABLE": "nowhere"}, nil)
		status, code := d.postTo(t, "/billing/portal", d.token(t, nil), "", "")
		if status != http.StatusInternalServerError || code != "billing-misconfigured" ||
			!strings.Contains(d.logs.String(), "dynamodb GetItem: ResourceNotFoundException") {
			t.Errorf("answer = %d %s, logged: %s", status, code, d.logs)
		}
	})
	t.Run("a table with another key", func(t *testing.T) {
		w := newTable(t, endpoint, "portal-another-key", layouts["a plain table"])
		d := deploy(t, map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": endpoint, "CUSTOMERS_TABLE": w.name,
			"CUSTOMERS_KEY": "id"}, nil)
		status, code := d.postTo(t, "/billing/portal", d.token(t, nil), "", "")
		if status != http.StatusInternalServerError || code != "billing-misconfigured" ||
			!strings.Contains(d.logs.String(), "dynamodb GetItem: ValidationException") {
			t.Errorf("answer = %d %s, logged: %s", status, code, d.logs)
		}
	})
}
