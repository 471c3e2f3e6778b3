// Package app assembles the functions: environment, clients, handlers. It is the
// only door into functions for anything outside, and the only place that knows
// every part.
//
// Each function has a file of its own, which says what it reads of the environment
// and what it is made of. What they have in common is here and in environment.go.
package app

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"billingportal/functions/internal/lambdahttp"
	"billingportal/functions/internal/requestlog"
	"billingportal/functions/internal/upstream"
)

const (
	dynamoDBTryTimeout       = 1 * time.Second
	dynamoDBTries            = 3
	secretsManagerTryTimeout = 2 * time.Second
	secretsManagerTries      = 2
	prefetchTimeout          = 5 * time.Second
)

// Assembly makes a function of its environment. Its log lines go to logs; ctx ends
// what it does in the background. The error names every variable that is wrong.
type Assembly func(ctx context.Context, getenv func(string) string, logs io.Writer) (lambda.Handler, error)

// Main is the main function of a Lambda function.
func Main(assemble Assembly) {
	log.SetOutput(lambdahttp.StandardLog(os.Stderr))
	err := lambdahttp.Recovering(func() error {
		return lambdahttp.Serve(os.Getenv, func() (lambda.Handler, error) {
			return assemble(context.Background(), os.Getenv, os.Stdout)
		})
	})
	// Lambda makes a log event of each line of a custom runtime. JSON keeps an error of several lines in one.
	slog.New(slog.NewJSONHandler(os.Stderr, nil)).Error("the function does not start", "error", err)
	os.Exit(1)
}

// parts are what every function is made of.
type parts struct {
	common

	logs   io.Writer // for lines
	logger *slog.Logger

	dynamoDB, secretsManager *upstream.Transport
}

// parts starts to dial DynamoDB, which the first request calls.
func (c common) parts(ctx context.Context, logs io.Writer) parts {
	logs = requestlog.Lines(logs)
	p := parts{
		common:         c,
		logs:           logs,
		logger:         slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: c.logLevel})),
		dynamoDB:       upstream.NewTransport(),
		secretsManager: upstream.NewTransport(),
	}
	p.dynamoDB.DialAhead(ctx, c.aws.dynamoDBURL(ctx))
	return p
}

func (p parts) dynamoDBClient() *dynamodb.Client { return p.aws.dynamoDBClient(p.dynamoDB) }

func (p parts) secretsManagerClient() *secretsmanager.Client {
	return p.aws.secretsManagerClient(p.secretsManager)
}

func (a awsEnvironment) dynamoDBClient(transport http.RoundTripper) *dynamodb.Client {
	return dynamodb.NewFromConfig(a.Config(a.dynamoDBEndpoint, transport, dynamoDBTryTimeout, dynamoDBTries))
}

func (a awsEnvironment) secretsManagerClient(transport http.RoundTripper) *secretsmanager.Client {
	return secretsmanager.NewFromConfig(a.Config(a.secretsManagerEndpoint, transport, secretsManagerTryTimeout, secretsManagerTries))
}

// prefetch runs each fetch in the background, for at most five seconds. A failure
// there is not fatal, because the request that needs it tries again.
func (p parts) prefetch(ctx context.Context, fetches map[string]func(context.Context) error) {
	for name, fetch := range fetches {
		go func() {
			ctx, cancel := context.WithTimeout(ctx, prefetchTimeout)
			defer cancel()
			if err := lambdahttp.Recovering(func() error { return fetch(ctx) }); err != nil {
				p.logger.Warn("fetch ahead failed; the first request tries again", "what", name, "error", err)
			}
		}()
	}
}

// rejecter is a handler that also answers what never became a request, with the
// problem of a code.
type rejecter interface {
	http.Handler
	Reject(w http.ResponseWriter, r *http.Request, code string, cause error)
}

// lambdaHandler puts a handler that takes bodies of up to maxBody bytes behind API Gateway.
func (p parts) lambdaHandler(handler rejecter, maxBody int) lambda.Handler {
	reject := func(w http.ResponseWriter, r *http.Request, err error) {
		code := "internal"
		switch {
		case errors.Is(err, lambdahttp.ErrBadRequest):
			code = "invalid-request"
		case errors.Is(err, lambdahttp.ErrTooLarge):
			code = "payload-too-large"
		}
		handler.Reject(w, r, code, err)
	}
	return lambdahttp.Bound(lambdahttp.New(handler, reject, p.basePath, maxBody), upstream.MaxConns)
}
