package requestlog

import (
	"net/http"
	"slices"
	"time"
)

// count is a metric that counts requests by a dimension.
type count struct{ metric, dimension, value string }

// metric, metricDirective and metricMetadata are objects of the embedded metric format.
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

// embeddedMetrics tells CloudWatch which members of the line are metrics:
//   - for each function: times, requests, failures and cold starts
//   - for each function and code: requests
//   - for each function and version: requests and failures, by which a deployment is judged
//   - for each function and dimension of Count: that count
//
// A request that counts by its route has only the metrics that CountByRoute names. AWS charges for
// each value of a dimension as a separate metric. So all values come from closed sets, except for
// versions, of which at most two get requests at a time.
func (r *Record) embeddedMetrics(now time.Time, status int) metricMetadata {
	requests, failures := metric{"requests", "Count"}, metric{"failures", "Count"}
	duration, coldStarts := metric{"duration_ms", "Milliseconds"}, metric{"cold_starts", "Count"}
	var steps, ages []metric
	for _, step := range r.steps {
		if step.isAge {
			ages = append(ages, metric{step.name, "Milliseconds"})
		} else {
			steps = append(steps, metric{step.name, "Milliseconds"})
		}
	}
	var directives []metricDirective
	add := func(dimensions []string, metrics ...metric) {
		directives = append(directives, metricDirective{"BillingPortal", [][]string{dimensions}, metrics})
	}
	if r.isByRoute {
		add([]string{"function", "route"}, duration, requests, failures)
		add([]string{"function"}, append(ages, coldStarts)...)
	} else {
		add([]string{"function"}, slices.Concat([]metric{duration}, steps, ages,
			[]metric{requests, failures, coldStarts})...)
	}
	if !r.isByRoute || status >= http.StatusInternalServerError {
		add([]string{"function", "code"}, requests)
	}
	if r.log.Version != "" && !r.isByRoute {
		add([]string{"function", "version"}, requests, failures)
	}
	for _, c := range r.counts {
		add([]string{"function", c.dimension}, metric{c.metric, "Count"})
	}
	return metricMetadata{Timestamp: now.UnixMilli(), CloudWatchMetrics: directives}
}
