//go:build !race

package faults

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"billingportal/local/internal/devserver"
	"billingportal/local/internal/runtimeapi"
)

var logLevels = []string{"debug", "info", "warn", "error"}

// severities are the levels of the lines that a function may log at each log level. The line of
// each request has no level. DEBUG is not used.
var severities = map[string][]string{"debug": {"INFO", "WARN"}, "info": {"INFO", "WARN"},
	"warn": {"WARN"}, "error": nil}

// severitiesIn returns the levels of the lines in a log, without those of requests.
func severitiesIn(t *testing.T, stdout string) []string {
	t.Helper()
	var found []string
	for text := range strings.Lines(stdout) {
		var line struct{ Level, Msg string }
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Errorf("a line is not JSON: %s", text)
		}
		if line.Msg != "request" {
			found = append(found, line.Level)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// TestMarkers plants a unique text in every place that can hold a secret, and runs every third
// fault of the table at a log level that TestFaults does not use. It looks for eight characters of
// each text in all output of the process: standard output, standard error and responses. TestFaults
// also looks for them, with all faults and all log lines.
func TestMarkers(t *testing.T) {
	t.Parallel()
	b := newTestbed(t)
	var rows []row
	for i, r := range b.allRows() {
		if i%3 == 0 {
			rows = append(rows, r)
		}
	}
	levels := slices.DeleteFunc(slices.Clone(logLevels), func(level string) bool { return level == tableLevel })
	var mu sync.Mutex
	written := map[string]*strings.Builder{}
	for _, level := range levels {
		written[level] = &strings.Builder{}
	}
	each(rows, func(i int, r row) {
		o := options{level: levels[i%len(levels)], limit: row.hurriedLimit}
		for step := range o.callers {
			o.callers[step] = caller((i/len(levels) + step) % 3)
		}
		e, err := b.run(t.Context(), r, o)
		if err != nil {
			t.Errorf("%s: %v", r.title(), err)
		}
		if e == nil {
			return
		}
		if len(e.leaks) > 0 {
			t.Errorf("%s, at level %s: %q\n%s%s", r.title(), o.level, e.leaks, e.stdout, e.stderr)
		}
		mu.Lock()
		defer mu.Unlock()
		written[o.level].WriteString(e.stdout)
	})
	for _, level := range levels {
		if found := severitiesIn(t, written[level].String()); !slices.Equal(found, severities[level]) {
			t.Errorf("at log level %s the lines have the levels %v, want %v", level, found, severities[level])
		}
	}
}

// hurriedLimit returns the timeout of the function if the content of the response does not matter.
func (r row) hurriedLimit(bool) time.Duration {
	if r.slow || r.full {
		return 1100 * time.Millisecond
	}
	return devserver.FunctionTimeout
}

// TestMarkersInRefusedRequests covers requests that are rejected before any upstream is called.
func TestMarkersInRefusedRequests(t *testing.T) {
	b := newTestbed(t)
	for _, level := range logLevels {
		t.Run(level, func(t *testing.T) {
			c, err := b.newCloud(false)
			if err != nil {
				t.Fatal(err)
			}
			defer c.close()
			process, err := c.start(t.Context(), level)
			if err != nil {
				t.Fatal(err)
			}
			defer process.Stop()
			for name, refused := range refusedRequests(c) {
				event, err := c.event(t.Context(), plainCaller, "")
				if err != nil {
					t.Fatal(err)
				}
				var members map[string]any
				if err := json.Unmarshal(event, &members); err != nil {
					t.Fatal(err)
				}
				refused.change(members)
				status, raw := c.send(t, process, members)
				if status != refused.status {
					t.Errorf("%s: status = %d, want %d", name, status, refused.status)
				}
				if places := c.pieces().in(raw); len(places) > 0 {
					t.Errorf("%s: the response contains %q: %s", name, places, raw)
				}
			}
			process.Stop()
			if places := c.pieces().in(process.Stdout() + process.Stderr()); len(places) > 0 {
				t.Errorf("planted texts %q are in the output:\n%s%s", places, process.Stdout(), process.Stderr())
			}
			// These requests cause no warnings.
			want := slices.DeleteFunc(slices.Clone(severities[level]),
				func(severity string) bool { return severity == "WARN" })
			if found := severitiesIn(t, process.Stdout()); !slices.Equal(found, want) {
				t.Errorf("the lines have the levels %v, want %v", found, want)
			}
		})
	}
}

// refusedRequest is a change of an event and the status of the response.
type refusedRequest struct {
	status int
	change func(event map[string]any)
}

func refusedRequests(c *cloud) map[string]refusedRequest {
	header := func(name, value string) func(map[string]any) {
		return func(event map[string]any) { event["headers"].(map[string]any)[name] = value }
	}
	body := func(text string) func(map[string]any) {
		return func(event map[string]any) { event["body"], event["isBase64Encoded"] = text, false }
	}
	member := func(name string, value any) func(map[string]any) {
		return func(event map[string]any) { event[name] = value }
	}
	method := func(name string) func(map[string]any) {
		return func(event map[string]any) {
			event["requestContext"].(map[string]any)["http"].(map[string]any)["method"] = name
		}
	}
	status := func(query string, change func(map[string]any)) func(map[string]any) {
		return func(event map[string]any) {
			method("GET")(event)
			event["rawPath"], event["rawQueryString"] = "/billing/status", query
			change(event)
		}
	}
	unchanged := func(map[string]any) {}
	return map[string]refusedRequest{
		"status: a bad token": {401, status("",
			header("authorization", "Bearer "+c.plant("wrong token")))},
		"status: two credentials": {400, status("",
			member("cookies", []string{"session=" + c.sign(time.Hour)}))},
		"status: an unknown name": {400, status(c.plant("name of a parameter")+"=x", unchanged)},
		"status: an unknown value": {400, status("include="+c.plant("value of a parameter"),
			unchanged)},
		"status: token in query":    {400, status("access_token="+c.sign(time.Hour), unchanged)},
		"status: a bad query":       {400, status("%zz"+c.plant("query"), unchanged)},
		"status: another method":    {405, status("include=subscriptions", method("DELETE"))},
		"a token that is not a JWT": {401, header("authorization", "Bearer "+c.plant("wrong token"))},
		"an expired token":          {401, header("authorization", "Bearer "+c.sign(-time.Hour))},
		"another scheme":            {401, header("authorization", "Basic "+c.plant("password"))},
		"two credentials":           {400, member("cookies", []string{"session=" + c.sign(time.Hour)})},
		"a body that is not a form": {400, body("%zz" + c.plant("body"))},
		"a body that is not base64": {400, member("body", c.plant("body")+"!")},
		"an unknown parameter": {400,
			body(c.plant("name of a parameter") + "=" + c.plant("value of a parameter"))},
		"a parameter twice":              {400, body("locale=de&locale=" + c.plant("value of a parameter"))},
		"an invalid locale":              {400, body("locale=" + c.plant("value of a parameter"))},
		"another return URL":             {400, body("return_url=https://evil.example/" + c.plant("return URL"))},
		"a customer":                     {403, body("customer=cus_" + c.plant("customer"))},
		"a configuration":                {403, body("configuration=bpc_" + c.plant("configuration"))},
		"too large":                      {413, body("locale=" + strings.Repeat(c.plant("body"), 400))},
		"another content type":           {415, header("content-type", "text/"+c.plant("content type"))},
		"another path":                   {404, member("rawPath", "/"+c.plant("path"))},
		"an invalid path":                {400, member("rawPath", "/%zz"+c.plant("path"))},
		"another method":                 {405, method("PUT")},
		"an unknown method":              {405, method(c.plant("method"))},
		"another payload version":        {500, member("version", "1.0"+c.plant("version"))},
		"headers that are not an object": {400, member("headers", c.plant("headers"))},
	}
}

// send invokes the function with an event and returns the status and the complete response.
func (c *cloud) send(t *testing.T, process *runtimeapi.Process, event map[string]any) (status int, raw string) {
	t.Helper()
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	response, functionError, err := process.Invoke(t.Context(), payload, time.Now().Add(devserver.FunctionTimeout))
	if err != nil || functionError != nil {
		t.Fatalf("%v %s", err, functionError)
	}
	var answer struct{ StatusCode int }
	if err := json.Unmarshal(response, &answer); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(response)
}

// TestMarkersInAWrongEnvironment plants a secret in each variable, which makes most of them
// invalid.
func TestMarkersInAWrongEnvironment(t *testing.T) {
	c := &cloud{planted: map[string]string{}}
	l := &devserver.Server{Origin: "https://" + portalHost, StripeKey: devserver.DemoKey}
	var env []string
	for name := range l.Environment(l.Origin) {
		env = append(env, name+"=::"+c.plant(name)+"::")
	}
	for _, name := range devserver.Tunable {
		env = append(env, name+"=::"+c.plant(name)+"::")
	}
	env = append(env, "JWT_JWKS="+c.plant("JWT_JWKS"), "JWT_JWKS_URL=http://"+c.plant("JWT_JWKS_URL"),
		"STRIPE_API_BASE=http://"+c.plant("STRIPE_API_BASE"))
	bootstrap := runtimeapi.Build(t, "billingportal/functions/portal")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	process, err := runtimeapi.Start(ctx, bootstrap, env)
	if err != nil {
		t.Fatal(err)
	}
	defer process.Stop()
	if process.Ready(ctx) == nil {
		t.Fatal("it started")
	}
	<-process.Exited()
	if !strings.Contains(process.Stderr(), "JWT_ISSUER") {
		t.Errorf("the error does not name JWT_ISSUER: %s", process.Stderr())
	}
	if places := c.pieces().in(process.Stdout() + process.Stderr()); len(places) > 0 {
		t.Errorf("planted texts %q are in the output:\n%s%s", places, process.Stdout(), process.Stderr())
	}
}

// TestMarkersAreFound checks the tests above: they plant texts and would find them.
func TestMarkersAreFound(t *testing.T) {
	b := newTestbed(t)
	c, err := b.newCloud(false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	process, err := c.start(t.Context(), "debug")
	if err != nil {
		t.Fatal(err)
	}
	defer process.Stop()
	for _, by := range []caller{plainCaller, formCaller, scriptCaller} {
		if x, err := c.request(t.Context(), process, by, "", devserver.FunctionTimeout); err != nil ||
			x.answer.StatusCode > http.StatusSeeOther {
			t.Fatalf("%v %+v", err, x)
		}
	}
	var places []string
	planted := c.pieces()
	for text, place := range c.planted {
		places = append(places, place)
		piece := text[len(text)/2:][:8]
		if found := planted.in("nothing " + piece + " nothing"); !slices.Contains(found, place) {
			t.Errorf("a piece of the text planted as %s is not found", place)
		}
		if found := planted.in("nothing " + strings.ToUpper(text) + " nothing"); !slices.Contains(found, place) {
			t.Errorf("the text planted as %s is not found in capitals", place)
		}
	}
	for _, place := range []string{
		"token", "claim", "user ID", "header", "cookie", "query", "user agent", "referrer", returnURLQuery, sessionURL,
		"Stripe key", "new Stripe key", "secret", "item", "AWS access key ID", "AWS secret key", "AWS session token",
		"discovery document", "path of the key set", "query of the key set", "key set", "key ID",
		"ID of an unusable key", "unusable key",
		"text of discovery", "text of key set", "text of DynamoDB", "text of Secrets Manager", "text of Stripe",
	} {
		if !slices.Contains(places, place) {
			t.Errorf("no text was planted as %s", place)
		}
	}
	if found := planted.in(process.Stdout()); len(found) > 0 {
		t.Errorf("planted texts %q are in the log", found)
	}
}
