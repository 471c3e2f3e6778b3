//go:build unix && !race

package faults

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"billingportal/functions/faulttest"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/runtimeapi"
)

// frozenRow is a process that Lambda freezes, and a fault of the connections during the freeze.
type frozenRow struct {
	when moment
	name string
	fate func(*faulttest.Server)
}

// moment is when a process is frozen. Lambda freezes a process when it asks for its next
// invocation.
type moment string

const (
	fetching moment = "during the prefetch"
	ready    moment = "after the prefetch"
	warm     moment = "after a request"
)

// TestFrozen freezes a process that has connections to all upstreams, breaks the connections, and
// sends a request that is waiting when the process thaws. The request must always succeed.
func TestFrozen(t *testing.T) {
	t.Parallel() // it mostly waits
	b := newTestbed(t)
	var rows []frozenRow
	for _, when := range []moment{fetching, ready, warm} {
		rows = append(rows,
			frozenRow{when, "left alone", func(*faulttest.Server) {}},
			frozenRow{when, "closed", (*faulttest.Server).HangUp},
			frozenRow{when, "reset", (*faulttest.Server).Drop},
			frozenRow{when, "dropped by the network", (*faulttest.Server).Forget})
	}
	lines := make([]string, len(rows))
	var wait sync.WaitGroup
	for i, r := range rows {
		wait.Go(func() {
			x, err := b.runFrozen(t.Context(), r)
			if err != nil {
				t.Errorf("%s, %s: %v", r.when, r.name, err)
				return
			}
			lines[i] = fmt.Sprintf("%s\t%s\t%s\t%d", r.when, r.name, x.outcome(), x.took.Milliseconds())
			if x.outcome() != served {
				t.Errorf("%s, %s: %s", r.when, r.name, x.outcome())
			}
			for _, at := range []upstream{dynamoDB, stripeAPI} {
				if calls := len(x.calls.requests[at]); calls != 1 {
					t.Errorf("%s, %s: %d calls reached %s, want 1", r.when, r.name, calls, at)
				}
			}
		})
	}
	wait.Wait()
	table := tabwriter.NewWriter(t.Output(), 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "frozen\tits connections\tthe next request\tms")
	for _, line := range lines {
		_, _ = fmt.Fprintln(table, line)
	}
	_ = table.Flush()
}

func (b *testbed) runFrozen(ctx context.Context, r frozenRow) (*exchange, error) {
	c, err := b.newCloud(false)
	if err != nil {
		return nil, err
	}
	defer c.close()
	ahead := []upstream{keySet, secretsManager}
	if r.when == fetching {
		for _, at := range ahead {
			c.servers[at].Break(faulttest.Hang())
		}
	}
	process, err := c.start(ctx, tableLevel)
	if err != nil {
		return nil, err
	}
	defer process.Stop()
	for _, at := range ahead {
		if err := c.awaitPrefetch(ctx, row{at: at}); err != nil {
			return nil, err
		}
	}
	if r.when == warm {
		if x, err := c.request(ctx, process, plainCaller, "", devserver.FunctionTimeout); err != nil ||
			x.outcome() != served {
			return nil, fmt.Errorf("before the freeze: %+v, %w", x, err)
		}
	}
	if err := process.Ready(ctx); err != nil {
		return nil, err
	}
	if err := process.Freeze(); err != nil {
		return nil, err
	}
	for _, server := range c.servers {
		r.fate(server)
	}
	if err := c.heal(); err != nil {
		return nil, err
	}
	c.take()
	return c.requestThawed(ctx, process)
}

// requestThawed sends a request to a frozen process before it thaws the process.
func (c *cloud) requestThawed(ctx context.Context, process *runtimeapi.Process) (*exchange, error) {
	type result struct {
		*exchange
		error
	}
	before := process.Times().Dispatched
	done := make(chan result, 1)
	go func() {
		x, err := c.request(ctx, process, plainCaller, "", devserver.FunctionTimeout)
		done <- result{x, err}
	}()
	for process.Times().Dispatched.Equal(before) {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		case r := <-done:
			return nil, errors.Join(errors.New("the process did not receive the request"), r.error)
		}
	}
	if err := process.Thaw(); err != nil {
		return nil, err
	}
	r := <-done
	return r.exchange, r.error
}
