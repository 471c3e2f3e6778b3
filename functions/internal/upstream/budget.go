package upstream

import (
	"context"
	"time"
)

// WithBudget limits the time for a whole request to ten seconds, or to half a second less than the
// time that Lambda leaves to the function, if that is shorter.
func WithBudget(ctx context.Context) (context.Context, context.CancelFunc) {
	const (
		budget  = 10 * time.Second       // for a whole request
		reserve = 500 * time.Millisecond // of the function's time, to send the answer
	)
	end := time.Now().Add(budget)
	if stop, ok := ctx.Deadline(); ok && stop.Add(-reserve).Before(end) {
		end = stop.Add(-reserve)
	}
	return context.WithDeadline(ctx, end)
}
