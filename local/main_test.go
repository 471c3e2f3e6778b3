package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// asCommand is set for a process of the tests that is to be the command.
const asCommand = "LOCAL_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// itself is a process that runs the command with these arguments.
func itself(ctx context.Context, t *testing.T, arguments ...string) *exec.Cmd {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(ctx, executable, arguments...)
	command.Env = append(os.Environ(), asCommand+"=yes")
	return command
}

// A script sees a failure by the exit status, and finds the reason on standard error.
func TestAFailureIsAnExitStatus(t *testing.T) {
	for line, test := range map[string]struct {
		status int
		said   string
	}{
		"token --user=":    {1, "local: --user is empty; leave it out, or give it a value\n"},
		"configure --help": {0, ""},
	} {
		var stdout, stderr strings.Builder
		command := itself(t.Context(), t, strings.Fields(line)...)
		command.Stdout, command.Stderr = &stdout, &stderr
		err := command.Run()
		var exit *exec.ExitError
		if test.status == 0 && err != nil || test.status != 0 && (!errors.As(err, &exit) || exit.ExitCode() != test.status) {
			t.Errorf("%s: %v, want exit status %d", line, err, test.status)
		}
		if stderr.String() != test.said || (stdout.String() == "") != (test.status != 0) {
			t.Errorf("%s: standard error %q, want %q; standard output %q", line, &stderr, test.said, &stdout)
		}
	}
}
