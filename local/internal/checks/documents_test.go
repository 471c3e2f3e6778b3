package checks

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"billingportal/functions/app/portal"
	"billingportal/functions/app/webhook"
)

var (
	variablePattern       = regexp.MustCompile(`\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b`)
	quotedVariablePattern = regexp.MustCompile("[\"'`{$ ]([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\\b")

	linkPattern         = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headingPattern      = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notInAnchorsPattern = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

func TestDocumentsNameTheVariables(t *testing.T) {
	known := map[string]bool{"DYNAMODB_JSON": true} // an option's value in the AWS CLI
	WalkSource(t, root, func(path, text string) {
		if strings.HasSuffix(path, ".md") || strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, match := range quotedVariablePattern.FindAllStringSubmatch(text, -1) {
			known[match[1]] = true
		}
	})
	ofLambda := []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION",
		"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_ENDPOINT_URL",
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"}
	read := map[string]bool{}
	for _, name := range slices.Concat(portal.Variables(), webhook.Variables()) {
		read[name] = !slices.Contains(ofLambda, name)
	}
	maps.DeleteFunc(read, func(_ string, ours bool) bool { return !ours })
	named := map[string][]string{}
	for _, d := range Documents(t, root) {
		for _, at := range variablePattern.FindAllStringIndex(d.Text, -1) {
			name := d.Text[at[0]:at[1]]
			if !strings.HasSuffix(d.Text[:at[0]], "=") { // a value in a variable of another program
				named[name] = append(named[name], d.Path)
			}
		}
		for name := range read { // also variables whose name is a single word
			if strings.Contains(d.Text, "`"+name+"`") {
				named[name] = append(named[name], d.Path)
			}
		}
	}
	RequireNamed(t, "variable", named, func(name string) bool { return known[name] || read[name] },
		slices.Sorted(maps.Keys(read)))
}

// Codes are in rows of tables that start with statuses.
func TestDocumentsNameTheCodes(t *testing.T) {
	statuses := statusesOfCodes(t)
	named := map[string][]string{}
	for _, d := range Documents(t, root) {
		for _, cells := range statusRow.FindAllStringSubmatch(d.Text, -1) {
			for _, match := range codeSpan.FindAllStringSubmatch(cells[2], -1) {
				named[match[1]] = append(named[match[1]], d.Path)
			}
		}
	}
	RequireNamed(t, "code", named, func(name string) bool { return statuses[name] != "" },
		slices.Sorted(maps.Keys(statuses)))
}

// TestDocumentLinks follows each link to a file of the repository or to a heading of a page.
func TestDocumentLinks(t *testing.T) {
	links := 0
	for _, d := range Documents(t, root) {
		for _, match := range linkPattern.FindAllStringSubmatch(d.Text, -1) {
			file, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(file, "://") {
				continue
			}
			links++
			path := root + d.Path
			if file != "" {
				path = filepath.Join(root, filepath.Dir(d.Path), file)
			}
			text, err := os.ReadFile(path)
			if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
				err = nil
			}
			if err != nil {
				t.Errorf("%s: the link to %s is broken: %v", d.Path, match[1], err)
				continue
			}
			if anchor != "" && !slices.Contains(anchors(string(text)), anchor) {
				t.Errorf("%s: the link to %s is broken: no heading has this anchor", d.Path, match[1])
			}
		}
	}
	if links < 20 {
		t.Errorf("found only %d links in the documents", links)
	}
}

// anchors returns the anchors that GitHub generates for the headings of a page.
func anchors(text string) []string {
	var found []string
	for _, match := range headingPattern.FindAllStringSubmatch(text, -1) {
		name := notInAnchorsPattern.ReplaceAllString(strings.ToLower(match[1]), "")
		found = append(found, strings.ReplaceAll(name, " ", "-"))
	}
	return found
}

func TestREADMEHasAtMost150Lines(t *testing.T) {
	if lines := strings.Count(readText(t, "README.md"), "\n"); lines > 150 {
		t.Errorf("%d lines, at most 150: move reference text to a page of its own", lines)
	}
}

var (
	elementPattern   = regexp.MustCompile(`<manage-billing-button([^>]*)>`)
	attributePattern = regexp.MustCompile(` ([a-z-]+)(?:="[^"]*")?`)
	placePattern     = regexp.MustCompile(`(?m)^  "?([a-z-]+)"?: "[^"]+",$`)
	readPattern      = regexp.MustCompile(`(?:\battribute|hasAttribute)\("([a-z-]+)"\)`)
)

// Snippets use only attributes of the element, and the table of attributes contains all of them.
func TestDocumentsNameTheAttributes(t *testing.T) {
	source, err := os.ReadFile(root + "functions/internal/button/button.js")
	if err != nil {
		t.Fatal(err)
	}
	_, places, _ := strings.Cut(string(source), "const places = {")
	places, _, _ = strings.Cut(places, "}")
	var all []string
	for _, match := range append(placePattern.FindAllStringSubmatch(places, -1),
		readPattern.FindAllStringSubmatch(string(source), -1)...) {
		all = append(all, match[1])
	}
	if len(all) < 15 {
		t.Fatalf("found too few attributes in button.js: %v", all)
	}
	for _, d := range Documents(t, root) {
		for _, element := range elementPattern.FindAllStringSubmatch(d.Text, -1) {
			for _, attribute := range attributePattern.FindAllStringSubmatch(element[1], -1) {
				if !slices.Contains(all, attribute[1]) {
					t.Errorf("%s: <manage-billing-button> has no attribute %s", d.Path, attribute[1])
				}
			}
		}
	}
	table, err := os.ReadFile(root + "local/examples/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		if !strings.Contains(string(table), "`"+name+"`") {
			t.Errorf("local/examples/README.md: add the attribute %s to the table", name)
		}
	}
}
