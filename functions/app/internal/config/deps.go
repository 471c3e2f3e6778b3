package config

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"billingportal/functions/internal/lambdahttp"
	"billingportal/functions/internal/problem"
	"billingportal/functions/internal/requestlog"
	"billingportal/functions/internal/upstream"
)

const prefetchTimeout = 5 * time.Second

// Deps are the dependencies of every function.
type Deps struct {
	Common

	Logs   io.Writer
	Logger *slog.Logger

	dynamoDB, secretsManager *upstream.Transport
}

// Deps builds the dependencies. It starts to dial DynamoDB, which the first request calls.
func (c Common) Deps(ctx context.Context, logs io.Writer) Deps {
	logs = requestlog.Lines(logs)
	d := Deps{
		Common:         c,
		Logs:           logs,
		Logger:         slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: c.LogLevel})),
		dynamoDB:       upstream.NewTransport(),
		secretsManager: upstream.NewTransport(),
	}
	d.dynamoDB.DialAhead(ctx, c.AWS.dynamoDBURL(ctx))
	return d
}

// DynamoDBClient returns a client that uses the connections dialled ahead.
func (d Deps) DynamoDBClient() *dynamodb.Client { return d.AWS.DynamoDBClient(d.dynamoDB) }

// SecretsManagerClient returns a client for the secrets that the function reads.
func (d Deps) SecretsManagerClient() *secretsmanager.Client {
	return d.AWS.SecretsManagerClient(d.secretsManager)
}

// Prefetch runs each fetch in the background, for at most five seconds. Failures are not fatal: the
// first request that needs the value retries.
func (d Deps) Prefetch(ctx context.Context, fetches map[string]func(context.Context) error) {
	for name, fetch := range fetches {
		go func() {
			ctx, cancel := context.WithTimeout(ctx, prefetchTimeout)
			defer cancel()
			if err := lambdahttp.Recovering(func() error { return fetch(ctx) }); err != nil {
				d.Logger.Warn("fetch ahead failed; the first request tries again", "what", name, "error", err)
			}
		}()
	}
}

// A rejecter is a handler that also answers input that never became a request, with the problem of
// a code.
type rejecter interface {
	http.Handler
	Reject(w http.ResponseWriter, r *http.Request, code problem.Code, cause error)
}

// LambdaHandler puts a handler that accepts bodies of up to maxBody bytes behind API Gateway.
func (d Deps) LambdaHandler(handler rejecter, maxBody int) lambda.Handler {
	reject := func(w http.ResponseWriter, r *http.Request, err error) {
		code := problem.Internal
		switch {
		case errors.Is(err, lambdahttp.ErrBadRequest):
			code = problem.InvalidRequest
		case errors.Is(err, lambdahttp.ErrTooLarge):
			code = problem.PayloadTooLarge
		}
		handler.Reject(w, r, code, err)
	}
	return lambdahttp.LimitConcurrency(lambdahttp.New(handler, reject, d.BasePath, maxBody), upstream.MaxConns)
}
