package lambdahttp

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

type invoke func(ctx context.Context) error

func (i invoke) Invoke(ctx context.Context, _ []byte) ([]byte, error) { return nil, i(ctx) }

func TestRequestsWaitForTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most, all atomic.Int32
		handler := LimitConcurrency(invoke(func(context.Context) error {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
			all.Add(1)
			return nil
		}), 2)
		var callers sync.WaitGroup
		for range 10 {
			callers.Go(func() { _, _ = handler.Invoke(t.Context(), nil) })
		}
		callers.Wait()
		if most.Load() != 2 || all.Load() != 10 {
			t.Errorf("%d at once, %d in all", most.Load(), all.Load())
		}
	})
}

func TestTheHandlerAnswersARequestThatWaitedTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var answers atomic.Int32
		handler := LimitConcurrency(invoke(func(ctx context.Context) error {
			<-ctx.Done()
			answers.Add(1)
			return nil
		}), 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var callers sync.WaitGroup
		for range 3 {
			callers.Go(func() {
				if _, err := handler.Invoke(ctx, nil); err != nil {
					t.Error(err)
				}
			})
		}
		callers.Wait()
		if answers.Load() != 3 {
			t.Errorf("%d answers, want 3", answers.Load())
		}
	})
}
