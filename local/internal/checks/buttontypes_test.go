package checks

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Patterns of names in button.js, in its generator, and in the declarations of button.d.ts.
var (
	placesPattern     = regexp.MustCompile(`(?s)\nconst places = \{\n(.*?)\n\};`)
	wordingPattern    = regexp.MustCompile(`(?s)\nconst wording = \{\n(.*?)\n\};`)
	memberPattern     = regexp.MustCompile(`(?m)^  "?([\w-]+)"?\??:`)
	valuePattern      = regexp.MustCompile(`: "(\w+)"`)
	saidPattern       = regexp.MustCompile(`\b(?:text|say)\("(\w+)"`)
	propertyPattern   = regexp.MustCompile(`for \(const name of \["(\w+)", "(\w+)", "(\w+)"\]\) \{\n +let value`)
	exportPattern     = regexp.MustCompile(`(?m)^export (?:async )?function (\w+)`)
	dispatchPattern   = regexp.MustCompile(`\bdispatch\("(\w+)"`)
	literalPattern    = regexp.MustCompile(`"([\w-]+)"`)
	optionPattern     = regexp.MustCompile(`const \{ (getToken, token, cookie) \} = options|\boptions\.(endpoint)`)
	optionRestPattern = regexp.MustCompile(`const \{ (parameters), \.\.\.rest \}`)
	textPattern       = regexp.MustCompile(`"([\w-]+)": +text\(`)
)

// firsts returns the submatches that matched, sorted and without duplicates.
func firsts(pattern *regexp.Regexp, text string) []string {
	found := map[string]bool{}
	for _, match := range pattern.FindAllStringSubmatch(text, -1) {
		for _, name := range match[1:] {
			for part := range strings.SplitSeq(name, ", ") {
				if part != "" {
					found[part] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// declared returns the text of a declaration of button.d.ts, up to its end.
func declared(t *testing.T, types, start, end string) string {
	t.Helper()
	_, text, found := strings.Cut(types, "\nexport "+start)
	if !found {
		t.Fatalf("functions/internal/button/button.d.ts has no declaration %s", start)
	}
	text, _, _ = strings.Cut(text, end)
	return text
}

// TestButtonTypes compares each kind of name in button.d.ts with button.js.
func TestButtonTypes(t *testing.T) {
	module := readText(t, "functions/internal/button/button.js")
	types := readText(t, "functions/internal/button/button.d.ts")
	table := func(pattern *regexp.Regexp) string {
		t.Helper()
		match := pattern.FindStringSubmatch(module)
		if match == nil {
			t.Fatalf("functions/internal/button/button.js has no match for %s", pattern)
		}
		return match[1]
	}
	union := func(lists ...[]string) []string {
		return slices.Compact(slices.Sorted(slices.Values(slices.Concat(lists...))))
	}
	// the pages cannot replace these texts
	texts, _, _ := strings.Cut(readText(t, "local/generate/button.go"), `"flows":`)
	var events []string
	for _, name := range firsts(dispatchPattern, module) {
		events = append(events, "billing-portal-"+name)
	}
	for name, test := range map[string]struct{ got, want []string }{
		"exports": {firsts(exportPattern, types), firsts(exportPattern, module)},
		"attributes": {
			firsts(memberPattern, declared(t, types, "interface ManageBillingButtonAttributes", "\n}")),
			union(firsts(memberPattern, table(placesPattern)), firsts(readPattern, module)),
		},
		"properties": {
			firsts(memberPattern, declared(t, types, "interface ManageBillingButtonProperties", "\n}")),
			firsts(propertyPattern, module),
		},
		"options": {
			firsts(memberPattern, declared(t, types, "interface BillingPortalOptions", "\n}")),
			union(firsts(optionPattern, module), firsts(optionRestPattern, module)),
		},
		"events": {firsts(memberPattern, declared(t, types, "interface BillingPortalEventMap", "\n}")), events},
		"messages": {
			firsts(literalPattern, declared(t, types, "type BillingPortalMessage =", ";")),
			firsts(textPattern, texts),
		},
	} {
		if len(test.want) < 2 || !slices.Equal(test.got, test.want) {
			t.Errorf("functions/internal/button/button.d.ts: %s: declared %v, button.js has %v",
				name, test.got, test.want)
		}
	}
	// Pages can replace every text that the module looks up by name.
	messages := firsts(literalPattern, declared(t, types, "type BillingPortalMessage =", ";"))
	for _, name := range union(firsts(valuePattern, table(wordingPattern)), firsts(saidPattern, module)) {
		if !slices.Contains(messages, name) {
			t.Errorf("functions/internal/button/button.d.ts: add %s to BillingPortalMessage", name)
		}
	}
}
