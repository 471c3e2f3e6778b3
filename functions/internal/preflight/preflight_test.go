package preflight_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/codedeploy"

	"billingportal/functions/internal/preflight"
)

func check(name string, run func(ctx context.Context) preflight.Finding) preflight.Check {
	return preflight.Check{Name: name, Run: run}
}

func TestFindingsComeInTheOrderOfTheChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		after := func(d time.Duration, status preflight.Status) func(context.Context) preflight.Finding {
			return func(context.Context) preflight.Finding {
				time.Sleep(d)
				return preflight.Finding{Status: status}
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 13*time.Second)
		defer cancel()
		start := time.Now()
		findings := preflight.Run(ctx, []preflight.Check{
			check("slow", after(8*time.Second, preflight.OK)),
			check("nothing to say", after(0, "")),
			check("quick", after(0, preflight.Warning)),
			check("broken", func(context.Context) preflight.Finding { panic("MARKER") }),
			check("hanging", after(time.Hour, preflight.OK)),
		})
		var said []string
		for _, f := range findings {
			said = append(said, f.Name+" "+string(f.Status))
		}
		if got, want := strings.Join(said, ", "),
			"slow ok, quick warning, broken problem, hanging warning"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if took := time.Since(start); took > 13*time.Second {
			t.Errorf("it took %s", took)
		}
		if !preflight.HasProblem(findings) || preflight.HasProblem(findings[:2]) {
			t.Error("HasProblem does not distinguish a problem from a warning")
		}
		time.Sleep(time.Hour) // the hanging check ends
	})
}

// dated is an upstream whose clock differs by a duration.
type dated time.Duration

func (d dated) RoundTrip(*http.Request) (*http.Response, error) {
	date := time.Now().Add(time.Duration(d)).UTC().Format(http.TimeFormat)
	return &http.Response{StatusCode: 200, Header: http.Header{"Date": {date}}, Body: http.NoBody}, nil
}

func TestClocksAreCompared(t *testing.T) {
	for name, test := range map[string]struct {
		skews  []time.Duration
		want   preflight.Status
		detail string
	}{
		"the same": {[]time.Duration{0}, preflight.OK, "it is within 5 seconds of the upstreams' clocks"},
		"a little late": {[]time.Duration{4 * time.Second}, preflight.OK,
			"it is within 5 seconds of the upstreams' clocks"},
		"ten seconds behind": {[]time.Duration{10 * time.Second}, preflight.Warning, "it is 10 seconds behind"},
		"exactly five": {[]time.Duration{5 * time.Second}, preflight.OK,
			"it is within 5 seconds of the upstreams' clocks"},
		"six seconds behind": {[]time.Duration{6 * time.Second}, preflight.Warning, "it is 6 seconds behind"},
		"six seconds ahead":  {[]time.Duration{-7 * time.Second}, preflight.Warning, "it is 6 seconds ahead"},
		"exactly thirty":     {[]time.Duration{30 * time.Second}, preflight.Warning, "it is 30 seconds behind"},
		"thirty-one":         {[]time.Duration{31 * time.Second}, preflight.Problem, "it is 31 seconds behind"},
		"a minute behind":    {[]time.Duration{time.Minute}, preflight.Problem, "it is 60 seconds behind"},
		"ten seconds ahead":  {[]time.Duration{-11 * time.Second}, preflight.Warning, "it is 10 seconds ahead"},
		"a minute ahead":     {[]time.Duration{-time.Minute}, preflight.Problem, "it is 59 seconds ahead"},
		"the worst of two counts": {[]time.Duration{10 * time.Second, 0}, preflight.Warning,
			"it is 10 seconds behind"},
		"the worst of one upstream counts": {[]time.Duration{0, time.Minute, 0}, preflight.Problem,
			"it is 60 seconds behind"},
		"no upstream answered": {nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var clock preflight.Clock
				for _, skew := range test.skews {
					response, err := clock.Watch(dated(skew)).RoundTrip(nil)
					if err != nil {
						t.Fatal(err)
					}
					_ = response.Body.Close()
				}
				advice := ""
				if test.want == preflight.Warning || test.want == preflight.Problem {
					advice = setTheClock
				}
				requireFinding(t, clock.Check(), "clock", test.want, test.detail, advice)
			})
		})
	}
}

// slow is an upstream that waits before and after it dates its answer.
type slow struct{ before, after time.Duration }

func (s slow) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(s.before)
	defer time.Sleep(s.after)
	return dated(0).RoundTrip(r)
}

// The clock's check uses the dates that all other checks saw, whatever its place in the list. A
// slow answer must not look like a wrong clock.
func TestTheClockIsComparedLast(t *testing.T) {
	for name, test := range map[string]struct {
		upstream http.RoundTripper
		want     string
	}{
		"behind": {dated(10 * time.Second), "clock warning, other ok"},
		"slow":   {slow{before: 10 * time.Second}, "clock ok, other ok"},
		"late":   {slow{after: 10 * time.Second}, "clock ok, other ok"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var clock preflight.Clock
				other := check("other", func(context.Context) preflight.Finding {
					time.Sleep(time.Second)
					response, err := clock.Watch(test.upstream).RoundTrip(nil)
					if err != nil {
						t.Error(err)
						return preflight.Finding{}
					}
					_ = response.Body.Close()
					return preflight.Finding{Status: preflight.OK}
				})
				var said []string
				for _, f := range preflight.Run(t.Context(), []preflight.Check{clock.Check(), other}) {
					said = append(said, f.Name+" "+string(f.Status))
				}
				if got := strings.Join(said, ", "); got != test.want {
					t.Errorf("got %s, want %s", got, test.want)
				}
			})
		})
	}
}

// reports stands in for CodeDeploy and keeps the reported statuses.
type reports struct{ status []string }

func (r *reports) PutLifecycleEventHookExecutionStatus(_ context.Context,
	input *codedeploy.PutLifecycleEventHookExecutionStatusInput,
	_ ...func(*codedeploy.Options)) (*codedeploy.PutLifecycleEventHookExecutionStatusOutput, error) {
	r.status = append(r.status, string(input.Status))
	return &codedeploy.PutLifecycleEventHookExecutionStatusOutput{}, nil
}

func TestTheHookAlwaysReports(t *testing.T) {
	const event = `{"DeploymentId":"d-1","LifecycleEventHookExecutionId":"hook-1"}`
	for name, test := range map[string]struct {
		look func(context.Context) []preflight.Finding
		want string
	}{
		"it panics":        {func(context.Context) []preflight.Finding { panic("MARKER") }, "Failed"},
		"it ends too late": {func(ctx context.Context) []preflight.Finding { <-ctx.Done(); return nil }, "Succeeded"},
		"it does not end": {func(context.Context) []preflight.Finding { time.Sleep(time.Hour); return nil },
			"Succeeded"},
		"it finds nothing": {func(context.Context) []preflight.Finding { return nil }, "Succeeded"},
		"it finds a problem": {func(context.Context) []preflight.Finding {
			return []preflight.Finding{{Status: preflight.Problem}}
		}, "Failed"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told := &reports{}
				hook := &preflight.Hook{CodeDeploy: told, Logs: io.Discard,
					Look: func(ctx context.Context,
						_ preflight.Environments) []preflight.Finding {
						return test.look(ctx)
					}}
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				defer cancel()
				start := time.Now()
				if _, err := hook.Invoke(ctx, []byte(event)); err != nil || len(told.status) != 1 ||
					told.status[0] != test.want {
					t.Errorf("told %v, %v", told.status, err)
				}
				if took := time.Since(start); took > 105*time.Second {
					t.Errorf("after %s there is too little time for the report", took)
				}
				time.Sleep(time.Hour)
			})
		})
	}
}
