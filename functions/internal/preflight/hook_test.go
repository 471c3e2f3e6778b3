package preflight_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"billingportal/functions/internal/preflight"
	"billingportal/functions/internal/upstream"
)

// control stands in for Lambda and CodeDeploy.
type control struct {
	configurations map[string]answer // by function
	invocations    map[string]answer // by function
	functionError  string            // error of every function, or ""
	refuseReport   string            // error code for the report, or ""
	mu             sync.Mutex
	payloads       map[string]string
	reports        []string
	reported       time.Time
}

func (c *control) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
	path, operation := path.Split(r.URL.Path)
	versions := map[string]string{versionPath("portal", "7"): "portal", versionPath("webhook", "7"): "webhook",
		versionPath("portal", "live"): "live"}
	statuses := map[string]string{"portal": "401", "webhook": "400"}
	name := versions[path]
	given := answer{status: http.StatusOK, body: `{}`}
	switch {
	case name == "" && path != "/":
		given = answer{status: http.StatusNotFound,
			header: http.Header{"X-Amzn-Errortype": {"ResourceNotFoundException"}}, body: `{}`}
	case operation == "configuration":
		given = found(`{"Version":"7","Environment":{"Variables":{"NAME":"` + name + `"}}}`)
		if other, isSet := c.configurations[name]; isSet {
			given = other
		}
	case operation == "invocations":
		c.payloads[name] = string(body)
		given = found(`{"statusCode":` + statuses[name] + `}`)
		if other, isSet := c.invocations[name]; isSet {
			given = other
		}
		if c.functionError != "" {
			w.Header().Set("X-Amz-Function-Error", c.functionError)
		}
	case c.refuseReport != "":
		given = fails(c.refuseReport)
	default:
		c.reports = append(c.reports, string(body))
		c.reported = time.Now()
	}
	if given.hangs {
		c.mu.Unlock()
		<-r.Context().Done()
		c.mu.Lock()
		return
	}
	for name, values := range given.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(given.status)
	_, _ = io.WriteString(w, given.body)
}

// versionPath returns the path of a version or an alias of a function in Lambda's API.
func versionPath(function, version string) string {
	return "/2015-03-31/functions/arn:aws:lambda:eu-central-1:123456789012:function:" + function + ":" + version + "/"
}

const deployment = `{"DeploymentId":"d-1","LifecycleEventHookExecutionId":"hook-1"}`

// run runs the hook with the two minutes that the template gives it, and returns its log.
func (c *control) run(t *testing.T, change func(*preflight.Hook)) (lines []map[string]string,
	output []byte, err error) {
	t.Helper()
	c.payloads = map[string]string{}
	transport := serve(t, c)
	identity := upstream.AWS{Region: "eu-central-1", AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
	var logs bytes.Buffer
	hook := &preflight.Hook{
		Lambda:     lambda.NewFromConfig(identity.Config("http://aws.example", transport, 16*time.Second, 2)),
		CodeDeploy: codedeploy.NewFromConfig(identity.Config("http://aws.example", transport, 3*time.Second, 4)),
		Portal:     "arn:aws:lambda:eu-central-1:123456789012:function:portal:7",
		Webhook:    "arn:aws:lambda:eu-central-1:123456789012:function:webhook:7",
		Look:       func(context.Context, preflight.Environments) []preflight.Finding { return nil },
		Logs:       &logs,
	}
	if change != nil {
		change(hook)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	output, err = hook.Invoke(ctx, []byte(deployment))
	for line := range strings.Lines(logs.String()) {
		var read map[string]string
		if err := json.Unmarshal([]byte(line), &read); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, read)
	}
	if strings.Contains(logs.String(), "MARKER") {
		t.Errorf("it repeats an upstream's text: %s", &logs)
	}
	return lines, output, err
}

func TestTheHookJudgesNewVersions(t *testing.T) {
	denied := answer{status: http.StatusForbidden, header: http.Header{"X-Amzn-Errortype": {"AccessDeniedException"}},
		body: `{"Message":"MARKERx7Q"}`}
	throttled := answer{status: http.StatusTooManyRequests,
		header: http.Header{"X-Amzn-Errortype": {"TooManyRequestsException"}}, body: `{"Message":"MARKERx7Q"}`}
	of := func(name string, given answer) map[string]answer { return map[string]answer{name: given} }
	for name, test := range map[string]struct {
		control *control
		report  string
		name    string // of a finding
		level   string
		detail  string
		advice  string
	}{
		"the portal refuses the request": {&control{}, "Succeeded", "portal's answer", "INFO",
			"it refuses a request without credentials with 401", ""},
		"the webhook refuses the request": {&control{}, "Succeeded", "webhook's answer", "INFO",
			"it refuses a request without credentials with 400", ""},
		"the version is named": {&control{}, "Succeeded", "webhook's version", "INFO", "version 7", ""},
		"the portal accepts any request": {&control{invocations: of("portal", found(`{"statusCode":303}`))}, "Failed",
			"portal's answer", "ERROR", "it answers a request without credentials with 303 instead of 401", readTheLog},
		"the webhook accepts any event": {&control{invocations: of("webhook", found(`{"statusCode":200}`))}, "Failed",
			"webhook's answer", "ERROR", "it answers a request without credentials with 200 " +
				"instead of 400", readTheLog},
		"an answer without status": {&control{invocations: of("portal", found(`"MARKERx7Q"`))}, "Failed",
			"portal's answer", "ERROR", "it answers a request without credentials with 0 instead of 401", readTheLog},
		"a function returns an error": {&control{functionError: "Handled"}, "Failed", "portal's answer", "ERROR",
			"the function returned an error", readTheLog},
		"the functions fail": {&control{functionError: "Unhandled"}, "Failed", "portal's answer", "ERROR",
			"the function returned an error", readTheLog},
		"no permission to call it": {&control{invocations: of("portal", denied)}, "Failed", "portal's answer", "ERROR",
			"lambda Invoke: AccessDeniedException", grantFunction},
		"Lambda throttles": {&control{invocations: of("portal", throttled)}, "Succeeded", "portal's answer",
			"WARN", "lambda Invoke: TooManyRequestsException", tryAgain},
		"a call takes too long": {&control{invocations: of("portal", answer{hangs: true})}, "Succeeded",
			"portal's answer", "WARN", "no answer in time", tryAgain},
		"no permission to read it": {&control{configurations: of("portal", denied)}, "Failed", "portal's version",
			"ERROR", "lambda GetFunctionConfiguration: AccessDeniedException", grantFunction},
		"reading takes too long": {&control{configurations: of("portal", answer{hangs: true})}, "Succeeded",
			"portal's version", "WARN", "lambda GetFunctionConfiguration: no answer in time", tryAgain},
		"no environment": {&control{configurations: of("webhook", found(`{"Version":"7"}`))}, "Failed",
			"webhook's version", "ERROR", "it has no environment variables", "Correct the template."},
		"no variables": {&control{configurations: of("webhook", found(`{"Environment":{}}`))}, "Failed",
			"webhook's version", "ERROR", "it has no environment variables", "Correct the template."},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := test.control
				start := time.Now()
				lines, output, err := c.run(t, nil)
				if err != nil || string(output) != "null" || len(c.reports) != 1 ||
					!strings.Contains(c.reports[0], `"status":"`+test.report+`"`) ||
					!strings.Contains(c.reports[0], `"deploymentId":"d-1"`) ||
					!strings.Contains(c.reports[0], `"lifecycleEventHookExecutionId":"hook-1"`) {
					t.Errorf("%s %v, reported %v", output, err, c.reports)
				}
				if took := c.reported.Sub(start); took > 105*time.Second {
					t.Errorf("reported after %s", took)
				}
				if !slices.ContainsFunc(lines, func(line map[string]string) bool {
					return line["msg"] == "finding" && line["name"] == test.name && line["level"] == test.level &&
						line["detail"] == test.detail && line["advice"] == test.advice
				}) {
					t.Errorf("no finding %s %s: %s; %s in %v", test.level, test.name, test.detail, test.advice, lines)
				}
				if last := lines[len(lines)-1]; last["msg"] != "report" || last["status"] != test.report ||
					last["level"] != "INFO" {
					t.Errorf("%v", last)
				}
			})
		})
	}
}

// Every line has its place, level and text. An operator reads them in this order.
func TestTheHookLogsEachFinding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &control{}
		lines, _, err := c.run(t, func(h *preflight.Hook) {
			h.Look = func(context.Context, preflight.Environments) []preflight.Finding {
				return []preflight.Finding{
					{Name: "first", Status: preflight.Warning, Detail: "late", Advice: "wait"},
					{Name: "second", Status: preflight.OK, Detail: "fine"},
					{Name: "third", Status: preflight.Problem, Detail: "wrong", Advice: "correct it"},
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, line := range lines {
			got = append(got, strings.Join([]string{line["level"], line["msg"], line["name"], line["status"],
				line["detail"], line["advice"]}, "|"))
		}
		want := []string{
			"INFO|finding|portal's version|ok|version 7|",
			"INFO|finding|webhook's version|ok|version 7|",
			"INFO|finding|portal's answer|ok|it refuses a request without credentials with 401|",
			"INFO|finding|webhook's answer|ok|it refuses a request without credentials with 400|",
			"WARN|finding|first|warning|late|wait",
			"INFO|finding|second|ok|fine|",
			"ERROR|finding|third|problem|wrong|correct it",
			"INFO|report||Failed||",
		}
		if !slices.Equal(got, want) {
			t.Errorf("logged\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// A call that hangs leaves enough time for the checks.
func TestEachPartOfTheHookHasItsTime(t *testing.T) {
	hangs := map[string]answer{"portal": {hangs: true}, "webhook": {hangs: true}}
	for name, test := range map[string]struct {
		control *control
		want    time.Duration // until the checks begin
	}{
		"reading the versions": {&control{configurations: hangs}, 9 * time.Second},
		"calling the versions": {&control{invocations: hangs}, 17 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, looked := time.Now(), time.Time{}
				if _, _, err := test.control.run(t, func(h *preflight.Hook) {
					h.Look = func(context.Context, preflight.Environments) []preflight.Finding {
						looked = time.Now()
						return nil
					}
				}); err != nil {
					t.Fatal(err)
				}
				if took := looked.Sub(start); took != test.want {
					t.Errorf("the checks began after %s, want %s", took, test.want)
				}
			})
		})
	}
}

// The requests are events of API Gateway without credentials.
func TestNewVersionsGetARequestThatTheyMustRefuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &control{}
		if _, _, err := c.run(t, nil); err != nil {
			t.Fatal(err)
		}
		for name, path := range map[string]string{"portal": "/billing/portal", "webhook": "/stripe/webhook"} {
			var event struct {
				Version, RawPath string
				Headers          map[string]string
				RequestContext   struct{ HTTP struct{ Method, Path string } }
			}
			if err := json.Unmarshal([]byte(c.payloads[name]), &event); err != nil || event.Version != "2.0" ||
				event.RawPath != path ||
				event.RequestContext.HTTP.Method != http.MethodPost || event.RequestContext.HTTP.Path != path ||
				len(event.Headers) != 1 {
				t.Errorf("%s: %v %s", name, err, c.payloads[name])
			}
		}
	})
}

func TestTheHookChecksWithTheVersionsVariables(t *testing.T) {
	for name, test := range map[string]struct {
		change          func(*preflight.Hook)
		portal, webhook string
		versions        int
	}{
		"both":       {nil, "portal", "webhook", 2},
		"no webhook": {func(h *preflight.Hook) { h.Webhook = "" }, "portal", "", 1},
		"no portal":  {func(h *preflight.Hook) { h.Portal = "" }, "", "webhook", 1},
		"a wrong portal": {func(h *preflight.Hook) { h.Portal = strings.Replace(h.Portal, "portal", "webhook", 1) },
			"webhook", "webhook", 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &control{}
				lines, _, err := c.run(t, func(h *preflight.Hook) {
					if test.change != nil {
						test.change(h)
					}
					h.Look = func(ctx context.Context, versions preflight.Environments) []preflight.Finding {
						portal, webhook := versions.Portal, versions.Webhook
						if portal["NAME"] != test.portal || webhook["NAME"] != test.webhook ||
							(test.webhook == "") != (webhook == nil) {
							t.Errorf("looked with %v and %v", portal, webhook)
						}
						deadline, hasDeadline := ctx.Deadline()
						if left := time.Until(deadline); !hasDeadline || left != 104*time.Second {
							t.Errorf("%s are left", left)
						}
						return []preflight.Finding{{Name: "seen", Status: preflight.Warning, Advice: "do this"}}
					}
				})
				if err != nil || !slices.ContainsFunc(lines, func(line map[string]string) bool {
					return line["name"] == "seen" && line["advice"] == "do this"
				}) {
					t.Errorf("%v %v", err, lines)
				}
				if len(lines) != 2*test.versions+2 {
					t.Errorf("%d lines: %v", len(lines), lines)
				}
			})
		})
	}
}

// A webhook endpoint that Stripe disabled is a problem that the new version may solve.
func TestAnEndpointsProblemDoesNotStopADeployment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, stripe := &control{}, &account{}
		lines, _, err := c.run(t, func(h *preflight.Hook) {
			s := stripeAt(t, stripe, false)
			h.Look = func(ctx context.Context, _ preflight.Environments) []preflight.Finding {
				return preflight.Run(ctx, []preflight.Check{s.Endpoint("/stripe/webhook", nil), s.KeyAccepted()})
			}
		})
		if err != nil || !strings.Contains(c.reports[0], "Succeeded") {
			t.Errorf("%v %v", err, c.reports)
		}
		for _, line := range lines {
			if line["name"] == "webhook endpoint" && line["level"] != "WARN" || line["name"] == "Stripe key" &&
				line["level"] != "INFO" {
				t.Errorf("%v", line)
			}
		}
	})
}

func TestAHookThatCannotWork(t *testing.T) {
	t.Run("its own variables", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := &control{}
			lines, _, err := c.run(t, func(h *preflight.Hook) { h.Broken = io.ErrUnexpectedEOF })
			if err != nil || !strings.Contains(c.reports[0], "Failed") ||
				lines[0]["name"] != "preflight's variables" || len(c.payloads) != 0 {
				t.Errorf("%v %v %v", err, c.reports, lines)
			}
		})
	})
	t.Run("no report", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := &control{refuseReport: "DeploymentDoesNotExistException"}
			lines, output, err := c.run(t, nil)
			if err == nil || output != nil ||
				!strings.HasPrefix(err.Error(), "report Succeeded: codedeploy PutLifecycleEventHookExecutionStatus: ") {
				t.Errorf("%s %v", output, err)
			}
			if last := lines[len(lines)-1]; last["msg"] != "report" || last["level"] != "ERROR" || last["error"] == "" {
				t.Errorf("%v", last)
			}
		})
	})
	for _, event := range []string{``, `{}`, `{"DeploymentId":"d-1"}`,
		`{"LifecycleEventHookExecutionId":"hook-1"}`, `[]`} {
		t.Run("the event "+event, func(t *testing.T) {
			if _, err := (&preflight.Hook{}).Invoke(t.Context(), []byte(event)); err == nil {
				t.Error("it is accepted")
			}
		})
	}
}
