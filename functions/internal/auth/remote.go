package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

const (
	refreshTimeout = 3500 * time.Millisecond // discovery and keys, all tries; and a request's wait for them
	staleFor       = 2 * time.Hour           // beyond freshness, while the issuer fails
	cooldown       = 30 * time.Second        // between fetches for an unknown kid
	patience       = 500 * time.Millisecond  // of a request that has usable keys at hand
	minBackoff     = time.Second
	maxBackoff     = 30 * time.Second
)

// RemoteConfig says where an issuer's keys are.
type RemoteConfig struct {
	Issuer    string            // for discovery; not fetched if JWKSURL is set
	JWKSURL   string            // the key set; empty means discovery
	Transport http.RoundTripper // nil means one of the package's own
	Now       func() time.Time  // nil means time.Now
	Logger    *slog.Logger      // nil means none
}

// A RemoteKeySet is a key set that is fetched when it is needed and kept for as
// long as the issuer allows. The package's documentation has the rules. It is
// safe for concurrent use. The one goroutine that it starts is a fetch that goes on
// when the request that began it has used the keys at hand.
type RemoteKeySet struct {
	jwksURL   string
	discovery *discovery // nil if jwksURL is set
	fetcher   *fetcher
	now       func() time.Time
	log       *slog.Logger

	// fetching has room for one: who put a value in may fetch. A mutex would
	// make a request wait beyond its own deadline.
	fetching chan struct{}

	mu    sync.Mutex // guards state, and is never held while waiting
	state state
}

// NewRemoteKeySet refuses addresses that keys must not come from. It fetches
// nothing.
func NewRemoteKeySet(cfg RemoteConfig) (*RemoteKeySet, error) {
	k := &RemoteKeySet{
		jwksURL:  cfg.JWKSURL,
		fetcher:  newFetcher(cfg.Transport),
		now:      func() time.Time { return clock(cfg.Now) },
		log:      cfg.Logger,
		fetching: make(chan struct{}, 1),
	}
	if k.log == nil {
		k.log = slog.New(slog.DiscardHandler)
	}
	if cfg.JWKSURL == "" {
		d, err := newDiscovery(cfg.Issuer)
		if err != nil {
			return nil, fmt.Errorf("issuer: %w", err)
		}
		k.discovery = d
		return k, nil
	}
	if _, err := checkAddress(cfg.JWKSURL, true); err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	return k, nil
}

// Prefetch fetches the keys if there are no fresh ones. Its failure is not held
// against the request that needs them next, which tries at once.
func (k *RemoteKeySet) Prefetch(ctx context.Context) error {
	_, err := k.obtain(ctx, purpose{prefetch: true})
	return err
}

func (k *RemoteKeySet) verifySignature(ctx context.Context, t *token) error {
	held, err := k.obtain(ctx, purpose{})
	if err != nil {
		return err
	}
	t.keysFetched = held.at
	if err := held.keys.verify(t); !errors.Is(err, errNoKey) {
		return err
	}
	newer, err := k.obtain(ctx, purpose{newerThan: held})
	if err != nil {
		return err
	}
	t.keysFetched = newer.at
	if err := newer.keys.verify(t); !errors.Is(err, errNoKey) {
		return err
	}
	return noKey(t)
}

// obtain returns keys for the purpose, after a fetch where one is due and
// allowed. Whoever waits for another's fetch looks again when it is over, and
// fetches in its own right only if that one left nothing: it was cancelled.
//
// The wait for another's fetch and the fetch in one's own right have one bound
// together: behind a prefetch that hangs, a request would else wait twice.
func (k *RemoteKeySet) obtain(ctx context.Context, p purpose) (*fetched, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, refreshTimeout, errTimeout)
	defer cancel()
	for {
		held, due, err := k.look(p)
		if !due {
			return held, err
		}
		if held != nil {
			return k.refreshed(ctx, p, held), nil
		}
		if !k.turn(ctx, true) {
			return nil, keysUnavailable(0, context.Cause(ctx))
		}
		if err := k.refreshIfDue(ctx, p); err != nil {
			return nil, err
		}
	}
}

// refreshed returns the keys that take the place of held, or held itself if they
// do not come in time. The fetch has a bound of its own and goes on: an issuer that
// is slow, but answers, is asked no more often than a fast one.
func (k *RemoteKeySet) refreshed(ctx context.Context, p purpose, held *fetched) *fetched {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if !k.turn(waiting, !k.isFailing()) {
		return held
	}
	start, done := k.now(), make(chan struct{})
	go func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshTimeout)
		defer cancel()
		_ = k.refreshIfDue(ctx, p) // what came of it is noted
	}()
	select {
	case <-done:
	case <-waiting.Done():
		if ctx.Err() == nil { // else the request was given up, which says nothing
			k.late(start)
		}
	}
	if newer, _, _ := k.look(p); newer != nil {
		return newer
	}
	return held
}

// late notes that a fetch takes too long for those who wait, so that nobody else
// does until the next one is due. Its end, if it has one, counts for more.
func (k *RemoteKeySet) late(start time.Time) {
	k.log.Warn("fetching the issuer's keys takes long; those at hand serve")
	k.mu.Lock()
	defer k.mu.Unlock()
	k.state.failed(start, k.now(), errTimeout)
}

// isFailing says whether the issuer is known to fail.
func (k *RemoteKeySet) isFailing() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state.failures > 0
}

// turn gets the right to fetch, and waits for it if it is worth waiting.
func (k *RemoteKeySet) turn(ctx context.Context, wait bool) bool {
	select {
	case k.fetching <- struct{}{}:
		return true
	default:
	}
	if !wait {
		return false
	}
	select {
	case k.fetching <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// look decides under the lock what obtain does next.
func (k *RemoteKeySet) look(p purpose) (held *fetched, due bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state.decide(p, k.now())
}

// refreshIfDue is called with the right to fetch, and gives it back. An error
// means that this attempt came to nothing and left no trace: a caller that left
// before the issuer had the time of one try says nothing about the issuer.
func (k *RemoteKeySet) refreshIfDue(ctx context.Context, p purpose) error {
	defer func() { <-k.fetching }()
	if _, due, _ := k.look(p); !due {
		return nil
	}
	start := k.now()
	got, err := k.refresh(ctx, p, start)
	if err != nil && ctx.Err() != nil && k.now().Sub(start) < tryTimeout {
		return keysUnavailable(0, context.Cause(ctx))
	}
	if err != nil && p.prefetch {
		return keysUnavailable(0, err)
	}
	if err != nil {
		k.log.WarnContext(ctx, "fetching the issuer's keys failed", "reason", err.Error())
	}
	k.note(start, got, err)
	return nil
}

// note is called by whoever has the right to fetch, with what came of it.
func (k *RemoteKeySet) note(start time.Time, got *fetched, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil {
		k.state.failed(start, k.now(), err)
		return
	}
	k.state.succeeded(got)
}

// refresh fetches the key set, and where it is if that is not known.
func (k *RemoteKeySet) refresh(ctx context.Context, p purpose, now time.Time) (*fetched, error) {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	defer k.fetcher.rest()
	address := k.jwksURL
	if k.discovery != nil {
		if p.newerThan != nil {
			k.discovery.forget() // the new key may be in a new place
		}
		found, err := k.discovery.find(ctx, k.fetcher, now)
		if err != nil {
			return nil, fmt.Errorf("discovery: %w", err)
		}
		address = found
	}
	got, err := k.fetchKeys(ctx, address, now)
	if err != nil && k.discovery != nil {
		k.discovery.forget()
	}
	return got, err
}

func (k *RemoteKeySet) fetchKeys(ctx context.Context, address string, now time.Time) (*fetched, error) {
	body, header, err := k.fetcher.get(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	usable, skipped, err := parseKeys(body)
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	fresh := freshness(header)
	k.log.InfoContext(ctx, "fetched the issuer's keys", "usable", len(usable), "skipped", skipped, "fresh_seconds", int(fresh.Seconds()))
	return &fetched{keys: usable, at: now, until: now.Add(fresh)}, nil
}
