//go:build !race

// The tests of faults and markers start processes, which the race detector cannot check. Therefore
// their files (faults*, markers*, statusfaults*, webhookfaults*) are excluded under -race.

package faults

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"billingportal/local/internal/devserver"
)

// Number of concurrent processes: of those that only wait for the end of their timeout, and of the
// others. A busy machine delays them, so the others start after the processes with a short timeout
// have ended.
const (
	slowProcesses = 16
	fastProcesses = 16
)

// tableLevel is the log level of the processes of the table. It includes all lines.
const tableLevel = "debug"

// coldIssuerLimit is the time limit of a request that cannot get the keys.
const coldIssuerLimit = 4 * time.Second

// allRows returns all faults, in the order of the upstreams.
func (b *testbed) allRows() []row {
	rows := slices.Concat(commonRows(b.elsewhere.URL), issuerRows(b.elsewhere.URL), awsRows(), stripeRows())
	slices.SortStableFunc(rows, func(a, b row) int {
		return slices.Index(allUpstreams, a.at) - slices.Index(allUpstreams, b.at)
	})
	return rows
}

// each calls a function for every row. Several calls run at a time.
func each(rows []row, do func(i int, r row)) {
	var full, slow, fast sync.WaitGroup
	slots := map[*sync.WaitGroup]chan struct{}{&slow: make(chan struct{}, slowProcesses),
		&fast: make(chan struct{}, fastProcesses)}
	start := func(group *sync.WaitGroup, i int) {
		slots[group] <- struct{}{}
		group.Go(func() {
			defer func() { <-slots[group] }()
			do(i, rows[i])
		})
	}
	for i, r := range rows {
		if r.full {
			full.Go(func() { do(i, r) })
		}
	}
	for i, r := range rows {
		if r.slow {
			start(&slow, i)
		}
	}
	slow.Wait()
	for i, r := range rows {
		if !r.slow && !r.full {
			start(&fast, i)
		}
	}
	fast.Wait()
	full.Wait()
}

// TestFaults runs the bootstrap, as deployed, through every fault of every upstream: with a cold
// process, whose prefetch also meets the fault, and with a warm one. With -v it prints the table.
func TestFaults(t *testing.T) {
	t.Parallel()
	b := newTestbed(t)
	rows := b.allRows()
	lines := make([]string, len(rows))
	each(rows, func(i int, r row) {
		e, err := b.run(t.Context(), r, options{
			level: tableLevel, limit: row.limit, patient: true,
			// Pages and plain responses alternate, cold and warm. The last caller is a script.
			callers: [4]caller{caller(i % 2), caller((i + 1) % 2), caller(i / 2 % 2), scriptCaller},
		})
		if e == nil {
			e = &faultRun{}
		}
		lines[i] = r.line(e)
		if err != nil {
			t.Errorf("%s: %v\n%s%s", r.title(), err, e.stdout, e.stderr)
			return
		}
		for _, problem := range r.problems(e) {
			t.Errorf("%s: %s", r.title(), problem)
		}
	})
	if requests, _ := b.elsewhere.Take(); len(requests) > 0 {
		t.Errorf("a redirect was followed %d times", len(requests))
	}
	table := tabwriter.NewWriter(t.Output(), 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "upstream\tfault\tcold, the first request\tcalls\tms\twarm\tcalls\tms\tnext")
	for _, line := range lines {
		_, _ = fmt.Fprintln(table, line)
	}
	_ = table.Flush()
	t.Logf("%d faults, each met by a cold and by a warm process", len(rows))
}

// limit returns the timeout of the function: that of the template, except for hangs. One hang of
// each upstream uses the full timeout.
func (r row) limit(warm bool) time.Duration {
	if r.slow || (r.full && warm == r.at.isPrefetched()) {
		return shortTime
	}
	return devserver.FunctionTimeout
}

// outcome formats a response for the table.
func (x *exchange) outcome() string {
	text := strconv.Itoa(x.answer.StatusCode)
	if x.code != "" {
		text += " " + x.code
	}
	if x.retry != "" {
		text += ", " + x.retry
	}
	return text
}

func (r row) line(e *faultRun) string {
	cells, next := []string{string(r.at), r.name}, "served"
	for _, x := range []*exchange{e.afterCold, e.afterWarm} {
		if x == nil || x.answer.StatusCode >= 400 {
			next = "fails"
		}
	}
	for _, x := range []*exchange{e.cold, e.warm} {
		if x == nil {
			cells = append(cells, "-", "-", "-")
			continue
		}
		calls := strconv.Itoa(r.count(x))
		if r.uncounted {
			calls = "-"
		}
		cells = append(cells, x.outcome(), calls, strconv.FormatInt(x.took.Milliseconds(), 10))
	}
	return strings.Join(append(cells, next), "\t")
}

// count returns how often requests reached the upstream of the row.
func (r row) count(x *exchange) int {
	if r.connections {
		return x.calls.connections[r.at]
	}
	return len(x.calls.requests[r.at])
}

// problems compares the results with the row.
func (r row) problems(e *faultRun) []string {
	var problems []string
	report := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	idempotencyKeys := map[string]bool{}
	for name, x := range map[string]*exchange{"after the cold fault": e.afterCold,
		"after the warm fault": e.afterWarm} {
		if x.answer.StatusCode >= 400 {
			report("%s: %s", name, x.outcome())
		}
	}
	for _, met := range []struct {
		name     string
		want     want
		exchange *exchange
		isWarm   bool
		renewals int
	}{{"cold", r.cold, e.cold, false, r.renewals[0]}, {"warm", r.warm, e.warm, true, r.renewals[1]}} {
		x := met.exchange
		if calls := r.count(x); x.outcome() != met.want.answer || calls < met.want.min || calls > met.want.max {
			report("%s: %s in %d calls, want %s", met.name, x.outcome(), calls, met.want)
		}
		for _, at := range allUpstreams {
			least, most := r.others(at, met.isWarm, x.outcome() == served)
			if at == secretsManager {
				least, most = least+met.renewals, most+met.renewals
			}
			if calls := len(x.calls.requests[at]); at != r.at && (calls < least || calls > most) {
				report("%s: %d calls of %s, want %d to %d", met.name, calls, at, least, most)
			}
		}
		if x.attempt != len(x.calls.requests[stripeAPI]) && !r.uncounted && !r.connections {
			report("%s: %d attempts logged for %d Stripe calls", met.name, x.attempt,
				len(x.calls.requests[stripeAPI]))
		}
		if r.cold.answer == noKeys && x.took > coldIssuerLimit {
			report("%s: the response took %v, which is more than the limit", met.name, x.took)
		}
	}
	if strings.Contains(e.stdout, foreignCustomer) {
		report("the response to a request belongs to another request")
	}
	for _, place := range e.leaks {
		report("leaked: %s", place)
	}
	for _, x := range []*exchange{e.cold, e.afterCold, e.warm, e.afterWarm} {
		if problem := idempotencyError(x.calls.requests[stripeAPI], idempotencyKeys); problem != "" {
			report("%s", problem)
		}
	}
	return problems
}

// others returns how often a healthy upstream is called. Upstreams before the broken one are always
// called, upstreams after it only if the request gets that far.
func (r row) others(at upstream, warm, isServed bool) (least, most int) {
	reached := isServed || slices.Index(allUpstreams, at) < slices.Index(allUpstreams, r.at)
	switch {
	case at.isPrefetched() && warm:
		return 0, 0
	case at == discovery && r.at == keySet && !isServed:
		return 1, 2 // called again with the key set, whose address may have changed
	case at.isPrefetched() && !reached:
		return 0, 1
	case reached:
		return 1, 1
	}
	return 0, 0
}
