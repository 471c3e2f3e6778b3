// Package commandtest tests command lines.
package commandtest

import (
	"bytes"
	"iter"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"
)

// FlagTest shows that a flag does something: with two values, a command does two things. The value "" leaves the flag out.
type FlagTest = struct {
	Values, Want [2]string
	See          func(t *testing.T, value string) string
}

// Flags are the flags of all commands, by the name of the command.
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

// RequireEffects fails unless every flag of the commands has an effect. The name of a test is "command --flag", and may have a comma and
// another use of the flag behind it.
func RequireEffects(t *testing.T, commands []*cli.Command, tests map[string]FlagTest) {
	t.Helper()
	registered := map[string]bool{}
	for command, flag := range Flags(commands) {
		registered[command+" --"+flag.Names()[0]] = true
	}
	if runtime.GOOS != "linux" { // whose terminals the test knows
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

// RequireNoBlanks fails unless every flag that is blank is refused: it is often an empty variable of a script.
func RequireNoBlanks(t *testing.T, root func() *cli.Command) {
	t.Helper()
	for command, flag := range Flags(root().Commands) {
		if _, isText := flag.(*cli.StringFlag); !isText {
			continue
		}
		arguments := strings.Fields(command)
		if command == "invoke" && flag.Names()[0] != "event" { // which is required
			arguments = append(arguments, "--event", "none.json")
		}
		name := "--" + flag.Names()[0]
		for _, value := range []string{"", " ", "\t\n"} {
			if _, _, err := Run(t, root(), append(slices.Clone(arguments), name+"="+value)...); Said(err) != name+" is empty; leave it out, or give it a value" {
				t.Errorf("%v %s=%q: %v", arguments, name, value, err)
			}
		}
	}
}

// Run runs a command without input, and returns its two outputs.
func Run(t *testing.T, root *cli.Command, arguments ...string) (output, errOut string, err error) {
	t.Helper()
	var out, other bytes.Buffer
	root.Reader, root.Writer, root.ErrWriter = strings.NewReader(""), &out, &other
	err = root.Run(t.Context(), append([]string{"local"}, arguments...))
	return out.String(), other.String(), err
}

// Option is a flag with a value; nothing if the value is "".
func Option(flag, value string) []string {
	switch value {
	case "":
		return nil
	case "yes": // of a flag without a value
		return []string{flag}
	}
	return []string{flag, value}
}

// Said is an error's text; "" for none.
func Said(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
