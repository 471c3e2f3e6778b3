package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

func TestGeneratedFilesAreCurrent(t *testing.T) {
	requireStale(t, root)
}

// requireStale fails unless exactly these generated files differ from the files that their sources
// generate.
func requireStale(t *testing.T, root string, want ...string) {
	t.Helper()
	files, err := generate(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	var stale []string
	for path, fresh := range files {
		content, err := os.ReadFile(filepath.Join(root, path))
		if err != nil || !bytes.Equal(unzipped(t, path, content), fresh) {
			stale = append(stale, path)
		}
	}
	slices.Sort(stale)
	if !slices.Equal(stale, want) {
		t.Errorf("stale files %v, want %v: run go generate ./...", stale, want)
	}
}

// unzipped returns the uncompressed content of a file, because another version of the compressor
// may produce other bytes.
func unzipped(t *testing.T, path string, content []byte) []byte {
	t.Helper()
	if filepath.Ext(path) != ".gz" {
		return content
	}
	r, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(path, err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(path, err)
	}
	return text
}

func TestTheButtonNamesOnlyCodesThatExist(t *testing.T) {
	for name, test := range map[string]struct{ file, old, new, want string }{
		"set by the module": {"button.js", `refusal("internal"`, `refusal("interna"`, "there is no code interna"},
		"with wording":      {"button.js", `"insufficient-role":`, `"wrong-role":`, "there is no code wrong-role"},
		"in the list of the types": {"button.d.ts", `- "billing-bad-response":`, `- "bad-response":`,
			"there is no code bad-response"},
		"in a comment of the types": {"button.d.ts", `if the code is "subscription-ambiguous"`,
			`if the code is "ambiguous"`, "there is no code ambiguous"},
		"with a text of its own": {"button.d.ts", `| "flow-unavailable"`, `| "flow-missing"`,
			"there is no code flow-missing"},
		"in another place": {"button.js", "const wording = {", "const words = {", `no codes between "const wording`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkspace(t, languageFolder, buttonFolder, "functions/internal/problem", "infra")
			w.write(buttonFolder+test.file, strings.Replace(w.read(buttonFolder+test.file), test.old, test.new, 1))
			w.requireError(test.want)
		})
	}
}

func TestEveryCodeIsRead(t *testing.T) {
	w := newWorkspace(t, languageFolder, buttonFolder, "functions/internal/problem", "infra")
	table := w.read(codesFile)
	for _, other := range []string{"Internal\n\t\tCode = \"internal\"", "Internal Code = `internal`",
		`Internal = Code("internal")`, `Internal Code = "internal" // a fault`} {
		w.write(codesFile, strings.Replace(table, `Internal Code = "internal"`, other, 1))
		w.requireError("codes, but only")
	}
}

// Unused texts would be translated in vain.
func TestEveryTextIsUsed(t *testing.T) {
	texts, err := readTexts(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	sources := ""
	for _, pattern := range []string{"functions/internal/*/*.go", "local/generate/button.go"} {
		paths, _ := filepath.Glob(filepath.Join(root, pattern))
		for _, path := range paths {
			if !strings.HasSuffix(path, "_test.go") {
				sources += workspace{t, root}.read(strings.TrimPrefix(path, root+"/"))
			}
		}
	}
	for _, key := range texts.keys {
		if !regexp.MustCompile(`(language\.|text\(")` + key + `\b`).MatchString(sources) {
			t.Errorf("no code uses the text %s: remove it from the catalogues", key)
		}
	}
}
