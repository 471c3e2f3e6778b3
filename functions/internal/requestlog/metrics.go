package requestlog

import "time"

// count is a metric that counts requests by a dimension.
type count struct{ metric, dimension, value string }

// metric and what follows are the members of the embedded-metric format.
type metric struct {
	Name string `json:"Name"`
	Unit string `json:"Unit"`
}

type metricDirective struct {
	Namespace  string     `json:"Namespace"`
	Dimensions [][]string `json:"Dimensions"`
	Metrics    []metric   `json:"Metrics"`
}

type metricMetadata struct {
	Timestamp         int64             `json:"Timestamp"` // milliseconds since the epoch
	CloudWatchMetrics []metricDirective `json:"CloudWatchMetrics"`
}

// embeddedMetrics tells CloudWatch which members of the line are metrics: times for each function, requests for each
// function and code, and what else is counted for each function and dimension.
func embeddedMetrics(now time.Time, timings []metric, counts []count) metricMetadata {
	const namespace = "BillingPortal"
	directives := []metricDirective{
		{namespace, [][]string{{"function"}}, timings},
		{namespace, [][]string{{"function", "code"}}, []metric{{"requests", "Count"}}},
	}
	for _, c := range counts {
		directives = append(directives, metricDirective{namespace, [][]string{{"function", c.dimension}}, []metric{{c.metric, "Count"}}})
	}
	return metricMetadata{Timestamp: now.UnixMilli(), CloudWatchMetrics: directives}
}
