package main

import (
	"os"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"

	"billingportal/local/internal/commandline/commandtest"
	"billingportal/local/internal/operator"
)

// The help of every command is one sentence, then the usage, the flags and examples.
func TestEveryHelpHasASentenceAndAnExample(t *testing.T) {
	for _, command := range allCommands() {
		if command.SkipFlagParsing { // a command of the operators' program
			continue
		}
		name := []string{command.Name}
		if len(command.Commands) > 0 {
			name = append(name, command.Commands[0].Name)
		}
		var root *cli.Command
		if newCommand().Command(command.Name).SkipFlagParsing {
			root = operator.NewCommand(os.Getenv)
		} else {
			root = newCommand()
		}
		output, _, err := commandtest.Run(t, root, append(name, "--help")...)
		sentence, rest, _ := strings.Cut(output, "\n")
		if err != nil || !strings.HasSuffix(sentence, ".") || strings.ToUpper(sentence[:1]) != sentence[:1] ||
			!strings.HasPrefix(rest, "\nUSAGE:\n   go run ./local "+strings.Join(name, " ")) {
			t.Errorf("%v: %v\n%s", name, err, output)
		}
		if _, examples, _ := strings.Cut(output, "\nOPTIONS:\n"); !strings.Contains(examples,
			"\nEXAMPLES:\n") || !strings.Contains(examples, "go run ./local") {
			t.Errorf("%v has no examples after its options:\n%s", name, output)
		}
	}
}
