package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

// startServe runs go run ./local on a free port, and returns what it printed.
func startServe(t *testing.T, o serveOptions) (origin, greeting string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stdout, printed := io.Pipe()
	o.stdout = printed
	if o.logs == nil {
		o.logs = &logBuffer{}
	}
	done := make(chan error, 1)
	go func() {
		err := serve(ctx, o)
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

func TestServeAndToken(t *testing.T) {
	origin, greeting := startServe(t, serveOptions{listen: "127.0.0.1:0"})
	if !strings.Contains(greeting, "token --user alice --url "+origin) || !strings.Contains(greeting, "a stand-in") {
		t.Errorf("greeting: %s", greeting)
	}

	var output bytes.Buffer
	arguments := []string{"local", "token", "--url", origin, "--user", "alice", "--ttl", "5m", "--claims", `{"scope":"billing"}`}
	if err := runCommand(t, &output, arguments...); err != nil {
		t.Fatal(err)
	}
	token, rest, _ := strings.Cut(output.String(), "\n")
	if strings.Count(token, ".") != 2 || rest != "" {
		t.Fatalf("the token and nothing else: %q", output.String())
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, origin+"/billing/portal", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if response, body := send(t, request); response.StatusCode != http.StatusSeeOther {
		t.Errorf("status = %d: %s", response.StatusCode, body)
	}
}

// runCommand runs the command line with its output in a buffer.
func runCommand(t *testing.T, output io.Writer, arguments ...string) error {
	t.Helper()
	command := newCommand(os.Stdout)
	command.Writer, command.ErrWriter = output, io.Discard
	return command.Run(t.Context(), arguments)
}

func TestCommandLine(t *testing.T) {
	for name, test := range map[string]struct {
		arguments []string
		want      string // in the output, or else in the error
	}{
		"help":              {[]string{"--help"}, "--listen"},
		"help of serve":     {[]string{"serve", "--help"}, "--container-listen"},
		"help of token":     {[]string{"token", "--help"}, "--claims"},
		"help of events":    {[]string{"events", "--help"}, "thrown away"},
		"no such command":   {[]string{"sreve"}, `no command "sreve"`},
		"nobody serves":     {[]string{"token", "--url", "http://" + freeAddress(t)}, "go run ./local"},
		"not for everybody": {[]string{"--listen", "0.0.0.0:0"}, "not a loopback address"},
		"not an address":    {[]string{"--listen", "here"}, "here"},
	} {
		t.Run(name, func(t *testing.T) {
			var output bytes.Buffer
			err := runCommand(t, &output, append([]string{"local"}, test.arguments...)...)
			got := output.String()
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, test.want) {
				t.Errorf("got %q", got)
			}
		})
	}
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
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

func TestTokenOfAStranger(t *testing.T) {
	origin, _ := startServe(t, serveOptions{listen: "127.0.0.1:0"})
	for arguments, want := range map[string]string{"--user=mallory": "unknown user", "--claims=[]": "claims", "--ttl=-1h": "ttl", "--ttl=soon": "ttl"} {
		var output bytes.Buffer
		if err := runCommand(t, &output, "local", "token", "--url", origin, arguments); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(output.String(), "eyJ") {
			t.Errorf("%s: %v, want %s: %s", arguments, err, want, &output)
		}
	}
}

// TestStripesTestMode is the same function with Stripe itself behind it. Stripe
// cannot be reached from a test: what is shown is where the function would go.
func TestStripesTestMode(t *testing.T) {
	const key = "sk_test_" + "ofMine"
	l, err := newDevserver("http://127.0.0.1:1", key, map[string]string{"alice": "cus_mine"})
	if err != nil {
		t.Fatal(err)
	}
	env := l.environment(l.origin)
	for _, name := range []string{"STRIPE_API_BASE", "PORTAL_HOSTS", "ALLOWED_COUPONS"} {
		if env[name] != "" {
			t.Errorf("%s = %s, where the default is Stripe's", name, env[name])
		}
	}
	if page := l.demoConfig("session"); page.Choices.Price != "" || len(page.Users[0].Subscriptions) != 0 {
		t.Errorf("the page offers what is not in that account: %+v", page)
	}
	_, greeting := startServe(t, serveOptions{listen: "127.0.0.1:0", stripeKey: key})
	if !strings.Contains(greeting, "Stripe's test mode") || strings.Contains(greeting, key) {
		t.Errorf("greeting: %s", greeting)
	}
	live := serveOptions{listen: "127.0.0.1:0", stripeKey: "sk_live_" + "x", stdout: io.Discard, logs: io.Discard}
	if err := serve(t.Context(), live); err == nil {
		t.Error("a live key is taken")
	}
}

func TestContainersReachTheStandInsAlone(t *testing.T) {
	_, greeting := startServe(t, serveOptions{listen: "127.0.0.1:0", containerListen: "127.0.0.1:0"})
	containers := regexp.MustCompile(`stand-ins at (http://127\.0\.0\.1:\d+)`).FindStringSubmatch(greeting)
	if containers == nil {
		t.Fatalf("greeting: %s", greeting)
	}
	for path, want := range map[string]int{
		dynamoDBPath: 400, secretsManagerPath: 400, stripePath + "/v1/products": 401,
		"/": 404, "/billing/portal": 404, issuerPath + "/token": 404, "/p/session/x": 404,
	} {
		response, _ := get(t, containers[1]+path)
		if response.StatusCode != want {
			t.Errorf("%s: status = %d, want %d", path, response.StatusCode, want)
		}
	}
}
