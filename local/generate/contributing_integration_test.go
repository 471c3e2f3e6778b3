//go:build integration

package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Files to paste lines into.
const (
	expectedFile      = ".ci/template/expected.yaml"
	configurationFile = "infra/CONFIGURATION.md"
)

// TestTheChecksOfANewCodeAndVariable follows CONTRIBUTING.md in a copy of the repository and runs
// the tests that it names.
func TestTheChecksOfANewCodeAndVariable(t *testing.T) {
	w := newWorkspace(t, "functions", "local", "infra", "events", ".ci", ".github", "README.md",
		"template.yaml", "samconfig.toml", "go.mod", "go.sum", "Makefile", "LICENSE", ".golangci.yml", ".gitignore")
	code, text, variable := examples(t, "An error code"), examples(t, "A text")[0], examples(t, "A variable")
	w.insert(codesFile, ")\n\n// A definition ", "\t", code[0])
	w.insert(codesFile, "\tUpstreamTimeout:", "\t", code[1])
	for _, language := range catalogues {
		w.insert(languageFolder+"texts/"+language+".txt", "", "", text+" ("+language+")")
	}
	w.insert("functions/app/portal/portal.go", "\tc.Tokens = e.tokens(", "\t", variable[0]+"\n_ = greeting")
	w.insert("template.yaml", "  BasePath:\n", "  ", variable[1])
	w.insert("template.yaml", "          NO_ACCOUNT_URL: ", "          ", variable[2])
	const (
		row    = "| `GREETING` | Word that pages begin with | `hello` |"
		entry  = "    Greeting: {Type: String, Default: hello}"
		checks = "go test ./local/internal/checks -run " +
			"OpenAPIHas|Documents|README|TestTemplate|Variables|ParametersWithout"
	)
	python, err := filepath.Abs(root + "/.tools/venv/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	settings := python +
		" -B -m unittest discover -s .ci/template -t .ci/template -k test_every_parameter_is_the_expected"
	pasted := map[string]string{configurationFile: row, expectedFile: entry}
	// Each command either succeeds or prints a line to paste.
	for _, command := range [][2]string{
		{"go generate ./functions/internal/language", ""},
		{"go vet ./functions/internal/... ./functions/app/portal", ""},
		{"go test ./functions/internal/problem ./functions/internal/language ./functions/internal/button", ""},
		{"go test ./functions/app -run TestEverySettingOfThePortal", `{variable: "GREETING", value: "another", `},
		{"go test ./local/internal/checks -run TestParameterPatterns", `{"Greeting", []string{"hello"}, `},
		{"go test ./local/internal/devserver -run TestADevserverHasEveryVariable", `"GREETING",`},
		{checks, row}, {"paste " + configurationFile, "| `AWS_ENDPOINT_URL_DYNAMODB`"}, {checks, ""},
		{settings, entry}, {"paste " + expectedFile, "    StripeSecretId:"}, {settings, ""},
	} {
		name, arguments, _ := strings.Cut(command[0], " ")
		if name == "paste" {
			w.insert(arguments, command[1], "", pasted[arguments])
			continue
		}
		run := exec.CommandContext(t.Context(), name, strings.Fields(arguments)...)
		run.Dir = w.root
		output, err := run.CombinedOutput()
		if (err == nil) != (command[1] == "") || !strings.Contains(string(output), command[1]) {
			t.Fatalf("%s: %v\n%s", command[0], err, output)
		}
	}
}
