package checks

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// loggedFile contains the lines that the functions log. The tests of .ci/template compare alarms,
// saved queries and the dashboard with it.
const loggedFile = "../../../.ci/template/logged.json"

var update = flag.Bool("update", false, "write "+loggedFile)

// TestWhatTheFunctionsLog makes each assembled function send every response that it has, and
// compares the log lines with the file.
func TestWhatTheFunctionsLog(t *testing.T) {
	u := newUpstreams(t)
	var file bytes.Buffer
	separator := "{"
	for _, function := range []struct {
		name  string
		asked []asked
		lines func(t *testing.T, a asked) []map[string]any
	}{{"portal", portalAsked(), u.portalLines}, {"webhook", webhookAsked(t), u.webhookLines}} {
		lines := make([][]map[string]any, len(function.asked))
		t.Run(function.name, func(t *testing.T) {
			for i, a := range function.asked {
				t.Run(a.code, func(t *testing.T) {
					t.Parallel()
					lines[i] = function.lines(t, a)
				})
			}
		})
		file.WriteString(separator + `"` + function.name + `": ` + summary(t, slices.Concat(lines...)))
		separator = ",\n"
	}
	file.WriteString("}\n")
	if *update {
		if err := os.WriteFile(loggedFile, file.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(loggedFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file.Bytes(), want) {
		t.Errorf(".ci/template/logged.json is not up to date: the functions log\n%s\nIf this is intended, run: go "+
			"test ./local/internal/checks -run %s -update",
			file.String(), t.Name())
	}
}

// summary returns JSON: the metrics of the lines by namespace and dimensions, and each distinct
// line without its metrics.
func summary(t *testing.T, lines []map[string]any) string {
	t.Helper()
	metrics := map[string]map[string]bool{}
	var texts []string
	for _, line := range lines {
		for dimensions, names := range metricsOf(t, line) {
			if metrics[dimensions] == nil {
				metrics[dimensions] = map[string]bool{}
			}
			maps.Copy(metrics[dimensions], names)
		}
		delete(line, "_aws")
		text, err := json.Marshal(line)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(texts, string(text)) {
			texts = append(texts, string(text))
		}
	}
	lists := map[string][]string{}
	for dimensions, names := range metrics {
		lists[dimensions] = slices.Sorted(maps.Keys(names))
	}
	text, err := json.MarshalIndent(lists, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return "{\"metrics\": " + string(text) + ",\n\"lines\": [\n" + strings.Join(texts, ",\n") + "\n]}"
}

// metricsOf returns the metrics of a line by namespace and dimensions. The line must have a member
// for each of them.
func metricsOf(t *testing.T, line map[string]any) map[string]map[string]bool {
	t.Helper()
	metrics := map[string]map[string]bool{}
	aws, _ := line["_aws"].(map[string]any)
	directives, _ := aws["CloudWatchMetrics"].([]any)
	for _, directive := range directives {
		d := directive.(map[string]any)
		for _, dimensions := range d["Dimensions"].([]any) {
			key := []string{d["Namespace"].(string)}
			for _, dimension := range dimensions.([]any) {
				key = append(key, dimension.(string))
				if _, ok := line[dimension.(string)].(string); !ok {
					t.Errorf("the metrics have the dimension %s, but the line does not: %v", dimension, line)
				}
			}
			names := map[string]bool{}
			for _, metric := range d["Metrics"].([]any) {
				name := metric.(map[string]any)["Name"].(string)
				if _, ok := line[name].(float64); !ok {
					t.Errorf("the metric %s is declared, but the line has no value for it: %v", name, line)
				}
				names[name] = true
			}
			metrics[strings.Join(key, " ")] = names
		}
	}
	return metrics
}
