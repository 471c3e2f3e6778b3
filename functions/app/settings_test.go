package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"billingportal/functions/app"
	"billingportal/functions/app/portal"
	"billingportal/functions/app/preflight"
	"billingportal/functions/app/webhook"
)

// environment has the variables of a function, and records the names that the function asks for.
type environment struct {
	values map[string]string

	mu    sync.Mutex
	asked map[string]bool
}

func (e *environment) get(name string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.asked == nil {
		e.asked = map[string]bool{}
	}
	e.asked[name] = true
	return e.values[name]
}

// variables are the values of an environment.
type variables map[string]string

// with returns a copy with some variables changed.
func (v variables) with(changes variables) variables {
	changed := maps.Clone(v)
	maps.Copy(changed, changes)
	return changed
}

// A setting is a second value of a variable and all its effects: on requests to upstreams, on
// answers and on the log. All other facts must stay the same.
type setting struct {
	variable, value string
	with            variables   // variables that are set with both values
	also            variables   // variables that are set with the second value, which makes no sense without them
	replaced        [][2]string // pairs of old and new: new replaces old in every fact
	gone, come      []string    // facts that disappear and facts that appear
	nothing         string      // the reason why no fact changes; "" if one does
}

// A scene assembles a function with the variables, sends requests to it, and records the facts.
type scene func(t *testing.T, e *environment, seen *facts)

// requireSettings compares the effects of every setting, and requires a setting for each variable
// that the function reads.
func requireSettings(t *testing.T, base variables, play scene, settings []setting) {
	t.Helper()
	asked := map[string]bool{}
	run := func(t *testing.T, values variables) []string {
		t.Helper()
		e, seen := &environment{values: values}, &facts{}
		play(t, e, seen)
		maps.Copy(asked, e.asked)
		return seen.list()
	}
	before := map[string][]string{} // by context, which most settings share
	for _, s := range settings {
		t.Run(s.variable+"="+s.value, func(t *testing.T) {
			context := fmt.Sprint(s.with)
			if before[context] == nil {
				before[context] = run(t, base.with(s.with))
			}
			if values := base.with(s.with); values[s.variable] == s.value {
				t.Fatal("the second value is the first one")
			}
			want := s.change(t, before[context])
			got := run(t, base.with(s.with).with(s.also).with(variables{s.variable: s.value}))
			for _, fact := range got {
				if !slices.Contains(want, fact) {
					t.Errorf("unexpected:\n\t%s", fact)
				}
			}
			for _, fact := range want {
				if !slices.Contains(got, fact) {
					t.Errorf("missing:\n\t%s", fact)
				}
			}
		})
	}
	for _, s := range settings {
		if _, isAsked := asked[s.variable]; !isAsked {
			t.Errorf("the function does not read %s", s.variable)
		}
		asked[s.variable] = false
	}
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		if asked[name] {
			t.Errorf("a row is missing:\n\t\t{variable: %q, value: \"another\", come: []string{\"what it changes\"}},",
				name)
		}
	}
}

// change returns the facts that the second value should give.
func (s setting) change(t *testing.T, before []string) []string {
	t.Helper()
	after := slices.Clone(before)
	for _, pair := range s.replaced {
		found := false
		for i := range after {
			found = found || strings.Contains(after[i], pair[0])
			after[i] = strings.ReplaceAll(after[i], pair[0], pair[1])
		}
		if !found {
			t.Errorf("no fact has %q", pair[0])
		}
	}
	for _, fact := range s.gone {
		if !slices.Contains(after, fact) {
			t.Errorf("it was never there: %s", fact)
		}
		after = slices.DeleteFunc(after, func(other string) bool { return other == fact })
	}
	after = append(after, s.come...)
	if changes := len(s.replaced)+len(s.gone)+len(s.come) > 0; changes == (s.nothing != "") {
		t.Error("a setting changes something, or says why it does not")
	}
	return after
}

// facts are observations of a function, in any order.
type facts struct {
	mu  sync.Mutex
	all map[string]bool
}

func (f *facts) add(format string, values ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil {
		f.all = map[string]bool{}
	}
	f.all[fmt.Sprintf(format, values...)] = true
}

func (f *facts) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.all)
}

func (f *facts) list() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.all))
}

// noteLine records the members of the line of a request. It records only the names of times,
// because their values differ each time.
func (f *facts) noteLine(line map[string]any) {
	for name, value := range line {
		switch {
		case name == "_aws":
			f.noteMetrics(value)
		case name == "time":
		case strings.HasSuffix(name, "_ms"):
			f.add("line: %s", name)
		default:
			f.add("line: %s = %v", name, value)
		}
	}
}

func (f *facts) noteMetrics(metadata any) {
	document, _ := json.Marshal(metadata)
	var aws struct {
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	}
	_ = json.Unmarshal(document, &aws)
	for _, directive := range aws.CloudWatchMetrics {
		for _, metric := range directive.Metrics {
			f.add("metric: %s %v %s in %s", directive.Namespace, directive.Dimensions, metric.Name, metric.Unit)
		}
	}
}

// noteOtherLines records the other lines, except those of fetches ahead, which may come at any time
// and have their own tests.
func (f *facts) noteOtherLines(lines []map[string]any) {
	for _, line := range lines {
		if msg, _ := line["msg"].(string); msg != "request" && !strings.HasPrefix(msg, "fetch ahead failed") {
			f.add("log: %s %s", line["level"], msg)
		}
	}
}

// assemblies are the functions.
var assemblies = map[string]app.Assembly{"portal": portal.New, "webhook": webhook.New,
	"preflight": preflight.Examiner{Pause: noPause}.Hook}
