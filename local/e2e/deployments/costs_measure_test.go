package deployments

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
	fakeevents "billingportal/local/internal/fakestripe/events"
	"billingportal/local/internal/gateway"
	"billingportal/local/internal/runtimeapi"
)

// usage is the usage that AWS charges for one call.
type usage struct {
	milliseconds  float64 // duration of the invocation; 0 if no function is invoked
	reads, writes int     // units of DynamoDB
	logged        int     // bytes logged by the function, Lambda and the API
	sent          int     // bytes of the response
}

// meter runs the real binaries, with names as long as in a deployment.
type meter struct {
	*devserver.Server
	format string // of the API's access log

	mu      sync.Mutex
	targets map[string]int // DynamoDB calls by operation
}

func newMeter(t *testing.T) *meter {
	t.Helper()
	m := &meter{format: accessLogFormat(t), targets: map[string]int{}}
	m.Server = devservertest.StartWith(t, devserver.DemoCustomers, func(l *devserver.Server) http.Handler {
		mux := http.NewServeMux()
		mux.Handle(devserver.IssuerPath+"/", http.StripPrefix(devserver.IssuerPath, l.Issuer))
		mux.Handle("/", l.Cloud())
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, operation, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "DynamoDB_20120810."); ok {
				m.mu.Lock()
				m.targets[operation]++
				m.mu.Unlock()
				if r.ContentLength > 1000 {
					t.Errorf("%s has %d bytes: an item may take more than one unit", operation, r.ContentLength)
				}
			}
			mux.ServeHTTP(w, r)
		})
	})
	return m
}

// start starts a function and makes its first, cold call.
func (m *meter) start(t *testing.T, pkg, function string, env map[string]string,
	first json.RawMessage) *runtimeapi.Process {
	t.Helper()
	env["AWS_LAMBDA_FUNCTION_NAME"] = "billing-portal-" + function + "-0123456789AB"
	env["AWS_LAMBDA_FUNCTION_VERSION"] = "12"
	env["RELEASE"] = "0123456789-v1.2.3"
	var list []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	process, err := runtimeapi.Start(t.Context(), runtimeapi.Build(t, pkg), list)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(process.Stop)
	m.call(t, process, first, http.StatusOK)
	return process
}

// call measures a warm call.
func (m *meter) call(t *testing.T, process *runtimeapi.Process, event json.RawMessage, status int) usage {
	t.Helper()
	before := len(process.Stdout())
	m.take()
	response, functionError, err := process.Invoke(t.Context(), event, time.Now().Add(devserver.FunctionTimeout))
	if err != nil || functionError != nil {
		t.Fatalf("%v %s\n%s", err, functionError, process.Stderr())
	}
	var answer events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(response, &answer); err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != status {
		t.Fatalf("status = %d, want %d: %s", answer.StatusCode, status, answer.Body)
	}
	calls := m.take()
	u := usage{reads: calls["GetItem"], writes: calls["UpdateItem"], sent: len(answer.Body)}
	for operation := range calls {
		if operation != "GetItem" && operation != "UpdateItem" {
			t.Fatalf("this test has no price for %s", operation)
		}
	}
	if answer.IsBase64Encoded {
		u.sent = u.sent / 4 * 3
	}
	for name, value := range answer.Headers {
		u.sent += len(name) + len(value) + 4
	}
	// rounded, so that small changes of texts do not change the table
	u.sent = (u.sent + 50) / 100 * 100
	u.logged = logged(process.Stdout()[before:]) + logged(platformLines) + logged(fill(t, m.format, accessLogValues))
	return u
}

// take returns the DynamoDB calls since the last take.
func (m *meter) take() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	calls := m.targets
	m.targets = map[string]int{}
	return calls
}

// preflight returns the usage of a preflight. The API responds to it and logs it.
func (m *meter) preflight(t *testing.T) usage {
	t.Helper()
	values := maps.Clone(accessLogValues)
	for name := range values {
		if strings.HasPrefix(name, "$context.integration") || name == "$context.routeKey" {
			values[name] = "-"
		}
	}
	return usage{logged: logged(fill(t, m.format, values)), sent: 400}
}

// These numbers differ from run to run, so the test uses values of typical length.
var (
	timings = regexp.MustCompile(`("[a-z_]+_ms":)[0-9.e+-]+`)
	times   = regexp.MustCompile(`("time":")[^"]*`)
)

// logged returns the bytes that CloudWatch Logs ingests for lines. It adds 26 bytes per event
// (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html).
func logged(lines string) int {
	lines = timings.ReplaceAllString(lines, "${1}123.456")
	lines = times.ReplaceAllString(lines, "${1}2026-11-28T12:00:00.123456789Z")
	total := 0
	for line := range strings.Lines(lines) {
		total += len(strings.TrimSuffix(line, "\n")) + 26
	}
	return total
}

// platformLines are the lines that Lambda logs.
// https://docs.aws.amazon.com/lambda/latest/dg/golang-logging.html
const platformLines = "START RequestId: 87d0e0b6-5f4c-4c5e-9f0a-0123456789ab Version: 12\n" +
	"END RequestId: 87d0e0b6-5f4c-4c5e-9f0a-0123456789ab\n" +
	"REPORT RequestId: 87d0e0b6-5f4c-4c5e-9f0a-0123456789ab\tDuration: 123.45 ms\tBilled Duration: 124 ms\tMemory " +
	"Size: 512 MB\tMax Memory Used: 45 MB\t\n"

// accessLogValues have typical lengths.
var accessLogValues = map[string]string{
	"$context.requestId": "eBY44DJIDtVKKRA=", "$context.requestTimeEpoch": "1795719850700",
	"$context.identity.sourceIp": "203.0.113.123",
	"$context.httpMethod":        "POST", "$context.routeKey": "POST /billing/portal", "$context.protocol": "HTTP/1.1",
	"$context.status":         "303",
	"$context.responseLength": "1234", "$context.responseLatency": "123",
	"$context.integration.integrationStatus": "200",
	"$context.integration.latency":           "123",
	"$context.integration.requestId":         "87d0e0b6-5f4c-4c5e-9f0a-0123456789ab",
	"$context.error.responseType":            "-",
}

// fill inserts values into a log format.
func fill(t *testing.T, format string, values map[string]string) string {
	t.Helper()
	return regexp.MustCompile(`\$context[A-Za-z.]+`).ReplaceAllStringFunc(format, func(name string) string {
		value, ok := values[name]
		if !ok {
			t.Errorf("the access log has the variable %s: add a value of typical length to accessLogValues", name)
		}
		return value
	})
}

// accessLogFormat returns the access log format of the template.
func accessLogFormat(t *testing.T) string {
	t.Helper()
	found := regexp.MustCompile(`(?s)Format: >-\n(.*?})\n`).FindStringSubmatch(devservertest.ReadText(t,
		"../../../template.yaml"))
	if found == nil {
		t.Fatal("template.yaml has no access log format")
	}
	return strings.Join(strings.Fields(strings.ReplaceAll(found[1], "\n", " ")), " ")
}

// edgeLog returns the size of a line in the log of infra/edge.yaml: a JSON object with the fields
// that the template names.
func edgeLog(t *testing.T) int {
	t.Helper()
	_, fields, _ := strings.Cut(devservertest.ReadText(t, "../../../infra/edge.yaml"), "RecordFields:\n")
	line := "{}"
	for _, field := range regexp.MustCompile(`(?m)^        - (\S+)$`).FindAllStringSubmatch(fields, -1) {
		line += fmt.Sprintf("%q:%q,", field[1], strings.Repeat("x", 12))
	}
	if len(line) < 100 {
		t.Fatal("infra/edge.yaml has no log fields")
	}
	return logged(line)
}

// requestOf returns the event of a request from a browser or Stripe.
func requestOf(t *testing.T, method, path string, body []byte, headers map[string]string) json.RawMessage {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "https://"+devserver.APIHost+path,
		io.NopCloser(bytes.NewReader(body)))
	r.ContentLength = int64(len(body))
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	event, err := gateway.Event(r)
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// signed returns the event of a request that Stripe has signed.
func signed(t *testing.T, body []byte) json.RawMessage {
	t.Helper()
	return requestOf(t, http.MethodPost, devserver.WebhookPath, body,
		map[string]string{"Stripe-Signature": fakeevents.Sign(body, devserver.DemoSigningSecret, time.Now())})
}
