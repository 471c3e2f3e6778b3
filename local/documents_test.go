package main

import (
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"billingportal/functions/app"
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
		if entry.IsDir() && slices.Contains([]string{".git", ".tools", ".aws-sam", ".cache", "node_modules"}, entry.Name()) {
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
	// RELEASE is the one variable whose name is one word.
	variablePattern       = regexp.MustCompile(`\b(?:[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|RELEASE)\b`)
	quotedVariablePattern = regexp.MustCompile("[\"'`{$ ]([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|RELEASE)\\b")

	kindPattern      = regexp.MustCompile(`(?m)^\t"([a-z-]+)":\s+\{\d{3},`)
	statusRowPattern = regexp.MustCompile(`(?m)^\| \d{3}(?:, \d{3})* \|([^|]+)\|`)
	codePattern      = regexp.MustCompile("`([a-z-]+)`")

	callPattern = regexp.MustCompile(`go run \./local(?: ([a-z]+(?:-[a-z]+)*))?((?: +[^\x60|)\n]+)?)`)
	flagPattern = regexp.MustCompile(`--([a-z][a-z-]*)`)

	targetPattern = regexp.MustCompile(`(?m)^([a-z][A-Za-z-]*):`)
	makePattern   = regexp.MustCompile("(?:`|    )make ([a-z][a-z-]*)")

	linkPattern         = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headingPattern      = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notInAnchorsPattern = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

func TestDocumentsNameTheVariables(t *testing.T) {
	known := map[string]bool{}
	walkSource(t, "..", func(path, text string) {
		if strings.HasSuffix(path, ".md") || strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, match := range quotedVariablePattern.FindAllStringSubmatch(text, -1) {
			known[match[1]] = true
		}
	})
	named := map[string][]string{}
	for _, d := range documents(t) {
		for _, name := range variablePattern.FindAllString(d.text, -1) {
			named[name] = append(named[name], d.path)
		}
	}
	ofLambda := []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_ENDPOINT_URL", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"}
	read := map[string]bool{}
	for _, assemble := range []app.Assembly{app.Portal, app.Webhook} {
		_, err := assemble(t.Context(), func(name string) string {
			read[name] = !slices.Contains(ofLambda, name)
			return ""
		}, io.Discard)
		if err == nil {
			t.Fatal("an empty environment was accepted")
		}
	}
	maps.DeleteFunc(read, func(_ string, ours bool) bool { return !ours })
	requireNamed(t, "variable", named, func(name string) bool { return known[name] }, slices.Sorted(maps.Keys(read)))
}

// A code stands in a row of a table that begins with statuses.
func TestDocumentsNameTheCodes(t *testing.T) {
	kinds, err := os.ReadFile("../functions/internal/answer/kinds.go")
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, match := range kindPattern.FindAllStringSubmatch(string(kinds), -1) {
		codes = append(codes, match[1])
	}
	if len(codes) < 30 {
		t.Fatalf("codes: %v", codes)
	}
	named := map[string][]string{}
	for _, d := range documents(t) {
		for _, cells := range statusRowPattern.FindAllStringSubmatch(d.text, -1) {
			for _, match := range codePattern.FindAllStringSubmatch(cells[1], -1) {
				named[match[1]] = append(named[match[1]], d.path)
			}
		}
	}
	requireNamed(t, "code", named, func(name string) bool { return slices.Contains(codes, name) }, codes)
}

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
		joined := strings.ReplaceAll(d.text, "\\\n", " ")
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

func TestDocumentsNameTheTargets(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, match := range targetPattern.FindAllStringSubmatch(string(makefile), -1) {
		targets = append(targets, match[1])
	}
	named := map[string][]string{}
	for _, d := range documents(t) {
		for _, match := range makePattern.FindAllStringSubmatch(d.text, -1) {
			named[match[1]] = append(named[match[1]], d.path)
		}
	}
	requireNamed(t, "target", named, func(name string) bool { return slices.Contains(targets, name) }, nil)
	if len(named) < 4 {
		t.Errorf("the documents name %v", named)
	}
}

// TestDocumentsLead follows each link to a file of the repository, and to a heading of a page.
func TestDocumentsLead(t *testing.T) {
	links := 0
	for _, d := range documents(t) {
		for _, match := range linkPattern.FindAllStringSubmatch(d.text, -1) {
			file, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(file, "://") {
				continue
			}
			links++
			path := d.path
			if file != "" {
				path = filepath.Join(filepath.Dir(d.path), file)
			}
			text, err := os.ReadFile(path)
			if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
				err = nil
			}
			if err != nil {
				t.Errorf("%s leads to %s: %v", d.path, match[1], err)
				continue
			}
			if anchor != "" && !slices.Contains(anchors(string(text)), anchor) {
				t.Errorf("%s leads to %s, and there is no such heading", d.path, match[1])
			}
		}
	}
	if links < 20 {
		t.Errorf("%d links", links)
	}
}

// anchors are the names that GitHub gives to the headings of a page.
func anchors(text string) []string {
	var found []string
	for _, match := range headingPattern.FindAllStringSubmatch(text, -1) {
		name := notInAnchorsPattern.ReplaceAllString(strings.ToLower(match[1]), "")
		found = append(found, strings.ReplaceAll(name, " ", "-"))
	}
	return found
}

func TestTheReadmeIsReadInTenMinutes(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(text), "\n"); lines > 300 {
		t.Errorf("%d lines", lines)
	}
}

var (
	elementPattern   = regexp.MustCompile(`<manage-billing-button([^>]*)>`)
	attributePattern = regexp.MustCompile(` ([a-z-]+)(?:="[^"]*")?`)
	placePattern     = regexp.MustCompile(`(?m)^  "?([a-z-]+)"?: "[^"]+",$`)
	readPattern      = regexp.MustCompile(`(?:get|has)Attribute\("([a-z-]+)"\)`)
)

// A snippet uses attributes that the element has, and the table of attributes has all of them.
func TestDocumentsNameTheAttributes(t *testing.T) {
	source, err := os.ReadFile("../functions/internal/portal/button/button.js")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, pattern := range []*regexp.Regexp{placePattern, readPattern} {
		for _, match := range pattern.FindAllStringSubmatch(string(source), -1) {
			all = append(all, match[1])
		}
	}
	if len(all) < 15 {
		t.Fatalf("attributes: %v", all)
	}
	for _, d := range documents(t) {
		for _, element := range elementPattern.FindAllStringSubmatch(d.text, -1) {
			for _, attribute := range attributePattern.FindAllStringSubmatch(element[1], -1) {
				if !slices.Contains(all, attribute[1]) {
					t.Errorf("%s: the element has no attribute %s", d.path, attribute[1])
				}
			}
		}
	}
	table, err := os.ReadFile("examples/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		if !strings.Contains(string(table), "`"+name+"`") {
			t.Errorf("local/examples/README.md leaves out the attribute %s", name)
		}
	}
}
