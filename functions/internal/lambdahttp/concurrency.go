package lambdahttp

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

// LimitConcurrency limits the number of concurrent requests of a handler. Lambda sends one request
// at a time, but a server that runs the handler may get a thousand at once. Without a limit these
// would wait for connections and processor time during their upstream calls, which would then time
// out and be repeated. With it, they wait before their time limits begin.
func LimitConcurrency(handler lambda.Handler, most int) lambda.Handler {
	return &limited{handler, make(chan struct{}, most)}
}

type limited struct {
	handler lambda.Handler
	slots   chan struct{}
}

// Invoke implements lambda.Handler. If ctx ends while the request waits, the handler still answers
// it.
func (l *limited) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	case <-ctx.Done():
	}
	return l.handler.Invoke(ctx, payload)
}
