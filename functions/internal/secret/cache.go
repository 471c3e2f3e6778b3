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

	"billingportal/functions/internal/upstream"
)

const (
	freshFor     = 5 * time.Minute        // less up to a tenth, so that functions do not refresh in step
	usableFor    = time.Hour              // how old a value may become while Secrets Manager fails
	patience     = 500 * time.Millisecond // of a request that has a usable value at hand
	fetchTimeout = 5 * time.Second        // of a fetch that goes on without its request
	retryPause   = 10 * time.Second       // between tries while a stale value serves
	renewalRest  = 10 * time.Second       // between fetches that a refused value asks for
	warningRest  = time.Minute            // between warnings that a stale value serves
)

// GetSecretValueAPI is the one call of Secrets Manager that the cache needs.
type GetSecretValueAPI interface {
	GetSecretValue(ctx context.Context, input *secretsmanager.GetSecretValueInput, options ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// Config is what a cache is made of.
type Config[V comparable] struct {
	Client GetSecretValueAPI
	ID     string                        // of the secret: its name or ARN
	Parse  func(value string) (V, error) // its errors wrap ErrMalformed
	Now    func() time.Time              // nil means time.Now
	Logger *slog.Logger                  // nil means none
}

// Cache keeps the value of one secret. It is safe for concurrent use: one fetch
// runs at a time, under the context of the request that needs it, and the
// requests that waited share its outcome.
type Cache[V comparable] struct {
	config Config[V]

	// turn holds one token; its holder may fetch. A channel, because a request
	// must be able to stop waiting.
	turn chan struct{}

	mu       sync.Mutex // guards what follows, and is never held while waiting
	value    V
	fetched  time.Time // when value was fetched; zero: there is none
	tryAt    time.Time // when to fetch again
	failure  error     // of the last fetch, nil after a success
	failedAt time.Time // when it failed
	warned   time.Time // when it was last said that a stale value serves

	renewal error     // how the last fetch for a refused value ended
	renewed time.Time // when it ended; zero: there was none
}

// NewCache returns an empty cache.
func NewCache[V comparable](config Config[V]) *Cache[V] {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &Cache[V]{config: config, turn: make(chan struct{}, 1)}
}

// Get returns the value, fetched at most five minutes ago or, while Secrets
// Manager fails or is slow or has one that cannot be used, at most an hour ago.
// Without one, each request asks, so that a secret works as soon as it is
// corrected. Its errors wrap [ErrMalformed] or [*upstream.Error].
func (c *Cache[V]) Get(ctx context.Context) (V, error) {
	asked := c.config.Now()
	switch value, isFresh, isUsable := c.held(); {
	case isFresh:
		c.warn(ctx)
		return value, nil
	case isUsable:
		return c.refreshed(ctx), nil
	}
	var none V
	release, err := c.wait(ctx, true)
	if err != nil {
		return none, err
	}
	defer release()
	// Somebody else may have fetched meanwhile.
	if value, _, isUsable := c.held(); isUsable {
		return value, nil
	}
	if err := c.failedAfter(asked); err != nil {
		return none, err
	}
	if err := c.fetch(ctx); err != nil {
		return none, err
	}
	value, _, _ := c.held()
	return value, nil
}

// Fetched is when the value came that is held now; zero where there is none.
func (c *Cache[V]) Fetched() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fetched
}

// Prefetch fetches the value for requests to come. Its failure is not held against
// them: one that waited for it tries again.
func (c *Cache[V]) Prefetch(ctx context.Context) error {
	release, err := c.wait(ctx, true)
	if err != nil {
		return err
	}
	defer release()
	if _, _, isUsable := c.held(); isUsable {
		return nil // a request was faster
	}
	err = c.fetch(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failure = nil
	return err
}

// Renewed answers a refusal of the value: it returns the value that took its place,
// and whether there is one. It fetches at most once in ten seconds, however many
// requests were refused; those in between share what that fetch found. Its errors
// are those of Get.
func (c *Cache[V]) Renewed(ctx context.Context, refused V) (V, bool, error) {
	var none V
	release, err := c.wait(ctx, true)
	if err != nil {
		return none, false, err
	}
	defer release()
	if value, isOther := c.otherThan(refused); isOther {
		return value, true, nil
	}
	if isResting, renewal := c.resting(); isResting {
		return none, false, renewal
	}
	err = c.fetch(ctx)
	if err == nil || ctx.Err() == nil { // else the request was given up, which says nothing
		c.mu.Lock()
		c.renewal, c.renewed = err, c.wallClock()
		c.mu.Unlock()
	}
	if err != nil {
		return none, false, err
	}
	value, isOther := c.otherThan(refused)
	return value, isOther, nil
}

// refreshed returns the value that takes the place of the one at hand, or that one
// if the other does not come in time. The fetch has a bound of its own and goes on,
// so that a Secrets Manager that is slow, but answers, is asked no more often than
// a fast one.
func (c *Cache[V]) refreshed(ctx context.Context) V {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if release, err := c.wait(waiting, !c.isFailing()); err == nil {
		c.refresh(ctx, waiting, release)
	}
	value, _, _ := c.held()
	c.warn(ctx)
	return value
}

func (c *Cache[V]) refresh(ctx, waiting context.Context, release func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer release()
		if _, isFresh, _ := c.held(); isFresh {
			return // somebody else was faster
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
		defer cancel()
		_ = c.fetch(ctx) // it is noted
	}()
	select {
	case <-done:
	case <-waiting.Done():
		if ctx.Err() == nil { // else the request was given up, which says nothing
			c.note(errSlow)
		}
	}
}

// errSlow is a failure that may yet turn out to be none.
var errSlow = errors.New("secretsmanager GetSecretValue: no answer in half a second")

// held returns the value at hand, whether it is fresh, and whether it is usable.
// Should the clock be set back, a value of the future is not usable, so that none is
// kept for good.
func (c *Cache[V]) held() (value V, isFresh, isUsable bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.wallClock()
	age := now.Sub(c.fetched)
	isUsable = !c.fetched.IsZero() && age >= 0 && age < usableFor
	return c.value, isUsable && now.Before(c.tryAt), isUsable
}

func (c *Cache[V]) otherThan(refused V) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.value == refused || c.fetched.IsZero() {
		var none V
		return none, false
	}
	return c.value, true
}

func (c *Cache[V]) resting() (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	since := c.wallClock().Sub(c.renewed)
	return !c.renewed.IsZero() && since >= 0 && since < renewalRest, c.renewal
}

func (c *Cache[V]) isFailing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failure != nil
}

// failedAfter returns the failure of a fetch that a request waited for.
func (c *Cache[V]) failedAfter(asked time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure != nil && c.failedAt.After(asked) {
		return c.failure
	}
	return nil
}

// note notes a failure. The value stays, and is not tried to be replaced for a while.
func (c *Cache[V]) note(failure error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failure, c.failedAt = failure, c.config.Now()
	c.tryAt = c.wallClock().Add(retryPause)
}

// warn says that a value serves although the last fetch failed, once a minute.
func (c *Cache[V]) warn(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.wallClock()
	if since := now.Sub(c.warned); c.failure == nil || since >= 0 && since < warningRest {
		return
	}
	c.warned = now
	c.config.Logger.WarnContext(ctx, "a stale secret serves", "age_seconds", int(now.Sub(c.fetched).Seconds()), "error", c.failure.Error())
}

// wallClock is the time without its monotonic reading, which stands still while
// Lambda freezes the function.
func (c *Cache[V]) wallClock() time.Time { return c.config.Now().Round(0) }

// wait takes the turn, and waits for it if that is worth it; release gives it back.
// A turn that is free is taken even by a request that has no time left.
func (c *Cache[V]) wait(ctx context.Context, isWorthIt bool) (release func(), err error) {
	release = func() { <-c.turn }
	select {
	case c.turn <- struct{}{}:
		return release, nil
	default:
	}
	if !isWorthIt {
		return nil, errSlow
	}
	select {
	case c.turn <- struct{}{}:
		return release, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the secret: %w", upstream.FromAWS("secretsmanager", ctx.Err()))
	}
}

// fetch replaces the value; its caller has the turn. A failure leaves the old one in
// place.
func (c *Cache[V]) fetch(ctx context.Context) error {
	value, err := c.get(ctx)
	if err != nil {
		// A request that was given up says nothing about Secrets Manager: the
		// next one tries for itself.
		if ctx.Err() == nil {
			c.note(err)
		}
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.value, c.fetched, c.failure = value, c.wallClock(), nil
	c.tryAt = c.fetched.Add(freshFor - rand.N(freshFor/10))
	return nil
}

// get asks for the secret.
//
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
func (c *Cache[V]) get(ctx context.Context) (V, error) {
	var none V
	output, err := c.config.Client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(c.config.ID)})
	switch {
	case err != nil:
		return none, fmt.Errorf("fetch the secret: %w", upstream.FromAWS("secretsmanager", err))
	case output.SecretString == nil:
		return none, malformed("it has no text; a binary secret cannot be used")
	}
	return c.config.Parse(*output.SecretString)
}
