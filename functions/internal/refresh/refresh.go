// Package refresh keeps one value that comes from a source on the network, such as an
// issuer's key set or a secret, and replaces it in time.
//
// One fetch runs at a time, and the callers that waited share its outcome. A value
// serves while it is fresh. After that the next caller fetches; if the source fails,
// or takes longer than half a second, the old value serves until it is not usable any
// more.
package refresh

import (
	"context"
	"sync"
	"time"

	"billingportal/functions/internal/upstream"
)

// patience is how long a caller with a usable value waits for a fresh one.
const patience = 500 * time.Millisecond

// A Policy says when a source may be asked.
type Policy struct {
	// MinBackoff is the wait after a first failure. It doubles with each failure, up
	// to MaxBackoff.
	MinBackoff, MaxBackoff time.Duration

	// FailFast makes the back-off hold for every fetch: a caller without a usable
	// value gets a [*BackoffError] at once. Otherwise the back-off holds only while a
	// usable value serves, so that a corrected source works at once.
	FailFast bool

	// NewerApart is the time between fetches that Newer asks for. With FailFast, it
	// counts from a fetch of any kind.
	NewerApart time.Duration

	// BlameAfter is how long a fetch must have run to count as a failure of the source
	// if the caller's context ended it; 0 means that it never counts. A caller that
	// left early says nothing about the source.
	BlameAfter time.Duration

	// FetchTimeout bounds a fetch that goes on without its caller.
	FetchTimeout time.Duration
}

// Config describes a [Cache].
type Config[V any] struct {
	Policy

	// Fetch asks the source, and says for how long the value is fresh and usable.
	// isNewer means that a caller of Newer cannot use the value at hand.
	Fetch func(ctx context.Context, isNewer bool) (value V, fresh, usable time.Duration, err error)

	// OnFailure is called with each failure of the source; nil means no call.
	OnFailure func(ctx context.Context, err error)

	// OnSlow is called if a usable value serves because Fetch takes long. It returns
	// the failure to remember until Fetch ends.
	OnSlow func() error

	Now func() time.Time // nil means time.Now
}

// A Cache keeps the value. It is safe for concurrent use. Its only goroutine is a
// fetch that goes on after its caller has used the value at hand.
type Cache[V any] struct {
	config Config[V]

	// fetching has room for one: the caller that put a value in may fetch. A mutex
	// would make a caller wait beyond its own deadline.
	fetching chan struct{}

	mu    sync.Mutex // guards state, and is never held while waiting
	state state[V]
}

// New returns an empty cache.
func New[V any](config Config[V]) *Cache[V] {
	return &Cache[V]{config: config, fetching: make(chan struct{}, 1), state: state[V]{policy: config.Policy}}
}

// Get returns a value that is fresh or, while the source fails or is slow, usable.
// Its error is a [*BackoffError], a [*GivenUpError], or the source's own.
func (c *Cache[V]) Get(ctx context.Context) (*Value[V], error) {
	return c.obtain(ctx, request[V]{})
}

// Newer returns a value to use instead of old, or old itself if a fetch has just found
// nothing newer. Its errors are those of Get.
func (c *Cache[V]) Newer(ctx context.Context, old *Value[V]) (*Value[V], error) {
	return c.obtain(ctx, request[V]{isNewer: true, old: old})
}

// Prefetch fetches a value for callers to come if there is no fresh one. Its failure
// does not count: the next caller tries at once.
func (c *Cache[V]) Prefetch(ctx context.Context) error {
	_, err := c.obtain(ctx, request[V]{isPrefetch: true})
	return err
}

// Held returns the value at hand, however old, or nil; and the last failure if the
// source has failed since.
func (c *Cache[V]) Held() (*Value[V], error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.held, c.state.lastErr
}

// obtain returns the value for a request, after a fetch if one is due. A caller that
// waited for another's fetch looks again when that is over, and fetches for itself only
// if that one left nothing because it was cancelled.
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

// refreshed returns the value that takes the place of held, or held itself if the other
// does not come in time. The fetch has a bound of its own and goes on: a source that is
// slow, but answers, is asked no more often than a fast one.
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
		_ = c.fetchIfDue(ctx, r, c.failures()) // its outcome is recorded
	}()
	select {
	case <-done:
	case <-waiting.Done():
		if ctx.Err() == nil { // otherwise the caller left, which says nothing
			// Other callers do not wait until the next fetch is due. The end of this
			// one, if it has one, counts for more.
			c.fail(r, c.config.OnSlow())
		}
	}
	if newer, _, _ := c.decide(r); newer != nil {
		return newer
	}
	return held
}

// turn gets the right to fetch, and waits for it if isWorthWaiting. One that is free is
// taken even by a caller that has no time left.
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

// fetchIfDue is called with the right to fetch, and gives it back. Without an error the
// caller decides again.
func (c *Cache[V]) fetchIfDue(ctx context.Context, r request[V], seen int) error {
	defer func() { <-c.fetching }()
	if _, isDue, _ := c.decide(r); !isDue {
		return nil
	}
	if _, failure := c.Held(); failure != nil && c.failures() > seen && !c.config.FailFast {
		return failure // of the fetch that the caller waited for
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
		return nil // the back-off decides
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
