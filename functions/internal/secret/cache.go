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
	freshFor     = 5 * time.Minute  // less up to a tenth, so that functions do not refresh in step
	staleFor     = time.Hour        // how long a key serves while Secrets Manager fails
	retryPause   = 10 * time.Second // between tries while a stale key serves
	refreshPause = 10 * time.Second // between fetches that a refused key asks for
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

	key         Key
	fetched     time.Time // when key was fetched; zero: there is none
	refreshAt   time.Time // when to try a fetch again
	refusedAt   time.Time // when a refused key last caused a fetch
	failure     error     // of the last fetch, nil after a success
	failureTime time.Time
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
	now := c.now()
	if !c.fetched.IsZero() && now.Before(c.refreshAt) && now.Sub(c.fetched) < staleFor {
		return c.key, nil
	}
	if c.failure != nil && !c.failureTime.Before(asked) {
		return Key{}, c.failure // of the fetch that this request waited for
	}
	err = c.fetch(ctx)
	if err != nil && !c.fetched.IsZero() && now.Sub(c.fetched) < staleFor {
		c.refreshAt = c.now().Add(retryPause)
		return c.key, nil
	}
	return c.key, err
}

// Renewed answers a refusal of the key by Stripe: it returns the key that took
// its place, and whether there is one. It fetches at most once in ten seconds,
// however many requests were refused.
func (c *Cache) Renewed(ctx context.Context, refused Key) (Key, bool, error) {
	release, err := c.wait(ctx)
	if err != nil {
		return Key{}, false, err
	}
	defer release()
	if c.key != refused && !c.fetched.IsZero() {
		return c.key, true, nil
	}
	now := c.now()
	if !c.refusedAt.IsZero() && now.Sub(c.refusedAt) < refreshPause {
		return Key{}, false, nil
	}
	c.refusedAt = now
	if err := c.fetch(ctx); err != nil {
		return Key{}, false, err
	}
	return c.key, c.key != refused, nil
}

// wait takes the turn; release gives it back.
func (c *Cache) wait(ctx context.Context) (release func(), err error) {
	select {
	case c.turn <- struct{}{}:
		return func() { <-c.turn }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the Stripe key: %w", upstream.FromAWS("secretsmanager", ctx.Err()))
	}
}

// fetch replaces the key. A failure leaves the old one in place.
//
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
func (c *Cache) fetch(ctx context.Context) error {
	key, err := c.get(ctx)
	now := c.now()
	if err != nil {
		// A request that was given up says nothing about Secrets Manager: the
		// next one tries for itself.
		if ctx.Err() == nil {
			c.failure, c.failureTime = err, now
		}
		return err
	}
	c.key, c.fetched, c.failure = key, now, nil
	c.refreshAt = now.Add(freshFor - rand.N(freshFor/10))
	return nil
}

func (c *Cache) get(ctx context.Context) (Key, error) {
	output, err := c.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(c.id)})
	if err != nil {
		return Key{}, fmt.Errorf("fetch the Stripe key: %w", upstream.FromAWS("secretsmanager", err))
	}
	return parse(aws.ToString(output.SecretString))
}
