package secret

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"billingportal/functions/internal/refresh"
	"billingportal/functions/internal/upstream"
)

const (
	freshFor     = 5 * time.Minute  // minus up to a tenth, so that functions refresh at different times
	usableFor    = time.Hour        // greatest age of a value while Secrets Manager fails
	fetchTimeout = 5 * time.Second  // for a fetch that continues without its request
	retryPause   = 10 * time.Second // between tries while a stale value is used
	renewalRest  = 10 * time.Second // between fetches because of refused values
	warningRest  = time.Minute      // between warnings about a stale value
)

// GetSecretValueAPI has the call of Secrets Manager that the cache needs.
type GetSecretValueAPI interface {
	GetSecretValue(ctx context.Context, input *secretsmanager.GetSecretValueInput,
		options ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// Config describes a cache.
type Config[V comparable] struct {
	Client GetSecretValueAPI
	ID     string                        // of the secret: its name or ARN
	Parse  func(value string) (V, error) // returns a MalformedError
	Now    func() time.Time              // nil means time.Now
	Logger *slog.Logger                  // nil means none
}

// Cache keeps the value of one secret. It is safe for concurrent use.
type Cache[V comparable] struct {
	config Config[V]
	values *refresh.Cache[V]

	mu     sync.Mutex // guards warned
	warned time.Time  // time of the last warning about a stale value
}

// NewCache returns an empty cache.
func NewCache[V comparable](config Config[V]) *Cache[V] {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Cache[V]{config: config}
	c.values = refresh.New(refresh.Config[V]{
		Policy: refresh.Policy{
			MinBackoff:   retryPause,
			MaxBackoff:   retryPause,
			NewerApart:   renewalRest,
			FetchTimeout: fetchTimeout,
		},
		Fetch:  c.fetch,
		OnSlow: func() error { return errSlow },
		Now:    config.Now,
	})
	return c
}

// Get returns a value that was fetched at most five minutes ago. While Secrets Manager fails, is
// slow or has a malformed value, the value may be up to an hour old. Without a value, every request
// asks Secrets Manager, so that a corrected secret works at once. Errors wrap [MalformedError] or
// [*upstream.Error].
func (c *Cache[V]) Get(ctx context.Context) (V, error) {
	held, err := c.values.Get(ctx)
	if err != nil {
		var none V
		return none, plainError(err)
	}
	c.warn(ctx)
	return held.Value, nil
}

// Fetched returns the time at which the cache asked for its value, or zero without a value.
func (c *Cache[V]) Fetched() time.Time {
	if held, _ := c.values.Held(); held != nil {
		return held.At
	}
	return time.Time{}
}

// Prefetch fetches the value for later requests. If it fails, a request that waited for it tries
// again.
func (c *Cache[V]) Prefetch(ctx context.Context) error {
	return plainError(c.values.Prefetch(ctx))
}

// Renewed returns the value that replaces a refused one, and whether there is one. It fetches at
// most once in ten seconds, however many requests were refused; the requests in between share the
// result. Errors are as for Get.
func (c *Cache[V]) Renewed(ctx context.Context, refused V) (value V, isOther bool, err error) {
	held, _ := c.values.Held()
	if held == nil || held.Value == refused {
		if held, err = c.values.Newer(ctx, held); err != nil {
			return value, false, plainError(err)
		}
	}
	if held.Value == refused {
		return value, false, nil
	}
	return held.Value, true, nil
}

// errSlow is the failure to remember while a fetch is slow. The fetch may still succeed.
var errSlow = errors.New("secretsmanager GetSecretValue: no answer in half a second")

// plainError returns err or, if the request gave up waiting for another request's fetch, the error
// that a fetch of the same duration would have returned.
func plainError(err error) error {
	var givenUp *refresh.GivenUpError
	if errors.As(err, &givenUp) && givenUp.WasWaiting {
		return fmt.Errorf("wait for the secret: %w", upstream.FromAWS(upstream.SecretsManager, givenUp.Err))
	}
	return err
}

// warn logs once a minute that the value is stale because the last fetch failed.
func (c *Cache[V]) warn(ctx context.Context) {
	held, failure := c.values.Held()
	if failure == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := upstream.WallClock(c.config.Now)
	if since := now.Sub(c.warned); since >= 0 && since < warningRest {
		return
	}
	c.warned = now
	c.config.Logger.WarnContext(ctx, "a stale secret serves", "age_seconds", int(now.Sub(held.At).Seconds()),
		"error", failure.Error())
}

// fetch fetches the secret.
//
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
func (c *Cache[V]) fetch(ctx context.Context, _ bool) (value V, fresh, usable time.Duration, err error) {
	output, err := c.config.Client.GetSecretValue(ctx,
		&secretsmanager.GetSecretValueInput{SecretId: aws.String(c.config.ID)})
	switch {
	case err != nil:
		return value, 0, 0, fmt.Errorf("fetch the secret: %w", upstream.FromAWS(upstream.SecretsManager, err))
	case output.SecretString == nil:
		return value, 0, 0, MalformedError("it has no text; a binary secret cannot be used")
	}
	value, err = c.config.Parse(*output.SecretString)
	return value, freshFor - rand.N(freshFor/10), usableFor, err
}
