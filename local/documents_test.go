package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"billingportal/local/internal/checks"
	"billingportal/local/internal/commandline/commandtest"
)

var (
	callPattern = regexp.MustCompile(`go run \./local(?: ([a-z]+(?:-[a-z]+)*))?((?: +[^\x60|)\n]+)?)`)
	flagPattern = regexp.MustCompile(`--([a-z][a-z-]*)`)
	// wrappedPattern matches a line end inside a command in a sentence.
	wrappedPattern = regexp.MustCompile("(`go run [^`\n]*)\n *")
)

func TestDocumentsNameTheCommands(t *testing.T) {
	var all []string
	for _, command := range newCommand().Commands {
		all = append(all, "go run ./local "+command.Name)
	}
	for command, flag := range commandtest.Flags(allCommands()) {
		name, _, _ := strings.Cut(command, " ")
		all = append(all, "go run ./local "+name+" --"+flag.Names()[0])
	}
	named := map[string][]string{}
	for _, d := range checks.Documents(t, "../") {
		joined := wrappedPattern.ReplaceAllString(strings.ReplaceAll(d.Text, "\\\n", " "), "$1 ")
		for _, match := range callPattern.FindAllStringSubmatch(joined, -1) {
			name := "go run ./local " + match[1]
			if match[1] == "" {
				name = "go run ./local serve"
			}
			named[name] = append(named[name], d.Path)
			for _, option := range flagPattern.FindAllString(match[2], -1) {
				named[name+" "+option] = append(named[name+" "+option], d.Path)
			}
		}
	}
	exists := func(name string) bool {
		return slices.Contains(all, name) || strings.HasSuffix(name, " --help")
	}
	checks.RequireNamed(t, "command", named, exists, all)
}
