package main

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"billingportal/functions/app"
)

// eventAnswers is what each event of events/ is answered with.
var eventAnswers = map[string]struct {
	status int
	code   string
}{
	"portal":                      {303, ""},
	"form":                        {303, ""},
	"json":                        {200, ""},
	"payment-method-update":       {303, ""},
	"subscription-cancel":         {303, ""},
	"subscription-update":         {303, ""},
	"subscription-update-confirm": {303, ""},
	"missing-token":               {401, "missing-credentials"},
	"expired-token":               {401, "invalid-token"},
	"payload-v1":                  {500, "internal"},
}

func TestCommittedEvents(t *testing.T) {
	function := startContainer(t, "..")
	checkEvents(t, function, "..")
}

func TestEventsMadeAnew(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, stripeEventsFolder), os.DirFS(filepath.Join("..", stripeEventsFolder))); err != nil {
		t.Fatal(err)
	}
	if err := writeEvents(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	checkEvents(t, startContainer(t, dir), dir)
	for name := range eventAnswers {
		if _, err := os.Stat(filepath.Join("..", eventsFolder, name+".json")); err != nil {
			t.Error(err)
		}
	}
}

// startContainer runs the portal function with the environment that sam local
// would give it, but for where the laptop is.
func startContainer(t *testing.T, dir string) lambda.Handler {
	t.Helper()
	l, _ := startLaptop(t)
	return l.inContainer(t, dir, "PortalFunction", app.Portal, map[string]string{"PORTAL_HOSTS": strings.TrimPrefix(l.origin, "http://")})
}

func (l *laptop) inContainer(t *testing.T, dir, name string, assemble app.Assembly, more map[string]string) lambda.Handler {
	t.Helper()
	var environment map[string]map[string]string
	readJSON(t, filepath.Join(dir, environmentFile), &environment)
	env := environment[name]
	for variable, value := range env {
		env[variable] = strings.ReplaceAll(value, containerHost, l.origin)
	}
	maps.Copy(env, more)
	env["AWS_REGION"], env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"] = "eu-central-1", "local", "local"
	function, err := assemble(t.Context(), func(name string) string { return env[name] }, &logBuffer{})
	if err != nil {
		t.Fatal(err)
	}
	return function
}

func checkEvents(t *testing.T, function lambda.Handler, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, eventsFolder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if want := len(eventAnswers) + 1; len(files) != want { // and the event bus's
		t.Errorf("%d events, want %d", len(files), want)
	}
	for name, want := range eventAnswers {
		t.Run(name, func(t *testing.T) {
			event, err := os.ReadFile(filepath.Join(dir, eventsFolder, name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var answer events.APIGatewayV2HTTPResponse
			if err := json.Unmarshal(invoke(t, function, event), &answer); err != nil {
				t.Fatal(err)
			}
			if answer.StatusCode != want.status {
				t.Fatalf("status = %d: %s", answer.StatusCode, answer.Body)
			}
			if want.code != "" && codeOf(t, answer.Body) != want.code {
				t.Errorf("problem = %s", answer.Body)
			}
			if (answer.Headers["Location"] != "") != (want.status == http.StatusSeeOther) {
				t.Errorf("Location = %q", answer.Headers["Location"])
			}
		})
	}
}

func invoke(t *testing.T, function lambda.Handler, event []byte) []byte {
	t.Helper()
	answer, err := function.Invoke(context.Background(), event)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		t.Fatal(err)
	}
}
