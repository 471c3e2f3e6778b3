package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-lambda-go/lambda"

	"billingportal/functions/internal/lambdahttp"
	"billingportal/functions/internal/upstream"
)

// busRoute is the route of the event bus in logs and metrics.
const busRoute = "eventbridge"

var (
	errNoSource    = errors.New("webhook: the event comes from an event bus, but STRIPE_EVENT_SOURCE is not set")
	errOtherSource = errors.New("webhook: the event comes from an event bus, but its source is not STRIPE_EVENT_SOURCE")
	errRequest     = errors.New("webhook: a request")
)

// EventBridge returns a handler that takes events from an event bus, one in each invocation, and
// passes requests to next. Events from the bus have no signature: IAM decides who may invoke the
// function. If an event fails, the result is a function error: Lambda tries again, and then sends
// the event to the dead-letter queue.
func (h *Handler) EventBridge(next lambda.Handler) lambda.Handler { return &eventBridge{h, next} }

type eventBridge struct {
	*Handler
	next lambda.Handler
}

// Invoke implements lambda.Handler.
func (b *eventBridge) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	e, isRequest, err := readBusEvent(payload)
	if isRequest {
		return b.next.Invoke(ctx, payload)
	}
	record := &record{Record: b.Log.Begin(b.RequestID(ctx), busRoute)}
	ctx, cancel := upstream.WithBudget(ctx)
	defer cancel()
	// Every principal that may invoke the function can write any source.
	source, _ := e.text("source")
	switch {
	case b.Source == "":
		err = errNoSource
	case err == nil && source != b.Source:
		err = errOtherSource
	case err == nil:
		// Without Recovering, a panic would cause a cold start for the next event.
		err = lambdahttp.Recovering(func() error { return b.take(ctx, e["detail"], record) })
	}
	if err != nil {
		problem := problemOf(err)
		record.end(problem.Status(), problem)
		// The text goes to the dead-letter queue. It is as safe as the texts in the log.
		return nil, fmt.Errorf("%s: %w", problem.Code, problem)
	}
	record.end(http.StatusOK, nil)
	return []byte("null"), nil
}

// readBusEvent reads an event from EventBridge. Any other payload is treated as a request. A
// request from API Gateway has requestContext before its body, so reading stops before the body.
//
// https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
func readBusEvent(payload []byte) (e object, isRequest bool, err error) {
	e = object{}
	err = eachMember(payload, func(name string, value json.RawMessage) error {
		if name == "requestContext" {
			return errRequest
		}
		e[name] = value
		return nil
	})
	isOfBus := len(e["source"])+len(e["detail-type"])+len(e["detail"]) > 0
	switch {
	case errors.Is(err, errRequest), errors.Is(err, errNoObject), !isOfBus:
		return nil, true, nil
	case err != nil:
		return nil, false, errEvent
	}
	return e, false, nil
}
