package checks

import (
	"fmt"
	"go/ast"
	"maps"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v79"
)

// A phrase is an exact quote from a page. A {{placeholder}} in it stands for a number with its
// unit, in digits or in words. The number must equal one of:
//
//   - package.constant, or the length of package.list: Go code, including the tests of a package
//   - default Parameter: a default in template.yaml
//   - template.yaml Path/To/Value, or a value in another YAML file
//   - flag folder name: the default of a flag
//   - measured Section|row|column: a cell in local/bench/README.md, rounded as in the phrase
//   - a number from [calculated], by its name
//
// A placeholder can also be a name from [texts].

// said lists the phrases of each page. Together they must cover every number of the page.
var said = map[string][]string{}

func say(path string, phrases ...string) bool {
	said[path] = append(said[path], phrases...)
	return true
}

var (
	placeholder = regexp.MustCompile(`\{\{(.+?)\}\}`)
	// number matches digits and words that stand for numbers. Digits in a name (P-256, us-east-1,
	// u_42) are skipped later.
	number = regexp.MustCompile(`\$?\d+(?:,\d{3})*(?:\.\d+)?%?|\b(?:` +
		strings.Join(slices.Sorted(maps.Keys(numberWords)), "|") + `)\b`)
	// notOurs matches numbers that are not ours: in the names of standards, and the numbers of a
	// list.
	notOurs = regexp.MustCompile("[2-5]xx|RFC \\d+|, section \\d[\\d.]*|(?m:^ *(?:## )?\\d+\\. )|`[^`\n]*`|<[^>\n]*>")
	// heldElsewhere matches text that other tests check: .ci/template/test_watched.py checks the
	// meaning of alarms, TestTheTableOfCostsIsMeasured the table of costs.
	heldElsewhere = regexp.MustCompile(`(?m)^\*\*Means:\*\* (?:.|\n\S)*$|^\| \| each user, a month \|(?:.|\n\|)*$`)

	space = regexp.MustCompile(`\s+`)
)

// held is a page with the ranges that phrases cover.
type held struct {
	page
	ranges [][2]int
}

func (h *held) has(from, to int) bool {
	return slices.ContainsFunc(h.ranges, func(r [2]int) bool { return r[0] <= from && to <= r[1] })
}

// sources are the files from which the values of placeholders are read.
type sources struct {
	*goPackages
	templates map[string]*outline
	report    func(format string, arguments ...any) // reports an error in a page
}

func newSources(t *testing.T) *sources {
	return &sources{newGoPackages(t), map[string]*outline{}, t.Errorf}
}

func (s *sources) template(path string) *outline {
	s.t.Helper()
	if s.templates[path] == nil {
		s.templates[path] = readOutline(s.t, root+path)
	}
	return s.templates[path]
}

// value returns the value of a placeholder. Times are in seconds.
func (s *sources) value(name string) (value float64, isTime bool) {
	s.t.Helper()
	if calculate, ok := calculated[name]; ok {
		return calculate(s), false
	}
	if kind, rest, ok := strings.Cut(name, " "); ok {
		switch kind {
		case "flag":
			folder, flag, _ := strings.Cut(rest, " ")
			return s.flag(folder, flag)
		case "default":
			return s.number("template.yaml", "Parameters", rest, "Default"), false
		case "measured":
			cell := strings.Split(rest, "|")
			return s.measured(cell[0], cell[1], cell[2]), false
		}
		return s.number(kind, strings.Split(rest, "/")...), false
	}
	at := strings.LastIndex(name, ".")
	if at < 0 {
		s.t.Fatalf("documentnumbers_*_test.go: unknown placeholder {{%s}}", name)
	}
	return s.of(name[:at], name[at+1:])
}

func (s *sources) number(path string, inside ...string) float64 {
	s.t.Helper()
	text := s.template(path).at(inside...).value
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		s.t.Errorf("documentnumbers_*_test.go: %s has no number at %v, but %q", path, inside, text)
	}
	return value
}

// measured returns a cell of a table in local/bench/README.md. row is the content of a cell in its
// row, or of several cells, joined by "&".
func (s *sources) measured(section, row, column string) float64 {
	s.t.Helper()
	text, err := os.ReadFile(root + "local/bench/README.md")
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "## "+section+"\n")
	rest, _, _ = strings.Cut(rest, "\n#")
	at := -1
	for line := range strings.Lines(rest) {
		cells := strings.Split(line, "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if at < 0 {
			at = slices.Index(cells, column)
			continue
		}
		if !slices.ContainsFunc(strings.Split(row, "&"),
			func(cell string) bool { return !slices.Contains(cells, cell) }) {
			number, _, _ := strings.Cut(cells[at], " ")
			value, err := strconv.ParseFloat(number, 64)
			if err != nil {
				s.t.Fatal(err)
			}
			return value
		}
	}
	s.t.Fatalf("documentnumbers_*_test.go: local/bench/README.md has no row %s with a column %s in the section %q",
		row, column, section)
	return 0
}

// hold finds a phrase on a page and compares its numbers with their sources.
func (h *held) hold(s *sources, phrase string) {
	s.t.Helper()
	var names []string
	var form strings.Builder
	at := 0
	template := phrase
	phrase = placeholder.ReplaceAllStringFunc(phrase, func(found string) string {
		if text, ok := texts[strings.Trim(found, "{}")]; ok {
			return text(s)
		}
		return found
	})
	for _, m := range placeholder.FindAllStringSubmatchIndex(phrase, -1) {
		form.WriteString(regexp.QuoteMeta(phrase[at:m[0]]) + "(" + quantityForm + ")")
		names = append(names, phrase[m[2]:m[3]])
		at = m[1]
	}
	form.WriteString(regexp.QuoteMeta(phrase[at:]))
	text := space.ReplaceAllString(form.String(), `\s+`)
	if wordAfter.MatchString(phrase) {
		text += `(?:\b|$)`
	}
	matches := slices.DeleteFunc(regexp.MustCompile(text).FindAllStringSubmatchIndex(h.text, -1), func(m []int) bool {
		// or a match that starts within a number
		return wordBefore.MatchString(phrase) && withinWord.MatchString(h.text[max(0, m[0]-1):m[0]])
	})
	if matches == nil {
		s.report("%s does not contain the phrase %q. If you rewrote the sentence, change the phrase in "+
			"documentnumbers_*_test.go too%s", h.path,
			template, h.instead(form.String()))
	}
	for _, m := range matches {
		h.ranges = append(h.ranges, [2]int{m[0], m[1]})
		for i, name := range names {
			is := h.text[m[2+2*i]:m[3+2*i]]
			want, wantTime := s.value(name)
			if !equal(space.ReplaceAllString(is, " "), want, wantTime) {
				s.report("%s:%d has %q, but {{%s}} is %s. Fix the page: %s", h.path, h.line(m[2+2*i]), is, name,
					shown(want, wantTime), h.around(m[2+2*i], m[3+2*i]))
			}
		}
	}
}

// instead returns the text of the page that starts like the phrase.
func (h *held) instead(form string) string {
	for length := len(form); length > 12; length -= 4 {
		re, err := regexp.Compile(space.ReplaceAllString(form[:length], `\s+`))
		if err != nil {
			continue
		}
		if m := re.FindStringIndex(h.text); m != nil {
			return fmt.Sprintf(". Line %d has: %s", h.line(m[0]), h.around(m[0], m[1]))
		}
	}
	return ""
}

// equal reports whether a text stands for a number. If a Go constant is a time, the text must have
// a unit. Other numbers may have one.
func equal(text string, want float64, isTime bool) bool {
	got, hasUnit, ok := quantity(text)
	if !ok || isTime && !hasUnit {
		return false
	}
	if math.Abs(got-want) <= 1e-9*math.Abs(want) {
		return true
	}
	digits := strings.TrimPrefix(strings.Fields(text)[0], "$")
	_, decimals, _ := strings.Cut(digits, ".")
	bare, err := strconv.ParseFloat(strings.ReplaceAll(digits, ",", ""), 64)
	return !isTime && err == nil &&
		strconv.FormatFloat(want, 'f', len(decimals), 64) == strconv.FormatFloat(bare, 'f', len(decimals), 64)
}

func shown(value float64, isTime bool) string {
	text := strconv.FormatFloat(value, 'f', -1, 64)
	if isTime {
		text += " s"
	}
	return text
}

func TestEveryNumberInDocumentsIsChecked(t *testing.T) {
	s := newSources(t)
	for _, path := range slices.Sorted(maps.Keys(said)) {
		t.Run(path, func(t *testing.T) {
			s.t, s.report = t, t.Errorf
			s.check(readPage(t, path), said[path])
		})
	}
}

// check reports numbers of a page that no phrase covers, and phrases that are missing or have a
// wrong number.
func (s *sources) check(p page, phrases []string) {
	s.t.Helper()
	h := &held{page: p}
	for _, phrase := range phrases {
		h.hold(s, phrase)
	}
	h.holdStatuses(s)
	for _, form := range []*regexp.Regexp{notOurs, heldElsewhere} {
		for _, m := range form.FindAllStringIndex(h.text, -1) {
			h.ranges = append(h.ranges, [2]int{m[0], m[1]})
		}
	}
	for _, m := range number.FindAllStringIndex(h.text, -1) {
		if h.path != "local/bench/README.md" && !partOfName(h.text[:m[0]]) && !h.has(m[0], m[1]) {
			s.report("%s:%d: no phrase covers the number in: %s. Add a phrase to documentnumbers_*_test.go, with a "+
				"placeholder "+
				"for the constant",
				h.path, h.line(m[0]), h.around(m[0], m[1]))
		}
	}
}

func TestErrorsInDocumentsAreFound(t *testing.T) {
	phrases := []string{"At most {{params.MaxBodySize}}, {{params.maxNames}} names", "kept for {{secret.freshFor}}",
		"up to {{default ThrottlingRateLimit}} a second"}
	for _, test := range []struct{ text, want string }{
		{"At most 8 KiB, 200 names; kept for five minutes; up to 50 a second", ""},
		{"At most 8,192\nbytes, 200\nnames; kept for 5 min", "up to"},
		{"At most 8 KB, 200 names; kept for 300 s; up to 50 a second",
			`p.md:1 has "8 KB", but {{params.MaxBodySize}} is 8192`},
		{"At most 8 KiB, 20 names; kept for 300 s; up to 50 a second",
			`p.md:1 has "20", but {{params.maxNames}} is 200`},
		{"At most 8 KiB, 200 names;\nkept for 5 hours; up to 50 a second",
			`p.md:2 has "5 hours", but {{secret.freshFor}} is 300 s`},
		{"At most 8 KiB, 200 names; kept for 300; up to 50 a second",
			`p.md:1 has "300", but {{secret.freshFor}} is 300 s`},
		{"At most 8 KiB, 200 names; kept for 300 s; up to 150 a second",
			`p.md:1 has "150", but {{default ThrottlingRateLimit}} is 50`},
		{"At most 8 KiB, 200 names; kept for 300 s; up to 50 a second, for four minutes", "no phrase covers"},
		{"At most 8 KiB, 200 names; kept for 300 s; up to 50 a second. A 404 `internal`",
			"the status of internal is 500"},
		{"At most 8 KiB, 200 names; kept for 300 s; up to 50 a second\n| 400 | `internal` |\n",
			"the codes in this row have the statuses [500]"},
	} {
		s, found := newSources(t), ""
		s.report = func(format string, arguments ...any) { found += fmt.Sprintf(format, arguments...) + "\n" }
		s.check(page{"p.md", test.text}, phrases)
		if test.want == "" && found != "" || !strings.Contains(found, test.want) {
			t.Errorf("%q: %s, want %q", test.text, found, test.want)
		}
	}
}

// partOfName reports whether the digits that follow belong to a name.
func partOfName(before string) bool {
	return nameBefore.MatchString(before[max(0, len(before)-8):])
}

// holdStatuses compares each status that precedes a code with the status of the code.
func (h *held) holdStatuses(s *sources) {
	s.t.Helper()
	statuses := statusesOfCodes(s.t)
	for _, m := range statusBeforeCode.FindAllStringSubmatchIndex(h.text, -1) {
		status, code := h.text[m[2]:m[3]], h.text[m[4]:m[5]]
		if want, ok := statuses[code]; ok && want != status {
			s.report("%s:%d: %s: the status of %s is %s", h.path, h.line(m[0]), h.around(m[0], m[1]), code, want)
		} else if ok {
			h.ranges = append(h.ranges, [2]int{m[0], m[1]})
		}
	}
	for _, m := range statusRow.FindAllStringSubmatchIndex(h.text, -1) {
		var want []string
		for _, code := range codeSpan.FindAllStringSubmatch(h.text[m[4]:m[5]], -1) {
			if status := statuses[code[1]]; status != "" && !slices.Contains(want, status) {
				want = append(want, status)
			}
		}
		if !codeSpan.MatchString(h.text[m[4]:m[5]]) {
			continue
		}
		got := strings.Split(h.text[m[2]:m[3]], ", ")
		slices.Sort(want)
		if others := strings.Contains(h.text[m[4]:m[5]], "and the others"); !others && !slices.Equal(got, want) {
			s.report("%s:%d: the codes in this row have the statuses %v: %s", h.path, h.line(m[0]),
				want, h.around(m[0], m[5]))
		}
		h.ranges = append(h.ranges, [2]int{m[0], m[3]})
	}
}

var (
	statusBeforeCode = regexp.MustCompile("\\b(\\d{3})\\s+`([a-z-]+)`")
	statusRow        = regexp.MustCompile(`(?m)^\| (\d{3}(?:, \d{3})*) \|([^|]+)\|`)
	wordBefore       = regexp.MustCompile(`^(?:[\w$]|\{\{)`)
	withinWord       = regexp.MustCompile(`[\w.,$-]`)
	wordAfter        = regexp.MustCompile(`(?:\w|\}\})$`)
	nameBefore       = regexp.MustCompile(`[A-Za-z_][-/.]?$`)
	codeSpan         = regexp.MustCompile("`([a-z-]+)`")
)

// statusesOfCodes returns the statuses in codes.go.
func statusesOfCodes(t *testing.T) map[string]string {
	t.Helper()
	statuses := map[string]string{}
	problem := problemSource(t, "codes.go")
	for _, element := range problem.elements("definitions") {
		entry := element.(*ast.KeyValueExpr)
		statuses[problem.literal(entry.Key)] = problem.literal(entry.Value.(*ast.CompositeLit).Elts[0])
	}
	if len(statuses) < 30 {
		t.Fatalf("found too few codes in codes.go: %v", statuses)
	}
	return statuses
}

// calculated are numbers that are not constants.
var calculated = map[string]func(*sources) float64{
	// The Region counts too, because deploy.py also asks for it.
	"values without default": func(s *sources) float64 {
		n := 1.0
		for _, p := range s.template("template.yaml").at("Parameters").members {
			if _, ok := p.members["Default"]; !ok {
				n++
			}
		}
		return n
	},
	"days of logs in prod": func(s *sources) float64 {
		_, prod, _ := strings.Cut(readText(s.t, "samconfig.toml"), "[prod.deploy.parameters]")
		match := regexp.MustCompile(`"LogRetentionDays=(\d+)"`).FindStringSubmatch(prod)
		if match == nil {
			s.t.Fatal("samconfig.toml has no LogRetentionDays for prod")
		}
		days, _ := strconv.ParseFloat(match[1], 64)
		return days
	},
	// The first try and the retries.
	"tries of the bus": func(s *sources) float64 {
		return 1 + s.number("template.yaml", "Resources", "WebhookRetries", "Properties", "MaximumRetryAttempts")
	},
	"seconds of stale keys": func(s *sources) float64 {
		return s.number("infra/observability.yaml", "Resources", "StaleKeys", "Properties", "Threshold") / 1000
	},
	// The constant is slightly larger, because requests differ in how long they take to arrive.
	"doctor's requests in test mode": func(s *sources) float64 { return pace(s, "testApart", 200) },
	"doctor's requests in live mode": func(s *sources) float64 { return pace(s, "liveApart", 50) },
	"share of a canary":              func(s *sources) float64 { return deployment(s, `^Canary(\d+)Percent`) / 100 },
	"minutes of a canary":            func(s *sources) float64 { return deployment(s, `Percent(\d+)Minutes$`) * 60 },
	// What the button waits for.
	"patience for a request": func(s *sources) float64 { return patience(s, "patience") },
	"patience for a token":   func(s *sources) float64 { return patience(s, "tokenPatience") },
	"slowest deployment": func(s *sources) float64 {
		slowest := 0.0
		for _, value := range s.template("template.yaml").at("Parameters", "DeploymentPreference",
			"AllowedValues").list() {
			if m := linear.FindStringSubmatch(value); m != nil {
				percent, _ := strconv.ParseFloat(m[1], 64)
				minutes, _ := strconv.ParseFloat(m[2], 64)
				slowest = max(slowest, 100/percent*minutes*60)
			}
		}
		return slowest
	},
	// Discovery, keys, and the check of the token.
	"a wait for keys": func(s *sources) float64 {
		value, _ := s.of("auth", "refreshTimeout")
		return math.Ceil(value)
	},
	"price of all metrics":                func(s *sources) float64 { return 89 * price(s, "perMetric") },
	"price of all alarms":                 func(s *sources) float64 { return 32 * price(s, "perAlarmMetric") },
	"price of a million calls of the API": func(s *sources) float64 { return 1e6 * price(s, "perAPIRequest") },
	"price of many calls of the API":      func(s *sources) float64 { return 1e6 * price(s, "perManyRequests") },
	"price of a million invocations":      func(s *sources) float64 { return 1e6 * price(s, "perInvocation") },
	"price of a million reads":            func(s *sources) float64 { return 1e6 * price(s, "perRead") },
	"price of a million writes":           func(s *sources) float64 { return 1e6 * price(s, "perWrite") },
	"price of ten thousand secrets":       func(s *sources) float64 { return 1e4 * price(s, "perSecretCall") },
}

var linear = regexp.MustCompile(`^Linear(\d+)PercentEvery(\d+)Minutes?$`)

// patience returns a constant of the button's module, which is in milliseconds, in seconds.
func patience(s *sources, name string) float64 {
	match := regexp.MustCompile(`(?m)^const ` + name + ` = ([\d_]+); // milliseconds`).
		FindStringSubmatch(readText(s.t, "functions/internal/button/button.js"))
	if match == nil {
		s.t.Fatalf("button.js has no %s", name)
	}
	value, err := strconv.ParseFloat(strings.ReplaceAll(match[1], "_", ""), 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return value / 1000
}

func pace(s *sources, constant string, apart float64) float64 {
	value, _ := s.of("preflight", constant)
	if ms := value * 1000; ms < apart || ms > 1.2*apart {
		s.t.Errorf("preflight.%s is %v s, which does not match the number of requests a second in this file",
			constant, value)
	}
	return 1000 / apart
}

func deployment(s *sources, pattern string) float64 {
	preference := s.template("template.yaml").at("Parameters", "DeploymentPreference", "Default").value
	match := regexp.MustCompile(pattern).FindStringSubmatch(preference)
	if match == nil {
		s.t.Fatalf("the default of DeploymentPreference is %s, which is not a canary", preference)
	}
	value, _ := strconv.ParseFloat(match[1], 64)
	return value
}

func price(s *sources, constant string) float64 {
	value, _ := s.of("deployments", constant)
	return value
}

// texts are pieces of a phrase that are not numbers.
var texts = map[string]func(*sources) string{
	"go version": func(s *sources) string {
		mod, err := os.ReadFile(root + "go.mod")
		if err != nil {
			s.t.Fatal(err)
		}
		return regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(mod))[1]
	},
	"java version": func(s *sources) string {
		workflow, err := os.ReadFile(root + ".github/workflows/ci.yml")
		if err != nil {
			s.t.Fatal(err)
		}
		return regexp.MustCompile(`java-version: '(\d+)'`).FindStringSubmatch(string(workflow))[1]
	},
	"file of parameters": func(s *sources) string { return s.text("local/internal/operator", "defaultParameters") },
	"stripe version":     func(*sources) string { return stripe.APIVersion },
}
