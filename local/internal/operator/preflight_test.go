package operator

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"billingportal/functions/app/portal"
	"billingportal/functions/app/preflight"
	"billingportal/functions/app/webhook"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
	"billingportal/local/internal/fakestripe/account"
)

// control stands in for Lambda and CodeDeploy at the wire. It has the versions that are about to
// get traffic.
type control struct {
	*patient
	functions map[string]lambda.Handler // by the last part of the ARN before the version; a nil function fails
	env       map[string]string         // of the preflight function
	live      map[string]string         // variables of the portal version that serves; nil before the first version
	hang      string                    // part of a path of the Lambda API that gets no answer
	refuse    int                       // how many reports CodeDeploy throttles first
	logs      devservertest.LogBuffer   // of the webhook that accepts events only from the event bus

	mu      sync.Mutex
	reports []string
}

const (
	portalVersion  = "arn:aws:lambda:eu-central-1:123456789012:function:portal:7"
	webhookVersion = "arn:aws:lambda:eu-central-1:123456789012:function:webhook:7"
)

func newControl(t *testing.T) *control {
	t.Helper()
	c := &control{patient: newPatient(t)}
	portal, err := portal.New(t.Context(), devserver.GetenvOf(c.portal), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	webhook, err := webhook.New(t.Context(), devserver.GetenvOf(c.webhook), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	c.functions = map[string]lambda.Handler{"portal": portal, "webhook": webhook}
	server := httptest.NewServer(c)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	c.env = map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_ENDPOINT_URL_LAMBDA": server.URL, "AWS_ENDPOINT_URL_CODEDEPLOY": server.URL,
		"PORTAL_FUNCTION": portalVersion, "WEBHOOK_FUNCTION": webhookVersion,
	}
	return c
}

func (c *control) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	switch path := r.URL.Path; {
	case c.hang != "" && strings.Contains(path, c.hang):
		<-r.Context().Done()
	case strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutLifecycleEventHookExecutionStatus"):
		c.report(w, body)
	case strings.HasSuffix(path, ":function:portal:live/configuration") && c.live == nil:
		w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"Type":"User","Message":"Cannot find alias arn"}`)
	case strings.HasSuffix(path, ":function:portal:live/configuration"):
		_ = json.NewEncoder(w).Encode(map[string]any{"Version": "6",
			"Environment": map[string]any{"Variables": c.live}})
	case strings.HasSuffix(path, "/configuration"):
		variables := c.webhook
		if strings.Contains(path, ":function:portal:7") {
			variables = c.portal
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"Version": "7",
			"Environment": map[string]any{"Variables": variables}})
	case strings.HasSuffix(path, "/invocations"):
		_, name, _ := strings.Cut(path, ":function:")
		name, _, _ = strings.Cut(name, ":")
		function := c.functions[name]
		if function == nil {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			_, _ = io.WriteString(w, `{"errorMessage":"MARKERx7Q"}`)
			return
		}
		answer, err := function.Invoke(r.Context(), body)
		if err != nil {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			_, _ = io.WriteString(w, `{"errorMessage":"MARKERx7Q"}`)
			return
		}
		_, _ = w.Write(answer)
	default:
		http.NotFound(w, r)
	}
}

// busAlone replaces the webhook with one that accepts events only from the event bus.
func (c *control) busAlone(t *testing.T) {
	t.Helper()
	delete(c.webhook, "WEBHOOK_SECRET_ID")
	c.webhook["STRIPE_EVENT_SOURCE"] = "aws.partner/stripe.com/we_Demo"
	function, err := webhook.New(t.Context(), devserver.GetenvOf(maps.Clone(c.webhook)), &c.logs)
	if err != nil {
		t.Fatal(err)
	}
	c.functions["webhook"] = function
}

// otherTable gives the new versions an empty table, next to the table of the live version.
func (c *control) otherTable(t *testing.T, name, live string) {
	t.Helper()
	c.live = maps.Clone(c.portal)
	c.live["CUSTOMERS_TABLE"] = live
	c.portal["CUSTOMERS_TABLE"], c.webhook["CUSTOMERS_TABLE"] = name, name
	for _, table := range []string{name, live} {
		if err := c.DynamoDB.CreateTable(table, "user_id"); err != nil && table != devserver.CustomersTable {
			t.Fatal(err)
		}
	}
}

func (c *control) report(w http.ResponseWriter, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var report struct {
		DeploymentID string `json:"deploymentId"`
		ExecutionID  string `json:"lifecycleEventHookExecutionId"`
		Status       string `json:"status"`
	}
	if c.refuse > 0 {
		c.refuse--
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"ThrottlingException","message":"Rate exceeded"}`)
		return
	}
	if json.Unmarshal(body, &report) == nil && report.DeploymentID == "d-1" && report.ExecutionID == "hook-1" {
		c.reports = append(c.reports, report.Status)
	}
	_, _ = io.WriteString(w, `{"lifecycleEventHookExecutionId":"hook-1"}`)
}

const hookEvent = `{"DeploymentId":"d-1","LifecycleEventHookExecutionId":"hook-1"}`

// run runs the hook with this timeout, and returns its log.
func (c *control) run(t *testing.T, event string, timeout time.Duration) (logs string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	var written devservertest.LogBuffer
	hook, err := preflight.Examiner{Pause: noPause}.Hook(ctx, devserver.GetenvOf(c.env), &written)
	if err != nil {
		t.Fatal(err)
	}
	_, err = hook.Invoke(ctx, []byte(event))
	if strings.Contains(written.String(), "MARKER") || strings.Contains(written.String(), devserver.DemoKey) {
		t.Errorf("it says too much: %s", &written)
	}
	return written.String(), err
}

// answering is a function that answers every request with this status.
type answering int

func (a answering) Invoke(context.Context, []byte) ([]byte, error) {
	return json.Marshal(map[string]int{"statusCode": int(a)})
}

func TestPreflightReports(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change  func(*control)
		want    string // the one report
		finding string // a part of the log
	}{
		"no problem": {func(*control) {}, "Succeeded", `"name":"portal's answer","status":"ok"`},
		"no webhook": {func(c *control) { delete(c.env, "WEBHOOK_FUNCTION") }, "Succeeded",
			`"status":"Succeeded"`},
		"a warning": {func(c *control) {
			c.Stripe.Change(func(d *account.Data) { d.Configurations[0].Cancel = false })
		}, "Succeeded", `"level":"WARN"`},
		"a disabled endpoint": {func(c *control) {
			c.Stripe.Change(func(d *account.Data) { d.Endpoints[0].Disabled = true })
		}, "Succeeded", `"name":"webhook endpoint","status":"warning"`},
		"a revoked key": {func(c *control) { _ = c.Stripe.SetKeys("sk_test_" + "another") },
			"Failed", "Stripe refuses it"},
		"a wrong variable": {func(c *control) { c.portal["STRIPE_LIVEMODE"] = "x" }, "Failed",
			"STRIPE_LIVEMODE must be"},
		"the portal crashes": {func(c *control) { c.functions["portal"] = nil },
			"Failed", "the function returned an error"},
		"the webhook crashes": {func(c *control) { c.functions["webhook"] = nil }, "Failed",
			`"name":"webhook's answer","status":"problem"`},
		"the portal accepts every request": {func(c *control) { c.functions["portal"] = answering(303) }, "Failed",
			"with 303 instead of 401"},
		"the webhook accepts every request": {func(c *control) { c.functions["webhook"] = answering(200) }, "Failed",
			"with 200 instead of 400"},
		"only events from the event bus": {func(c *control) { c.busAlone(t) }, "Succeeded",
			`"name":"webhook's answer","status":"ok","detail":"it accepts events from the event bus"`},
		"the bus's webhook crashes": {func(c *control) { c.busAlone(t); c.functions["webhook"] = nil },
			"Failed", `"name":"webhook's answer","status":"problem"`},
		"the bus's webhook accepts no events": {func(c *control) {
			c.busAlone(t)
			c.functions["webhook"] = answering(400)
		}, "Failed", "it does not accept an event from the event bus"},
		"the bus's webhook expects another source": {func(c *control) {
			c.busAlone(t)
			c.webhook["STRIPE_EVENT_SOURCE"] = "aws.partner/stripe.com/ed_Other"
		}, "Failed", `"name":"webhook's answer","status":"problem","detail":"the function returned an error"`},
		"the table of the live version": {func(c *control) { c.live = maps.Clone(c.portal) }, "Succeeded",
			`"name":"live version's table","status":"ok"`},
		"another table, an empty one": {func(c *control) { c.otherTable(t, "new", devserver.CustomersTable) },
			"Failed", `"name":"live version's table","status":"problem"`},
		"another table, with items": {func(c *control) { c.otherTable(t, devserver.CustomersTable, "old") },
			"Succeeded", `"name":"live version's table","status":"ok"`},
		"two empty tables": {func(c *control) { c.otherTable(t, "new", "old") }, "Succeeded",
			`"detail":"the new version uses another table, and both are empty"`},
		"no table of the live version": {func(c *control) {
			c.otherTable(t, "new", devserver.CustomersTable)
			c.live["CUSTOMERS_TABLE"] = "gone"
		}, "Failed", "cannot be read: dynamodb Scan: ResourceNotFoundException"},
		"the hook's own variables": {func(c *control) { c.env["AWS_ENDPOINT_URL_LAMBDA"] = "ftp://x" }, "Failed",
			"AWS_ENDPOINT_URL_LAMBDA"},
		"Lambda hangs": {func(c *control) { c.hang = "/configuration" }, "Succeeded", "no answer in time"},
		"an answer takes too long": {func(c *control) { c.hang = "/invocations" }, "Succeeded",
			`"name":"portal's answer","status":"warning"`},
		"CodeDeploy throttles": {func(c *control) { c.refuse = 3 }, "Succeeded", `"status":"Succeeded"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newControl(t)
			test.change(c)
			logs, err := c.run(t, hookEvent, 19*time.Second)
			if err != nil || len(c.reports) != 1 || c.reports[0] != test.want || !strings.Contains(logs, test.finding) {
				t.Errorf("reported %v, want %s, %v\n%s", c.reports, test.want, err, logs)
			}
		})
	}
}

// Preflight's event has no age: the alarm EventsMissing counts events with an age, and a deployment
// must not hide a silence.
func TestPreflightsEventHasNoAge(t *testing.T) {
	t.Parallel()
	c := newControl(t)
	c.busAlone(t)
	if _, err := c.run(t, hookEvent, 19*time.Second); err != nil {
		t.Fatal(err)
	}
	if line := c.logs.String(); !strings.Contains(line, `"event_type":"preflight"`) ||
		strings.Contains(line, "event_age_ms") {
		t.Error(line)
	}
}

func TestPreflightNamesAReportThatFailed(t *testing.T) {
	t.Parallel()
	c := newControl(t)
	c.refuse = 100
	if logs, err := c.run(t, hookEvent, time.Minute); err == nil ||
		!strings.Contains(err.Error(), "report Succeeded: codedeploy") || !strings.Contains(logs, `"msg":"report"`) {
		t.Errorf("%v\n%s", err, logs)
	}
	for _, event := range []string{"{}", "x", `{"DeploymentId":"d-1"}`} {
		if _, err := c.run(t, event, time.Minute); err == nil {
			t.Errorf("%s was taken for a hook's event", event)
		}
	}
}
