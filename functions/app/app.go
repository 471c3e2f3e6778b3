// Package app assembles the functions: environment, clients, handlers. It is the
// only door into functions for anything outside, and the only place that knows
// every part.
package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"billingportal/functions/internal/auth"
	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/lambdahttp"
	"billingportal/functions/internal/portal"
	"billingportal/functions/internal/secret"
	"billingportal/functions/internal/upstream"
)

const (
	dynamoDBTryTimeout       = 1 * time.Second
	dynamoDBTries            = 3
	secretsManagerTryTimeout = 2 * time.Second
	secretsManagerTries      = 2
	prefetchTimeout          = 5 * time.Second
)

// Portal assembles the portal function from its environment. Its log lines go to
// logs. It starts to fetch what the first request needs (the secret, the issuer's
// keys, connections) and does not wait for it; a failure there is not fatal,
// because the request that needs it tries again. ctx ends what it started.
//
// The error names every environment variable that is wrong.
func Portal(ctx context.Context, getenv func(string) string, logs io.Writer) (lambda.Handler, error) {
	config, err := readConfig(getenv)
	if err != nil {
		return nil, err
	}
	logs = &lineWriter{next: logs}
	logger := slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: config.logLevel}))

	dynamoDB, secretsManager, stripeAPI := newTransport(), newTransport(), newTransport()
	dynamoDB.dialer.start(ctx, config.aws.dynamoDBURL(ctx))
	stripeAPI.dialer.start(ctx, config.stripeAPIBase)

	keySet, prefetchKeys, err := newKeySet(config, logger)
	if err != nil {
		return nil, err
	}
	keys := secret.NewCache(
		secretsmanager.NewFromConfig(config.aws.config(config.aws.secretsManagerEndpoint, secretsManager, secretsManagerTryTimeout, secretsManagerTries)),
		config.stripeSecretID, nil)

	stripeClient := billing.New(billing.Config{
		APIBase:     config.stripeAPIBase,
		Livemode:    config.livemode,
		PortalHosts: config.portalHosts,
		Transport:   upstream.Whole{Next: stripeAPI},
	})
	handler, err := portal.New(portal.Config{
		Verifier: auth.NewVerifier(config.auth, keySet),
		Customers: &customers.Store{
			Client:    dynamodb.NewFromConfig(config.aws.config(config.aws.dynamoDBEndpoint, dynamoDB, dynamoDBTryTimeout, dynamoDBTries)),
			Table:     config.customersTable,
			Key:       config.customersKey,
			Attribute: config.customersAttribute,
		},
		Keys:          keys,
		Sessions:      stripeClient,
		Subscriptions: stripeClient,
		Policy:        config.policy,
		SessionCookie: config.sessionCookie,
		NoAccountURL:  config.noAccountURL,
		Log:           portal.NewRequestLog(logs, config.functionName),
		RequestID:     lambdahttp.RequestID,
	})
	if err != nil {
		return nil, err
	}

	prefetch(ctx, logger, map[string]func(context.Context) error{
		"stripe key":  keys.Prefetch,
		"issuer keys": prefetchKeys,
	})
	return newBound(lambdahttp.New(handler, reject(handler)), maxConns), nil
}

// newKeySet returns the issuer's keys and how to fetch them ahead.
func newKeySet(config config, logger *slog.Logger) (auth.KeySet, func(context.Context) error, error) {
	if config.jwks != "" {
		keySet, err := auth.ParseStaticKeySet([]byte(config.jwks))
		return keySet, func(context.Context) error { return nil }, err
	}
	keySet, err := auth.NewRemoteKeySet(auth.RemoteConfig{
		Issuer:  config.auth.Issuer,
		JWKSURL: config.jwksURL,
		Logger:  logger,
	})
	if err != nil {
		return nil, nil, err
	}
	prefetch := func(ctx context.Context) error {
		_ = keySet.Prefetch(ctx) // it logs its failure itself
		return nil
	}
	return keySet, prefetch, nil
}

// prefetch runs each fetch in the background, for at most five seconds.
func prefetch(ctx context.Context, logger *slog.Logger, fetches map[string]func(context.Context) error) {
	for name, fetch := range fetches {
		go func() {
			ctx, cancel := context.WithTimeout(ctx, prefetchTimeout)
			defer cancel()
			if err := fetch(ctx); err != nil {
				logger.Warn("fetch ahead failed; the first request tries again", "what", name, "error", err)
			}
		}()
	}
}

// reject answers what lambdahttp could not hand to the handler.
func reject(handler *portal.Handler) func(http.ResponseWriter, *http.Request, error) {
	return func(w http.ResponseWriter, r *http.Request, err error) {
		var panicked *lambdahttp.PanicError
		switch {
		case errors.Is(err, lambdahttp.ErrBadRequest):
			handler.Reject(w, r, "invalid-request", err)
		case errors.As(err, &panicked):
			handler.Reject(w, r, "internal", errors.New(describe(panicked)))
		default:
			handler.Reject(w, r, "internal", err)
		}
	}
}

// describe tells of a panic what may be logged: where it was, and what it was if
// the runtime raised it. Any other value could hold whatever was at hand.
func describe(panicked *lambdahttp.PanicError) string {
	what := "panic"
	if err, ok := panicked.Value.(runtime.Error); ok {
		what = err.Error()
	}
	return what + "\n" + string(panicked.Stack)
}
