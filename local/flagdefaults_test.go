package main

import (
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/urfave/cli/v3"
)

func TestDefaultsOfFlags(t *testing.T) {
	want := map[string]string{
		"apply --write": `".deploy/default.toml"`, "events --dir": `"events"`, "import --rate": "20", "import --write-capacity": "500",
		"invoke --env-vars": `"local/env.json"`, "serve --listen": `"127.0.0.1:8080"`,
		"token --ttl": "1h0m0s", "token --url": `"http://127.0.0.1:8080"`, "token --user": `"alice"`,
	}
	got := map[string]string{}
	for _, command := range newCommand(os.Stdout).Commands {
		for _, c := range append(slices.Clone(command.Commands), command) {
			for _, flag := range c.Flags {
				value := flag.(cli.DocGenerationFlag).GetValue()
				if value != "" && value != "false" {
					got[c.Name+" --"+flag.Names()[0]] = value
				}
			}
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("the defaults are %q, want %q", got, want)
	}
}
