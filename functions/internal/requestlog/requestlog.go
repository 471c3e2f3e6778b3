// Package requestlog writes one line for each request of a function, which is at once a log record
// and a CloudWatch embedded-metric record. It is written at every log level, since metrics that
// depend on one are worse than none.
//
// What a [Record] is given must not be secret, and must be no text of a caller's or of an
// upstream's.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
package requestlog

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"
)

// RequestLog writes the lines of one function.
type RequestLog struct {
	// Version is the function's published version, by which a deployment is judged; "" for none. It
	// is set before the first request.
	Version string

	handler  slog.Handler
	function string
	release  string
	warm     atomic.Bool
}

// New returns a log that writes to w. function is the Lambda function's name, a dimension of the
// metrics; release says what is deployed, "" for nothing to say.
func New(w io.Writer, function, release string) *RequestLog {
	return &RequestLog{handler: slog.NewJSONHandler(w, nil), function: function, release: release}
}

// Record collects what is known of a request. It is for one goroutine.
type Record struct {
	log        *RequestLog
	requestID  string
	route      string
	coldStart  bool
	start      time.Time
	steps      []timing
	attributes []slog.Attr
	counts     []count
	hasWarning bool
	isByRoute  bool
}

type timing struct {
	name  string
	took  time.Duration
	isAge bool // of something that all routes share
}

// Begin starts the record of a request. An empty requestID becomes a random one.
func (l *RequestLog) Begin(requestID, route string) *Record {
	if requestID == "" {
		requestID = rand.Text()
	}
	return &Record{log: l, requestID: requestID, route: route, coldStart: !l.warm.Swap(true), start: time.Now()}
}

// RequestID is the ID that the line has, for the answer to repeat.
func (r *Record) RequestID() string { return r.requestID }

// Time starts to time a step, whose name is that of a metric in milliseconds; the function that it
// returns stops.
func (r *Record) Time(step string) (stop func()) {
	start := time.Now()
	return func() { r.Add(step, time.Since(start)) }
}

// Add adds to the time of a step.
func (r *Record) Add(step string, took time.Duration) {
	for i := range r.steps {
		if r.steps[i].name == step {
			r.steps[i].took += took
			return
		}
	}
	r.steps = append(r.steps, timing{name: step, took: took})
}

// Set adds a member to the line, or replaces the one of the same name.
func (r *Record) Set(attribute slog.Attr) {
	for i := range r.attributes {
		if r.attributes[i].Key == attribute.Key {
			r.attributes[i] = attribute
			return
		}
	}
	r.attributes = append(r.attributes, attribute)
}

// Age adds how old something is that was fetched at a time, as a metric in milliseconds; nothing
// where it never was.
func (r *Record) Age(metric string, fetched time.Time) {
	if !fetched.IsZero() {
		r.steps = append(r.steps, timing{metric, max(time.Since(fetched), 0), true})
	}
}

// CountByRoute counts the request in the metrics of its route instead of the metrics of the function.
// It is for requests that pages send on every view: they are many and fast, and would hide that the
// requests of users fail. Counts by code of 5xx answers, cold starts, ages, and metrics of Count stay
// as they are.
func (r *Record) CountByRoute() { r.isByRoute = true }

// Count makes the request count in a metric of its own, by the value of a dimension:
// Count("events", "effect", "claimed").
func (r *Record) Count(metric, dimension, value string) {
	r.counts = append(r.counts, count{metric, dimension, value})
}

// Warn adds a fixed text about a request that succeeded but that an operator should look at.
func (r *Record) Warn(text string) {
	r.hasWarning = true
	r.Set(slog.String("warning", text))
}

// End writes the line. code is the code of the answer's problem, "ok" where it is none; isError
// says that an operator has something to do.
func (r *Record) End(status int, code string, isError bool) {
	now := time.Now()
	attributes := []slog.Attr{
		slog.String("function", r.log.function),
		slog.String("request_id", r.requestID),
		slog.String("route", r.route),
		slog.Int("status", status),
		slog.String("code", code),
		slog.Bool("cold_start", r.coldStart),
		slog.Int("requests", 1),
		slog.Int("failures", oneIf(status >= http.StatusInternalServerError)),
		slog.Int("cold_starts", oneIf(r.coldStart)),
		milliseconds("duration_ms", time.Since(r.start)),
	}
	for _, step := range r.steps {
		attributes = append(attributes, milliseconds(step.name, step.took))
	}
	attributes = append(attributes, r.attributes...)
	for _, c := range r.counts {
		attributes = append(attributes, slog.Int(c.metric, 1), slog.String(c.dimension, c.value))
	}
	if r.log.release != "" {
		attributes = append(attributes, slog.String("release", r.log.release))
	}
	if r.log.Version != "" {
		attributes = append(attributes, slog.String("version", r.log.Version))
	}
	attributes = append(attributes, slog.Any("_aws", r.embeddedMetrics(now, status)))
	level := slog.LevelInfo
	switch {
	case isError:
		level = slog.LevelError
	case r.hasWarning:
		level = slog.LevelWarn
	}
	line := slog.NewRecord(now, level, "request", 0)
	line.AddAttrs(attributes...)
	// A log that cannot be written is nothing that a request could report.
	_ = r.log.handler.Handle(context.Background(), line)
}

// oneIf is what a request counts for.
func oneIf(counts bool) int {
	if counts {
		return 1
	}
	return 0
}

// milliseconds is a duration to the microsecond.
func milliseconds(name string, duration time.Duration) slog.Attr {
	return slog.Float64(name, float64(duration.Microseconds())/1000)
}
