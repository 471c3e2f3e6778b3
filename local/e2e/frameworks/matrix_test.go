//go:build integration && frameworks

package frameworks

import (
	"slices"
	"strings"
)

// cell is a behavior of an app in a browser.
type cell struct{ browser, way, behavior, app string }

// matrix has a table for each browser, with a column for each app and a row for each behavior.
type matrix struct {
	browsers []string
	passed   map[cell]bool
}

// add adds the cells of an app as not passed.
func (m *matrix) add(browser string, a app) {
	if m.passed == nil {
		m.passed = map[cell]bool{}
	}
	if !slices.Contains(m.browsers, browser) {
		m.browsers = append(m.browsers, browser)
	}
	for _, way := range ways {
		for _, behavior := range behaviors {
			if a.has(way) {
				m.passed[cell{browser, way.name, behavior.name, a.name}] = false
			}
		}
	}
}

// String returns the matrix in Markdown.
func (m *matrix) String() string {
	var s strings.Builder
	for _, browser := range m.browsers {
		s.WriteString("| " + browser + " |")
		for _, a := range apps {
			s.WriteString(" " + a.name + " |")
		}
		s.WriteString("\n|---|" + strings.Repeat(":---:|", len(apps)) + "\n")
		for _, way := range ways {
			for _, behavior := range behaviors {
				s.WriteString("| " + way.name + ": " + behavior.name + " |")
				for _, a := range apps {
					mark := "✗"
					if passed, isRun := m.passed[cell{browser, way.name, behavior.name, a.name}]; !isRun {
						mark = ""
					} else if passed {
						mark = "✓"
					}
					s.WriteString(" " + mark + " |")
				}
				s.WriteString("\n")
			}
		}
		s.WriteString("\n")
	}
	return s.String()
}
