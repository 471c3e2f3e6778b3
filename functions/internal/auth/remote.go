package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"billingportal/functions/internal/refresh"
	"billingportal/functions/internal/upstream"
)

const (
	refreshTimeout = 3500 * time.Millisecond // for discovery and keys with all tries, and for a request's wait for them
	staleFor       = 2 * time.Hour           // after freshness ends, while the issuer fails
	cooldown       = 30 * time.Second        // between fetches for an unknown kid
	minBackoff     = time.Second
	maxBackoff     = 30 * time.Second
)

// RemoteConfig says where an issuer's keys are published.
type RemoteConfig struct {
	Issuer    string            // for discovery; not fetched if JWKSURL is set
	JWKSURL   string            // the key set; empty means discovery
	Transport http.RoundTripper // nil means the package's own
	Now       func() time.Time  // nil means time.Now
	Logger    *slog.Logger      // nil means no log
}

// A RemoteKeySet is a key set that is fetched when a request needs it, and cached for as long as
// the issuer allows. The package documentation has the rules. It is safe for concurrent use.
type RemoteKeySet struct {
	jwksURL   string
	discovery *discovery // nil if jwksURL is set
	fetcher   *fetcher
	now       func() time.Time
	log       *slog.Logger
	cache     *refresh.Cache[keys]
}

// NewRemoteKeySet returns an error if keys must not come from the configured address. It does not
// fetch anything.
func NewRemoteKeySet(cfg RemoteConfig) (*RemoteKeySet, error) {
	k := &RemoteKeySet{
		jwksURL: cfg.JWKSURL,
		fetcher: newFetcher(cfg.Transport),
		now:     func() time.Time { return upstream.WallClock(cfg.Now) },
		log:     cfg.Logger,
	}
	if k.log == nil {
		k.log = slog.New(slog.DiscardHandler)
	}
	k.cache = refresh.New(refresh.Config[keys]{
		Policy: refresh.Policy{
			MinBackoff:   minBackoff,
			MaxBackoff:   maxBackoff,
			FailFast:     true,
			NewerApart:   cooldown,
			BlameAfter:   tryTimeout,
			FetchTimeout: refreshTimeout,
		},
		Fetch: k.fetch,
		OnFailure: func(ctx context.Context, err error) {
			k.log.WarnContext(ctx, "fetching the issuer's keys failed", "reason", err.Error())
		},
		OnSlow: func() error {
			k.log.Warn("fetching the issuer's keys takes long; the cached keys are used")
			return errTimeout
		},
		Now: cfg.Now,
	})
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

// Prefetch fetches the keys unless they are fresh. If it fails, the next request that needs the
// keys still tries at once.
func (k *RemoteKeySet) Prefetch(ctx context.Context) error {
	_, err := k.obtain(ctx, func(ctx context.Context) (*refresh.Value[keys], error) {
		return nil, k.cache.Prefetch(ctx)
	})
	return err
}

func (k *RemoteKeySet) verifySignature(ctx context.Context, t *token) error {
	held, err := k.obtain(ctx, k.cache.Get)
	if err != nil {
		return err
	}
	t.keysFetched = held.At
	if err := held.Value.verify(t); !errors.Is(err, errNoKey) {
		return err
	}
	newer, err := k.obtain(ctx, func(ctx context.Context) (*refresh.Value[keys], error) {
		return k.cache.Newer(ctx, held)
	})
	if err != nil {
		return err
	}
	t.keysFetched = newer.At
	if err := newer.Value.verify(t); !errors.Is(err, errNoKey) {
		return err
	}
	return noKey(t)
}

// obtain sets one time limit for both the wait for another caller's fetch and the request's own
// fetch. Otherwise a request behind a prefetch that hangs would wait twice.
func (k *RemoteKeySet) obtain(ctx context.Context,
	from func(context.Context) (*refresh.Value[keys], error)) (*refresh.Value[keys], error) {
	ctx, cancel := context.WithTimeoutCause(ctx, refreshTimeout, errTimeout)
	defer cancel()
	held, err := from(ctx)
	if err == nil {
		return held, nil
	}
	var (
		backoff *refresh.BackoffError
		givenUp *refresh.GivenUpError
	)
	switch {
	case errors.As(err, &backoff):
		return nil, keysUnavailable(backoff.Wait, backoff.Err)
	case errors.As(err, &givenUp):
		return nil, keysUnavailable(0, context.Cause(ctx))
	}
	return nil, keysUnavailable(0, err)
}

// fetch fetches the key set. If the address of the set is unknown, it finds that first.
func (k *RemoteKeySet) fetch(ctx context.Context, isNewer bool) (got keys, fresh, usable time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	defer k.fetcher.rest()
	address := k.jwksURL
	if k.discovery != nil {
		if isNewer {
			k.discovery.forget() // the new key may be at a new address
		}
		found, err := k.discovery.find(ctx, k.fetcher, k.now())
		if err != nil {
			return nil, 0, 0, fmt.Errorf("discovery: %w", err)
		}
		address = found
	}
	got, fresh, err = k.fetchKeys(ctx, address)
	if err != nil && k.discovery != nil {
		k.discovery.forget()
	}
	return got, fresh, fresh + staleFor, err
}

func (k *RemoteKeySet) fetchKeys(ctx context.Context, address string) (keys, time.Duration, error) {
	body, header, err := k.fetcher.get(ctx, address)
	if err != nil {
		return nil, 0, fmt.Errorf("key set: %w", err)
	}
	usable, skipped, err := parseKeys(body)
	if err != nil {
		return nil, 0, fmt.Errorf("key set: %w", err)
	}
	fresh := freshness(header)
	k.log.InfoContext(ctx, "fetched the issuer's keys", "usable", len(usable), "skipped", skipped,
		"fresh_seconds", int(fresh.Seconds()))
	return usable, fresh, nil
}
