package checks

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// root is the folder of the repository, relative to this package.
const root = "../../../"

// page is a document for people. Its text has white space instead of the parts that are not
// checked, so positions are those of the file.
type page struct{ path, text string }

var (
	fenceStart = regexp.MustCompile("^( *)```")
	listItem   = regexp.MustCompile(`^ *(?:[-*]|\d+\.) `)
	address    = regexp.MustCompile(`\]\([^)\s]*\)|https?://[^\s)|` + "`" + `]+`)
)

func readPage(t *testing.T, path string) page {
	t.Helper()
	text, err := os.ReadFile(root + path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(path, ".yaml") {
		return page{path, descriptions(t, string(text))}
	}
	return page{path, address.ReplaceAllStringFunc(withoutBlocks(string(text)), blankAddress)}
}

// withoutBlocks replaces code blocks with spaces. .ci/template/test_commands.py and the tests of
// the recipes check them.
func withoutBlocks(text string) string {
	var prose strings.Builder
	fence, after := false, true // in a fence; after an empty line or in an indented block
	margin := 0                 // indentation of the current list item
	for line := range strings.Lines(text) {
		trimmed := strings.TrimLeft(line, " ")
		indent := len(line) - len(trimmed)
		starts := fenceStart.MatchString(line)
		if starts {
			fence = !fence
		}
		if item := listItem.FindString(line); item != "" {
			margin = len(item)
		} else if strings.TrimSpace(line) != "" && indent == 0 {
			margin = 0
		}
		code := fence || starts || after && indent >= margin+4
		if code {
			line = blank(line)
		}
		after = strings.TrimSpace(trimmed) == "" || code && !starts
		prose.WriteString(line)
	}
	return prose.String()
}

// blankAddress replaces an address with spaces, but keeps the bracket that closes the text of a
// link.
func blankAddress(s string) string {
	if rest, ok := strings.CutPrefix(s, "]"); ok {
		return "]" + blank(rest)
	}
	return blank(s)
}

func blank(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return ' '
	}, s)
}

// descriptions keeps the texts for people in an OpenAPI document, in their lines, and replaces
// everything else with spaces.
func descriptions(t *testing.T, text string) string {
	t.Helper()
	parsed, err := parseOutline(text)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(text, "\n")
	keep := make([]bool, len(lines))
	var walk func(o *outline)
	walk = func(o *outline) {
		for _, name := range o.names {
			child := o.members[name]
			if value := child.value; value != "" && (name == "description" || name == "summary" || name == "title") {
				// A block scalar starts at the line of the indicator. The text continues as long as
				// lines are indented further.
				at := child.line - 1
				keep[at] = true
				indent := len(lines[at]) - len(strings.TrimLeft(lines[at], " "))
				for i := at + 1; i < len(lines); i++ {
					if trimmed := strings.TrimLeft(lines[i], " \n"); trimmed != "" &&
						len(strings.TrimRight(lines[i], "\n"))-len(strings.TrimRight(trimmed, "\n")) <= indent {
						break
					}
					keep[i] = true
				}
			}
			walk(child)
		}
	}
	walk(parsed)
	var prose strings.Builder
	for i, line := range lines {
		if !keep[i] {
			line = blank(line)
		}
		prose.WriteString(line)
	}
	return address.ReplaceAllStringFunc(prose.String(), blankAddress)
}

// line returns the line number of a position.
func (p page) line(at int) int { return 1 + strings.Count(p.text[:at], "\n") }

// around returns a range with the text before and after it, in one line.
func (p page) around(from, to int) string {
	before, after := p.text[max(0, from-60):from], p.text[to:min(len(p.text), to+60)]
	return strings.Join(strings.Fields(strings.ToValidUTF8(before+"«"+p.text[from:to]+"»"+after, "")), " ")
}
