package devserver_test

import (
	"io"
	"regexp"
	"strings"
	"testing"

	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
)

// In Stripe's test mode the function calls Stripe itself. A test cannot reach Stripe, so it checks
// the addresses that the function would use.
func TestStripesTestMode(t *testing.T) {
	const key = "sk_test_" + "ofMine"
	l, err := devserver.New("http://127.0.0.1:1", key, map[string]string{"alice": "cus_mine"})
	if err != nil {
		t.Fatal(err)
	}
	env := l.Environment(l.Origin)
	for _, name := range []string{"STRIPE_API_BASE", "PORTAL_HOSTS", "ALLOWED_COUPONS"} {
		if env[name] != "" {
			t.Errorf("%s = %s, where the default is Stripe's", name, env[name])
		}
	}
	if page := l.DemoConfig(env); page.Choices.Price != "" || len(page.Users[0].Subscriptions) != 0 {
		t.Errorf("the page offers IDs that are not in that account: %+v", page)
	}
	for i, want := range []string{"cus_mine", "No billing account"} {
		if note := l.DemoConfig(env).Users[i].Note; note != want {
			t.Errorf("the card of user %d says %q, want %q", i, note, want)
		}
	}
	_, greeting := devservertest.Serve(t, devserver.Options{Listen: "127.0.0.1:0", StripeKey: key})
	if !strings.Contains(greeting, "Stripe's test mode") || strings.Contains(greeting, key) {
		t.Errorf("greeting: %s", greeting)
	}
	live := devserver.Options{Listen: "127.0.0.1:0", StripeKey: "sk_live_" + "x", Stdout: io.Discard, Logs: io.Discard}
	if err := devserver.Serve(t.Context(), live); err == nil {
		t.Error("a live key is accepted")
	}
}

func TestContainersReachTheStandInsAlone(t *testing.T) {
	_, greeting := devservertest.Serve(t, devserver.Options{Listen: "127.0.0.1:0", ContainerListen: "127.0.0.1:0"})
	containers := regexp.MustCompile(`stand-ins at (http://127\.0\.0\.1:\d+)`).FindStringSubmatch(greeting)
	if containers == nil {
		t.Fatalf("greeting: %s", greeting)
	}
	for path, want := range map[string]int{
		devserver.DynamoDBPath: 400, devserver.SecretsManagerPath: 400, devserver.StripePath + "/v1/products": 401,
		"/": 404, "/billing/portal": 404, devserver.IssuerPath + "/token": 404, "/p/session/x": 404,
	} {
		response, _ := devservertest.Get(t, containers[1]+path)
		if response.StatusCode != want {
			t.Errorf("%s: status = %d, want %d", path, response.StatusCode, want)
		}
	}
}
