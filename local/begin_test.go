package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"

	"billingportal/functions/app"
	"billingportal/functions/app/portal"
	"billingportal/functions/app/webhook"
)

func TestNoArgumentIsIgnored(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"doctor billing-portal", `doctor takes no argument "billing-portal"`},
		{"doctor --json billing-portal", `doctor takes no argument "billing-portal"`},
		{"doctor -- --stack", `doctor takes no argument "--stack"`},
		{"token bob", `token takes no argument "bob"`},
		{"import x", `import takes no argument "x"`},
		{"events customer.created extra", `events takes no argument "extra"`},
		{"invoke -e events/portal.json PortalFunction", `invoke takes no argument "PortalFunction"`},
		{"configure token.txt", `configure takes no argument "token.txt"`},
		{"portal-config portal.yaml", `portal-config takes no argument "portal.yaml"`},
		{"portal-config apply", "name the file"},
		{"portal-config apply a.yaml b.yaml", `portal-config apply takes no argument "b.yaml"`},
		{"portal-config apply a.yaml --write=", "--write is empty"},
		{"portal-config --dry-run apply a.yaml", "flag provided but not defined: -dry-run"},
		{"doctor --portal-config=", "--portal-config is empty"},
		{"serve now", `serve takes no argument "now"`},
		{"--listen 127.0.0.1:0 now", `no command "now"`},
		{"doctor --stock billing-portal", "flag provided but not defined: -stock"},
		{"token --listen 127.0.0.1:8081", "flag provided but not defined: -listen"},
		{"import --every", "flag provided but not defined: -every"},
		{"--stack billing-portal", "flag provided but not defined: -stack"},
		{"--json doctor", "--json stands before doctor"},
		{"--listen 127.0.0.1:8081 token", "--listen stands before token"},
		{"doctor --stack=", "--stack is empty"},
		{"doctor --region eu-central-1", "--region goes with --stack"},
		{"token --user=", "--user is empty"},
		{"import --csv=", "--csv is empty"},
	} {
		t.Run(test.line, func(t *testing.T) {
			var output bytes.Buffer
			if err := runCommand(t, &output, append([]string{"local"}, strings.Fields(test.line)...)...); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %s\n%s", err, test.want, &output)
			}
		})
	}
}

func TestUsersOfTheCommandLineExist(t *testing.T) {
	t.Setenv("JWT_ISSUER", "")
	for line, want := range map[string]string{
		"--customer alice=foo":               "not the ID of a customer",
		"--customer alice=":                  "not the ID of a customer",
		"--customer alice":                   `missing separator "="`,
		"serve --customer alice=cus_":        "not the ID of a customer",
		"serve --customer alice=sub_1":       "not the ID of a customer",
		"--customer zoe=cus_1":               "the demo users are alice, bob, carol, dave, erin",
		"--customer Alice=cus_1":             "the demo users are",
		"--everyone alice":                   "set JWT_ISSUER",
		"serve --everyone cus_1":             "set JWT_ISSUER",
		"token --user zoe --url " + "ORIGIN": "unknown user",
	} {
		t.Run(line, func(t *testing.T) {
			command := line + " --listen 127.0.0.1:0"
			if strings.HasPrefix(line, "token ") {
				origin, _ := startServe(t, serveOptions{listen: "127.0.0.1:0"})
				command = strings.Replace(line, "ORIGIN", origin, 1)
			}
			if err := runCommand(t, io.Discard, append([]string{"local"}, strings.Fields(command)...)...); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
}

// Standard output is for the token, the event and the JSON, so that they can be piped.
func TestCommandsSayTheirTarget(t *testing.T) {
	for _, name := range []string{"CUSTOMERS_TABLE", "STRIPE_SECRET_ID", "JWT_ISSUER", "JWT_AUDIENCE", "STRIPE_EVENT_SOURCE"} {
		t.Setenv(name, "")
	}
	origin, _ := startServe(t, serveOptions{listen: "127.0.0.1:0"})
	t.Chdir("..")
	for line, test := range map[string]struct{ variable, want string }{
		"token --url " + origin:              {"", "token: for the development server at " + origin + "\n"},
		"events customer.created":            {"", "events: for the development server's stand-ins\n"},
		"doctor --json":                      {"", "doctor: the development server's stand-ins, because no variable"},
		"doctor":                             {"STRIPE_EVENT_SOURCE", "doctor: the environment\n"},
		"import --csv -":                     {"CUSTOMERS_TABLE", "import: the table of the environment, CUSTOMERS_TABLE=example\n"},
		"import --propose x --out y":         {"", "import: the customers of the environment's Stripe key; no table\n"},
		"configure --offline":                {"", "configure: a token from standard input, and the JWT_… variables"},
		"invoke -e nothing.json":             {"", "invoke: with the development server's stand-ins and the variables of local/env.json\n"},
		"doctor --region x --stack mine":     {"", "doctor: the stack mine\n"},
		"portal-config apply none.yaml":      {"", "portal-config: the portal configurations of the environment's Stripe key\n"},
		"invoke -e - --env-vars nothing.env": {"", "the variables of nothing.env\n"},
	} {
		t.Run(line, func(t *testing.T) {
			if test.variable != "" {
				t.Setenv(test.variable, "example")
			}
			t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
			t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
			t.Setenv("AWS_REGION", "eu-central-1")
			var output, said bytes.Buffer
			command := newCommand(nil)
			command.Reader, command.Writer, command.ErrWriter = strings.NewReader(""), &output, &said
			_ = command.Run(t.Context(), append([]string{"local"}, strings.Fields(line)...)) // what is said before it fails or not
			if !strings.HasPrefix(said.String(), strings.Fields(line)[0]+": ") || !strings.Contains(said.String(), test.want) {
				t.Errorf("said %q, want %q", &said, test.want)
			}
			if first, _, _ := strings.Cut(test.want, "\n"); strings.Contains(output.String(), first) {
				t.Errorf("standard output has it too: %s", &output)
			}
		})
	}
}

func TestEveryWrongVariableIsNamedOnce(t *testing.T) {
	for name, value := range map[string]string{
		"STRIPE_SECRET_KEY": "sk_live_" + "x", "STRIPE_WEBHOOK_SECRET": "secret", "CLIENT_REFERENCES": "some", "LOG_LEVEL": "loud",
		"ALLOWED_FLOWS": "everything", "DEFAULT_RETURN_URL": "https://elsewhere.example/",
	} {
		t.Setenv(name, value)
	}
	err := runCommand(t, io.Discard, "local", "--listen", "127.0.0.1:0")
	if err == nil {
		t.Fatal("it serves")
	}
	for _, name := range []string{"STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "CLIENT_REFERENCES", "LOG_LEVEL", "ALLOWED_FLOWS", "DEFAULT_RETURN_URL"} {
		if strings.Count(err.Error(), "\n"+name+" ") != 1 {
			t.Errorf("%s is not named once in: %v", name, err)
		}
	}
}

// Scripts may call from each origin of ALLOWED_ORIGINS as the function reads it.
func TestTheGatewayReadsOriginsAsTheFunctionDoes(t *testing.T) {
	t.Setenv("ALLOWED_ORIGINS", " HTTPS://App.Example.com/ , http://localhost:3000,https://b.example.com:443")
	t.Setenv("DEFAULT_RETURN_URL", "https://app.example.com/")
	l, _ := startDevserver(t)
	for origin, want := range map[string]string{
		"https://app.example.com": "https://app.example.com", "http://localhost:3000": "http://localhost:3000", "https://b.example.com": "https://b.example.com",
		"https://c.example.com": "", "https://app.example.com/": "", "https://APP.example.com": "", "": "", "null": "",
	} {
		for _, method := range []string{http.MethodOptions, http.MethodPost} {
			request, err := http.NewRequestWithContext(t.Context(), method, l.origin+"/billing/portal", nil)
			if err != nil {
				t.Fatal(err)
			}
			if origin != "" {
				request.Header.Set("Origin", origin)
			}
			request.Header.Set("Access-Control-Request-Method", http.MethodPost)
			response, _ := send(t, request)
			if got := response.Header.Get("Access-Control-Allow-Origin"); got != want {
				t.Errorf("%s from %q: allowed %q, want %q", method, origin, got, want)
			}
		}
	}
}

// A flag that is blank is refused, whichever it is: it is often an empty variable of a script.
func TestNoFlagIsBlank(t *testing.T) {
	flags := 0
	for _, command := range newCommand(os.Stdout).Commands {
		for _, c := range append(slices.Clone(command.Commands), command) {
			for _, flag := range c.Flags {
				if _, isText := flag.(*cli.StringFlag); !isText {
					continue
				}
				flags++
				arguments := []string{"local", command.Name}
				if c != command {
					arguments = append(arguments, c.Name)
				}
				if command.Name == "invoke" && flag.Names()[0] != "event" { // which is required
					arguments = append(arguments, "--event", "none.json")
				}
				name := "--" + flag.Names()[0]
				for _, value := range []string{"", " ", "\t\n"} {
					if err := runCommand(t, io.Discard, append(slices.Clone(arguments), name+"="+value)...); said(err) != name+" is empty; leave it out, or give it a value" {
						t.Errorf("%v %s=%q: %v", arguments, name, value, err)
					}
				}
			}
		}
	}
	if flags < 20 {
		t.Errorf("%d flags", flags)
	}
}

// Whatever a function reads can be tried on a devserver: it is the stand-ins' or an engineer's to set.
func TestADevserverHasEveryVariable(t *testing.T) {
	l, err := newDevserver("http://127.0.0.1:1", demoKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	// The laptop's table, secret and paths are its own.
	notOnADevserver := []string{
		"AWS_ENDPOINT_URL", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_SESSION_TOKEN", "BASE_PATH",
		"CUSTOMERS_ATTRIBUTE", "CUSTOMERS_KEY", "CUSTOMERS_KEY_FORMAT", "CUSTOMERS_SORT_KEY", "RELEASE", "STRIPE_EVENT_SOURCE", "STRIPE_SECRET_FIELD",
	}
	for name, function := range map[string]struct {
		assemble app.Assembly
		set      map[string]string
		tunable  []string
	}{
		"portal":  {portal.New, l.environment(l.origin), tunable},
		"webhook": {webhook.New, l.webhookEnvironment(l.origin), webhookTunable},
	} {
		read := map[string]bool{}
		_, _ = function.assemble(t.Context(), func(variable string) string { // an empty environment is refused once all of it was asked for
			read[variable] = true
			return ""
		}, io.Discard)
		for variable := range read {
			_, isSet := function.set[variable]
			if isOnADevserver := isSet || slices.Contains(function.tunable, variable); isOnADevserver == slices.Contains(notOnADevserver, variable) {
				t.Errorf("%s reads %s, which is set or tunable: %t", name, variable, isOnADevserver)
			}
		}
		for _, variable := range function.tunable {
			if !read[variable] {
				t.Errorf("%s does not read %s", name, variable)
			}
		}
	}
}
