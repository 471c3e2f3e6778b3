package devserver_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"billingportal/functions/app"
	"billingportal/functions/app/portal"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
)

// eventAnswers are the functions' answers to the events of events/.
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
	"billing-status":              {200, ""},
	"missing-token":               {401, "missing-credentials"},
	"expired-token":               {401, "invalid-token"},
	"payload-v1":                  {500, "internal"},
}

func TestCommittedEvents(t *testing.T) {
	checkEvents(t, startContainer(t), filepath.Join("..", "..", "..", devserver.EventsFolder))
}

// The test runs the commands of CONTRIBUTING.md in a copy of the repository.
func TestEventsMadeAgain(t *testing.T) {
	before := map[string]any{}
	for _, name := range append(slices.Sorted(maps.Keys(eventAnswers)), "eventbridge") {
		before[name] = lasting(t, filepath.Join("..", "..", "..", devserver.EventsFolder, name+".json"))
	}
	for name, test := range map[string]struct {
		argument, folder, environment string
	}{
		"as documented":     {"events", "events", devserver.EnvironmentFile},
		"a folder's path":   {"./events/", "events", devserver.EnvironmentFile},
		"in another folder": {"mine", "mine", "mine/env.json"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := errors.Join(os.CopyFS(filepath.Join(dir, devserver.EventsFolder),
				os.DirFS(filepath.Join("..", "..", "..", devserver.EventsFolder))),
				os.Mkdir(filepath.Join(dir, "local"), 0o700)); err != nil {
				t.Fatal(err)
			}
			committed := devservertest.Files(t, dir)
			t.Chdir(dir)
			if err := devserver.WriteEvents(t.Context(), test.argument); err != nil {
				t.Fatal(err)
			}
			want := append(slices.Clone(committed), test.environment)
			if test.folder != devserver.EventsFolder {
				for _, name := range append(slices.Collect(maps.Keys(eventAnswers)), "eventbridge") {
					want = append(want, filepath.Join(test.folder, name+".json"))
				}
			}
			slices.Sort(want)
			if got := devservertest.Files(t, "."); !slices.Equal(got, want) {
				t.Errorf("files %v\nwant %v", got, want)
			}
			for name, want := range before {
				if got := lasting(t, filepath.Join(test.folder, name+".json")); !reflect.DeepEqual(got, want) {
					t.Errorf("%s.json is made as\n%v\nand the committed one is\n%v", name, got, want)
				}
			}
			l, _ := devservertest.Start(t)
			function := inContainer(t, l, test.environment, "PortalFunction", portal.New,
				map[string]string{"PORTAL_HOSTS": strings.TrimPrefix(l.Origin, "http://")})
			checkEvents(t, function, test.folder)
		})
	}
}

// changing lists the members of an event that differ each time: tokens, IDs and times.
var changing = []string{"authorization", "Authorization", "access_token", "x-amzn-trace-id",
	"requestId", "time", "timeEpoch"}

// lasting returns an event without the values that change, with its form as text.
func lasting(t *testing.T, path string) any {
	t.Helper()
	var event map[string]any
	readJSON(t, path, &event)
	if text, _ := event["body"].(string); event["isBase64Encoded"] == true {
		body, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			t.Fatal(err)
		}
		event["body"] = map[string]any{}
		for name := range form {
			event["body"].(map[string]any)[name] = form.Get(name)
		}
	}
	var visit func(value any)
	visit = func(value any) {
		tree, _ := value.(map[string]any)
		for name, member := range tree {
			if slices.Contains(changing, name) {
				tree[name] = "changes"
			}
			visit(member)
		}
	}
	visit(event)
	return event
}

// startContainer runs the portal function with the environment that sam local gives it, except for
// the address of the development server.
func startContainer(t *testing.T) lambda.Handler {
	t.Helper()
	l, _ := devservertest.Start(t)
	return inContainer(t, l, filepath.Join("..", "..", "..", devserver.EnvironmentFile), "PortalFunction", portal.New,
		map[string]string{"PORTAL_HOSTS": strings.TrimPrefix(l.Origin, "http://")})
}

func inContainer(t *testing.T, l *devservertest.Server, file, name string, assemble app.Assembly,
	more map[string]string) lambda.Handler {
	t.Helper()
	var environment map[string]map[string]string
	readJSON(t, file, &environment)
	env := environment[name]
	for variable, value := range env {
		env[variable] = strings.ReplaceAll(value, devserver.ContainerHost, l.Origin)
	}
	maps.Copy(env, more)
	env["AWS_REGION"], env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"] = "eu-central-1", "local", "local"
	function, err := assemble(t.Context(), func(name string) string { return env[name] }, &devservertest.LogBuffer{})
	if err != nil {
		t.Fatal(err)
	}
	return function
}

func checkEvents(t *testing.T, function lambda.Handler, dir string) {
	t.Helper()
	for _, path := range devservertest.Files(t, dir) {
		name := strings.TrimSuffix(path, ".json")
		if _, isKnown := eventAnswers[name]; !isKnown && !strings.HasPrefix(path, "stripe/") &&
			name != "eventbridge" && name != "env" {
			t.Errorf("%s has no known answer", path)
		}
	}
	for name, want := range eventAnswers {
		t.Run(name, func(t *testing.T) {
			event, err := os.ReadFile(filepath.Join(dir, name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var answer events.APIGatewayV2HTTPResponse
			if err := json.Unmarshal(devservertest.Invoke(t, function, event), &answer); err != nil {
				t.Fatal(err)
			}
			if answer.StatusCode != want.status {
				t.Fatalf("status = %d: %s", answer.StatusCode, answer.Body)
			}
			if want.code != "" && devservertest.CodeOf(t, answer.Body) != want.code {
				t.Errorf("problem = %s", answer.Body)
			}
			if (answer.Headers["Location"] != "") != (want.status == http.StatusSeeOther) {
				t.Errorf("Location = %q", answer.Headers["Location"])
			}
		})
	}
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
