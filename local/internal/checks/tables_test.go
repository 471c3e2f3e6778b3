package checks

import (
	"bytes"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"billingportal/local/internal/operator/configure"
	"billingportal/local/internal/stripespec"
)

var tableRow = regexp.MustCompile(`(?m)^\| (.+) \|$`)

// rows returns the cells of the tables with this header on a page.
func rows(t *testing.T, path, header string) [][]string {
	t.Helper()
	text, err := os.ReadFile(root + path)
	if err != nil {
		t.Fatal(err)
	}
	var found [][]string
	inside := false
	for line := range strings.Lines(string(text)) {
		match := tableRow.FindStringSubmatch(strings.ReplaceAll(line, `\|`, "¦"))
		switch {
		case match == nil:
			inside = inside && strings.HasPrefix(line, "|---")
		case strings.HasPrefix(line, header):
			inside = true
		case inside:
			found = append(found, strings.Split(match[1], " | "))
		}
	}
	if len(found) < 5 {
		t.Fatalf("%s: only %d rows in tables with the header %q", path, len(found), header)
	}
	return found
}

// spansIn returns the code spans in a text.
func spansIn(text string) []string {
	var found []string
	for _, span := range codeSpans.FindAllString(text, -1) {
		found = append(found, strings.Trim(span, "`"))
	}
	return found
}

// configurationPage has the tables of variables and of parameters.
const configurationPage = "infra/CONFIGURATION.md"

// TestDocumentsHaveTheDefaultsOfParameters compares the tables of variables and parameters with
// template.yaml. TestParametersWithoutDefaultAreThoseThatTheFunctionsRequire and other tests
// compare the defaults in template.yaml with the functions.
func TestDocumentsHaveTheDefaultsOfParameters(t *testing.T) {
	parameters := readOutline(t, root+"template.yaml").at("Parameters")
	documented := map[string]bool{}
	check := func(name, is, meaning string) {
		documented[name] = true
		parameter := parameters.at(name)
		value, hasDefault := parameter.members["Default"]
		switch {
		case len(parameter.names) == 0:
			t.Errorf("template.yaml has no parameter %s", name)
		case !hasDefault && is != "required":
			t.Errorf("%s has the default %q, want required, because template.yaml has no default", name, is)
		case hasDefault && value.value != "" && is != "`"+value.value+"`" && is != value.value:
			t.Errorf("%s has the default %q, want %q", name, is, value.value)
		case hasDefault && value.value == "" && regexp.MustCompile("`|\\d").MatchString(is):
			t.Errorf("%s has the default %q, but the default in template.yaml is empty", name, is)
		case hasDefault && value.value == "" && is == "required":
			t.Errorf("%s is not required, because template.yaml has an empty default", name)
		}
		spans := spansIn(meaning + is)
		for _, allowed := range parameter.at("AllowedValues").list() {
			if strings.ContainsFunc(allowed, unicode.IsLetter) && !slices.ContainsFunc(spans, func(span string) bool {
				start, isStart := strings.CutSuffix(span, "…")
				return span == allowed || isStart && strings.HasPrefix(allowed, start)
			}) {
				t.Errorf("the row of %s must name the value %s; it names %v", name, allowed, spans)
			}
		}
	}
	for header, parameterOf := range map[string]func(string) string{
		"| variable | meaning | default |":  configure.ParameterName,
		"| parameter | meaning | default |": func(name string) string { return name },
	} {
		for _, cells := range rows(t, configurationPage, header) {
			names := spansIn(cells[0])
			defaults := strings.Split(cells[2], ", ")
			for i, name := range names {
				if strings.HasSuffix(name, "…") { // Webhook…: the same names for the webhook
					start := strings.TrimSuffix(name, "…")
					for j, other := range names[:i] {
						if strings.HasSuffix(other, "…") {
							continue
						}
						check(start+other, defaults[min(j, len(defaults)-1)], cells[1])
					}
					continue
				}
				is := cells[2]
				if len(names) > 1 && len(defaults) > 1 && i < len(defaults) {
					is = defaults[i]
				}
				if except, ok := notTheTemplates[name]; ok {
					if is != except {
						t.Errorf("%s has the default %q, want %q", name, is, except)
					}
					documented[parameterOf(name)] = true
					continue
				}
				check(parameterOf(name), is, cells[1])
			}
		}
	}
	for _, name := range parameters.names {
		if !documented[name] && !slices.Contains(filledByDeploy, name) {
			t.Errorf("%s: add a row for the parameter, for example\n%s", configurationPage,
				rowOf(t, name, parameters.at(name)))
		}
	}
	for _, name := range filledByDeploy {
		if documented[name] || len(parameters.at(name).names) == 0 {
			t.Errorf("filledByDeploy in tables_test.go has %s, which is in a table or not a parameter", name)
		}
	}
}

// rowOf returns a table row with the words of the template. If the parameter sets a variable, it is
// a row for the table of variables.
func rowOf(t *testing.T, name string, p *outline) string {
	t.Helper()
	for _, variables := range read(t).variables {
		for variable := range variables {
			if configure.ParameterName(variable) == name {
				name = variable
			}
		}
	}
	is := "`" + p.at("Default").value + "`"
	if p.members["Default"] == nil {
		is = "required"
	} else if is == "``" {
		is = "none"
	}
	meaning := strings.TrimSuffix(p.at("Description").value, ".")
	for _, allowed := range p.at("AllowedValues").list() {
		meaning += ", `" + allowed + "`"
	}
	return "| `" + name + "` | " + strings.ReplaceAll(meaning, "|", `\|`) + " | " + is + " |"
}

// notTheTemplates are defaults that a table describes in other words.
var notTheTemplates = map[string]string{
	"CUSTOMERS_TABLE":   "required (the template makes one)",
	"WEBHOOK_SECRET_ID": "required, unless there is an event source",
	"ALLOWED_FLOWS":     "all but `customer_update` (tax ID and billing address)",
}

// filledByDeploy are the parameters that `make deploy` sets.
var filledByDeploy = []string{
	"PreviousCustomersKeyFormat", "PreviousCustomersKmsKeyArn", "PreviousCustomersTable", "PreviousPortalVersion",
	"PreviousStripeSecretId",
	"PreviousStripeSecretKmsKeyArn", "PreviousWebhookSecretId", "PreviousWebhookSecretKmsKeyArn",
	"PreviousWebhookVersion",
}

// TestListsInDocumentsAreComplete compares lists of names with the code.
func TestListsInDocumentsAreComplete(t *testing.T) {
	s := newSources(t)
	for _, list := range []struct {
		path, before, after string
		want                []string
	}{
		{"infra/RUNBOOK.md", "`event_age_ms` and\n`effect`: ", ".\n",
			append(s.typed("customers", "Effect"), "ignored")},
		{configurationPage, "whose `client_reference_id` counts: ", " (", s.typed("internal/webhook", "References")},
	} {
		text, err := os.ReadFile(root + list.path)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, ok := strings.Cut(string(text), list.before)
		if !ok {
			t.Errorf("%s does not contain %q. If you rewrote the sentence, change the quote in tables_test.go too",
				list.path, list.before)
		}
		rest, _, _ = strings.Cut(rest, list.after)
		if got := slices.Sorted(slices.Values(spansIn(rest))); !slices.Equal(got,
			slices.Sorted(slices.Values(list.want))) {
			t.Errorf("%s: the list after %q is %v, want %v", list.path, list.before, got, list.want)
		}
	}
}

// pathPattern matches a path after a method, in text or in a diagram.
var (
	pathPattern = regexp.MustCompile(`\b(?:GET|POST|PUT|DELETE) (/[\w/.-]+)`)
	partPattern = regexp.MustCompile(`::part\((\w+)\)|(--manage-billing-[a-z]+)`)
	portPattern = regexp.MustCompile(`127\.0\.0\.1:\d+`)
	// otherPortPattern is an address that a reader chooses because the default one is taken.
	otherPortPattern = regexp.MustCompile(`--(?:listen |url http://)127\.0\.0\.1:\d+`)
)

// TestDocumentsNameThePaths looks for each path in the functions, for each part of the button in
// its module, and for the address of the development server.
func TestDocumentsNameThePaths(t *testing.T) {
	sources := ""
	WalkSource(t, root, func(path, text string) {
		if strings.HasPrefix(path, "functions/") && strings.HasSuffix(path, ".go") &&
			!strings.HasSuffix(path, "_test.go") {
			sources += text
		}
	})
	module := readText(t, "functions/internal/button/button.js")
	paths, parts := 0, 0
	for path := range said {
		text := readText(t, path)
		for _, match := range pathPattern.FindAllStringSubmatch(text, -1) {
			paths++
			if quoted := `"` + match[1] + `"`; !strings.Contains(sources, quoted) &&
				!bytes.Contains(stripespec.Embedded(), []byte(quoted)) {
				t.Errorf("%s: the path %s exists neither in a function nor at Stripe", path, match[1])
			}
		}
		for _, match := range partPattern.FindAllStringSubmatch(text, -1) {
			parts++
			if !strings.Contains(module, `"`+match[1]+`"`) &&
				(match[2] == "" || !strings.Contains(module, match[2]+",") && !strings.Contains(module, match[2]+")")) {
				t.Errorf("%s: button.js has no %s", path, match[0])
			}
		}
	}
	want := newGoPackages(t).text("devserver", "DefaultListen")
	for _, path := range []string{"README.md", "infra/API.md", configurationPage} {
		text := otherPortPattern.ReplaceAllString(readText(t, path), "")
		for _, address := range portPattern.FindAllString(text, -1) {
			if address != want {
				t.Errorf("%s: the development server is at %s, want %s", path, address, want)
			}
		}
	}
	if paths < 3 || parts < 5 {
		t.Errorf("found only %d paths and %d parts of the button in the documents", paths, parts)
	}
}

var queryPattern = regexp.MustCompile("[Qq]uer(?:y|ies)\\s+(`[a-z-]+`(?:(?:,|\\s+and)\\s+`[a-z-]+`)*)")

// TestDocumentsNameTheQueries compares the names after the word "query" with the saved queries. The
// pages must name all of them.
func TestDocumentsNameTheQueries(t *testing.T) {
	named := map[string][]string{}
	for path := range said {
		for _, match := range queryPattern.FindAllStringSubmatch(readPage(t, path).text, -1) {
			for _, name := range spansIn(match[1]) {
				named[name] = append(named[name], path)
			}
		}
	}
	var all []string
	for _, resource := range readOutline(t, root+"infra/observability.yaml").at("Resources").members {
		if resource.at("Type").value == "AWS::Logs::QueryDefinition" {
			all = append(all, strings.TrimPrefix(resource.at("Properties", "Name").value, "!Sub ${Name}/"))
		}
	}
	slices.Sort(all)
	if got := slices.Sorted(maps.Keys(named)); !slices.Equal(got, all) {
		t.Errorf("the documents name the queries\n%v\ninfra/observability.yaml has\n%v", got, all)
	}
}

// SECURITY.md names, by their Sid, the statements of the deployer policy that reach beyond the
// stack.
func TestSecurityNamesStatementsOfTheDeployer(t *testing.T) {
	policy, err := os.ReadFile(root + "infra/deployer.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, cells := range rows(t, ".github/SECURITY.md", "| statement | reaches | why |") {
		statements, _, _ := strings.Cut(cells[0], ", only with")
		for _, name := range spansIn(statements) {
			if !regexp.MustCompile(`(?m)Sid: ` + name + `$`).Match(policy) {
				t.Errorf(".github/SECURITY.md: infra/deployer.yaml has no statement with the Sid %s", name)
			}
		}
	}
}
