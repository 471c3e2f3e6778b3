// Package refresh caches one value from a source on the network, such as an issuer's key set or a
// secret, and refreshes it.
//
// Only one fetch runs at a time, and the callers that wait for it share its result. A fresh value
// is returned at once. When it is no longer fresh, the next caller fetches a new one. If the source
// fails or takes longer than half a second, callers get the old value while it is usable.
package refresh

import (
	"context"
	"sync"
	"time"

	"billingportal/functions/internal/upstream"
)

// patience limits how long a caller waits for a fresh value if the cache has a usable one.
const patience = 500 * time.Millisecond

// A Policy says when the source may be asked.
type Policy struct {
	// MinBackoff is the wait after the first failure. The wait doubles with each failure, up to
	// MaxBackoff.
	MinBackoff, MaxBackoff time.Duration

	// FailFast applies the back-off to every fetch: without a usable value, a caller gets a
	// [*BackoffError] at once. Otherwise the back-off applies only while there is a usable value,
	// so that a corrected source works at once.
	FailFast bool

	// NewerApart is the minimum time between fetches by Newer. With FailFast, it counts from any
	// fetch.
	NewerApart time.Duration

	// BlameAfter is the time that a fetch must have run to count as a failure of the source if the
	// caller's context ended it. 0 means that such a fetch never counts: a caller that left early
	// says nothing about the source.
	BlameAfter time.Duration

	// FetchTimeout limits a fetch that continues without its caller.
	FetchTimeout time.Duration
}

// Config describes a [Cache].
type Config[V any] struct {
	Policy

	// Fetch asks the source. It also returns how long the value is fresh and usable. isNewer means
	// that a caller of Newer cannot use the cached value.
	Fetch func(ctx context.Context, isNewer bool) (value V, fresh, usable time.Duration, err error)

	// OnFailure is called for each failure of the source, unless it is nil.
	OnFailure func(ctx context.Context, err error)

	// OnSlow is called if a caller gets a usable value because Fetch takes long. It returns the
	// failure to remember until Fetch ends.
	OnSlow func() error

	Now func() time.Time // nil means time.Now
}

// A Cache keeps the value. It is safe for concurrent use. It starts a goroutine only for a fetch
// that continues after its caller has got the cached value.
type Cache[V any] struct {
	config Config[V]

	// fetching has room for one element. The caller that put it there may fetch. With a mutex, a
	// caller would wait beyond its own deadline.
	fetching chan struct{}

	mu    sync.Mutex // guards state, and is never held while waiting
	state state[V]
}

// New returns an empty cache.
func New[V any](config Config[V]) *Cache[V] {
	return &Cache[V]{config: config, fetching: make(chan struct{}, 1), state: state[V]{policy: config.Policy}}
}

// Get returns a fresh value or, while the source fails or is slow, a usable one. The error is a
// [*BackoffError], a [*GivenUpError], or the source's own.
func (c *Cache[V]) Get(ctx context.Context) (*Value[V], error) {
	return c.obtain(ctx, request[V]{})
}

// Newer returns a value that replaces old, or old itself if a recent fetch has found nothing newer.
// Its errors are those of Get.
func (c *Cache[V]) Newer(ctx context.Context, old *Value[V]) (*Value[V], error) {
	return c.obtain(ctx, request[V]{isNewer: true, old: old})
}

// Prefetch fetches a value for later callers, unless there is a fresh one. A failure causes no
// back-off: the next caller tries at once.
func (c *Cache[V]) Prefetch(ctx context.Context) error {
	_, err := c.obtain(ctx, request[V]{isPrefetch: true})
	return err
}

// Held returns the cached value, however old, or nil, and the last failure if the source has failed
// since that value was fetched.
func (c *Cache[V]) Held() (*Value[V], error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.held, c.state.lastErr
}

// obtain returns the value for a request, after a fetch if one is due. A caller that waited for
// another caller's fetch decides again when that fetch ends. It fetches only if the other fetch was
// cancelled and left no result.
func (c *Cache[V]) obtain(ctx context.Context, r request[V]) (*Value[V], error) {
	seen := c.failures()
	for {
		held, isDue, err := c.decide(r)
		if !isDue {
			return held, err
		}
		if held != nil {
			return c.refreshed(ctx, r, held), nil
		}
		if !c.turn(ctx, true) {
			return nil, &GivenUpError{Err: context.Cause(ctx), WasWaiting: true}
		}
		if err := c.fetchIfDue(ctx, r, seen); err != nil {
			return nil, err
		}
	}
}

// refreshed returns the value that replaces held, or held itself if no other comes in time. The
// fetch has its own time limit and continues, so that a source that is slow but answers is not
// asked more often than a fast one.
func (c *Cache[V]) refreshed(ctx context.Context, r request[V], held *Value[V]) *Value[V] {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, failure := c.Held()
	if !c.turn(waiting, failure == nil) {
		return held
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.config.FetchTimeout)
		defer cancel()
		_ = c.fetchIfDue(ctx, r, c.failures()) // the state records the result
	}()
	select {
	case <-done:
	case <-waiting.Done():
		if ctx.Err() == nil { // otherwise the caller left, which says nothing about the source
			// With this failure, other callers do not wait until the next fetch is due. The result
			// of this fetch, if there is one, replaces the failure.
			c.fail(r, c.config.OnSlow())
		}
	}
	if newer, _, _ := c.decide(r); newer != nil {
		return newer
	}
	return held
}

// turn acquires the right to fetch, and waits for it if isWorthWaiting. If the right is free, even
// a caller without any time left gets it.
func (c *Cache[V]) turn(ctx context.Context, isWorthWaiting bool) bool {
	select {
	case c.fetching <- struct{}{}:
		return true
	default:
	}
	if !isWorthWaiting {
		return false
	}
	select {
	case c.fetching <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// fetchIfDue fetches if a fetch is still due. It is called with the right to fetch, and releases
// it. If it returns no error, the caller decides again.
func (c *Cache[V]) fetchIfDue(ctx context.Context, r request[V], seen int) error {
	defer func() { <-c.fetching }()
	if _, isDue, _ := c.decide(r); !isDue {
		return nil
	}
	if _, failure := c.Held(); failure != nil && c.failures() > seen && !c.config.FailFast {
		return failure // the fetch that the caller waited for has failed
	}
	start := c.now()
	value, fresh, usable, err := c.config.Fetch(ctx, r.isNewer)
	now := c.now()
	switch {
	case err == nil:
		c.mu.Lock()
		defer c.mu.Unlock()
		c.state.succeed(r,
			&Value[V]{Value: value, At: start, freshUntil: start.Add(fresh), usableUntil: start.Add(usable)}, now)
		return nil
	case ctx.Err() != nil && (c.config.BlameAfter == 0 || now.Sub(start) < c.config.BlameAfter):
		return &GivenUpError{Err: err}
	case r.isPrefetch:
		return err
	}
	if c.config.OnFailure != nil {
		c.config.OnFailure(ctx, err)
	}
	c.fail(r, err)
	if c.config.FailFast {
		return nil // the caller decides again, and gets the back-off
	}
	return err
}

func (c *Cache[V]) fail(r request[V], err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.fail(r, c.now(), err)
}

func (c *Cache[V]) decide(r request[V]) (held *Value[V], isDue bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.decide(r, c.now())
}

func (c *Cache[V]) failures() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.failed
}

func (c *Cache[V]) now() time.Time { return upstream.WallClock(c.config.Now) }
