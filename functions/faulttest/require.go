package faulttest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Marker stands for any text of an upstream, which must never be repeated.
const Marker = "MARKERx7Q"

// RequireSilent fails if an error, printed in any way, contains text of an upstream: the [Marker]
// or one of the other texts.
func RequireSilent(t testing.TB, err error, others ...string) {
	t.Helper()
	for _, format := range []string{"%s", "%v", "%+v", "%#v", "%q"} {
		for current := err; current != nil; current = errors.Unwrap(current) {
			printed := fmt.Sprintf(format, current)
			for _, text := range append(others, Marker) {
				if strings.Contains(printed, text) {
					t.Errorf("the error printed with %s repeats %q: %s", format, text, printed)
				}
			}
		}
	}
}

// RequireWithin fails if f takes longer than bound by the fake clock of a synctest bubble.
func RequireWithin(t testing.TB, bound time.Duration, f func()) {
	t.Helper()
	start := time.Now()
	f()
	if took := time.Since(start); took > bound {
		t.Errorf("took %v, more than %v", took, bound)
	}
}

// hanging is a transport that never answers. It records the duration of each try.
type hanging struct{ tries []time.Duration }

func (h *hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	start := time.Now()
	<-r.Context().Done()
	h.tries = append(h.tries, time.Since(start))
	return nil, r.Context().Err()
}

// RequireTries fails unless a call that gets no answer makes exactly a number of tries of the same
// duration, and then returns an error.
func RequireTries(t *testing.T, tries int, each time.Duration,
	call func(ctx context.Context, transport http.RoundTripper) error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		transport := &hanging{}
		if err := call(t.Context(), transport); err == nil {
			t.Error("no error")
		}
		if want := slices.Repeat([]time.Duration{each}, tries); !slices.Equal(transport.tries, want) {
			t.Errorf("tries of %v, want %v", transport.tries, want)
		}
	})
}
