package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"

	"billingportal/functions/internal/lambdahttp"
	"billingportal/functions/internal/upstream"
)

// partnerSource is what the source of each event of Stripe's begins with. Only Stripe can put such events onto an event bus.
//
// https://docs.stripe.com/event-destinations/eventbridge
const partnerSource = "aws.partner/stripe.com"

// busRoute names the event bus in logs and metrics.
const busRoute = "eventbridge"

// busEvent is what EventBridge invokes a function with.
//
// https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
type busEvent struct {
	Source string          `json:"source"`
	Detail json.RawMessage `json:"detail"`
}

// Bus takes events from an event bus, one in each invocation, and gives every other one to next. Who may invoke the function is
// IAM's to say: there is no signature. An event that cannot be taken is a function error, so that Lambda tries again, and then
// leaves it to the dead-letter queue.
func (h *Handler) Bus(next lambda.Handler) lambda.Handler { return &bus{h, next} }

type bus struct {
	*Handler
	next lambda.Handler
}

// Invoke implements lambda.Handler.
func (b *bus) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var e busEvent
	// What is no JSON, or no object, has no source, and is next's to refuse.
	if err := json.Unmarshal(payload, &e); err != nil || !b.isFromStripe(e.Source) {
		return b.next.Invoke(ctx, payload)
	}
	record := &record{Record: b.Log.Begin(b.RequestID(ctx), busRoute)}
	ctx, cancel := upstream.WithBudget(ctx)
	defer cancel()
	if err := b.recovering(ctx, e.Detail, record); err != nil {
		problem := problemOf(err)
		record.end(problem.Status(), problem)
		// The text goes to the dead-letter queue: it is as fixed as those in the log.
		return nil, fmt.Errorf("%s: %w", problem.Code, problem)
	}
	record.end(http.StatusOK, nil)
	return []byte("null"), nil
}

func (b *bus) isFromStripe(source string) bool {
	return strings.HasPrefix(source, partnerSource) && (b.Source == "" || b.Source == source)
}

// recovering takes an event, and makes an error of a panic: one event must not cost the next one a cold start.
func (b *bus) recovering(ctx context.Context, detail []byte, record *record) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &lambdahttp.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return b.take(ctx, detail, record)
}
