// Package commands tests the commands of `go run ./local` as processes.
package commands

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
)

// TestMain builds the program of `go run ./local` for all tests.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		folder, err := os.MkdirTemp("", "local-*")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(folder)
		program = filepath.Join(folder, "local")
		build := exec.Command("go", "build", "-o", program, "billingportal/local")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			panic(err)
		}
		return m.Run()
	}())
}

var program string

// run runs the program in a folder until it ends.
func run(t *testing.T, folder, input string, arguments ...string) (status int, output, errOut string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), program, arguments...)
	command.Dir, command.Stdin, command.Stdout, command.Stderr = folder, strings.NewReader(input), &stdout, &stderr
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// A failed command has a non-zero exit status and prints the reason to standard error. The operator
// commands behave like all others, in any folder.
func TestCommandsAreOneProgram(t *testing.T) {
	elsewhere := t.TempDir()
	for _, name := range []string{
		"CUSTOMERS_TABLE", "STRIPE_SECRET_ID", "STRIPE_SECRET_KEY", "JWT_ISSUER", "JWT_AUDIENCE", "STRIPE_EVENT_SOURCE",
	} {
		t.Setenv(name, "")
	}
	for name, test := range map[string]struct {
		arguments, input string
		status           int
		output, errOut   string // prefixes; "" means no output
	}{
		"a flag that is blank": {
			"token --user=", "", 1, "", "local: --user is empty; leave it out, or give it a value\n",
		},
		"help": {
			"--help", "", 0, "Run the billing portal on your machine; ", "",
		},
		"an operator's help": {
			"configure --help", "", 0, "Find the settings that accept a token of your identity provider.\n", "",
		},
		"help about an operator's": {
			"help import", "", 0, "Write your existing customers into the table.\n\nUSAGE:\n", "",
		},
		"help of an inner command": {
			"portal-config apply --help", "", 0, "Create and update the portal configurations of a file ", "",
		},
		"a wrong flag": {
			"doctor --stock=x", "", 1, "Check whether a deployment can work, ",
			"Incorrect Usage: flag provided but not defined: -stock\n",
		},
		"a flag in front": {
			"--json doctor", "", 1, "", "local: --json stands before doctor, which would ignore it",
		},
		"an argument too many": {
			"doctor stack", "", 1, "", `local: doctor takes no argument "stack"; see doctor --help` + "\n",
		},
		"no such command": {
			"docter", "", 1, "", `local: there is no command "docter"; see --help` + "\n",
		},
		"piped standard input": {
			"configure --offline", "not a token", 1,
			"No variable JWT_… is set: looking for settings that accept the token on standard input.\n",
			"configure: a token from standard input\nlocal: ",
		},
		"an environment of its own": {
			"doctor", "", 0, "ok ",
			"doctor: the development server's stand-ins, because no variable of a function is set\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			status, output, errOut := run(t, elsewhere, test.input, strings.Fields(test.arguments)...)
			if status != test.status {
				t.Errorf("exit status %d, want %d", status, test.status)
			}
			for got, want := range map[string]string{output: test.output, errOut: test.errOut} {
				if !strings.HasPrefix(got, want) || (got == "") != (want == "") {
					t.Errorf("it prints %q, want %q", got, want)
				}
			}
		})
	}
}

// An operator command is built when it is called. If the build fails, Go prints the reason.
func TestCommandThatCannotBeBuilt(t *testing.T) {
	t.Setenv("GOFLAGS", "-unheard")
	requireFailure(t, "local: build this command: exit status ", "-unheard")
	t.Setenv("PATH", t.TempDir())
	requireFailure(t, "local: this command is built when it is called, and needs go: ", "")
}

func requireFailure(t *testing.T, prefix, reason string) {
	t.Helper()
	status, output, errOut := run(t, ".", "", "doctor")
	if status != 1 || output != "" || !strings.HasPrefix(errOut, prefix) || !strings.Contains(errOut, reason) {
		t.Errorf("exit status %d: %s%s", status, output, errOut)
	}
}

// Ctrl-C stops an import.
func TestImportIsInterrupted(t *testing.T) {
	l, _ := devservertest.Start(t)
	devservertest.SetOperatorEnvironment(t, l.Server, devserver.CustomersTable)
	asked := make(chan struct{}, 1)
	stripe := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer stripe.Close()
	t.Setenv("STRIPE_API_BASE", stripe.URL)
	command := exec.CommandContext(t.Context(), program, "import", "--endpoint-url", l.Origin+devserver.DynamoDBPath)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	<-asked
	if err := command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err := command.Wait()
	if status := command.ProcessState.ExitCode(); status != 1 || !strings.Contains(output.String(), "local: ") {
		t.Errorf("%v, exit status %d: %s", err, status, &output)
	}
}
