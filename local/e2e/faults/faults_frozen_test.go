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
	w := newWorld(t)
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
			m, err := w.runFrozen(t.Context(), r)
			if err != nil {
				t.Errorf("%s, %s: %v", r.when, r.name, err)
				return
			}
			lines[i] = fmt.Sprintf("%s\t%s\t%s\t%d", r.when, r.name, m.outcome(), m.took.Milliseconds())
			if m.outcome() != served {
				t.Errorf("%s, %s: %s", r.when, r.name, m.outcome())
			}
			for _, at := range []upstream{dynamoDB, stripeAPI} {
				if calls := len(m.calls.requests[at]); calls != 1 {
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

func (w *world) runFrozen(ctx context.Context, r frozenRow) (*meeting, error) {
	c, err := w.newCloud(false)
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
		if m, err := c.meet(ctx, process, plainCaller, "", devserver.FunctionTimeout); err != nil ||
			m.outcome() != served {
			return nil, fmt.Errorf("before the freeze: %+v, %w", m, err)
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
	return c.meetThawed(ctx, process)
}

// meetThawed sends a request to a frozen process before it thaws the process.
func (c *cloud) meetThawed(ctx context.Context, process *runtimeapi.Process) (*meeting, error) {
	type result struct {
		*meeting
		error
	}
	before := process.Times().Dispatched
	done := make(chan result, 1)
	go func() {
		m, err := c.meet(ctx, process, plainCaller, "", devserver.FunctionTimeout)
		done <- result{m, err}
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
	return r.meeting, r.error
}
