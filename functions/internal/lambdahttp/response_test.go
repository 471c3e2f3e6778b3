package lambdahttp_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"billingportal/functions/internal/lambdahttp"
)

func TestAnswerFollowsNetHTTP(t *testing.T) {
	for name, tc := range map[string]struct {
		handler     http.HandlerFunc
		status      int
		body        string
		contentType string
	}{
		"nothing written is 200": {
			handler: func(http.ResponseWriter, *http.Request) {}, status: 200,
		},
		"a body without a status is 200": {
			handler: func(w http.ResponseWriter, _ *http.Request) { write(t, w, "hello") },
			status:  200, body: "hello", contentType: "text/plain; charset=utf-8",
		},
		"the first WriteHeader wins": {
			handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401); w.WriteHeader(200) },
			status:  401,
		},
		"a status after the body is too late": {
			handler: func(w http.ResponseWriter, _ *http.Request) { write(t, w, "hello"); w.WriteHeader(500) },
			status:  200, body: "hello", contentType: "text/plain; charset=utf-8",
		},
		"several writes": {
			handler: func(w http.ResponseWriter, _ *http.Request) { write(t, w, "a"); write(t, w, "b") },
			status:  200, body: "ab", contentType: "text/plain; charset=utf-8",
		},
		"an informational status is not the answer": {
			handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(404) },
			status:  404,
		},
		"100 is informational too": {
			handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(100); w.WriteHeader(404) },
			status:  404,
		},
		"the greatest status": {
			handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(999) }, status: 999,
		},
		"the handler's Content-Type stays": {
			handler: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/problem+json")
				write(t, w, "{}")
			},
			status: 200, body: "{}", contentType: "application/problem+json",
		},
		"204 has no body": {
			handler: func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(204)
				if _, err := w.Write([]byte("x")); !errors.Is(err, http.ErrBodyNotAllowed) {
					t.Errorf("Write after 204: %v", err)
				}
			},
			status: 204,
		},
		"304 has no body": {
			handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304); _, _ = w.Write([]byte("x")) },
			status:  304,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := invoke(t, tc.handler,
				func(_ http.ResponseWriter, _ *http.Request, err error) { t.Error(err) }, event(t, nil))
			if got.StatusCode != tc.status || got.Body != tc.body ||
				got.Headers["Content-Type"] != tc.contentType || got.IsBase64Encoded {
				t.Errorf("%+v, want %d %q %q", got, tc.status, tc.body, tc.contentType)
			}
		})
	}
}

func TestAnswerHeaders(t *testing.T) {
	got := invoke(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Add("WWW-Authenticate", `Bearer realm="a"`)
		w.Header().Add("WWW-Authenticate", `Basic realm="b"`)
		w.Header().Add("Set-Cookie", "a=1; Secure; HttpOnly, really")
		w.Header().Add("Set-Cookie", "b=2")
		w.Header()["X-None"] = nil
		w.WriteHeader(401)
		w.Header().Set("Cache-Control", "public")
		w.Header().Set("X-Late", "1")
		w.Header()["Www-Authenticate"][0] = "late"
	}, nil, event(t, nil))

	want := map[string]string{"Cache-Control": "no-store", "Www-Authenticate": `Bearer realm="a",Basic realm="b"`}
	if len(got.Headers) != len(want) {
		t.Errorf("headers = %v, want %v", got.Headers, want)
	}
	for name, value := range want {
		if got.Headers[name] != value {
			t.Errorf("%s = %q, want %q", name, got.Headers[name], value)
		}
	}
	if !slices.Equal(got.Cookies, []string{"a=1; Secure; HttpOnly, really", "b=2"}) {
		t.Errorf("cookies = %q", got.Cookies)
	}
}

func TestAnswerBodyEncoding(t *testing.T) {
	for name, tc := range map[string]struct {
		body   string
		base64 bool
	}{
		"UTF-8":            {"Grüße, 世界 <&> \u2028", false},
		"control bytes":    {"a\x00b\x1f", false},
		"not UTF-8":        {"\xff\xfe\x00", true},
		"a truncated rune": {"abc\xe4\xb8", true},
		"gzip":             {"\x1f\x8b\x08\x00", true},
	} {
		t.Run(name, func(t *testing.T) {
			got := invoke(t, func(w http.ResponseWriter, _ *http.Request) { write(t, w, tc.body) }, nil, event(t, nil))
			body := got.Body
			if got.IsBase64Encoded {
				decoded, err := base64.StdEncoding.DecodeString(body)
				if err != nil {
					t.Fatal(err)
				}
				body = string(decoded)
			}
			if body != tc.body || got.IsBase64Encoded != tc.base64 {
				t.Errorf("%q, base64 %v; want %q, %v", body, got.IsBase64Encoded, tc.body, tc.base64)
			}
		})
	}
}

func TestPanic(t *testing.T) {
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		value   any // compared unless nil
	}{
		"before an answer": {func(http.ResponseWriter, *http.Request) { panic("why") }, "why"},
		"with http.ErrAbortHandler": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			http.ErrAbortHandler},
		"with nil": {func(http.ResponseWriter, *http.Request) { panic(nil) }, nil},
		"by the runtime": {func(http.ResponseWriter, *http.Request) {
			var none *http.Request
			_ = none.Method
		}, nil},
		"for a status of four digits": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(1000) }, nil},
		"for a status of two digits":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(99) }, nil},
		"after a partial answer": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Partial", "1")
			w.Header().Set("Location", "https://billing.example/secret")
			w.Header().Set("Set-Cookie", "partial=1")
			w.WriteHeader(303)
			write(t, w, "partial")
			panic("why")
		}, "why"},
	} {
		t.Run(name, func(t *testing.T) {
			var got *lambdahttp.PanicError
			response := invoke(t, tc.handler, func(w http.ResponseWriter, r *http.Request, err error) {
				if !errors.As(err, &got) {
					t.Fatalf("onError got %v", err)
				}
				if r.URL.Path != "/billing/portal" {
					t.Errorf("onError got the request of %s", r.URL)
				}
				http.Error(w, "internal", http.StatusInternalServerError)
			}, event(t, nil))

			if response.StatusCode != 500 || response.Body != "internal\n" || len(response.Cookies) != 0 ||
				response.Headers["Location"] != "" || response.Headers["X-Partial"] != "" {
				t.Errorf("%+v", response)
			}
			if tc.value != nil && got.Value != tc.value {
				t.Errorf("Value = %v, want %v", got.Value, tc.value)
			}
			if got.Value == nil || !strings.Contains(string(got.Stack), "response_test.go") {
				t.Errorf("Value %v, Stack %s", got.Value, got.Stack)
			}
		})
	}
}

// If onError fails too, there is still an answer, which never looks like success.
func TestOnErrorThatFails(t *testing.T) {
	for name, onError := range map[string]onErrorFunc{
		"writes nothing": func(http.ResponseWriter, *http.Request, error) {},
		"panics": func(w http.ResponseWriter, _ *http.Request, _ error) {
			w.Header().Set("X-Partial", "1")
			write(t, w, "partial")
			panic("again")
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := invoke(t, func(http.ResponseWriter, *http.Request) { panic("why") }, onError, event(t, nil))
			if got.StatusCode != 500 || got.Body != "" || len(got.Headers) != 0 {
				t.Errorf("%+v", got)
			}
		})
	}
}

func write(t testing.TB, w http.ResponseWriter, s string) {
	t.Helper()
	if _, err := w.Write([]byte(s)); err != nil {
		t.Error(err)
	}
}
