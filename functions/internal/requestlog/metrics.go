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

// embeddedMetrics tells CloudWatch which members of the line are metrics: times, requests, failures
// and cold starts for each function, requests for each function and code, what a new version is
// judged by, and what else is counted for each function and dimension. Each value of a dimension is
// a metric that is paid for, so that all of them come from closed sets, but for versions, of which
// at most two have requests.
func embeddedMetrics(now time.Time, timings []metric, counts []count, hasVersion bool) metricMetadata {
	const namespace = "BillingPortal"
	requests, failures := metric{"requests", "Count"}, metric{"failures", "Count"}
	directives := []metricDirective{
		{namespace, [][]string{{"function"}}, append(timings, requests, failures, metric{"cold_starts", "Count"})},
		{namespace, [][]string{{"function", "code"}}, []metric{requests}},
	}
	if hasVersion {
		directives = append(directives,
			metricDirective{namespace, [][]string{{"function", "version"}}, []metric{requests, failures}})
	}
	for _, c := range counts {
		directives = append(directives,
			metricDirective{namespace, [][]string{{"function", c.dimension}}, []metric{{c.metric, "Count"}}})
	}
	return metricMetadata{Timestamp: now.UnixMilli(), CloudWatchMetrics: directives}
}
