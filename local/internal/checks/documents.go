package checks

import (
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// notRead are folders that do not belong to the repository.
var notRead = []string{".git", ".tools", ".aws-sam", ".cache", ".deploy", "node_modules"}

// WalkSource calls each with every file of the repository: its path from root, which is the folder
// of the repository, and its text.
func WalkSource(t *testing.T, root string, each func(path, text string)) {
	t.Helper()
	folder := os.DirFS(root)
	err := fs.WalkDir(folder, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains(notRead, entry.Name()) {
			return fs.SkipDir
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		text, err := fs.ReadFile(folder, path)
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

// Document is a page that people read.
type Document struct{ Path, Text string }

// Documents returns all pages of the repository. root is its folder.
func Documents(t *testing.T, root string) []Document {
	t.Helper()
	var found []Document
	WalkSource(t, root, func(path, text string) {
		if strings.HasSuffix(path, ".md") && !strings.Contains(path, "testdata") {
			found = append(found, Document{path, text})
		}
	})
	if len(found) < 6 {
		t.Fatalf("%d documents", len(found))
	}
	return found
}

// RequireNamed fails the test if a document names something that does not exist, or if no document
// names an element of all.
func RequireNamed(t *testing.T, what string, named map[string][]string, exists func(string) bool, all []string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(named)) {
		if !exists(name) {
			t.Errorf("the %s %s does not exist: fix its name in %s", what, name, strings.Join(named[name], ", "))
		}
	}
	for _, name := range all {
		if _, ok := named[name]; !ok {
			t.Errorf("no document describes the %s %s: add it to a page", what, name)
		}
	}
}
