package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/time/rate"

	"billingportal/functions/app/operator"
)

// answer returns an answer of Stripe, with the header Retry-After unless retryAfter is "".
func answer(status int, retryAfter, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func busy(retryAfter string) http.HandlerFunc {
	return answer(http.StatusTooManyRequests, retryAfter,
		`{"error":{"type":"invalid_request_error","code":"rate_limit"}}`)
}

// Every run that reads Stripe waits as long as Stripe asks, and gives up after eight tries.
func TestRequestsWaitForABusyStripe(t *testing.T) {
	repeated := func(h http.HandlerFunc, times int) (all []http.HandlerFunc) {
		for range times {
			all = append(all, h)
		}
		return all
	}
	c := newCloud(t)
	for name, test := range map[string]struct {
		answers []http.HandlerFunc
		took    time.Duration
		tries   int
		failure string // "" for none
	}{
		"busy twice":          {repeated(busy("7"), 2), 14 * time.Second, 3, ""},
		"busy, other times":   {[]http.HandlerFunc{busy("3"), busy("90")}, 93 * time.Second, 3, ""},
		"busy without a time": {repeated(busy(""), 1), time.Second, 2, ""},
		"busy without a wait": {repeated(busy("0"), 1), time.Second, 2, ""},
		"busy for half a day": {repeated(busy("43200"), 1), time.Hour, 2, ""},
		"busy, in a page":     {repeated(answer(429, "7", "<html>"), 1), 7 * time.Second, 2, ""},
		"busy all the time":   {repeated(busy("7"), 100), 7 * 7 * time.Second, 8, "stripe: rate limit"},
		"a key without rights": {repeated(answer(403, "7", `{"error":{"type":"invalid_request_error"}}`), 100),
			0, 1, "stripe: "},
		"a key that is revoked": {repeated(answer(401, "7", `{"error":{"type":"invalid_request_error"}}`), 100),
			0, 1, "stripe: "},
		// the client sends each request three times
		"unavailable": {repeated(answer(503, "", ""), 6),
			2 * (600*time.Millisecond + 5*time.Second), 7, ""},
		"an answer cut off": {repeated(answer(200, "7", `{"object":"list"`), 2),
			10 * time.Second, 3, ""},
		"more customers after an empty page": {repeated(answer(200, "", `{"object":"list","data":[],"has_more":true}`),
			3), 0, 1, ""},
		"an answer that is not a list": {repeated(answer(200, "7", `{"id":"cus_Other","created":"x","data":7}`), 100),
			0, 1,
			"stripe: the answer is not a list of customers"},
	} {
		for operation, of := range operations {
			t.Run(name+", "+operation, func(t *testing.T) {
				c.reset(t, 1)
				c.write(t, map[string]string{"other": "cus_Other"})
				c.answers(of.request, test.answers...)
				account := c.account(t, nil, key)
				synctest.Test(t, func(t *testing.T) {
					start := time.Now()
					err := of.run(t, c, account, rate.NewLimiter(rate.Inf, 1))
					if took := time.Since(start); took != test.took {
						t.Errorf("it took %s, want %s", took, test.took)
					}
					if test.failure == "" && err != nil || test.failure != "" &&
						(err == nil || !strings.Contains(err.Error(), test.failure)) {
						t.Errorf("%v, want %q", err, test.failure)
					}
				})
				if got := c.count(of.request); got != test.tries {
					t.Errorf("%d tries, want %d", got, test.tries)
				}
			})
		}
	}
}

// A temporary failure is tried eight times in all, each time after twice the pause. A permanent
// failure is not retried.
func TestOtherFailuresAreTriedAgain(t *testing.T) {
	throttled := operator.AWSFailure(operator.DynamoDB, &types.ProvisionedThroughputExceededException{})
	unavailable := &operator.StripeRefusal{Wait: 5 * time.Second}
	for name, test := range map[string]struct {
		failures []error
		took     time.Duration
		tries    int
	}{
		"nothing":                {nil, 0, 1},
		"a table that throttles": {[]error{throttled, throttled, throttled}, 700 * time.Millisecond, 4},
		"one that always throttles": {[]error{throttled, throttled, throttled, throttled, throttled, throttled,
			throttled, throttled, throttled}, 12700 * time.Millisecond, 8},
		"Stripe is unavailable": {[]error{unavailable, unavailable}, 10 * time.Second, 3},
		"first one, then the other": {[]error{throttled, unavailable, throttled},
			100*time.Millisecond + 5*time.Second + 400*time.Millisecond, 4},
		"a permanent refusal": {[]error{&operator.StripeRefusal{}, throttled}, 0, 1},
		"a table that is gone": {[]error{operator.AWSFailure(operator.DynamoDB, &types.ResourceNotFoundException{}),
			throttled}, 0, 1},
		"an error of our own": {[]error{errList, throttled}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, tries := time.Now(), 0
				err := retry(t.Context(), func() error {
					if tries++; tries > len(test.failures) {
						return nil
					}
					return test.failures[tries-1]
				})
				if took := time.Since(start); took != test.took || tries != test.tries {
					t.Errorf("%d tries in %s, want %d in %s", tries, took, test.tries, test.took)
				}
				if want := test.tries <= len(test.failures); (err != nil) != want || want &&
					!errors.Is(err, test.failures[tries-1]) {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

// Ctrl-C ends a wait at once.
func TestAWaitEndsWithTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		err := retry(ctx, func() error { return &operator.StripeRefusal{Wait: time.Hour} })
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != 3*time.Second {
			t.Errorf("%v after %s", err, took)
		}
	})
}

// Every request to Stripe waits for its turn, including a look-up.
func TestReadsKeepToTheRate(t *testing.T) {
	c := newCloud(t)
	for perSecond, took := range map[int]time.Duration{0: 4 * time.Second, 1: 4 * time.Second, 2: 2 * time.Second,
		20: 200 * time.Millisecond} {
		for name, of := range operations {
			c.reset(t, 0)
			pages := 5
			if of.request != "/v1/customers" {
				pages = 4 // including a look-up
				c.write(t, map[string]string{"other": "cus_Other"})
			}
			c.before = func(w http.ResponseWriter, asked string, tries int) bool {
				if asked != "/v1/customers" {
					return false
				}
				_, _ = fmt.Fprintf(w,
					`{"object":"list","data":[{"id":"cus_%d","livemode":false}],"has_more":%t}`, tries, tries < pages)
				return true
			}
			account := c.account(t, nil, key)
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				if err := of.run(t, c, account, NewLimiter(perSecond)); err != nil {
					t.Fatal(err)
				}
				if got := time.Since(start).Round(time.Millisecond); got != took {
					t.Errorf("%s: five requests at %d a second took %s, want %s", name, perSecond, got, took)
				}
			})
			if got := c.count("/v1/customers") + c.count("/v1/customers/cus_Other"); got != 5 {
				t.Errorf("%s: %d requests", name, got)
			}
		}
	}
}

// A claim takes two write units: one for the user's item and one for the customer's item. A tenth
// of the units of a second may be used at once.
func TestWritesKeepToTheCapacity(t *testing.T) {
	c := newCloud(t)
	for capacity, took := range map[int]time.Duration{100: 1100 * time.Millisecond, 200: 500 * time.Millisecond,
		10: 11800 * time.Millisecond} {
		c.reset(t, 60)
		account := c.account(t, nil, key)
		synctest.Test(t, func(t *testing.T) {
			writer := mapping.Writer(c.dynamoDB())
			run := &Import{
				Source:  &FromStripe{Reader: account, Limiter: rate.NewLimiter(rate.Inf, 1), MetadataKey: "user_id"},
				Mapping: mapping, Report: &Report{}, Progress: silent,
				Writer: writer, WriteCapacity: capacity,
			}
			start := time.Now()
			if counts, err := run.Run(t.Context()); err != nil || counts.Imported != 60 {
				t.Fatalf("%+v, %v", counts, err)
			}
			if got := time.Since(start).Round(time.Millisecond); got != took {
				t.Errorf("60 claims at %d write units a second took %s, want %s", capacity, got, took)
			}
		})
	}
}
