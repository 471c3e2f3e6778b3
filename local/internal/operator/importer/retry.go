package importer

import (
	"context"
	"errors"
	"time"

	"billingportal/functions/app/operator"
)

const maxTries = 8

// retry repeats a call after temporary failures.
func retry(ctx context.Context, try func() error) error {
	for n := 1; ; n++ {
		err := try()
		wait := 50 * time.Millisecond << n
		var refusal *operator.StripeRefusal
		switch {
		case err == nil || ctx.Err() != nil || n == maxTries:
			return err
		case errors.As(err, &refusal) && refusal.Wait > 0:
			wait = refusal.Wait
		case !operator.IsRetryable(err):
			return err
		}
		if err := operator.Pause(ctx, wait); err != nil {
			return err
		}
	}
}

// howToRepair describes a refusal, and what to do about it.
func howToRepair(refusal error) string {
	if errors.Is(refusal, errTooLong) {
		return refusal.Error()
	}
	return refusal.Error() + ": correct the item of this user in the table, then run the same command again"
}

// isRefusal reports whether a failure is about only one item: its content is malformed, it has no
// room, or other writers changed it during each try.
func isRefusal(err error) bool {
	return errors.Is(err, errTooLong) || operator.IsItemRefused(err)
}
