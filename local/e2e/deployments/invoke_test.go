package deployments

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
	"billingportal/local/internal/runtimeapi"
)

var reportLine = regexp.MustCompile(`(?m)^REPORT Duration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 512 ` +
	`MB\tMax Memory Used: \d+ MB\tInit Duration: [\d.]+ ms$`)

// newInvocation compiles each function once for all tests.
func newInvocation(t *testing.T, stdout, stderr io.Writer) *devserver.Invocation {
	t.Helper()
	compile := func(_ context.Context, pkg, _ string) (string, error) {
		return runtimeapi.Build(t, pkg), nil
	}
	return &devserver.Invocation{Compile: compile, Stdout: stdout, Stderr: stderr}
}

// runInvoke runs the command on an event and returns the status of the response.
func runInvoke(t *testing.T, function string, event []byte) (status int, logs string) {
	t.Helper()
	variables, err := os.ReadFile("../../env.json")
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if err := newInvocation(t, &stdout, &stderr).Run(t.Context(), function, event, variables); err != nil {
		t.Fatalf("%v\n%s%s", err, &stdout, &stderr)
	}
	if !reportLine.MatchString(stderr.String()) {
		t.Errorf("no report in:\n%s", &stderr)
	}
	var answer struct{ StatusCode int }
	if err := json.Unmarshal(stdout.Bytes(), &answer); err != nil {
		t.Fatalf("%v: %s", err, &stdout)
	}
	return answer.StatusCode, stderr.String()
}

func TestInvokeHandlesEveryEvent(t *testing.T) {
	want := map[string]int{
		"portal": 303, "form": 303, "json": 200, "payment-method-update": 303, "subscription-cancel": 303,
		"subscription-update":         303,
		"subscription-update-confirm": 303, "billing-status": 200, "missing-token": 401, "expired-token": 401,
		"payload-v1":  500,
		"eventbridge": 0, // the event bus expects no response
	}
	files, err := filepath.Glob("../../../events/*.json")
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d events, want %d: %v", len(files), len(want), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		event, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		status, logs := runInvoke(t, "", event)
		if status != want[name] {
			t.Errorf("%s: status %d, want %d\n%s", name, status, want[name], logs)
		}
		if !strings.Contains(logs, `"msg":"request"`) {
			t.Errorf("%s: the log has no line of the function:\n%s", name, logs)
		}
	}
}

// On a development server a function has the timeout and memory of the template.
func TestInvokeHasTheLimitsOfTheTemplate(t *testing.T) {
	text, err := os.ReadFile("../../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Parameters map[string]struct {
			Default yaml.Node `yaml:"Default"`
		} `yaml:"Parameters"`
		Resources map[string]struct {
			Properties map[string]yaml.Node `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	for _, function := range []string{"PortalFunction", "WebhookFunction"} {
		properties := template.Resources[function].Properties
		if got, want := properties["Timeout"].Value, fmt.Sprint(devserver.FunctionTimeout.Seconds()); got != want {
			t.Errorf("%s has a timeout of %s s in template.yaml, but %s s on a development server", function, got, want)
		}
		memory := properties["MemorySize"]
		if got, want := template.Parameters[memory.Value].Default.Value,
			fmt.Sprint(devserver.FunctionMemory); memory.Tag != "!Ref" || got != want {
			t.Errorf("%s has %s %s = %s MB in template.yaml, but %s MB on a development server", function, memory.Tag,
				memory.Value, got, want)
		}
	}
}

func TestInvokeAcceptsASignedEvent(t *testing.T) {
	var event bytes.Buffer
	// Its user is alice, who has another customer in the table of the development server.
	if err := devserver.PrintWebhookEvent(t.Context(), &event, "../../../events", "customer.created"); err != nil {
		t.Fatal(err)
	}
	if status, logs := runInvoke(t, "", event.Bytes()); status != 200 ||
		!strings.Contains(logs, `"effect":"conflict"`) {
		t.Errorf("status %d\n%s", status, logs)
	}
	// The portal function does not have this path.
	if status, _ := runInvoke(t, "PortalFunction", event.Bytes()); status != 404 {
		t.Errorf("the portal function responds with %d, want 404", status)
	}
}

func TestInvokeFails(t *testing.T) {
	for name, test := range map[string]struct{ function, variables, want string }{
		"an unknown function":         {"NoFunction", "{}", `no function "NoFunction"`},
		"variables that are not JSON": {"", "JWT_ISSUER=x", "must be a JSON object"},
		"an invalid variable":         {"", `{"PortalFunction":{"STRIPE_LIVEMODE":"perhaps"}}`, "the function failed"},
	} {
		var stdout, stderr bytes.Buffer
		err := newInvocation(t, &stdout, &stderr).Run(t.Context(), test.function, []byte("{}"), []byte(test.variables))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v\n%s%s", name, err, &stdout, &stderr)
		}
	}
}

// With a truststore, the events of API Gateway contain the client certificate.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
func TestBehindTheEdgeEventsHaveACertificate(t *testing.T) {
	const certificate = `"authentication":{"clientCert":{"clientCertPem":"-----BEGIN ` +
		`CERTIFICATE-----\nMIIBcert==\n-----END CERTIFICATE-----\n",` +
		`"subjectDN":"CN=billing-edge","issuerDN":"CN=billing-edge-ca","serialNumber":"a1:b2",` +
		`"validity":{"notBefore":"Nov 28 09:30:09 2026 GMT","notAfter":"Nov 25 09:30:09 2036 GMT"}}},`
	event := strings.Replace(devservertest.ReadText(t, "../../../events/portal.json"), `"requestContext": {`,
		`"requestContext": {`+certificate, 1)
	status, logs := runInvoke(t, "PortalFunction", []byte(event))
	if status != http.StatusSeeOther || !strings.Contains(event, certificate) || strings.Contains(logs, "MIIBcert") {
		t.Errorf("status = %d\n%s", status, logs)
	}
}
