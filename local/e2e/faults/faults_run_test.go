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

// exchange is a request and its response.
type exchange struct {
	answer  events.APIGatewayV2HTTPResponse
	raw     string // the response as the gateway receives it
	code    string // the code of a problem
	retry   string // Retry-After
	took    time.Duration
	calls   calls
	attempt int // number of tries at Stripe, as logged
}

// request sends a request to the process.
func (c *cloud) request(ctx context.Context, process *runtimeapi.Process, by caller, flow string,
	limit time.Duration) (*exchange, error) {
	event, err := c.event(ctx, by, flow)
	if err != nil {
		return nil, err
	}
	return c.invoke(ctx, process, event, limit)
}

// invoke sends an event to the process and records the result.
func (c *cloud) invoke(ctx context.Context, process *runtimeapi.Process, event []byte,
	limit time.Duration) (*exchange, error) {
	logged := len(process.Stdout())
	start := time.Now()
	response, functionError, err := process.Invoke(ctx, event, start.Add(limit))
	x := &exchange{raw: string(response), took: time.Since(start), calls: c.take()}
	switch {
	case err != nil:
		return x, err
	case functionError != nil:
		return x, fmt.Errorf("function error: %s", functionError)
	}
	if err := json.Unmarshal(response, &x.answer); err != nil {
		return x, err
	}
	x.retry = x.answer.Headers["Retry-After"]
	if strings.Contains(x.raw, foreignCustomer) {
		return x, fmt.Errorf("the response belongs to another request: %s", x.raw)
	}
	if x.answer.Headers["Content-Type"] == "application/problem+json" {
		var problem struct{ Code string }
		if err := json.Unmarshal([]byte(x.answer.Body), &problem); err != nil {
			return x, fmt.Errorf("problem: %w", err)
		}
		x.code = problem.Code
	}
	err = x.compare(process.Stdout()[logged:])
	return x, err
}

// compare compares the response with the single log line about it.
func (x *exchange) compare(logged string) error {
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
	if x.code == "" && x.answer.StatusCode >= 400 {
		x.code = line.Code // a page does not contain the code
	}
	if line.Status != x.answer.StatusCode || (x.code != "" && line.Code != x.code) {
		return fmt.Errorf("the response is %d %s, but the log has %d %s", x.answer.StatusCode,
			x.code, line.Status, line.Code)
	}
	x.attempt = line.Attempts
	cache := "no-store"
	if line.Route == "/billing/status" && line.Status == http.StatusOK {
		cache = "private, max-age=60"
	}
	for name, value := range map[string]string{
		"Cache-Control": cache, "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
	} {
		if x.answer.Headers[name] != value {
			return fmt.Errorf("%s: %q", name, x.answer.Headers[name])
		}
	}
	return nil
}

// faultRun holds the results of a process that meets a fault twice: at its start, and when it is
// warm.
type faultRun struct {
	cold, afterCold, warm, afterWarm *exchange

	stdout, stderr string
	leaks          []string // places of planted texts that leaked
}

// options are the options of a run.
type options struct {
	level   string
	limit   func(row row, warm bool) time.Duration // the timeout of the function during the fault
	patient bool                                   // wait for the time in Retry-After
	callers [4]caller
}

// run starts a process that gets the fault of a row.
func (b *testbed) run(ctx context.Context, row row, o options) (*faultRun, error) {
	c, err := b.newCloud(row.secure)
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
	process, err := c.start(ctx, o.level)
	if err != nil {
		return nil, err
	}
	e := &faultRun{}
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
	names := [...]string{"cold", "after cold", "warm", "after warm"}
	for i, exchange := range []**exchange{&e.cold, &e.afterCold, &e.warm, &e.afterWarm} {
		limit := devserver.FunctionTimeout
		switch i {
		case 0:
			limit = o.limit(row, false)
		case 2:
			limit = o.limit(row, true)
			server.Break(fault)
			if row.beforeWarm != nil {
				row.beforeWarm(c)
			}
		default:
			if err := c.heal(); err != nil {
				return e, err
			}
		}
		if *exchange, err = c.request(ctx, process, o.callers[i], row.flow, limit); err != nil {
			return e, fmt.Errorf("%s: %w", names[i], err)
		}
		if o.patient {
			if err := wait(ctx, *exchange, row.at); err != nil {
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
func wait(ctx context.Context, x *exchange, at upstream) error {
	if x.retry == "" || (at != keySet && at != discovery) {
		return nil
	}
	seconds, err := strconv.Atoi(x.retry)
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
func (e *faultRun) search(c *cloud) {
	planted := c.pieces()
	for name, text := range map[string]string{"stdout": e.stdout, "stderr": e.stderr} {
		for _, where := range planted.in(text) {
			e.leaks = append(e.leaks, where+" in "+name)
		}
	}
	for _, x := range []*exchange{e.cold, e.afterCold, e.warm, e.afterWarm} {
		if x == nil {
			continue
		}
		for _, where := range planted.in(x.raw) {
			if x.answer.StatusCode < 400 && (where == sessionURL || where == returnURLQuery) {
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
