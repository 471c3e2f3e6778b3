//go:build !race

package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"billingportal/functions/faulttest"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/gateway"
	"billingportal/local/internal/runtimeapi"
)

const shortTime = 2200 * time.Millisecond

// Places of planted texts that a response with a session must contain.
const (
	sessionURL     = "session URL"
	returnURLQuery = "query of the return URL"
)

// caller is how a request carries its token and which type of response it accepts.
type caller int

const (
	plainCaller  caller = iota // Authorization, no Accept
	formCaller                 // access_token in a form, accepts a page
	scriptCaller               // cookie, accepts JSON
)

// event returns a request to the portal. Every place that can hold a secret has one. flow may be
// "".
func (c *cloud) event(ctx context.Context, by caller, flow string) ([]byte, error) {
	form := url.Values{"return_url": {appOrigin + "/?" + c.plant(returnURLQuery)}}
	if flow != "" {
		form.Set("flow_data[type]", flow)
	}
	headers := map[string]string{"X-Marker": c.plant("header"), "Cookie": "other=" + c.plant("cookie")}
	switch by {
	case plainCaller:
		headers["Authorization"] = "Bearer " + c.token
	case formCaller:
		form.Set("access_token", c.token)
		headers["Accept"] = "text/html"
	case scriptCaller:
		headers["Cookie"] += "; session=" + c.token
		headers["Origin"], headers["Accept"] = appOrigin, "application/json"
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost,
		"https://"+devserver.APIHost+"/billing/portal?q="+c.plant("query"), strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", c.plant("user agent"))
	r.Header.Set("Referer", appOrigin+"/?"+c.plant("referrer"))
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	return gateway.Event(r)
}

// meeting is a request and its response.
type meeting struct {
	answer  events.APIGatewayV2HTTPResponse
	raw     string // the response as the gateway receives it
	code    string // the code of a problem
	retry   string // Retry-After
	took    time.Duration
	calls   calls
	attempt int // number of tries at Stripe, as logged
}

// meet sends a request to the process.
func (c *cloud) meet(ctx context.Context, process *runtimeapi.Process, by caller, flow string,
	limit time.Duration) (*meeting, error) {
	event, err := c.event(ctx, by, flow)
	if err != nil {
		return nil, err
	}
	return c.invoke(ctx, process, event, limit)
}

// invoke sends an event to the process and records the result.
func (c *cloud) invoke(ctx context.Context, process *runtimeapi.Process, event []byte,
	limit time.Duration) (*meeting, error) {
	logged := len(process.Stdout())
	start := time.Now()
	response, functionError, err := process.Invoke(ctx, event, start.Add(limit))
	m := &meeting{raw: string(response), took: time.Since(start), calls: c.take()}
	switch {
	case err != nil:
		return m, err
	case functionError != nil:
		return m, fmt.Errorf("function error: %s", functionError)
	}
	if err := json.Unmarshal(response, &m.answer); err != nil {
		return m, err
	}
	m.retry = m.answer.Headers["Retry-After"]
	if strings.Contains(m.raw, foreignCustomer) {
		return m, fmt.Errorf("the response belongs to another request: %s", m.raw)
	}
	if m.answer.Headers["Content-Type"] == "application/problem+json" {
		var problem struct{ Code string }
		if err := json.Unmarshal([]byte(m.answer.Body), &problem); err != nil {
			return m, fmt.Errorf("problem: %w", err)
		}
		m.code = problem.Code
	}
	err = m.compare(process.Stdout()[logged:])
	return m, err
}

// compare compares the response with the single log line about it.
func (m *meeting) compare(logged string) error {
	var lines []string
	for line := range strings.Lines(logged) {
		if strings.Contains(line, `"msg":"request"`) {
			lines = append(lines, line)
		}
	}
	if len(lines) != 1 {
		return fmt.Errorf("%d log lines for one request", len(lines))
	}
	var line struct {
		Status, Attempts int
		Code, Route      string
	}
	if err := json.Unmarshal([]byte(lines[0]), &line); err != nil {
		return err
	}
	if m.code == "" && m.answer.StatusCode >= 400 {
		m.code = line.Code // a page does not contain the code
	}
	if line.Status != m.answer.StatusCode || (m.code != "" && line.Code != m.code) {
		return fmt.Errorf("the response is %d %s, but the log has %d %s", m.answer.StatusCode,
			m.code, line.Status, line.Code)
	}
	m.attempt = line.Attempts
	cache := "no-store"
	if line.Route == "/billing/status" && line.Status == http.StatusOK {
		cache = "private, max-age=60"
	}
	for name, value := range map[string]string{
		"Cache-Control": cache, "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
	} {
		if m.answer.Headers[name] != value {
			return fmt.Errorf("%s: %q", name, m.answer.Headers[name])
		}
	}
	return nil
}

// encounter is a process that meets a fault twice: at its start, and when it is warm.
type encounter struct {
	cold, afterCold, warm, afterWarm *meeting

	stdout, stderr string
	leaks          []string // places of planted texts that leaked
}

// manner configures how processes meet faults.
type manner struct {
	level   string
	limit   func(row row, warm bool) time.Duration // the timeout of the function during the fault
	patient bool                                   // wait for the time in Retry-After
	callers [4]caller
}

// run starts a process that meets the fault of a row.
func (w *world) run(ctx context.Context, row row, how manner) (*encounter, error) {
	c, err := w.newCloud(row.secure)
	if err != nil {
		return nil, err
	}
	defer c.close()
	server := c.servers[row.at]
	fault := row.fault
	if row.faultIn != nil {
		fault = row.faultIn(c)
	}
	server.Break(fault)
	process, err := c.start(ctx, how.level)
	if err != nil {
		return nil, err
	}
	e := &encounter{}
	defer func() {
		process.Stop()
		e.stdout, e.stderr = process.Stdout(), process.Stderr()
		e.search(c)
	}()
	if err := c.awaitPrefetch(ctx, row); err != nil {
		return e, err
	}
	if err := process.Ready(ctx); err != nil { // the start has its own time limit
		return e, err
	}
	for i, meeting := range []**meeting{&e.cold, &e.afterCold, &e.warm, &e.afterWarm} {
		limit := devserver.FunctionTimeout
		switch i {
		case 0:
			limit = how.limit(row, false)
		case 2:
			limit = how.limit(row, true)
			server.Break(fault)
			if row.beforeWarm != nil {
				row.beforeWarm(c)
			}
		default:
			if err := c.heal(); err != nil {
				return e, err
			}
		}
		if *meeting, err = c.meet(ctx, process, how.callers[i], row.flow, limit); err != nil {
			return e, fmt.Errorf("%s: %w", [...]string{"cold", "after cold", "warm", "after warm"}[i], err)
		}
		if how.patient {
			if err := wait(ctx, *meeting, row.at); err != nil {
				return e, err
			}
		}
	}
	return e, nil
}

func (c *cloud) heal() error {
	for _, server := range c.servers {
		if err := server.Heal(); err != nil {
			return err
		}
	}
	return nil
}

// awaitPrefetch waits until the prefetch has met the fault, so that the request does not meet it
// first.
func (c *cloud) awaitPrefetch(ctx context.Context, row row) error {
	if !row.at.isPrefetched() || row.uncounted {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, devserver.FunctionTimeout)
	defer cancel()
	for !c.servers[row.at].Met() {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return errors.New("the function did not prefetch")
		}
	}
	return nil
}

// wait waits for the time in Retry-After before the issuer is called again. The next request calls
// the other upstreams in any case.
func wait(ctx context.Context, m *meeting, at upstream) error {
	if m.retry == "" || (at != keySet && at != discovery) {
		return nil
	}
	seconds, err := strconv.Atoi(m.retry)
	if err != nil {
		return err
	}
	select {
	case <-time.After(time.Duration(seconds) * time.Second):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// search looks for planted texts in all output of the process.
func (e *encounter) search(c *cloud) {
	planted := c.pieces()
	for name, text := range map[string]string{"stdout": e.stdout, "stderr": e.stderr} {
		for _, where := range planted.in(text) {
			e.leaks = append(e.leaks, where+" in "+name)
		}
	}
	for _, m := range []*meeting{e.cold, e.afterCold, e.warm, e.afterWarm} {
		if m == nil {
			continue
		}
		for _, where := range planted.in(m.raw) {
			if m.answer.StatusCode < 400 && (where == sessionURL || where == returnURLQuery) {
				continue // these belong to the response
			}
			e.leaks = append(e.leaks, where+"in a response")
		}
	}
}

// idempotencyError returns the error in the idempotency keys of the Stripe calls of one request, or
// "". Each API key must have one idempotency key, which no earlier request used.
func idempotencyError(requests []faulttest.Request, earlier map[string]bool) string {
	keyOf := map[string]string{}
	used := map[string]bool{}
	for _, request := range requests {
		if request.Method != http.MethodPost {
			continue
		}
		key, known := keyOf[request.Authorization]
		switch {
		case request.IdempotencyKey == "":
			return "a call has no idempotency key"
		case earlier[request.IdempotencyKey]:
			return "a call has the idempotency key of an earlier request"
		case known && key != request.IdempotencyKey:
			return "one API key has two idempotency keys"
		case !known && used[request.IdempotencyKey]:
			return "two API keys have the same idempotency key"
		}
		keyOf[request.Authorization] = request.IdempotencyKey
		used[request.IdempotencyKey] = true
	}
	for key := range used {
		earlier[key] = true
	}
	return ""
}
