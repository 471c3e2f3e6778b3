package gateway

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

const app = "https://app.example.com"

type functionFunc func(context.Context, []byte) ([]byte, error)

func (f functionFunc) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return f(ctx, payload)
}

// answering returns a function with a fixed response.
func answering(out string) lambda.Handler {
	return functionFunc(func(context.Context, []byte) ([]byte, error) { return []byte(out), nil })
}

func notInvoked(t *testing.T) lambda.Handler {
	return functionFunc(func(context.Context, []byte) ([]byte, error) {
		t.Error("the function was invoked")
		return nil, errors.New("invoked")
	})
}

func do(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func post(body string) *http.Request {
	return httptest.NewRequest(http.MethodPost, "/billing/portal", strings.NewReader(body))
}

// This test uses a real connection, and the types of AWS on the side of the function.
func TestRoundTrip(t *testing.T) {
	function := lambda.NewHandler(func(ctx context.Context,
		ev events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		if ev.RawPath != "/billing/portal" || ev.RequestContext.HTTP.Method != "POST" ||
			ev.Body != "bG9jYWxlPWRl" || !ev.IsBase64Encoded ||
			ev.RequestContext.HTTP.SourceIP != "127.0.0.1" || !slices.Equal(ev.Cookies, []string{"a=1", "b=2"}) {
			t.Errorf("the function received %+v", ev)
		}
		if lc, ok := lambdacontext.FromContext(ctx); !ok || len(lc.AwsRequestID) != 36 {
			t.Error("no Lambda context")
		}
		if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > 15*time.Second {
			t.Errorf("the context has the deadline %v, %v", deadline, ok)
		}
		return events.APIGatewayV2HTTPResponse{
			StatusCode: 303,
			Headers: map[string]string{"Location": "https://billing.example/p", "Cache-Control": "no-store",
				"Content-Length": "999", "Connection": "close"},
			Cookies: []string{"a=1; Secure", "b=2"},
			Body:    "Z28=", IsBase64Encoded: true,
		}, nil
	})
	server := httptest.NewServer(New(function, Config{}))
	defer server.Close()

	req, err := http.NewRequest(http.MethodPost, server.URL+"/billing/portal", strings.NewReader("locale=de"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Cookie", "a=1; b=2")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "go" || resp.StatusCode != 303 ||
		resp.Header.Get("Location") != "https://billing.example/p" ||
		resp.Header.Get("Cache-Control") != "no-store" ||
		!slices.Equal(resp.Header.Values("Set-Cookie"), []string{"a=1; Secure", "b=2"}) ||
		resp.ContentLength != 2 || resp.Close ||
		!regexp.MustCompile(`^[A-Za-z0-9+/]{15}=$`).MatchString(resp.Header.Get("Apigw-Requestid")) {
		t.Errorf("the response is %d %v %q, %v", resp.StatusCode, resp.Header, body, err)
	}
}

func TestResponses(t *testing.T) {
	const serverError = `{"message":"Internal Server Error"}`
	for name, tc := range map[string]struct {
		out                       string
		status                    int
		contentType, body, header string // header: the X-Test header
	}{
		"a complete response": {`{"statusCode":201,"headers":{"content-type":"text/html",` +
			`"x-test":"1"},"body":"<p>"}`, 201, "text/html", "<p>", "1"},
		"without Content-Type": {`{"statusCode":404,"body":"no"}`, 404,
			"text/plain;charset=UTF-8", "no", ""},
		"only a status": {`{"statusCode":200}`, 200, "text/plain;charset=UTF-8", "", ""},
		"null members": {`{"statusCode":200,"headers":null,"multiValueHeaders":null,` +
			`"cookies":null,"body":null}`, 200, "text/plain;charset=UTF-8", "", ""},
		"base64": {`{"statusCode":200,"body":"AP8=","isBase64Encoded":true}`, 200,
			"text/plain;charset=UTF-8", "\x00\xff", ""},
		"a status that allows no body": {`{"statusCode":204,"body":"x"}`, 204,
			"text/plain;charset=UTF-8", "", ""},
		"an object without a status": {`{ "message": "Hello from Lambda!" }`, 200, "application/json",
			`{ "message": "Hello from Lambda!" }`, ""},
		"a text": {`"Hello from Lambda!"`, 200, "application/json",
			"Hello from Lambda!", ""},
		"null":                          {`null`, 200, "application/json", "null", ""},
		"not JSON":                      {`{"statusCode":200`, 500, "application/json", serverError, ""},
		"nothing":                       {``, 500, "application/json", serverError, ""},
		"a status that is not a number": {`{"statusCode":"ok"}`, 500, "application/json", serverError, ""},
		"a status of zero":              {`{"statusCode":0}`, 500, "application/json", serverError, ""},
		"an informational status":       {`{"statusCode":101}`, 500, "application/json", serverError, ""},
		"a status out of range":         {`{"statusCode":1000}`, 500, "application/json", serverError, ""},
		"headers that are not an object": {`{"statusCode":200,"headers":["a"]}`, 500,
			"application/json", serverError, ""},
		"a body that is an object": {`{"statusCode":200,"body":{}}`, 500,
			"application/json", serverError, ""},
		"a body that is not base64": {`{"statusCode":200,"body":"!","isBase64Encoded":true}`, 500,
			"application/json", serverError, ""},
		"a response over the limit of an invocation": {`"` + strings.Repeat("a", maxPayload) + `"`, 500,
			"application/json", serverError, ""},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(New(answering(tc.out), Config{}))
			defer server.Close()
			resp, err := http.Post(server.URL+"/billing/portal", "", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tc.status || resp.Header.Get("Content-Type") != tc.contentType ||
				string(body) != tc.body || resp.Header.Get("X-Test") != tc.header {
				t.Errorf("got %d %v %q, want %d %q %q", resp.StatusCode, resp.Header, body, tc.status,
					tc.contentType, tc.body)
			}
		})
	}
}

// No output of a failed function may be in the response.
func TestFunctionErrors(t *testing.T) {
	for name, function := range map[string]functionFunc{
		"an error": func(context.Context, []byte) ([]byte,
			error) {
			return []byte(`"secret"`), errors.New("secret")
		},
		"a panic": func(context.Context, []byte) ([]byte, error) { panic("secret") },
		"a panic with http.ErrAbortHandler": func(context.Context, []byte) ([]byte,
			error) {
			panic(http.ErrAbortHandler)
		},
		"a response that is not JSON": func(context.Context, []byte) ([]byte, error) { return []byte("secret"), nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := do(New(function, Config{}), post(""))
			if w.Code != 500 || w.Body.String() != `{"message":"Internal Server Error"}` {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
		})
	}
}

func TestTimeout(t *testing.T) {
	for name, tc := range map[string]struct {
		timeout, takes, want time.Duration
		status               int
		body                 string
	}{
		"the default of the template": {0, 20 * time.Second, 15 * time.Second, 500,
			`{"message":"Internal Server Error"}`},
		"a configured timeout": {time.Second, 20 * time.Second, time.Second, 500,
			`{"message":"Internal Server Error"}`},
		"a timeout longer than the function takes": {time.Hour, 20 * time.Second, 20 * time.Second, 200, ""},
		"a timeout longer than that of API Gateway": {time.Hour, 40 * time.Second, 30 * time.Second, 503,
			`{"message":"Service Unavailable"}`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				function := functionFunc(func(context.Context, []byte) ([]byte, error) {
					time.Sleep(tc.takes) // ignores the context
					return []byte(`{"statusCode":200}`), nil
				})
				start := time.Now()
				w := do(New(function, Config{Timeout: tc.timeout}), post(""))
				if took := time.Since(start); took != tc.want || w.Code != tc.status || w.Body.String() != tc.body {
					t.Errorf("%d %s after %s, want %d %s after %s", w.Code, w.Body, took, tc.status, tc.body, tc.want)
				}
				synctest.Wait()
				time.Sleep(tc.takes) // the function must end inside the bubble
			})
		})
	}
}

// A client that disconnects does not cancel the invocation, because Lambda does not notice it.
func TestClientThatDisconnects(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	function := functionFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
		cancel()
		return []byte(`{"statusCode":200}`), ctx.Err()
	})
	if w := do(New(function, Config{}), post("").WithContext(ctx)); w.Code != 200 {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

func TestLimits(t *testing.T) {
	head := func(size int) *http.Request {
		r := post("")
		r.Header.Set("X-Filler", strings.Repeat("a", size-headSize(r)-len("X-Filler: \r\n")))
		return r
	}
	long := func(size int) *http.Request {
		r := httptest.NewRequest(http.MethodGet, "/a", nil)
		return httptest.NewRequest(http.MethodGet, "/a"+strings.Repeat("a", size-headSize(r)), nil)
	}
	typed := func(contentType string, size int) *http.Request {
		r := post(strings.Repeat("a", size))
		r.Header.Set("Content-Type", contentType)
		return r
	}
	short, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET /a HTTP/1.1\r\nHost: a.example\r\nX-A: " +
		"b\r\nX-A: c\r\n\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	if got := headSize(short); got != len("GET /a HTTP/1.1\r\nHost: a.example\r\nX-A: b\r\nX-A: c\r\n") {
		t.Errorf("the size of request line and headers is %d bytes", got)
	}
	for name, tc := range map[string]struct {
		request *http.Request
		status  int
		message string
	}{
		"headers of 10,240 bytes":            {head(10_240), 200, ""},
		"headers of 10,241 bytes":            {head(10_241), 431, "Request Header Fields Too Large"},
		"a request line that fits":           {long(10_240), 200, ""},
		"a request line that is too long":    {long(10_241), 431, "Request Header Fields Too Large"},
		"a body that fits an event":          {typed("text/plain", 6_000_000), 200, ""},
		"a body that does not fit an event":  {typed("text/plain", 6_300_000), 413, "Request Entity Too Large"},
		"a body that does not fit in base64": {typed("", 5_000_000), 413, "Request Entity Too Large"},
		"a body of more than 10 MB":          {post(strings.Repeat("a", 10_485_761)), 413, "Request Entity Too Large"},
		"no route":                           {httptest.NewRequest("PROPFIND", "/x", nil), 404, "Not Found"},
		"OPTIONS that is not a preflight": {httptest.NewRequest(http.MethodOptions, "/billing/portal", nil),
			404, "Not Found"},
		"a body that ends early": {httptest.NewRequest(http.MethodPost, "/",
			io.MultiReader(strings.NewReader("a"), brokenReader{})), 400, "Bad Request"},
	} {
		t.Run(name, func(t *testing.T) {
			function := notInvoked(t)
			if tc.status == 200 {
				function = answering(`{"statusCode":200}`)
			}
			tc.request.Header.Set("Origin", app)
			if tc.status == 200 || tc.status == 431 {
				tc.request.Header.Del("Origin") // its size would count
			}
			w := do(New(function, Config{AllowedOrigins: []string{app}}), tc.request)
			want := ""
			if tc.message != "" {
				want = fmt.Sprintf(`{"message":%q}`, tc.message)
			}
			if w.Code != tc.status || w.Body.String() != want {
				t.Errorf("got %d %s, want %d %s", w.Code, w.Body, tc.status, want)
			}
			if o := tc.request.Header.Get("Origin"); w.Header().Get("Access-Control-Allow-Origin") != o {
				t.Errorf("the response to %q has no CORS headers: %v", o, w.Header())
			}
			if want != "" && (!json.Valid(w.Body.Bytes()) || w.Header().Get("Content-Type") != "application/json") {
				t.Errorf("the error response is not JSON: %v %s", w.Header(), w.Body)
			}
		})
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
