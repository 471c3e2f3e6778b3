//go:build integration

package main

import (
	"os/exec"
	"strings"
	"testing"
)

// TestTheChecksOfANewCodeAndVariable follows CONTRIBUTING.md in a copy of the repository, and runs its tests there.
func TestTheChecksOfANewCodeAndVariable(t *testing.T) {
	folder := t.TempDir()
	for _, path := range []string{"functions", "local", "infra", "events", ".ci", ".github"} {
		copyFolder(t, folder, path)
	}
	for _, path := range []string{"README.md", "template.yaml", "samconfig.toml", "Makefile", "go.mod", "go.sum", "LICENSE", ".golangci.yml", ".gitignore"} {
		write(t, folder, path, read(t, root, path))
	}
	code, text, variable := examples(t, "A code of an error.", 2), examples(t, "A text", 1)[0], examples(t, "A variable.", 3)
	insert(t, folder, codesFile, ")\n\n// A definition is", "\t"+code[0])
	insert(t, folder, codesFile, "\tUpstreamTimeout:", "\t"+code[1])
	for _, language := range []string{"en", "de", "fr", "es", "it", "pt-BR", "nl", "ja"} {
		path := languageFolder + "texts/" + language + ".txt"
		write(t, folder, path, read(t, folder, path)+strings.TrimSuffix(text, "\n")+" ("+language+")\n")
	}
	insert(t, folder, "functions/app/portal/portal.go", "\tc.Tokens = e.tokens(c.Livemode)\n", "\t"+variable[0]+"\t_ = greeting\n")
	insert(t, folder, "template.yaml", "  BasePath:\n", indented(variable[1], 2))
	insert(t, folder, "template.yaml", "          NO_ACCOUNT_URL: ", indented(variable[2], 10))
	insert(t, folder, "template.yaml", " BasePath]", " Greeting,")
	for _, command := range []struct {
		arguments string
		prints    string // if it fails; "" if it succeeds
	}{
		{"generate ./functions/internal/language", ""},
		{"vet ./functions/internal/... ./functions/app/portal", ""},
		{"test ./functions/internal/problem ./functions/internal/language ./functions/internal/button", ""},
		{"test ./local/internal/checks -run TestOpenAPIHas|TestDocuments|TestTheReadme|TestTemplate|TestVariables|TestParametersWithout", ""},
		{"test ./functions/app -run TestEverySettingOfThePortal", `{variable: "GREETING", value: "another", `},
		{"test ./local/internal/checks -run TestParameterPatterns", `{"Greeting", []string{"hello"}, `},
	} {
		run := exec.CommandContext(t.Context(), "go", strings.Fields(command.arguments)...)
		run.Dir = folder
		output, err := run.CombinedOutput()
		if (err == nil) != (command.prints == "") || !strings.Contains(string(output), command.prints) {
			t.Fatalf("go %s: %v\n%s", command.arguments, err, output)
		}
	}
}
