package runtimeloop

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// api is a Runtime API with some events, which are answered with that status.
type api struct {
	events   []string
	deadline string
	status   int
	got      []string // method, path and body of each call but next
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if r.URL.Path != "/2018-06-01/runtime/invocation/next" {
		a.got = append(a.got, r.Method+" "+strings.TrimPrefix(r.URL.Path, "/2018-06-01/runtime/invocation/")+" "+string(body))
		w.WriteHeader(a.status)
		return
	}
	if len(a.events) == 0 {
		http.Error(w, "no more", http.StatusGone)
		return
	}
	w.Header().Set("Lambda-Runtime-Aws-Request-Id", "id")
	w.Header().Set("Lambda-Runtime-Deadline-Ms", a.deadline)
	w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn")
	w.Header().Set("Lambda-Runtime-Trace-Id", "Root=1")
	_, _ = io.WriteString(w, a.events[0])
	a.events = a.events[1:]
}

type handler func(ctx context.Context, event []byte) ([]byte, error)

func (h handler) Invoke(ctx context.Context, event []byte) ([]byte, error) { return h(ctx, event) }

func run(t *testing.T, a *api, h handler) error {
	t.Helper()
	t.Setenv(traceVariable, "")
	server := httptest.NewServer(a)
	defer server.Close()
	return Run(t.Context(), strings.TrimPrefix(server.URL, "http://"), new(http.Transport), h)
}

func TestEachInvocationIsAnswered(t *testing.T) {
	a := &api{events: []string{"one", "two", "fail", "three"}, deadline: "4102444800000", status: http.StatusAccepted}
	err := run(t, a, func(_ context.Context, event []byte) ([]byte, error) {
		if string(event) == "fail" {
			return nil, errors.New(`our "own" fault`)
		}
		return append([]byte("re: "), event...), nil
	})
	if err == nil || err.Error() != "next invocation: the Runtime API answered 410" {
		t.Errorf("err = %v", err)
	}
	want := []string{
		"POST id/response re: one", "POST id/response re: two",
		`POST id/error {"errorType":"Function.Error","errorMessage":"our \"own\" fault"}`, "POST id/response re: three",
	}
	if strings.Join(a.got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q", a.got)
	}
}

func TestWhatAHandlerSees(t *testing.T) {
	a := &api{events: []string{"event"}, deadline: "4102444800000", status: http.StatusAccepted}
	_ = run(t, a, func(ctx context.Context, _ []byte) ([]byte, error) {
		if deadline, _ := ctx.Deadline(); !deadline.Equal(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("deadline %v", deadline)
		}
		if invocation, ok := lambdacontext.FromContext(ctx); !ok || invocation.AwsRequestID != "id" || invocation.InvokedFunctionArn != "arn" {
			t.Errorf("%+v", invocation)
		}
		if trace := os.Getenv(traceVariable); trace != "Root=1" || ctx.Value("x-amzn-trace-id") != trace {
			t.Errorf("trace %q, %v", trace, ctx.Value("x-amzn-trace-id"))
		}
		return nil, nil
	})
	if len(a.got) != 1 {
		t.Errorf("got %q", a.got)
	}
}

func TestWhatEndsTheLoop(t *testing.T) {
	for name, test := range map[string]struct {
		api  *api
		want string
	}{
		"an answer that is refused": {&api{events: []string{"", ""}, deadline: "1", status: 413}, "answer an invocation: the Runtime API answered 413"},
		"no deadline":               {&api{events: []string{""}, status: 202}, "next invocation: no deadline"},
	} {
		err := run(t, test.api, func(context.Context, []byte) ([]byte, error) { return nil, nil })
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Run(t.Context(), "127.0.0.1:1", new(http.Transport), nil); err == nil {
		t.Error("without an API: no error")
	}
}
