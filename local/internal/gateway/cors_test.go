package gateway

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// corsOf returns the CORS headers of a response.
func corsOf(w *httptest.ResponseRecorder) map[string]string {
	out := map[string]string{}
	for name := range w.Header() {
		if strings.HasPrefix(name, "Access-Control-") {
			out[name] = w.Header().Get(name)
		}
	}
	return out
}

func TestPreflight(t *testing.T) {
	allowed := map[string]string{
		"Access-Control-Allow-Origin":      app,
		"Access-Control-Allow-Credentials": "true",
		"Access-Control-Allow-Methods":     "GET,POST",
		"Access-Control-Allow-Headers":     "authorization,content-type",
		"Access-Control-Max-Age":           "7200",
	}
	for name, tc := range map[string]struct {
		origin, method string
		want           map[string]string
	}{
		"a listed origin":                         {app, "POST", allowed},
		"a GET":                                   {app, "GET", allowed},
		"any requested method":                    {app, "DELETE", allowed},
		"another origin":                          {"https://evil.example", "POST", nil},
		"a listed origin with a port":             {app + ":8443", "POST", nil},
		"a listed origin over http":               {"http://app.example.com", "POST", nil},
		"an origin that starts like a listed one": {app + ".evil.example", "POST", nil},
		"an opaque origin":                        {"null", "POST", nil},
		"a listed origin with a path":             {app + "/", "POST", nil},
		"a listed origin in upper case":           {"https://APP.example.com", "POST", nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodOptions, "/billing/portal", nil)
			r.Header.Set("Origin", tc.origin)
			r.Header.Set("Access-Control-Request-Method", tc.method)
			w := do(New(notInvoked(t), Config{AllowedOrigins: []string{"https://other.example", app}}), r)
			if w.Code != 204 || w.Body.Len() != 0 || w.Header().Get("Apigw-Requestid") == "" ||
				len(w.Header()) != len(tc.want)+1 || !maps.Equal(corsOf(w), tc.want) {
				t.Errorf("got %d %v, want 204 %v", w.Code, w.Header(), tc.want)
			}
		})
	}
}

func TestCORSOfResponses(t *testing.T) {
	const own = `{"statusCode":403,"headers":{"Access-Control-Allow-Origin":"*",` +
		`"access-control-allow-private-network":"true","Vary":"Accept"}}`
	allowed := map[string]string{
		"Access-Control-Allow-Origin":      app,
		"Access-Control-Allow-Credentials": "true",
		"Access-Control-Expose-Headers":    "retry-after,www-authenticate",
	}
	for name, tc := range map[string]struct {
		origin   string
		function functionFunc
		status   int
		want     map[string]string
	}{
		"CORS headers of the function are ignored": {app,
			answering(own).(functionFunc), 403, allowed},
		"CORS headers of the function are ignored for other origins": {"https://evil.example",
			answering(own).(functionFunc), 403, nil},
		"CORS headers of the function are ignored without an origin": {"", answering(own).(functionFunc), 403, nil},
		"a listed origin can read function errors": {app,
			func(context.Context, []byte) ([]byte, error) { return nil, errors.New("x") }, 500, allowed},
		"other origins cannot read function errors": {"null",
			func(context.Context, []byte) ([]byte, error) { return nil, errors.New("x") }, 500, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := post("")
			if tc.origin != "" {
				r.Header.Set("Origin", tc.origin)
			}
			w := do(New(tc.function, Config{AllowedOrigins: []string{"", app}}), r)
			if w.Code != tc.status || !maps.Equal(corsOf(w), tc.want) {
				t.Errorf("got %d %v, want %d %v", w.Code, corsOf(w), tc.status, tc.want)
			}
			if tc.status == 403 && w.Header().Get("Vary") != "Accept" {
				t.Errorf("the function's other headers are lost: %v", w.Header())
			}
		})
	}
}
