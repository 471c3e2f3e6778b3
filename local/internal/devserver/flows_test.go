package devserver_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
	"billingportal/local/internal/fakestripe/account"
)

// One of 251 subscriptions is not cancelled. Stripe lists them in three pages.
func TestCustomerWithManySubscriptions(t *testing.T) {
	l, logs := devservertest.Start(t)
	l.Stripe.Change(func(d *account.Data) {
		for i := range 250 {
			d.Subscriptions = append(d.Subscriptions, account.Subscription{
				ID: fmt.Sprintf("sub_DemoOld%d", i), Customer: "cus_DemoAlice", Status: "canceled",
				Items: []account.Item{{ID: fmt.Sprintf("si_DemoOld%d", i), Price: "price_StarterMonthly", Quantity: 1}},
			})
		}
	})
	response, body := l.Post(t, "alice", url.Values{"flow_data[type]": {"subscription_cancel"}}, nil)
	if response.StatusCode != http.StatusSeeOther {
		t.Fatalf("status = %d: %s", response.StatusCode, body)
	}
	if _, page := devservertest.Get(t, response.Header.Get("Location")); !strings.Contains(page, "sub_DemoAlice") {
		t.Error("the portal is about another subscription")
	}
	if !strings.Contains(logs.String(), `"attempts":4`) {
		t.Errorf("three pages and a session: %s", logs)
	}
}

// A restricted key without the permission for subscriptions works without flows. For flows the log
// names the missing permission.
func TestRestrictedKeyWithoutSubscriptions(t *testing.T) {
	l, logs := devservertest.Start(t)
	l.Stripe.Withhold(devserver.DemoKey, "subscription_read")
	for form, want := range map[string]int{
		"":                                      303,
		"flow_data[type]=payment_method_update": 303,
		"flow_data[type]=subscription_cancel":   500,
		"flow_data[type]=subscription_update&flow_data[subscription_update][subscription]=sub_DemoAlice": 500,
	} {
		values, err := url.ParseQuery(form)
		if err != nil {
			t.Fatal(err)
		}
		response, body := l.Post(t, "alice", values, nil)
		if response.StatusCode != want || (want == 500 && devservertest.CodeOf(t, body) != "billing-misconfigured") {
			t.Errorf("%s: status = %d: %s", form, response.StatusCode, body)
		}
	}
	if !strings.Contains(logs.String(), "Subscriptions: Read") {
		t.Errorf("the log does not name the permission: %s", logs)
	}
}

// The table lists the flows that each state of a single subscription allows. The stand-in Stripe
// may still refuse a flow that the function allows.
func TestStatesOfSubscriptions(t *testing.T) {
	l, _ := devservertest.Start(t)
	set := func(change func(*account.Subscription)) {
		l.Stripe.Change(func(d *account.Data) {
			for i := range d.Subscriptions {
				if s := &d.Subscriptions[i]; s.ID == "sub_DemoAlice" {
					s.Status, s.CancelAtPeriodEnd = "active", false
					s.Items = []account.Item{{ID: "si_DemoAlice", Price: "price_StarterMonthly", Quantity: 1}}
					change(s)
				}
			}
		})
	}
	status := func(status string) func(*account.Subscription) {
		return func(s *account.Subscription) { s.Status = status }
	}
	for name, test := range map[string]struct {
		change                  func(*account.Subscription)
		cancel, update, confirm int
	}{
		"active":             {status("active"), 303, 303, 303},
		"trialing":           {status("trialing"), 303, 303, 303},
		"past due":           {status("past_due"), 303, 303, 303},
		"paused":             {status("paused"), 409, 409, 409},
		"unpaid":             {status("unpaid"), 409, 409, 409},
		"incomplete":         {status("incomplete"), 409, 409, 409},
		"incomplete expired": {status("incomplete_expired"), 409, 409, 409},
		"canceled":           {status("canceled"), 409, 409, 409},
		"cancelling":         {func(s *account.Subscription) { s.CancelAtPeriodEnd = true }, 409, 303, 303},
		"several items": {func(s *account.Subscription) {
			s.Items = append(s.Items, account.Item{ID: "si_More", Price: "price_StorageMonthly", Quantity: 1})
		}, 303, 409, 409},
	} {
		t.Run(name, func(t *testing.T) {
			set(test.change)
			for form, want := range map[string]int{
				"flow_data[type]=subscription_cancel": test.cancel,
				"flow_data[type]=subscription_update": test.update,
				"flow_data[type]=subscription_update_confirm&" +
					"flow_data[subscription_update_confirm][items][0][price]=price_ProMonthly": test.confirm,
			} {
				values, err := url.ParseQuery(form)
				if err != nil {
					t.Fatal(err)
				}
				if response, body := l.Post(t, "alice", values, nil); response.StatusCode != want {
					t.Errorf("%s: status = %d, want %d: %s", form, response.StatusCode, want, body)
				}
			}
		})
	}
}
