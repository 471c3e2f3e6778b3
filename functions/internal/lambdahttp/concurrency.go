package lambdahttp

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

// LimitConcurrency limits the number of a handler's concurrent requests. Lambda
// sends one at a time; a server that runs the handler may get a thousand, which
// would wait for connections and processor time in the middle of their calls, let
// those run out of time and repeat them. Here they wait before their time begins
// to count.
func LimitConcurrency(handler lambda.Handler, most int) lambda.Handler {
	return &limited{handler, make(chan struct{}, most)}
}

type limited struct {
	handler lambda.Handler
	slots   chan struct{}
}

// Invoke implements lambda.Handler. A request whose time is over gets the
// handler's own answer to that.
func (l *limited) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	case <-ctx.Done():
	}
	return l.handler.Invoke(ctx, payload)
}
