package main

import (
	"bufio"
	"strings"
	"testing"

	"billingportal/local/internal/commandline/commandtest"
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
