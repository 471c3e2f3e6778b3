package deployments

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"billingportal/local/internal/devserver/devservertest"
	"billingportal/local/internal/fakestripe/account"
)

// statusOf requests a billing status and returns the response and its body.
func (d *deployment) statusOf(t *testing.T, target string, headers map[string]string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example.com"+target, nil)
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	response := d.ask(r)
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func (d *deployment) bearer(t *testing.T, user string) map[string]string {
	t.Helper()
	token, err := d.Issuer.Token(user, nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return devservertest.Bearer(token)
}

const (
	statusPath  = "/billing/status"
	withFlows   = statusPath + "?include=subscriptions"
	hasAccount  = `{"object":"billing_status","account":true,"livemode":false}`
	lacksOne    = `{"object":"billing_status","account":false,"livemode":false}`
	lacksOneToo = `{"object":"billing_status","account":false,"livemode":false,"subscriptions":[],"flows":[]}`
)

// A status contains only data of the caller's customer. It takes one read of the table, and Stripe
// calls only if the request includes more.
func TestStatusTakesOneReadOfTheTable(t *testing.T) {
	d := deploy(t, nil, nil)
	d.statusOf(t, withFlows, d.bearer(t, "alice")) // completes the fetches of a start
	for _, test := range []struct {
		user, target, body string
		calls              map[string]int
	}{
		{"alice", statusPath, hasAccount, map[string]int{"dynamodb": 1}},
		{"alice", statusPath, hasAccount, map[string]int{"dynamodb": 1}},
		{"bob", statusPath, lacksOne, map[string]int{"dynamodb": 1}},
		{"bob", withFlows, lacksOneToo, map[string]int{"dynamodb": 1}},
		// at Stripe the customer is deleted
		{"carol", statusPath, hasAccount, map[string]int{"dynamodb": 1}},
		{"carol", withFlows, lacksOneToo, map[string]int{"dynamodb": 1, "stripe": 1}},
		{"dave", statusPath, hasAccount, map[string]int{"dynamodb": 1}},
	} {
		d.take()
		response, body := d.statusOf(t, test.target, d.bearer(t, test.user))
		if response.StatusCode != http.StatusOK || body != test.body {
			t.Errorf("%s %s: %d %s", test.user, test.target, response.StatusCode, body)
		}
		if calls := d.take(); !maps.Equal(calls, test.calls) {
			t.Errorf("%s %s: calls %v, want %v", test.user, test.target, calls, test.calls)
		}
	}
	if logged := d.logs.String(); !strings.Contains(logged, `"level":"ERROR","msg":"request"`) ||
		!strings.Contains(logged, "no such customer: the mapping is stale") {
		t.Errorf("the log does not contain the stale mapping of carol: %s", logged)
	}
}

// A status contains no data of other users, even after requests of other users on the same
// connections.
func TestAStatusIsOfNoOtherUser(t *testing.T) {
	d := deploy(t, nil, nil)
	owners := map[string][]string{}
	d.Stripe.Change(func(data *account.Data) {
		for _, s := range data.Subscriptions {
			owners[s.Customer] = append(owners[s.Customer], s.ID)
		}
	})
	customers := map[string]string{"alice": "cus_DemoAlice", "dave": "cus_DemoDave"}
	for range 2 {
		for user, own := range customers {
			_, body := d.statusOf(t, withFlows, d.bearer(t, user))
			for customer, subscriptions := range owners {
				for _, id := range subscriptions {
					if has := strings.Contains(body, `"`+id+`"`); has != (customer == own) {
						t.Errorf("%s: subscription %s of %s is in the status: %v: %s", user, id, customer, has, body)
					}
				}
			}
			if strings.Contains(body, "cus_") {
				t.Errorf("the status contains a customer ID: %s", body)
			}
		}
	}
	if len(owners["cus_DemoAlice"]) == 0 || len(owners["cus_DemoDave"]) < 2 {
		t.Errorf("the test compared no subscriptions: %v", owners)
	}
}

// A team member without the role gets no information, not even whether the team has an account.
func TestAMemberWithoutTheRoleGetsNoStatus(t *testing.T) {
	d := deploy(t, map[string]string{"JWT_USER_CLAIM": "org_id", "JWT_REQUIRED_CLAIM": "org_role=admin|owner"}, nil)
	for _, team := range []string{"alice", "bob"} {
		for role, want := range map[string]int{"admin": 200, "owner": 200, "member": 403, "": 403} {
			for _, target := range []string{statusPath, withFlows} {
				d.take()
				token := d.token(t, map[string]any{"org_id": team, "org_role": role})
				response, body := d.statusOf(t, target, devservertest.Bearer(token))
				code := devservertest.CodeOf(t, body)
				if response.StatusCode != want ||
					want == 403 && (code != "insufficient-role" || d.take()["dynamodb"] > 0) {
					t.Errorf("%s of %s: %d %s", role, team, response.StatusCode, body)
				}
			}
		}
	}
}

func TestStatusBehindAMappingKey(t *testing.T) {
	d := deploy(t, map[string]string{"BASE_PATH": "/v1"}, nil)
	token := d.bearer(t, "alice")
	for target, want := range map[string]int{"/v1/billing/status": 200, "/billing/status": 200,
		"/v1/billing/status?include=subscriptions": 200, "/v1/billing/status?x": 400, "/v2/billing/status": 404,
		"/v1/v1/billing/status": 404, "/billing/status/": 404, "/billing/%73tatus": 200, "/billing/100%25": 400} {
		if response, body := d.statusOf(t, target, token); response.StatusCode != want {
			t.Errorf("%s: %d %s, want %d", target, response.StatusCode, body, want)
		}
	}
}

// A status that needs neither Stripe nor Secrets Manager works while they are down.
func TestStatusWorksWithoutStripe(t *testing.T) {
	d := deploy(t, nil, func(u *upstreams) {
		u.setHang("stripe", true)
		u.setHang("secretsmanager", true)
	})
	t.Cleanup(func() { d.setHang("stripe", false); d.setHang("secretsmanager", false) })
	response, body := d.statusOf(t, statusPath, d.bearer(t, "alice"))
	if response.StatusCode != http.StatusOK || body != hasAccount {
		t.Errorf("status %d: %s", response.StatusCode, body)
	}
}
