package secret

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"billingportal/functions/internal/upstream"
)

const (
	freshFor    = 5 * time.Minute  // less up to a tenth, so that functions do not refresh in step
	usableFor   = time.Hour        // how old a key may become while Secrets Manager fails
	retryPause  = 10 * time.Second // between tries while a stale key serves
	renewalRest = 10 * time.Second // between fetches that a refused key asks for
)

// GetSecretValueAPI is the one call of Secrets Manager that the cache needs.
type GetSecretValueAPI interface {
	GetSecretValue(ctx context.Context, input *secretsmanager.GetSecretValueInput, options ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// Cache keeps the key of one secret. It is safe for concurrent use: one fetch
// runs at a time, under the context of the request that needs it, and the
// requests that waited share its outcome.
type Cache struct {
	client GetSecretValueAPI
	id     string
	now    func() time.Time

	// turn holds one token; its holder may fetch and change what follows. A
	// channel, because a request must be able to stop waiting.
	turn chan struct{}

	key     Key
	fetched time.Time // when key was fetched; zero: there is none
	tryAt   time.Time // when to fetch again

	failure  error     // of the last fetch, nil after a success
	failedAt time.Time // when it failed

	renewal error     // how the last fetch for a refused key ended
	renewed time.Time // when it ended; zero: there was none
}

// NewCache returns an empty cache for the secret with that name or ARN. now is
// the clock; nil means time.Now.
func NewCache(client GetSecretValueAPI, id string, now func() time.Time) *Cache {
	if now == nil {
		now = time.Now
	}
	return &Cache{client: client, id: id, now: now, turn: make(chan struct{}, 1)}
}

// Key returns the key, fetched at most five minutes ago or, while Secrets
// Manager fails, at most an hour ago. Its errors are [ErrMalformed] and
// [*upstream.Error].
func (c *Cache) Key(ctx context.Context) (Key, error) {
	asked := c.now()
	release, err := c.wait(ctx)
	if err != nil {
		return Key{}, err
	}
	defer release()
	now := c.wallClock()
	if c.isUsable(now) && now.Before(c.tryAt) {
		return c.key, nil
	}
	if c.failure != nil && c.failedAt.After(asked) {
		return Key{}, c.failure // of the fetch that this request waited for
	}
	err = c.fetch(ctx)
	if err == nil {
		return c.key, nil
	}
	if c.isUsable(now) {
		c.tryAt = c.wallClock().Add(retryPause)
		return c.key, nil
	}
	return Key{}, err
}

// Prefetch fetches the key for requests to come. Its failure is not held against
// them: one that waited for it tries again.
func (c *Cache) Prefetch(ctx context.Context) error {
	release, err := c.wait(ctx)
	if err != nil {
		return err
	}
	defer release()
	if c.isUsable(c.wallClock()) {
		return nil // a request was faster
	}
	err = c.fetch(ctx)
	c.failure = nil
	return err
}

// Renewed answers a refusal of the key by Stripe: it returns the key that took
// its place, and whether there is one. It fetches at most once in ten seconds,
// however many requests were refused; those in between share what that fetch
// found. Its errors are those of Key.
func (c *Cache) Renewed(ctx context.Context, refused Key) (Key, bool, error) {
	release, err := c.wait(ctx)
	if err != nil {
		return Key{}, false, err
	}
	defer release()
	if c.key != refused && !c.fetched.IsZero() {
		return c.key, true, nil
	}
	if since := c.wallClock().Sub(c.renewed); !c.renewed.IsZero() && since >= 0 && since < renewalRest {
		return Key{}, false, c.renewal
	}
	err = c.fetch(ctx)
	if err == nil || ctx.Err() == nil { // else the request was given up, which says nothing
		c.renewal, c.renewed = err, c.wallClock()
	}
	if err != nil || c.key == refused {
		return Key{}, false, err
	}
	return c.key, true, nil
}

// isUsable reports whether there is a key that is not too old. Should the clock
// be set back, a key of the future is not usable, so that none is kept for good.
func (c *Cache) isUsable(now time.Time) bool {
	age := now.Sub(c.fetched)
	return !c.fetched.IsZero() && age >= 0 && age < usableFor
}

// wallClock is the time without its monotonic reading, which stands still while
// Lambda freezes the function.
func (c *Cache) wallClock() time.Time { return c.now().Round(0) }

// wait takes the turn; release gives it back. A turn that is free is taken even
// by a request that has no time left: the key may be at hand.
func (c *Cache) wait(ctx context.Context) (release func(), err error) {
	release = func() { <-c.turn }
	select {
	case c.turn <- struct{}{}:
		return release, nil
	default:
	}
	select {
	case c.turn <- struct{}{}:
		return release, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the Stripe key: %w", upstream.FromAWS("secretsmanager", ctx.Err()))
	}
}

// fetch replaces the key. A failure leaves the old one in place.
//
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
func (c *Cache) fetch(ctx context.Context) error {
	key, err := c.get(ctx)
	if err != nil {
		// A request that was given up says nothing about Secrets Manager: the
		// next one tries for itself.
		if ctx.Err() == nil {
			c.failure, c.failedAt = err, c.now()
		}
		return err
	}
	c.key, c.fetched, c.failure = key, c.wallClock(), nil
	c.tryAt = c.fetched.Add(freshFor - rand.N(freshFor/10))
	return nil
}

func (c *Cache) get(ctx context.Context) (Key, error) {
	output, err := c.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(c.id)})
	if err != nil {
		return Key{}, fmt.Errorf("fetch the Stripe key: %w", upstream.FromAWS("secretsmanager", err))
	}
	return parse(aws.ToString(output.SecretString))
}
