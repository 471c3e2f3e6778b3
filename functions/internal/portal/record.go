package portal

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"billingportal/functions/internal/billing"
)

// RequestLog writes one line for each request, which is at once a log record and
// a CloudWatch embedded-metric record. It is written at every log level, since
// metrics that depend on one are worse than none.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
type RequestLog struct {
	handler  slog.Handler
	function string
	warm     atomic.Bool
}

// NewRequestLog returns a log that writes to w. function is the Lambda function's
// name, a dimension of the metrics.
func NewRequestLog(w io.Writer, function string) *RequestLog {
	return &RequestLog{handler: slog.NewJSONHandler(w, nil), function: function}
}

// step is a part of a request that is timed; its text is the name of the metric.
type step string

const (
	stepAuth   step = "auth_ms"
	stepLookup step = "lookup_ms"
	stepSecret step = "secret_ms"
	stepStripe step = "stripe_ms"
)

// record collects what is known of a request. Nothing in it is secret, and
// nothing in it is text of a caller's or of an upstream's.
type record struct {
	log        *RequestLog
	requestID  string
	route      string
	coldStart  bool
	start      time.Time
	steps      map[step]time.Duration
	customerID string
	calls      billing.Calls
	noted      error
}

// begin starts the record of a request.
func (l *RequestLog) begin(requestID, route string) *record {
	if requestID == "" {
		requestID = rand.Text()
	}
	return &record{
		log:       l,
		requestID: requestID,
		route:     route,
		coldStart: !l.warm.Swap(true),
		start:     time.Now(),
		steps:     map[step]time.Duration{},
	}
}

// time starts to time a step; the function that it returns stops.
func (r *record) time(s step) func() {
	start := time.Now()
	return func() { r.steps[s] += time.Since(start) }
}

func (r *record) addCalls(calls billing.Calls) {
	r.calls.Attempts += calls.Attempts
	if calls.RequestID != "" {
		r.calls.RequestID = calls.RequestID
	}
}

// note keeps an error that did not decide the answer.
func (r *record) note(err error) { r.noted = err }

// end writes the line. problem is nil for a session.
func (r *record) end(status int, problem *Problem) {
	attributes := []slog.Attr{
		slog.String("function", r.log.function),
		slog.String("request_id", r.requestID),
		slog.String("route", r.route),
		slog.Int("status", status),
		slog.String("code", codeOf(problem)),
		slog.Bool("cold_start", r.coldStart),
		slog.Int("requests", 1),
		milliseconds("duration_ms", time.Since(r.start)),
	}
	timings := []metric{{"duration_ms", "Milliseconds"}}
	for _, s := range []step{stepAuth, stepLookup, stepSecret, stepStripe} {
		if duration, taken := r.steps[s]; taken {
			attributes = append(attributes, milliseconds(string(s), duration))
			timings = append(timings, metric{string(s), "Milliseconds"})
		}
	}
	attributes = append(attributes, slog.Int("attempts", r.calls.Attempts))
	if r.calls.RequestID != "" {
		attributes = append(attributes, slog.String("stripe_request_id", r.calls.RequestID))
	}
	if r.customerID != "" {
		attributes = append(attributes, slog.String("customer_id", r.customerID))
	}
	if r.noted != nil {
		attributes = append(attributes, slog.String("note", r.noted.Error()))
	}
	if problem != nil {
		attributes = append(attributes, slog.String("error", problem.Error()))
		if problem.Param != "" {
			attributes = append(attributes, slog.String("param", problem.Param))
		}
	}
	now := time.Now()
	attributes = append(attributes, slog.Any("_aws", embeddedMetrics(now, timings)))
	line := slog.NewRecord(now, levelOf(status, problem), "request", 0)
	line.AddAttrs(attributes...)
	// A log that cannot be written is nothing that a request could report.
	_ = r.log.handler.Handle(context.Background(), line)
}

func codeOf(problem *Problem) string {
	if problem == nil {
		return "ok"
	}
	return problem.Code
}

// levelOf is error where an operator has something to do: the service fails, or
// the mapping names a customer that Stripe does not know.
func levelOf(status int, problem *Problem) slog.Level {
	if status >= http.StatusInternalServerError || (problem != nil && isStaleMapping(problem)) {
		return slog.LevelError
	}
	return slog.LevelInfo
}

// milliseconds is a duration to the microsecond.
func milliseconds(name string, duration time.Duration) slog.Attr {
	return slog.Float64(name, float64(duration.Microseconds())/1000)
}

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

// embeddedMetrics tells CloudWatch which members of the line are metrics: times
// for each function, and requests for each function and code.
func embeddedMetrics(now time.Time, timings []metric) metricMetadata {
	const namespace = "BillingPortal"
	return metricMetadata{
		Timestamp: now.UnixMilli(),
		CloudWatchMetrics: []metricDirective{
			{namespace, [][]string{{"function"}}, timings},
			{namespace, [][]string{{"function", "code"}}, []metric{{"requests", "Count"}}},
		},
	}
}
