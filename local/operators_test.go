package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/urfave/cli/v3"

	"billingportal/local/internal/commandline/commandtest"
	"billingportal/local/internal/operator"
)

// allCommands returns the commands of this program and of the operators' program.
func allCommands() []*cli.Command {
	return append(newCommand().Commands, operator.NewCommand(os.Getenv).Commands...)
}

// The operators' program has the commands that this program lists, with the same texts.
func TestTheListOfCommandsIsComplete(t *testing.T) {
	var listed, had []string
	for _, command := range newCommand().Commands {
		if command.SkipFlagParsing {
			listed = append(listed, command.Name+": "+command.Usage)
		}
	}
	for _, command := range operator.NewCommand(os.Getenv).Commands {
		had = append(had, command.Name+": "+command.Usage)
	}
	if !slices.Equal(listed, had) {
		t.Errorf("listed are %q, the operator's program has %q", listed, had)
	}
}

func TestDefaultsOfFlags(t *testing.T) {
	want := map[string]string{
		"portal-config apply --write": `".deploy/default.toml"`, "events --dir": `"events"`,
		"import --rate": "20", "import --write-capacity": "500",
		"invoke --env-vars": `"local/env.json"`, "serve --listen": `"127.0.0.1:8080"`,
		"token --ttl": "1h0m0s", "token --url": `"http://127.0.0.1:8080"`, "token --user": `"alice"`,
	}
	got := map[string]string{}
	for command, flag := range commandtest.Flags(allCommands()) {
		if value := flag.(cli.DocGenerationFlag).GetValue(); value != "" && value != "false" {
			got[command+" --"+flag.Names()[0]] = value
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("the defaults are %q, want %q", got, want)
	}
}

// The source is in the folder in which the program was compiled, or else in the working directory.
func TestTheSourceIsFound(t *testing.T) {
	folder := t.TempDir()
	for file, want := range map[string]string{
		filepath.Join(folder, "operators.go"):         folder,
		filepath.Join(folder, "gone", "operators.go"): ".",
		"billingportal/local/operators.go":            ".",
	} {
		if got := sourceFolder(file); got != want {
			t.Errorf("%s: %s, want %s", file, got, want)
		}
	}
}
