package upstream

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheBudgetLeavesTimeToAnswer(t *testing.T) {
	for name, test := range map[string]struct{ left, want time.Duration }{
		"without a deadline": {0, 10 * time.Second},
		"with a minute left": {time.Minute, 10 * time.Second},
		"with 3 s left":      {3 * time.Second, 2500 * time.Millisecond},
		"with 10.5 s left":   {10500 * time.Millisecond, 10 * time.Second},
		"with 10.4 s left":   {10400 * time.Millisecond, 9900 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				if test.left > 0 {
					ctx, cancel = context.WithTimeout(ctx, test.left)
				}
				defer cancel()
				bounded, done := WithBudget(ctx)
				defer done()
				end, ok := bounded.Deadline()
				if got := time.Until(end); !ok || got != test.want {
					t.Errorf("the budget ends in %v, want %v", got, test.want)
				}
			})
		})
	}
}
