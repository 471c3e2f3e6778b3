package upstream

import (
	"context"
	"time"
)

// WithBudget bounds all that is done for a request: by ten seconds, or by as long before the
// function is stopped as it takes to answer.
func WithBudget(ctx context.Context) (context.Context, context.CancelFunc) {
	const (
		budget  = 10 * time.Second       // for a whole request
		reserve = 500 * time.Millisecond // of the function's time, to answer in
	)
	end := time.Now().Add(budget)
	if stop, ok := ctx.Deadline(); ok && stop.Add(-reserve).Before(end) {
		end = stop.Add(-reserve)
	}
	return context.WithDeadline(ctx, end)
}
