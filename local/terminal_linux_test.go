package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"billingportal/local/internal/commandline/commandtest"
)

// terminal returns the two ends of a terminal: what a program writes, a person reads.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return person, program
}

// terminalFlags are flags that have an effect on a terminal alone.
func terminalFlags() map[string]commandtest.FlagTest {
	return map[string]commandtest.FlagTest{
		"serve --json": {[2]string{"", "yes"}, [2]string{"POST    /billing/portal  401", `{"time":"`},
			func(t *testing.T, value string) string {
				person, program := terminal(t)
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
