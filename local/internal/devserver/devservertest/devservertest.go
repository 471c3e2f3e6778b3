// Package devservertest starts development servers for tests.
package devservertest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"billingportal/local/internal/devserver"
	"billingportal/local/internal/fakeissuer"
	"billingportal/local/internal/fakestripe/events"
)

// LogBuffer collects log lines. Concurrent requests may write to it.
type LogBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *LogBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *LogBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// Server is a development server of a test.
type Server struct{ *devserver.Server }

// Start starts a server on a free port until the test ends, like go run ./local. Before it serves,
// it applies the changes.
func Start(t *testing.T, change ...func(*devserver.Server)) (*Server, *LogBuffer) {
	t.Helper()
	logs := &LogBuffer{}
	return &Server{StartWith(t, devserver.DemoCustomers, func(l *devserver.Server) http.Handler {
		for _, change := range change {
			change(l)
		}
		return Handler(t, l, logs)
	})}, logs
}

// Handler returns the handler of a server until the test ends. The functions write their log to
// logs.
func Handler(t *testing.T, l *devserver.Server, logs io.Writer) http.Handler {
	t.Helper()
	handler, err := l.Handler(t.Context(), logs)
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// StartWith starts a server with these customers and another handler.
func StartWith(
	t *testing.T, customers map[string]string, handler func(*devserver.Server) http.Handler,
) *devserver.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	l, err := devserver.New("http://"+server.Listener.Addr().String(), devserver.DemoKey, customers)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = handler(l)
	server.Start()
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return l
}

// Post sends a form to the portal as a user. It does not follow redirects.
func (l *Server) Post(t *testing.T, user string, form url.Values, headers map[string]string) (*http.Response, string) {
	t.Helper()
	all := map[string]string{}
	if len(form) > 0 {
		all["Content-Type"] = "application/x-www-form-urlencoded"
	}
	if user != "" {
		token, err := l.Issuer.Token(user, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		all["Authorization"] = "Bearer " + token
	}
	maps.Copy(all, headers)
	return Send(t, http.MethodPost, l.Origin+"/billing/portal", form.Encode(), all)
}

// Bearer returns the headers of a request with a token.
func Bearer(token string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + token}
}

// Send sends a request with the headers that are not empty. It does not follow redirects.
func Send(t *testing.T, method, address, body string, headers map[string]string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

// Get gets a page.
func Get(t *testing.T, address string) (*http.Response, string) {
	t.Helper()
	return Send(t, http.MethodGet, address, "", nil)
}

// CodeOf returns the code of a problem.
func CodeOf(t *testing.T, body string) string {
	t.Helper()
	var problem struct{ Code string }
	if err := json.Unmarshal([]byte(body), &problem); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	return problem.Code
}

// Serve runs go run ./local, and returns its origin and its greeting.
func Serve(t *testing.T, o devserver.Options) (origin, greeting string) {
	t.Helper()
	return Greeting(t, func(ctx context.Context, stdout io.Writer) error {
		o.Stdout = stdout
		if o.Logs == nil {
			o.Logs = &LogBuffer{}
		}
		return devserver.Serve(ctx, o)
	})
}

// Greeting serves until the test ends, and returns the printed greeting and the origin in it.
func Greeting(t *testing.T, serve func(ctx context.Context, stdout io.Writer) error) (origin, greeting string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stdout, printed := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := serve(ctx, printed)
		_ = printed.CloseWithError(io.EOF)
		done <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	text := make([]byte, 4096)
	n, err := stdout.Read(text)
	if err != nil {
		t.Fatalf("serve printed nothing: %v", err)
	}
	greeting = string(text[:n])
	origin = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(greeting)
	return origin, greeting
}

// FreeAddress returns an address on which no server listens.
func FreeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return listener.Addr().String()
}

// Deliver sends an event to the webhook as Stripe does, and returns the answer's status.
func (l *Server) Deliver(t *testing.T, event []byte, secret string, at time.Time) (int, string) {
	t.Helper()
	headers := map[string]string{
		"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": events.Sign(event, secret, at),
	}
	address := l.Origin + devserver.WebhookPath
	response, body := Send(t, http.MethodPost, address, string(event), headers) //nolint:bodyclose // Send closes it
	return response.StatusCode, body
}

// StripeEvent returns the body of an event of events/stripe, with replacements.
func StripeEvent(t *testing.T, name string, replace ...string) []byte {
	t.Helper()
	body, err := devserver.ReadStripeEvent("../../../events", name)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(strings.NewReplacer(replace...).Replace(string(body)))
}

// ReadText returns the text of a file.
func ReadText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path) //nolint:gosec // the test names it
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Invoke returns a function's answer to an event.
func Invoke(t *testing.T, function lambda.Handler, event []byte) []byte {
	t.Helper()
	answer, err := function.Invoke(context.Background(), event)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// Frontend is the origin of an app that has its own identity provider.
const Frontend = "http://localhost:3000"

// Provider starts an app's own identity provider, and sets the variables for it.
func Provider(t *testing.T) *fakeissuer.Issuer {
	t.Helper()
	var issuer *fakeissuer.Issuer
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		issuer.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	var err error
	if issuer, err = fakeissuer.New(server.URL); err != nil {
		t.Fatal(err)
	}
	t.Setenv("JWT_ISSUER", server.URL)
	t.Setenv("JWT_AUDIENCE", "api")
	t.Setenv("ALLOWED_ORIGINS", Frontend)
	t.Setenv("DEFAULT_RETURN_URL", Frontend+"/")
	return issuer
}

// Files returns the paths of all files below a folder, in order.
func Files(t *testing.T, dir string) []string {
	t.Helper()
	var paths []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// OperatorEnvironment returns the variables with which the commands for operators use a server's
// stand-in Stripe and a table.
func OperatorEnvironment(l *devserver.Server, table string) map[string]string {
	return map[string]string{
		"CUSTOMERS_TABLE": table, "STRIPE_SECRET_KEY": devserver.DemoKey,
		"STRIPE_API_BASE": l.Origin + devserver.StripePath, "STRIPE_SECRET_ID": "",
		"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "eu-central-1",
	}
}

// SetOperatorEnvironment sets the variables of OperatorEnvironment for the test.
func SetOperatorEnvironment(t *testing.T, l *devserver.Server, table string) {
	t.Helper()
	for name, value := range OperatorEnvironment(l, table) {
		t.Setenv(name, value)
	}
}

// EventCustomer is the customer in the events of events/stripe.
const EventCustomer = "cus_NffrFeUfNV2Hib"

// RoundTripFunc is a transport.
type RoundTripFunc func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (f RoundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
