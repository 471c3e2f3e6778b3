package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A workspace is a copy of some folders and files of the repository.
type workspace struct {
	*testing.T
	root string
}

func newWorkspace(t *testing.T, paths ...string) workspace {
	t.Helper()
	w := workspace{t, t.TempDir()}
	for _, path := range paths {
		if info, err := os.Stat(filepath.Join(root, path)); err == nil && info.IsDir() {
			if err := os.CopyFS(filepath.Join(w.root, path), os.DirFS(filepath.Join(root, path))); err != nil {
				t.Fatal(err)
			}
			continue
		}
		w.write(path, workspace{t, root}.read(path))
	}
	return w
}

func (w workspace) read(path string) string {
	w.Helper()
	content, err := os.ReadFile(filepath.Join(w.root, path))
	if err != nil {
		w.Fatal(err)
	}
	return string(content)
}

func (w workspace) write(path, text string) {
	w.Helper()
	if err := os.WriteFile(filepath.Join(w.root, path), []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
}

// insert inserts a text, indented by margin, before place in a file, or at the end of the file if
// place is "".
func (w workspace) insert(path, place, margin, text string) {
	w.Helper()
	old := w.read(path)
	at := strings.Index(old, place)
	if place == "" {
		at = len(old)
	}
	if at < 0 {
		w.Fatalf("%s does not have %q", path, place)
	}
	w.write(path, old[:at]+margin+strings.ReplaceAll(text, "\n", "\n"+margin)+"\n"+old[at:])
}

// examples returns the indented blocks of a section of "Adding something" in CONTRIBUTING.md.
func examples(t *testing.T, title string) []string {
	t.Helper()
	_, section, _ := strings.Cut(workspace{t, root}.read(".github/CONTRIBUTING.md"), "\n### "+title+"\n")
	section, _, _ = strings.Cut(section, "\n#")
	var blocks []string
	for part := range strings.SplitSeq(section, "\n\n") {
		if block, ok := strings.CutPrefix(part, "    "); ok {
			blocks = append(blocks, strings.TrimSpace(strings.ReplaceAll(block, "\n    ", "\n")))
		}
	}
	return blocks
}

// requireError fails unless the generator returns an error that contains words.
func (w workspace) requireError(words string) {
	w.Helper()
	if err := run(w.root); err == nil || !strings.Contains(err.Error(), words) {
		w.Errorf("the error is %v, want %q", err, words)
	}
}

var catalogues = []string{"en", "de", "fr", "es", "it", "pt-BR", "nl", "ja"}

// TestAddACode follows the steps in CONTRIBUTING.md and checks the error after each incomplete
// step.
func TestAddACode(t *testing.T) {
	w := newWorkspace(t, languageFolder, buttonFolder, "functions/internal/problem", "infra")
	code, text := examples(t, "An error code"), examples(t, "A text")[0]
	w.insert(codesFile, ")\n\n// A definition ", "\t", code[0])
	w.requireError("QuotaReached has no definition")
	w.insert(codesFile, "\tUpstreamTimeout:", "\t", code[1])
	w.requireError("en.txt lacks the key QuotaReached")
	for _, language := range catalogues {
		w.requireError("the key QuotaReached")
		w.insert(languageFolder+"texts/"+language+".txt", "", "", text)
	}
	requireStale(t, w.root, languageFolder+"keys.go", languageFolder+"texts.gz", apiFile, openAPIFile)
	if err := run(w.root); err != nil {
		t.Fatal(err)
	}
	requireStale(t, w.root)
	for path, want := range map[string]string{
		apiFile:                    "| 403 | `quota-reached` | Ask the operator for a larger quota |\n",
		languageFolder + "keys.go": `"Quota used up",`,
		openAPIFile:                "parameter-not-allowed, quota-reached]}\n",
	} {
		if !strings.Contains(w.read(path), want) {
			t.Errorf("%s was generated without %q", path, want)
		}
	}
	table := w.read(codesFile)
	other := strings.Replace(table, "{403, language.QuotaReached", "{409, language.QuotaReached", 1)
	for _, changed := range []string{other, workspace{t, root}.read(codesFile)} {
		w.write(codesFile, changed)
		w.requireError("callers know quota-reached with the status 403")
	}
	w.write(codesFile, strings.Replace(table, "{403, language.QuotaReached", "{402, language.QuotaReached", 1))
	w.requireError("no schema has the status 402 of quota-reached")
	w.write(codesFile, table)
	w.insert(languageFolder+"texts/de.txt", "", "", "Another\tEtwas anderes\n"+text)
	w.requireError("en.txt lacks the key Another, and de.txt has it")
	w.requireError(`not a new key, a tab and a text: "QuotaReached`)
}
