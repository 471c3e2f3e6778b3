package devserver_test

import (
	"bytes"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
	"billingportal/local/internal/fakeissuer"
	"billingportal/local/internal/fakestripe/events"
)

func TestAnAppsOwnTokensOpenThePortal(t *testing.T) {
	issuer := devservertest.Provider(t)
	origin, greeting := devservertest.Serve(t, devserver.Options{Listen: "127.0.0.1:0", Everyone: "alice"})
	if !strings.Contains(greeting, "tokens of http://127.0.0.1:") ||
		!strings.Contains(greeting, devservertest.Frontend) {
		t.Errorf("greeting: %s", greeting)
	}
	for user, want := range map[string]int{"auth0|17": http.StatusSeeOther, "bob": http.StatusSeeOther,
		"carol": http.StatusNotFound} {
		token, err := issuer.Token(user, map[string]any{"aud": "api"}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		response, body := devservertest.Send(t, http.MethodPost, origin+"/billing/portal", "",
			map[string]string{"Authorization": "Bearer " + token, "Origin": devservertest.Frontend})
		if response.StatusCode != want {
			t.Errorf("%s: %d %s", user, response.StatusCode, body)
		}
		if got := response.Header.Get("Access-Control-Allow-Origin"); got != devservertest.Frontend {
			t.Errorf("Access-Control-Allow-Origin: %q", got)
		}
	}
}

// A provider with a new name can be tried before a deployment.
func TestTokensOfEachNameOpenThePortal(t *testing.T) {
	former := devservertest.Provider(t)
	t.Setenv("JWT_ISSUER_ALIASES", os.Getenv("JWT_ISSUER"))
	issuers := []*fakeissuer.Issuer{devservertest.Provider(t), former}
	var out devservertest.LogBuffer
	origin, _ := devservertest.Serve(t, devserver.Options{Listen: "127.0.0.1:0", Everyone: "alice", Logs: &out})
	for alias, issuer := range issuers {
		token, err := issuer.Token("auth0|17", map[string]any{"aud": "api"}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		before := len(out.String())
		if response, body := devservertest.Send(t, http.MethodPost, origin+"/billing/portal", "",
			devservertest.Bearer(token)); response.StatusCode != http.StatusSeeOther {
			t.Errorf("name %d: %d %s", alias, response.StatusCode, body)
		}
		if line := out.String()[before:]; strings.Contains(line, `"issuer_alias":1`) != (alias == 1) {
			t.Errorf("name %d: %s", alias, line)
		}
	}
}

func TestEveryoneMustBeACustomer(t *testing.T) {
	t.Setenv("JWT_ISSUER", "https://tenant.example.com/")
	for _, everyone := range []string{"bob", "nobody", "sub_1", "cus_", "cus_1 cus_2"} {
		o := devserver.Options{Listen: "127.0.0.1:0", Everyone: everyone,
			Stdout: &bytes.Buffer{}, Logs: &bytes.Buffer{}}
		if err := devserver.Serve(t.Context(), o); err == nil ||
			!strings.Contains(err.Error(), "--everyone "+everyone) {
			t.Errorf("%s: %v", everyone, err)
		}
	}
}

// An event for a user who has only the customer of --everyone is written like any other event.
func TestEventsReachEveryone(t *testing.T) {
	l, _ := devservertest.Start(t)
	if err := l.MapEveryone("alice", devserver.DemoCustomers); err != nil {
		t.Fatal(err)
	}
	token, err := l.Issuer.Token("new", nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	post := func() int {
		response, _ := l.Post(t, "", nil, devservertest.Bearer(token))
		return response.StatusCode
	}
	if status := post(); status != http.StatusSeeOther {
		t.Fatalf("before: %d", status)
	}
	event, _ := events.New("customer.created", time.Now(), map[string]any{
		"object": "customer", "id": "cus_Bought", "created": time.Now().Unix(),
		"metadata": map[string]any{"user_id": "new"},
	})
	if status, body := l.Deliver(t, event, devserver.DemoSigningSecret, time.Now()); status != http.StatusOK {
		t.Errorf("the event: %d %s", status, body)
	}
	// The stand-in Stripe does not know the new customer, so this answer shows that the function
	// uses it.
	if status := post(); status != http.StatusNotFound {
		t.Errorf("after: %d", status)
	}
}

func TestRequestsAreReadableLines(t *testing.T) {
	issuer := devservertest.Provider(t)
	var out devservertest.LogBuffer
	origin, _ := devservertest.Serve(t,
		devserver.Options{Listen: "127.0.0.1:0", Everyone: "alice", Logs: devserver.NewRequestLines(&out)})
	good, err := issuer.Token("u", map[string]any{"aud": "api"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := issuer.Token("u", map[string]any{"aud": "web"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	const clock = `\d\d:\d\d:\d\d  `
	for _, test := range []struct {
		method, path, token, origin, want string
	}{
		{"POST", "/billing/portal", good, devservertest.Frontend,
			clock + `POST    /billing/portal  303  ok  cus_DemoAlice  \d+ ms\n`},
		{"POST", "/billing/portal?access_token=" + good, foreign, devservertest.Frontend,
			clock + `POST    /billing/portal  401  invalid-token  \d+ ms  invalid token: audience mismatch\n`},
		{"POST", "/billing/portal", good, "http://localhost:4000",
			clock + `POST    /billing/portal  303  ok  cus_DemoAlice  \d+ ms  blocked by the browser: the page's ` +
				`origin "http://localhost:4000" is not in ALLOWED_ORIGINS\n`},
		{"OPTIONS", "/billing/portal", "", "http://localhost:4000",
			clock + `OPTIONS /billing/portal  204  \d+ ms  blocked by the browser: .*\n`},
		{"POST", "/stripe/webhook", "", "", clock + `POST    /stripe/webhook  400  invalid-signature  \d+ ms  .*\n`},
	} {
		headers := map[string]string{"Origin": test.origin}
		if test.token != "" {
			headers["Authorization"] = "Bearer " + test.token
		}
		if test.method == http.MethodOptions {
			headers["Access-Control-Request-Method"] = "POST"
		}
		before := len(out.String())
		devservertest.Send(t, test.method, origin+test.path, "", headers)
		if got := out.String()[before:]; !regexp.MustCompile("^(?:" + clock + `fetched the issuer's keys\n)?` +
			test.want + "$").MatchString(got) {
			t.Errorf("%s %s shows %q, want %s", test.method, test.path, got, test.want)
		}
	}
	if strings.Contains(out.String(), good[:20]) {
		t.Error("a token was shown")
	}
}
