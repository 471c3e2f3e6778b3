package main

import (
	"bufio"
	"io"
	"strings"
	"testing"

	"billingportal/local/internal/commandline/commandtest"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
)

// terminalFlags returns the tests of flags that have an effect only on a terminal.
func terminalFlags() map[string]commandtest.FlagTest {
	return map[string]commandtest.FlagTest{
		"serve --json": {[2]string{"", "yes"}, [2]string{"POST    /billing/portal  401", `{"time":"`},
			func(t *testing.T, value string) string {
				person, program := commandtest.Terminal(t)
				origin, _ := serving(t, program,
					append(commandtest.Option("--json", value), "--listen", "127.0.0.1:0")...)
				press(t, origin, "")
				reader := bufio.NewReader(person)
				for {
					line, err := reader.ReadString('\n')
					if err != nil || strings.Contains(line, "/billing/portal") ||
						strings.Contains(line, `"msg":"request"`) {
						return line
					}
				}
			}},
	}
}

// A token at a terminal ends with the next step. In $(…), standard output has only the token.
func TestTokenNamesTheNextStepAtATerminal(t *testing.T) {
	origin, _ := devservertest.Serve(t, devserver.Options{Listen: "127.0.0.1:0"})
	_, program := commandtest.Terminal(t)
	for _, test := range []struct {
		stdout io.Writer
		want   bool
	}{{program, true}, {io.Discard, false}} {
		var said strings.Builder
		command := newCommand()
		command.Writer, command.ErrWriter = test.stdout, &said
		err := command.Run(t.Context(), []string{"local", "token", "--user", "dave", "--url", origin})
		want := `Next: curl -i -X POST -H "Authorization: Bearer $(go run ./local token --user dave --url ` + origin +
			`)" ` + origin + "/billing/portal\n"
		if err != nil || strings.HasSuffix(said.String(), want) != test.want ||
			strings.Contains(said.String(), "Next:") != test.want {
			t.Errorf("%v: %q, want %t: %q", err, &said, test.want, want)
		}
	}
}
