// Package commandtest tests command lines.
package commandtest

import (
	"bytes"
	"context"
	"io"
	"iter"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"
)

// FlagTest shows that a flag has an effect: two values have two results. The value "" leaves the
// flag out.
type FlagTest = struct {
	Values, Want [2]string
	See          func(t *testing.T, value string) string
}

// Flags returns the flags of all commands, by the name of the command.
func Flags(commands []*cli.Command) iter.Seq2[string, cli.Flag] {
	return func(yield func(string, cli.Flag) bool) {
		for _, command := range commands {
			for _, c := range append(slices.Clone(command.Commands), command) {
				for _, flag := range c.Flags {
					name := command.Name
					if c != command {
						name += " " + c.Name
					}
					if !yield(name, flag) {
						return
					}
				}
			}
		}
	}
}

// RequireEffects fails unless every flag of the commands has an effect. The name of a test is
// "command --flag". A comma and another use of the flag may follow.
func RequireEffects(t *testing.T, commands []*cli.Command, tests map[string]FlagTest) {
	t.Helper()
	registered := map[string]bool{}
	for command, flag := range Flags(commands) {
		registered[command+" --"+flag.Names()[0]] = true
	}
	if runtime.GOOS != "linux" { // the only system whose terminals the test opens
		delete(registered, "serve --json")
	}
	for name, test := range tests {
		flag, _, _ := strings.Cut(name, ",")
		if _, isKnown := registered[flag]; !isKnown {
			t.Errorf("there is no %s", flag)
		}
		registered[flag] = false
		t.Run(name, func(t *testing.T) {
			var seen [2]string
			for i, value := range test.Values {
				seen[i] = test.See(t, value)
				if !strings.Contains(seen[i], test.Want[i]) {
					t.Errorf("with %q: %s, want %s", value, seen[i], test.Want[i])
				}
			}
			if seen[0] == seen[1] || test.Want[0] == "" || test.Want[1] == "" {
				t.Errorf("both values do the same: %s", seen[0])
			}
		})
	}
	for flag, isMissing := range registered {
		if isMissing {
			t.Errorf("%s has no test", flag)
		}
	}
}

// RequireNoBlanks fails unless every blank flag is refused: a blank flag is often an empty variable
// in a script.
func RequireNoBlanks(t *testing.T, root func() *cli.Command) {
	t.Helper()
	for command, flag := range Flags(root().Commands) {
		if _, isText := flag.(*cli.StringFlag); !isText {
			continue
		}
		arguments := strings.Fields(command)
		if command == "invoke" && flag.Names()[0] != "event" { // the required flag
			arguments = append(arguments, "--event", "none.json")
		}
		name := "--" + flag.Names()[0]
		for _, value := range []string{"", " ", "\t\n"} {
			_, _, err := Run(t, root(), append(slices.Clone(arguments), name+"="+value)...)
			if Said(err) != name+" is empty; leave it out, or give it a value" {
				t.Errorf("%v %s=%q: %v", arguments, name, value, err)
			}
		}
	}
}

// Run runs a command without input, and returns its standard output and standard error.
func Run(t *testing.T, root *cli.Command, arguments ...string) (output, errOut string, err error) {
	t.Helper()
	return RunWith(t.Context(), strings.NewReader(""), root, arguments...)
}

// RunWith runs a command with an input, and returns its standard output and standard error.
func RunWith(
	ctx context.Context, input io.Reader, root *cli.Command, arguments ...string,
) (output, errOut string, err error) {
	var out, other bytes.Buffer
	root.Reader, root.Writer, root.ErrWriter = input, &out, &other
	err = root.Run(ctx, append([]string{"local"}, arguments...))
	return out.String(), other.String(), err
}

// Option returns a flag with a value, or nothing if the value is "".
func Option(flag, value string) []string {
	switch value {
	case "":
		return nil
	case "yes": // a flag without a value
		return []string{flag}
	}
	return []string{flag, value}
}

// Said returns the text of an error, or "" for nil.
func Said(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
