//go:build integration

package browser

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"billingportal/local/e2e/webdriver"
)

func TestMain(m *testing.M) {
	status := webdriver.Run(m)
	if err := writeMatrix(os.Getenv("MATRIX")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = cmp.Or(status, 1)
	}
	os.Exit(status)
}

// browser is a browser in a test.
type browser struct {
	*webdriver.Browser

	t *testing.T
}

// forEachBrowser runs a test in each browser, as a subtest and a row of the matrix. The subtests
// run in parallel, so only the outer test can set environment variables.
func forEachBrowser(t *testing.T, test func(*testing.T, *browser)) {
	t.Helper()
	for _, name := range webdriver.Browsers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			record(t)
			test(t, &browser{webdriver.Open(t, name), t})
		})
	}
}

// click clicks on the element of a selector, and waits for an element of the next page.
func (b *browser) click(selector, next string) {
	b.t.Helper()
	b.Click(selector)
	b.WaitVisible(next)
}

// evaluate returns the value of an expression in the page.
func evaluate[T any](b *browser, expression string) T {
	b.t.Helper()
	return webdriver.Eval[T](b.Browser, expression)
}

// screenshot writes a screenshot to the folder SCREENSHOTS, if it is set.
func (b *browser) screenshot(name string) {
	b.t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	if err := os.MkdirAll(filepath.Join(dir, b.Name), 0o700); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, b.Name, name+".png"), b.Screenshot(), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// limits are behaviors that a browser or its driver cannot show, with the reason. A test checks
// everything else, and the matrix lists them.
var limits = []limit{
	{"SlowAndBack", webdriver.Firefox,
		"its driver listens for unload while it clicks, so the browser does not cache the page; " +
			"TheButton tests only the event"},
	{"SlowAndBack", webdriver.WebKit, "its driver does not cache the page; TheButton tests only the event"},
	{"LooksOfTheElement", webdriver.WebKit, "in dark mode it draws a native button dark and reports a light color, " +
		"so axe does not judge the contrast of its label"},
}

type limit struct{ behaviour, browser, reason string }

func (b *browser) limited(behaviour string) bool {
	return slices.ContainsFunc(limits, func(l limit) bool { return l.behaviour == behaviour && l.browser == b.Name })
}

var (
	matrixMu sync.Mutex
	matrix   = map[[2]string]string{} // behaviour and browser → result
)

// behaviour runs a subtest that is also a row of the matrix.
func behaviour(t *testing.T, name string, test func(*testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		record(t)
		test(t)
	})
}

// record stores the result of a test when it ends. The name of the test is TestX/BROWSER or
// TestX/BROWSER/more.
func record(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		parts := strings.SplitN(strings.ReplaceAll(t.Name(), "_", " "), "/", 3)
		row := strings.TrimPrefix(parts[0], "Test")
		if len(parts) == 3 {
			row += ": " + parts[2]
		}
		result := "ok"
		if t.Failed() {
			result = "FAILED"
		}
		matrixMu.Lock()
		defer matrixMu.Unlock()
		matrix[[2]string{row, parts[1]}] = result
	})
}

// writeMatrix writes the results of all behaviors and browsers to a file in Markdown, if path is
// set.
func writeMatrix(path string) error {
	if path == "" {
		return nil
	}
	var rows []string
	for key := range matrix {
		rows = append(rows, key[0])
	}
	slices.Sort(rows)
	var text strings.Builder
	text.WriteString("| behaviour | " + strings.Join(webdriver.Browsers(), " | ") + " |\n|---|---|---|---|\n")
	for _, row := range slices.Compact(rows) {
		text.WriteString("| " + row)
		for _, name := range webdriver.Browsers() {
			result := cmp.Or(matrix[[2]string{row, name}], "not run")
			if slices.ContainsFunc(limits, func(l limit) bool { return l.behaviour == row && l.browser == name }) {
				result += ", partly"
			}
			text.WriteString(" | " + result)
		}
		text.WriteString(" |\n")
	}
	for _, l := range limits {
		_, _ = fmt.Fprintf(&text, "\n- %s in %s: %s", l.behaviour, l.browser, l.reason)
	}
	return os.WriteFile(path, []byte(text.String()+"\n"), 0o600)
}
