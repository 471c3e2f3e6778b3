//go:build !race

package faults

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"billingportal/local/internal/devserver"
	"billingportal/local/internal/gateway"
	"billingportal/local/internal/runtimeapi"
)

const withSubscriptions = "include=subscriptions"

// statusProcesses is the number of processes that share the rows.
const statusProcesses = 6

// statusRows are the faults of the upstreams of a billing status, for a warm process, with the
// expected responses. They equal those of the POST, except for a user without an account.
func (b *testbed) statusRows() []row {
	rows := slices.DeleteFunc(slices.Concat(commonRows(b.elsewhere.URL), awsRows()), func(r row) bool {
		return r.at.isPrefetched() || r.full || r.secure || r.uncounted || r.connections ||
			r.slow && r.name != "hang"
	})
	for i := range rows {
		if answer := &rows[i].warm.answer; *answer == served || *answer == "404 no-billing-account" {
			*answer = "200"
		}
	}
	return rows
}

// statusEvent returns a request for the billing status of the user. Every place that can hold a
// secret has one.
func (c *cloud) statusEvent(ctx context.Context, by caller, query string) ([]byte, error) {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet,
		"https://"+devserver.APIHost+"/billing/status?"+query, nil)
	r.Header.Set("X-Marker", c.plant("header"))
	r.Header.Set("Cookie", "other="+c.plant("cookie"))
	r.Header.Set("User-Agent", c.plant("user agent"))
	r.Header.Set("Referer", appOrigin+"/?"+c.plant("referrer"))
	r.Header.Set("Origin", appOrigin)
	if by == scriptCaller {
		r.Header.Set("Cookie", r.Header.Get("Cookie")+"; session="+c.token)
	} else {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	return gateway.Event(r)
}

// poll sends a request for a status to the process.
func (c *cloud) poll(ctx context.Context, process *runtimeapi.Process, by caller, query string,
	limit time.Duration) (*exchange, error) {
	event, err := c.statusEvent(ctx, by, query)
	if err != nil {
		return nil, err
	}
	return c.invoke(ctx, process, event, limit)
}

// TestStatusFaults runs the bootstrap through the faults of DynamoDB and Stripe. Without
// subscriptions a status reads only the mapping, once or with retries, and calls no other upstream.
func TestStatusFaults(t *testing.T) {
	t.Parallel()
	b := newTestbed(t)
	rows := b.statusRows()
	var wait sync.WaitGroup
	for first := range statusProcesses {
		wait.Go(func() {
			c, err := b.newCloud(false)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.close()
			process, err := c.start(t.Context(), tableLevel)
			if err != nil {
				t.Error(err)
				return
			}
			defer process.Stop()
			if x, err := c.poll(t.Context(), process, plainCaller, withSubscriptions,
				devserver.FunctionTimeout); err != nil || x.outcome() != "200" {
				t.Errorf("the status without a fault: %v %+v", err, x)
				return
			}
			for i := first; i < len(rows); i += statusProcesses {
				for _, problem := range c.statusProblems(t.Context(), process, rows[i], caller(i%2*int(scriptCaller))) {
					t.Errorf("%s: %s", rows[i].title(), problem)
				}
			}
			process.Stop()
			if places := c.pieces().in(process.Stdout() + process.Stderr()); len(places) > 0 {
				t.Errorf("planted texts %q are in the output:\n%s%s", places, process.Stdout(), process.Stderr())
			}
		})
	}
	wait.Wait()
	t.Logf("%d faults", len(rows))
}

// statusProblems returns the errors in the responses of a process that meets a fault.
func (c *cloud) statusProblems(ctx context.Context, process *runtimeapi.Process, r row, by caller) []string {
	var problems []string
	ask := func(when, query, answer string, ofDynamoDB, ofStripe want, limit time.Duration) {
		x, err := c.poll(ctx, process, by, query, limit)
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: %v", when, err))
			return
		}
		if x.outcome() != answer {
			problems = append(problems, fmt.Sprintf("%s: %s, want %s: %s", when, x.outcome(), answer, x.answer.Body))
		}
		for at, calls := range map[upstream]want{dynamoDB: ofDynamoDB, stripeAPI: ofStripe, secretsManager: {},
			discovery: {}, keySet: {}} {
			if got := len(x.calls.requests[at]); got < calls.min || got > calls.max {
				problems = append(problems, fmt.Sprintf("%s: %d calls of %s, want %d to %d", when, got, at, calls.min,
					calls.max))
			}
		}
		for _, where := range c.pieces().in(x.raw) {
			problems = append(problems, fmt.Sprintf("%s: the response contains %s", when, where))
		}
	}
	limit := devserver.FunctionTimeout
	if r.slow {
		limit = shortTime
	}
	c.servers[r.at].Break(r.fault)
	const healthy = "200"
	if r.at == dynamoDB {
		ask("the mapping", "", r.warm.answer, r.warm, want{}, limit)
	} else {
		ask("the mapping", "", healthy, wanted("", 1), want{}, limit)
		ask("subscriptions", withSubscriptions, r.warm.answer, wanted("", 1), r.warm, limit)
	}
	if err := c.heal(); err != nil {
		return append(problems, err.Error())
	}
	ask("afterwards", withSubscriptions, healthy, wanted("", 1), wanted("", 1), devserver.FunctionTimeout)
	return problems
}
