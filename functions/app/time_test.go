package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"billingportal/functions/app/internal/config/configtest"
)

// loopback is the cloud on this machine. It closes each connection after its answer: in a synctest
// bubble, the clock stands still while a goroutine waits for a network. So time passes only between
// requests, and pauses between attempts take no real time.
type loopback struct {
	*httptest.Server

	mu     sync.Mutex
	broken map[string]http.HandlerFunc // by upstream
	tries  map[string]int
}

func newLoopback(t *testing.T, keys *issuers) *loopback {
	t.Helper()
	l := &loopback{broken: map[string]http.HandlerFunc{}, tries: map[string]int{}}
	healthy := &cloud{issuers: keys, seen: &facts{}}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		upstream, rest, _ := strings.Cut(r.URL.Path[1:], "/")
		l.mu.Lock()
		l.tries[upstream]++
		broken := l.broken[upstream]
		l.mu.Unlock()
		w.Header().Set("Connection", "close")
		// The SDK retries if its clock seems wrong, so answer with the time of the bubble.
		if sent, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date")); err == nil {
			w.Header().Set("Date", sent.Format(http.TimeFormat))
		}
		switch {
		case broken != nil:
			_, _ = io.Copy(io.Discard, r.Body)
			broken(w, r)
		case upstream == "issuer":
			_, _ = io.WriteString(w, keys.sets["issuer"])
		default:
			r.URL.Path = "/" + rest
			healthy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(l.Close)
	return l
}

// variables returns base with the addresses of this machine.
func (l *loopback) variables(base variables) variables {
	return base.with(variables{
		"AWS_ENDPOINT_URL_DYNAMODB": l.URL + "/dynamodb", "AWS_ENDPOINT_URL_SECRETS_MANAGER": l.URL + "/secrets",
		"STRIPE_API_BASE": l.URL + "/stripe", "JWT_JWKS_URL": l.URL + "/issuer",
	})
}

// breaks lets upstreams answer with a status and a text. Without upstreams, all are healthy again.
func (l *loopback) breaks(answer http.HandlerFunc, upstreams ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.broken)
	for _, upstream := range upstreams {
		l.broken[upstream] = answer
	}
}

func (l *loopback) takeTries() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := maps.Clone(l.tries)
	clear(l.tries)
	return taken
}

func answering(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

// function is an assembled function and its log.
type function struct {
	lambda.Handler
	written *configtest.Log
}

func assemble(t *testing.T, name string, values variables) function {
	t.Helper()
	written := &configtest.Log{}
	handler, err := assemblies[name](t.Context(), (&environment{values: values}).get, written)
	if err != nil {
		t.Fatal(err)
	}
	return function{handler, written}
}

// lastRequest returns the line of the last request.
func (f function) lastRequest(t *testing.T) map[string]any {
	t.Helper()
	lines := f.written.Requests(t)
	return lines[len(lines)-1]
}

// in runs a test in a bubble with a cloud, and gives it a request to each healthy function.
func in(t *testing.T, test func(t *testing.T, l *loopback, send map[string]func(f function) answer)) {
	t.Helper()
	keys := newIssuers(t)
	l := newLoopback(t, keys)
	synctest.Test(t, func(t *testing.T) {
		test(t, l, map[string]func(f function) answer{
			"portal":  func(f function) answer { return invoke(t, f, probes[0].event(t, keys, "issuer")) },
			"webhook": func(f function) answer { return invoke(t, f, stripeEvents[0].request(false, signingSecret)) },
		})
	})
}

// Every attempt takes time from the request, and a throttled upstream needs a pause.
func TestTriesOfEachUpstream(t *testing.T) {
	aws := func(code string) http.HandlerFunc {
		return answering(400, `{"__type":"`+code+`","message":"`+upstreamText+`"}`)
	}
	fails := answering(500, upstreamText)
	redirects := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/elsewhere/") // a client that follows it would get an answer
		w.WriteHeader(http.StatusFound)
	}
	bases := map[string]variables{"portal": portalBase, "webhook": webhookBase}
	for _, test := range []struct {
		function, upstream, what string
		answer                   http.HandlerFunc
		tries                    int
		want                     string
	}{
		{"portal", "dynamodb", "fails", fails, 3, "503 customer-store-unavailable"},
		{"portal", "dynamodb", "is throttled", aws("ProvisionedThroughputExceededException"), 3,
			"503 customer-store-unavailable"},
		{"portal", "dynamodb", "denies access", aws("AccessDeniedException"), 1, "500 billing-misconfigured"},
		{"portal", "dynamodb", "redirects", redirects, 1, "503 customer-store-unavailable"},
		{"portal", "secrets", "redirects", redirects, 1, "503 secrets-unavailable"},
		{"portal", "secrets", "fails", fails, 2, "503 secrets-unavailable"},
		{"portal", "secrets", "is throttled", aws("ThrottlingException"), 2, "503 secrets-unavailable"},
		{"portal", "stripe", "fails", fails, 3, "502 billing-unavailable"},
		{"portal", "stripe", "is throttled",
			answering(429, `{"error":{"message":"`+upstreamText+`"}}`), 1, "503 billing-busy"},
		{"portal", "issuer", "fails", fails, 2, "503 identity-provider-unavailable"},
		{"portal", "issuer", "is throttled", answering(429, upstreamText), 1, "503 identity-provider-unavailable"},
		{"webhook", "dynamodb", "fails", fails, 3, "503 customer-store-unavailable"},
		{"webhook", "dynamodb", "is throttled", aws("ThrottlingException"), 3, "503 customer-store-unavailable"},
		{"webhook", "secrets", "fails", fails, 2, "503 secrets-unavailable"},
	} {
		t.Run(fmt.Sprintf("%s: %s %s", test.function, test.upstream, test.what), func(t *testing.T) {
			in(t, func(t *testing.T, l *loopback, send map[string]func(function) answer) {
				l.breaks(test.answer, test.upstream)
				f := assemble(t, test.function, l.variables(bases[test.function]))
				synctest.Wait()
				time.Sleep(time.Minute) // so that the fetches ahead have failed
				l.takeTries()
				if got := send[test.function](f); got.String() != test.want || got.StatusCode == 503 &&
					got.Headers["Retry-After"] == "" {
					t.Errorf("%v %v, want %s", got, got.Headers, test.want)
				}
				if got := l.takeTries()[test.upstream]; got != test.tries {
					t.Errorf("%d tries, want %d", got, test.tries)
				}
				requireSilence(t, f.written.String())
			})
		})
	}
}

// The first request uses the values that were fetched at the start. If such a fetch fails, the
// failure is logged and the first request retries.
func TestFetchesAhead(t *testing.T) {
	for _, test := range []struct {
		function string
		values   variables
		ahead    map[string]int // requests before the first one
		failing  []string       // upstreams
		logged   []string       // failed fetches in the log
	}{
		{"portal", portalBase, map[string]int{"secrets": 1, "issuer": 1}, nil, nil},
		{"portal", portalBase, map[string]int{"secrets": 2, "issuer": 2}, []string{"secrets", "issuer"},
			[]string{"issuer keys", "stripe key"}},
		{"portal", portalBase, map[string]int{"secrets": 1, "issuer": 2}, []string{"issuer"}, []string{"issuer keys"}},
		{"webhook", webhookBase, map[string]int{"secrets": 1}, nil, nil},
		{"webhook", webhookBase, map[string]int{"secrets": 2}, []string{"secrets"}, []string{"signing secrets"}},
		{"webhook", webhookBase.with(variables{"WEBHOOK_SECRET_ID": "", "STRIPE_EVENT_SOURCE": eventSource}),
			map[string]int{}, nil, nil},
	} {
		t.Run(fmt.Sprint(test.function, test.failing), func(t *testing.T) {
			in(t, func(t *testing.T, l *loopback, send map[string]func(function) answer) {
				l.breaks(answering(500, upstreamText), test.failing...)
				f := assemble(t, test.function, l.variables(test.values))
				time.Sleep(time.Minute)
				if got := l.takeTries(); !maps.Equal(got, test.ahead) {
					t.Errorf("requests ahead: %v, want %v", got, test.ahead)
				}
				var logged []string
				for _, line := range f.written.Lines(t) {
					if what, ok := line["what"].(string); ok && line["level"] == "WARN" {
						logged = append(logged, what)
					}
				}
				slices.Sort(logged)
				if !slices.Equal(logged, test.logged) {
					t.Errorf("it is logged that these failed: %v, want %v\n%s", logged, test.logged, f.written)
				}
				l.breaks(nil)
				if test.values["WEBHOOK_SECRET_ID"] == "" && test.function == "webhook" {
					return
				}
				if got := send[test.function](f); got.StatusCode >= 400 {
					t.Errorf("after that: %v", got)
				}
			})
		})
	}
}

// A line has the ages of the values that the request used. A warning reports that a stale value was
// used.
func TestAgesAndStaleValues(t *testing.T) {
	in(t, func(t *testing.T, l *loopback, send map[string]func(function) answer) {
		portal := assemble(t, "portal", l.variables(portalBase))
		webhook := assemble(t, "webhook", l.variables(webhookBase))
		requireAges := func(f function, secretAge, keysAge any) {
			t.Helper()
			line := f.lastRequest(t)
			if line["secret_age_ms"] != secretAge || line["keys_age_ms"] != keysAge {
				t.Errorf("secret_age_ms = %v, keys_age_ms = %v, want %v, %v", line["secret_age_ms"],
					line["keys_age_ms"], secretAge, keysAge)
			}
		}
		send["portal"](portal)
		send["webhook"](webhook)
		requireAges(portal, 0.0, 0.0)
		requireAges(webhook, 0.0, nil)
		time.Sleep(4 * time.Minute)
		send["portal"](portal)
		send["webhook"](webhook)
		requireAges(portal, 240_000.0, 240_000.0)
		requireAges(webhook, 240_000.0, nil)

		l.breaks(answering(500, upstreamText), "secrets", "issuer")
		time.Sleep(16 * time.Minute)
		if got := send["portal"](portal); got.StatusCode != 303 {
			t.Errorf("stale: %v", got)
		}
		if got := send["webhook"](webhook); got.StatusCode != 200 {
			t.Errorf("stale: %v", got)
		}
		for text, f := range map[string]function{"a stale secret serves": portal,
			"fetching the issuer's keys failed": portal, `"a stale secret serves","age_seconds":1200`: webhook} {
			if !strings.Contains(f.written.String(), text) {
				t.Errorf("it is not logged: %s\n%s", text, f.written)
			}
		}
		requireSilence(t, portal.written.String()+webhook.written.String())
		last := portal.lastRequest(t)
		line, _ := json.Marshal(last)
		if last["secret_age_ms"].(float64) < 1_200_000 || last["keys_age_ms"].(float64) < 1_200_000 {
			t.Errorf("ages: %s", line)
		}
	})
}
