// Package requestlogtest checks lines of package requestlog against the embedded metric format.
package requestlogtest

import (
	"encoding/json"
	"slices"
	"testing"
)

// RequireMetrics fails unless the line has every member that its metadata names: each dimension as
// a string, and each metric as a number.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
func RequireMetrics(t testing.TB, line string) {
	t.Helper()
	var members map[string]any
	var metadata struct {
		AWS struct {
			Timestamp         int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name, Unit string }
			}
		} `json:"_aws"`
	}
	for _, into := range []any{&members, &metadata} {
		if err := json.Unmarshal([]byte(line), into); err != nil {
			t.Fatal(err)
		}
	}
	if metadata.AWS.Timestamp == 0 || len(metadata.AWS.CloudWatchMetrics) == 0 {
		t.Fatalf("no metrics: %s", line)
	}
	for _, directive := range metadata.AWS.CloudWatchMetrics {
		if directive.Namespace == "" || len(directive.Metrics) == 0 {
			t.Errorf("no namespace or no metric: %s", line)
		}
		for _, dimension := range slices.Concat(directive.Dimensions...) {
			if value, ok := members[dimension].(string); !ok || value == "" {
				t.Errorf("dimension %s = %v", dimension, members[dimension])
			}
		}
		for _, metric := range directive.Metrics {
			if _, ok := members[metric.Name].(float64); !ok || metric.Unit == "" {
				t.Errorf("metric %s = %v, unit %q", metric.Name, members[metric.Name], metric.Unit)
			}
		}
	}
}
