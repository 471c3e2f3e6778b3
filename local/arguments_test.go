package main

import (
	"net/http"
	"strings"
	"testing"

	"billingportal/local/internal/commandline/commandtest"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
)

func TestNoArgumentIsIgnored(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"token bob", `token takes no argument "bob"`},
		{"events customer.created extra", `events takes no argument "extra"`},
		{"invoke -e events/portal.json PortalFunction", `invoke takes no argument "PortalFunction"`},
		{"serve now", `serve takes no argument "now"`},
		{"--listen 127.0.0.1:0 now", `no command "now"`},
		{"token --listen 127.0.0.1:8081", "flag provided but not defined: -listen"},
		{"--stack billing-portal", "flag provided but not defined: -stack"},
		{"--json doctor", "--json stands before doctor"},
		{"--listen 127.0.0.1:8081 token", "--listen stands before token"},
		{"token --user=", "--user is empty"},
	} {
		t.Run(test.line, func(t *testing.T) {
			if output, _, err := run(t, strings.Fields(test.line)...); err == nil ||
				!strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %s\n%s", err, test.want, output)
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
				origin, _ := devservertest.Serve(t, devserver.Options{Listen: "127.0.0.1:0"})
				command = strings.Replace(line, "ORIGIN", origin, 1)
			}
			if _, _, err := run(t, strings.Fields(command)...); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
}

// The target is printed on standard error, so that the token, the event and the JSON on standard
// output can be piped.
func TestCommandsSayTheirTarget(t *testing.T) {
	origin, _ := devservertest.Serve(t, devserver.Options{Listen: "127.0.0.1:0"})
	t.Chdir("..")
	for line, want := range map[string]string{
		"token --url " + origin:   "token: for the development server at " + origin + "\n",
		"events customer.created": "events: for the development server's stand-ins\n",
		"invoke -e nothing.json": "invoke: with the development server's stand-ins and the variables of " +
			"local/env.json\n",
		"invoke -e - --env-vars nothing.env": "the variables of nothing.env\n",
	} {
		t.Run(line, func(t *testing.T) {
			output, errOut, _ := run(t, strings.Fields(line)...) // it may fail afterwards
			if !strings.HasPrefix(errOut, strings.Fields(line)[0]+": ") || !strings.Contains(errOut, want) {
				t.Errorf("said %q, want %q", errOut, want)
			}
			if first, _, _ := strings.Cut(want, "\n"); strings.Contains(output, first) {
				t.Errorf("standard output has it too: %s", output)
			}
		})
	}
}

func TestEveryWrongVariableIsNamedOnce(t *testing.T) {
	for name, value := range map[string]string{
		"STRIPE_SECRET_KEY": "sk_live_" + "x", "STRIPE_WEBHOOK_SECRET": "secret",
		"CLIENT_REFERENCES": "some", "LOG_LEVEL": "loud",
		"ALLOWED_FLOWS": "everything", "DEFAULT_RETURN_URL": "https://elsewhere.example/",
	} {
		t.Setenv(name, value)
	}
	_, _, err := run(t, "--listen", "127.0.0.1:0")
	if err == nil {
		t.Fatal("it serves")
	}
	for _, name := range []string{"STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "CLIENT_REFERENCES", "LOG_LEVEL",
		"ALLOWED_FLOWS", "DEFAULT_RETURN_URL"} {
		if strings.Count(err.Error(), "\n"+name+" ") != 1 {
			t.Errorf("%s is not named once in: %v", name, err)
		}
	}
}

func TestServeAndToken(t *testing.T) {
	origin, greeting := devservertest.Serve(t, devserver.Options{Listen: "127.0.0.1:0"})
	if !strings.Contains(greeting, "token --user alice --url "+origin) || !strings.Contains(greeting, "a stand-in") {
		t.Errorf("greeting: %s", greeting)
	}

	output, _, err := run(t, "token", "--url", origin, "--user", "alice", "--ttl", "5m",
		"--claims", `{"scope":"billing"}`)
	token, rest, _ := strings.Cut(output, "\n")
	if err != nil || strings.Count(token, ".") != 2 || rest != "" {
		t.Fatalf("%v, the token and nothing else: %q", err, output)
	}
	if response, body := devservertest.Send(t, http.MethodPost, origin+"/billing/portal", "",
		devservertest.Bearer(token)); response.StatusCode != http.StatusSeeOther {
		t.Errorf("status = %d: %s", response.StatusCode, body)
	}
}

// run runs a command, and returns its standard output and standard error.
func run(t *testing.T, arguments ...string) (output, errOut string, err error) {
	t.Helper()
	return commandtest.Run(t, newCommand(), arguments...)
}

func TestCommandLine(t *testing.T) {
	for name, test := range map[string]struct {
		arguments []string
		want      string // in the output, or else in the error
	}{
		"help":            {[]string{"--help"}, "--listen"},
		"help of serve":   {[]string{"serve", "--help"}, "--container-listen"},
		"help of token":   {[]string{"token", "--help"}, "--claims"},
		"help of events":  {[]string{"events", "--help"}, "thrown away"},
		"no such command": {[]string{"sreve"}, `no command "sreve"`},
		"no server": {[]string{"token", "--url", "http://" + devservertest.FreeAddress(t)},
			"go run ./local"},
		"not a loopback address": {[]string{"--listen", "0.0.0.0:0"}, "not a loopback address"},
		"not an address":         {[]string{"--listen", "here"}, "here"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := run(t, test.arguments...)
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, test.want) {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestTokenOfAStranger(t *testing.T) {
	origin, _ := devservertest.Serve(t, devserver.Options{Listen: "127.0.0.1:0"})
	for arguments, want := range map[string]string{"--user=mallory": "unknown user", "--claims=[]": "claims",
		"--ttl=-1h": "ttl", "--ttl=soon": "ttl"} {
		if output, _, err := run(t, "token", "--url", origin, arguments); err == nil ||
			!strings.Contains(err.Error(), want) || strings.Contains(output, "eyJ") {
			t.Errorf("%s: %v, want %s: %s", arguments, err, want, output)
		}
	}
}
