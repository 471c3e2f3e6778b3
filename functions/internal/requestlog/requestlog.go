// Package requestlog writes one JSON line for each request of a function. The line is both a log
// record and a CloudWatch embedded metric record. It is written at every log level, because metrics
// must not depend on the log level.
//
// A [Record] must not be given secrets, nor texts from callers or upstreams.
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
	// Version is the function's published version, or "". Metrics by version show whether a
	// deployment works. Set it before the first request.
	Version string

	handler  slog.Handler
	function string
	release  string
	warm     atomic.Bool
}

// New returns a log that writes to w. function is the Lambda function's name and a dimension of the
// metrics. release is the deployed release, or "" to leave it out.
func New(w io.Writer, function, release string) *RequestLog {
	return &RequestLog{handler: slog.NewJSONHandler(w, nil), function: function, release: release}
}

// Record collects the members of the line. It must be used by one goroutine only.
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
	isAge bool // the age of a value that all routes share
}

// Begin starts the record of a request. It replaces an empty requestID with a random one.
func (l *RequestLog) Begin(requestID, route string) *Record {
	if requestID == "" {
		requestID = rand.Text()
	}
	return &Record{log: l, requestID: requestID, route: route, coldStart: !l.warm.Swap(true), start: time.Now()}
}

// RequestID returns the ID of the line, so that the answer can contain it too.
func (r *Record) RequestID() string { return r.requestID }

// Time measures a step, which is a metric in milliseconds. Call stop at the end of the step.
func (r *Record) Time(step string) (stop func()) {
	start := time.Now()
	return func() { r.Add(step, time.Since(start)) }
}

// Add adds a duration to the time of a step.
func (r *Record) Add(step string, took time.Duration) {
	for i := range r.steps {
		if r.steps[i].name == step {
			r.steps[i].took += took
			return
		}
	}
	r.steps = append(r.steps, timing{name: step, took: took})
}

// Set adds a member to the line, or replaces the member with the same name.
func (r *Record) Set(attribute slog.Attr) {
	for i := range r.attributes {
		if r.attributes[i].Key == attribute.Key {
			r.attributes[i] = attribute
			return
		}
	}
	r.attributes = append(r.attributes, attribute)
}

// Age adds the age of a value that was fetched at a time, as a metric in milliseconds. It adds
// nothing if fetched is zero.
func (r *Record) Age(metric string, fetched time.Time) {
	if !fetched.IsZero() {
		r.steps = append(r.steps, timing{metric, max(time.Since(fetched), 0), true})
	}
}

// CountByRoute counts the request in the metrics of its route instead of the metrics of the
// function. It is for requests that pages send on every view: these are many and fast, and would
// hide failing requests of users. It does not change counts by code of 5xx answers, cold starts,
// ages, and metrics of Count.
func (r *Record) CountByRoute() { r.isByRoute = true }

// Count also counts the request in another metric, by the value of a dimension. For example:
// Count("events", "effect", "claimed").
func (r *Record) Count(metric, dimension, value string) {
	r.counts = append(r.counts, count{metric, dimension, value})
}

// Warn adds a fixed text for the operator about a request that succeeded. The line gets the level
// WARN.
func (r *Record) Warn(text string) {
	r.hasWarning = true
	r.Set(slog.String("warning", text))
}

// End writes the line. code is the problem code of the answer, or "ok". isError means that the
// operator must act; the line then gets the level ERROR.
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
	// A request must not fail because its line cannot be written.
	_ = r.log.handler.Handle(context.Background(), line)
}

func oneIf(counts bool) int {
	if counts {
		return 1
	}
	return 0
}

// milliseconds returns a duration in milliseconds, in whole microseconds.
func milliseconds(name string, duration time.Duration) slog.Attr {
	return slog.Float64(name, float64(duration.Microseconds())/1000)
}
