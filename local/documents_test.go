package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// document is a page that people read.
type document struct{ path, text string }

// documents are all pages of the repository.
func documents(t *testing.T) []document {
	t.Helper()
	var found []document
	walkSource(t, "..", func(path, text string) {
		if strings.HasSuffix(path, ".md") && !strings.Contains(path, "testdata") {
			found = append(found, document{path, text})
		}
	})
	if len(found) < 6 {
		t.Fatalf("%d documents", len(found))
	}
	return found
}

// walkSource gives each file of the repository to a function.
func walkSource(t *testing.T, root string, each func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{".git", ".tools", ".aws-sam", ".cache", ".deploy", "node_modules"}, entry.Name()) {
			return filepath.SkipDir
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		each(path, string(text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// requireNamed fails where a document names something that does not exist, or no document names something that does.
func requireNamed(t *testing.T, what string, named map[string][]string, exists func(string) bool, all []string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(named)) {
		if !exists(name) {
			t.Errorf("there is no %s %s, which %s names", what, name, strings.Join(named[name], ", "))
		}
	}
	for _, name := range all {
		if _, ok := named[name]; !ok {
			t.Errorf("no document names the %s %s", what, name)
		}
	}
}

var (
	callPattern = regexp.MustCompile(`go run \./local(?: ([a-z]+(?:-[a-z]+)*))?((?: +[^\x60|)\n]+)?)`)
	flagPattern = regexp.MustCompile(`--([a-z][a-z-]*)`)
	// wrappedPattern is the end of a line within a command of a sentence.
	wrappedPattern = regexp.MustCompile("(`go run [^`\n]*)\n *")
)

func TestDocumentsNameTheCommands(t *testing.T) {
	var all []string
	for _, command := range newCommand(os.Stdout).Commands {
		name := "go run ./local " + command.Name
		all = append(all, name)
		flags := command.Flags
		for _, inner := range command.Commands {
			flags = append(slices.Clone(flags), inner.Flags...)
		}
		for _, flag := range flags {
			all = append(all, name+" --"+flag.Names()[0])
		}
	}
	named := map[string][]string{}
	for _, d := range documents(t) {
		joined := wrappedPattern.ReplaceAllString(strings.ReplaceAll(d.text, "\\\n", " "), "$1 ")
		for _, match := range callPattern.FindAllStringSubmatch(joined, -1) {
			name := "go run ./local " + match[1]
			if match[1] == "" {
				name = "go run ./local serve"
			}
			named[name] = append(named[name], d.path)
			for _, option := range flagPattern.FindAllString(match[2], -1) {
				named[name+" "+option] = append(named[name+" "+option], d.path)
			}
		}
	}
	exists := func(name string) bool {
		return slices.Contains(all, name) || strings.HasSuffix(name, " --help")
	}
	requireNamed(t, "command", named, exists, all)
}
