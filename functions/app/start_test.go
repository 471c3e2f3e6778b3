package app_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"billingportal/functions/app/internal/config/configtest"
)

// connections is a server that reports each new connection.
type connections struct {
	*httptest.Server
	opened chan struct{}
}

func newConnections(t *testing.T, handler http.Handler) *connections {
	t.Helper()
	c := &connections{opened: make(chan struct{}, 1000)}
	c.Server = httptest.NewUnstartedServer(handler)
	c.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			c.opened <- struct{}{}
		}
	}
	c.Start()
	t.Cleanup(c.Close)
	return c
}

// A function dials the upstreams of its first request at the start, and the first request uses
// these connections.
func TestConnectionsAreDialledAhead(t *testing.T) {
	keys := newIssuers(t)
	healthy := &cloud{issuers: keys, seen: &facts{}}
	for _, test := range []struct {
		function string
		base     variables
		ahead    []string // variables that have the address
	}{
		{"portal", portalBase, []string{"AWS_ENDPOINT_URL_DYNAMODB", "STRIPE_API_BASE"}},
		{"webhook", webhookBase, []string{"AWS_ENDPOINT_URL_DYNAMODB"}},
	} {
		t.Run(test.function, func(t *testing.T) {
			others := newConnections(t, healthy)
			values := test.base.with(variables{"AWS_ENDPOINT_URL": others.URL, "JWT_JWKS": keys.sets["issuer"]})
			servers := map[string]*connections{}
			for _, variable := range test.ahead {
				servers[variable] = newConnections(t, healthy)
				values[variable] = servers[variable].URL
			}
			f := assemble(t, test.function, values)
			for _, variable := range test.ahead {
				select {
				case <-servers[variable].opened:
				case <-time.After(20 * time.Second):
					t.Fatalf("%s is not dialled ahead", variable)
				}
			}
			got := answer{}
			if test.function == "portal" {
				got = invoke(t, f, probes[0].event(t, keys, "issuer"))
			} else {
				got = invoke(t, f, stripeEvents[0].request(false, signingSecret))
			}
			if got.StatusCode >= 400 {
				t.Errorf("answer = %v\n%s", got, f.written)
			}
			for _, variable := range test.ahead {
				if more := len(servers[variable].opened); more > 0 {
					t.Errorf("%s: %d more connections for the first request", variable, more)
				}
			}
		})
	}
}

// Each request breaks one more rule than the one before. The answer is about the first broken rule,
// and no upstream is called too early.
func TestTheOrderOfTheRules(t *testing.T) {
	keys := newIssuers(t)
	seen := &facts{}
	defer takeNetwork(&cloud{issuers: keys, seen: seen})()
	written := &configtest.Log{}
	e := &environment{values: portalBase.with(variables{"JWT_JWKS": keys.sets["issuer"], "SESSION_COOKIE": "session",
		"JWT_REQUIRED_SCOPE": "billing:manage"})}
	handler, err := assemblies["portal"](t.Context(), e.get, written)
	if err != nil {
		t.Fatal(err)
	}
	p := probe{name: "the last", user: "nobody"}
	event := p.event(t, keys, "issuer")
	event.Headers["content-type"] = "application/x-www-form-urlencoded"
	event.Headers["accept"] = "application/json"
	before := func(facts []string, service string) bool {
		return slices.ContainsFunc(facts, func(fact string) bool { return strings.HasPrefix(fact, service) })
	}
	for _, step := range []struct {
		what, want string
		change     func(event *events.APIGatewayV2HTTPRequest)
	}{
		{"a user without an account", "404 no-billing-account", func(*events.APIGatewayV2HTTPRequest) {}},
		{"a parameter that is the operator's", "403 parameter-not-allowed configuration",
			func(e *events.APIGatewayV2HTTPRequest) { e.Body = "configuration=bpc_1" }},
		{"a parameter that does not exist", "400 unknown-parameter other",
			func(e *events.APIGatewayV2HTTPRequest) { e.Body += "&other=1" }},
		{"a token without the scope", "403 insufficient-scope", func(e *events.APIGatewayV2HTTPRequest) {
			e.Headers["authorization"] = "Bearer " + keys.token(t, "issuer", "nobody", map[string]any{"scope": "read"})
		}},
		{"another's token", "401 invalid-token", func(e *events.APIGatewayV2HTTPRequest) {
			e.Headers["authorization"] = "Bearer " + keys.token(t, "alias", "nobody", nil)
		}},
		{"another site's page", "403 cross-origin-request", func(e *events.APIGatewayV2HTTPRequest) {
			e.Cookies = []string{"session=" + strings.TrimPrefix(e.Headers["authorization"], "Bearer ")}
			delete(e.Headers, "authorization")
			e.Headers["origin"] = "https://other.example.com"
		}},
		{"two credentials", "400 invalid-request",
			func(e *events.APIGatewayV2HTTPRequest) { e.Headers["authorization"] = "Bearer x" }},
		{"another type of body", "415 unsupported-media-type",
			func(e *events.APIGatewayV2HTTPRequest) { e.Headers["content-type"] = "text/plain" }},
		{"another method", "405 method-not-allowed",
			func(e *events.APIGatewayV2HTTPRequest) { e.RequestContext.HTTP.Method = http.MethodPut }},
		{"another path", "404 not-found", func(e *events.APIGatewayV2HTTPRequest) { e.RawPath = "/other" }},
		{"a large body", "413 payload-too-large",
			func(e *events.APIGatewayV2HTTPRequest) { e.Body += strings.Repeat("&", 8192) }},
		{"a path that cannot be", "400 invalid-request",
			func(e *events.APIGatewayV2HTTPRequest) { e.RawPath = "/%zz" }},
	} {
		step.change(&event)
		seen.clear() // drops the fetches ahead as well
		if got := invoke(t, handler, event); got.String() != step.want {
			t.Errorf("%s: %v, want %s", step.what, got, step.want)
		}
		if asked := before(seen.list(), "dynamodb"); asked != (step.what == "a user without an account") {
			t.Errorf("%s: the table is asked: %v", step.what, asked)
		}
		if before(seen.list(), "stripe") {
			t.Errorf("%s: Stripe is asked", step.what)
		}
	}
	requireSilence(t, written.String())
}

// A server that runs a function, such as the development server, may get concurrent requests.
func TestRequestsAreServedConcurrently(t *testing.T) {
	const most = 16
	keys := newIssuers(t)
	healthy := &cloud{issuers: keys, seen: &facts{}}
	var arrived atomic.Int32
	all := make(chan struct{})
	stripe := newConnections(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if arrived.Add(1) == most {
			close(all)
		}
		select {
		case <-all:
			healthy.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}))
	others := newConnections(t, healthy)
	f := assemble(t, "portal", portalBase.with(variables{
		"AWS_ENDPOINT_URL": others.URL, "STRIPE_API_BASE": stripe.URL, "JWT_JWKS": keys.sets["issuer"],
	}))
	event := probes[0].event(t, keys, "issuer")
	var served sync.WaitGroup
	for range most {
		served.Go(func() {
			if got := invoke(t, f, event); got.StatusCode != http.StatusSeeOther {
				t.Errorf("answer = %v", got)
			}
		})
	}
	served.Wait()
	for line := range strings.Lines(f.written.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("a line is not JSON: %s", line)
		}
	}
}

// A function with a wrong environment calls no upstream and logs nothing. The error names the
// variables, without their values.
func TestWrongValuesAreRefusedAtTheStart(t *testing.T) {
	seen := &facts{}
	defer takeNetwork(&cloud{seen: seen, issuers: newIssuers(t)})()
	for function, base := range map[string]variables{"portal": portalBase, "webhook": webhookBase} {
		for _, variable := range []string{"AWS_REGION", "STRIPE_LIVEMODE", "CUSTOMERS_TABLE", "BASE_PATH",
			"LOG_LEVEL", "AWS_ENDPOINT_URL"} {
			written := &configtest.Log{}
			wrong := "<" + upstreamText + ">, ,"
			handler, err := assemblies[function](t.Context(),
				(&environment{values: base.with(variables{variable: wrong})}).get, written)
			if handler != nil || err == nil || !strings.Contains(err.Error(), "\n"+variable+" ") ||
				strings.Contains(err.Error(), upstreamText) {
				t.Errorf("%s with a wrong %s: %v, %v", function, variable, handler, err)
			}
			if written.String() != "" {
				t.Errorf("%s logged %s", function, written)
			}
		}
	}
	if asked := seen.list(); len(asked) > 0 {
		t.Errorf("asked: %v", asked)
	}
}

// The hook always starts, because CodeDeploy waits an hour for a hook that does not report.
func TestPreflightReportsItsOwnWrongVariables(t *testing.T) {
	seen := &facts{}
	defer takeNetwork(&cloud{seen: seen})()
	f := assemble(t, "preflight", preflightBase.with(variables{"AWS_ENDPOINT_URL_LAMBDA": "http://lambda.example.com"}))
	if _, err := f.Invoke(t.Context(),
		[]byte(`{"DeploymentId":"d-1","LifecycleEventHookExecutionId":"e-1"}`)); err != nil {
		t.Fatal(err)
	}
	report := `codedeploy PutLifecycleEventHookExecutionStatus ` +
		`{"deploymentId":"d-1","lifecycleEventHookExecutionId":"e-1","status":"Failed"}`
	if got := seen.list(); !slices.Contains(got, report) ||
		slices.ContainsFunc(got, func(fact string) bool { return strings.HasPrefix(fact, "lambda") }) {
		t.Errorf("asked: %q", got)
	}
	if !strings.Contains(f.written.String(), "AWS_ENDPOINT_URL_LAMBDA must be") {
		t.Errorf("logged: %s", f.written)
	}
}

// Each main starts the function that its folder names.
func TestEachMainStartsItsFunction(t *testing.T) {
	calls := regexp.MustCompile(`(?m)^func main\(\) \{ app\.Main\((.+)\) \}$`)
	for folder, want := range map[string]string{"portal": "portal.New", "webhook": "webhook.New",
		"preflight": "preflight.Examiner{}.Hook"} {
		source, err := os.ReadFile(filepath.Join("..", folder, "main.go"))
		if err != nil {
			t.Fatal(err)
		}
		if found := fmt.Sprintf("%s", calls.FindSubmatch(source)); !strings.HasSuffix(found, " "+want+"]") {
			t.Errorf("functions/%s/main.go: %s, want %s", folder, found, want)
		}
		if want := `"billingportal/functions/app/` + folder + `"`; !strings.Contains(string(source), want) {
			t.Errorf("functions/%s/main.go does not import %s", folder, want)
		}
	}
}
