package fakestripe

import (
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"billingportal/local/internal/fakestripe/account"
)

// links returns the addresses of the links to flows, by their labels. The first of several
// links with the same label counts.
func links(page string) map[string]string {
	found := map[string]string{}
	for _, match := range regexp.MustCompile(
		`<a [^>]*class="button[^>]*href="([^"]*)"[^>]*>([^<]*)</a>`).FindAllStringSubmatch(page, -1) {
		if found[match[2]] == "" {
			found[match[2]] = html.UnescapeString(match[1])
		}
	}
	return found
}

func TestTheHomePageLeadsToFlows(t *testing.T) {
	now := time.Date(2026, 1, 20, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		link, heading, form, done, home string
	}{
		{"Cancel subscription", "Cancel your subscription", "",
			"Your subscription is cancelled. It ends on 9 February 2026.", "active, cancelling"},
		{"Change plan", "Change your plan", "price=price_ProMonthly",
			"Your plan is now Pro, $29.00 a month.", "Pro, $29.00 a month active"},
		{"Update payment method", "Update your payment method", "",
			"Your payment method is now Mastercard ending in 4444.", "Payment method Mastercard ending in 4444"},
		{"Update billing details", "Update your billing details", "",
			"Your billing details are now: 1 Main Street, Springfield, US EIN 12-3456789.",
			"Billing details 1 Main Street, Springfield Tax ID: US EIN 12-3456789"},
	} {
		t.Run(test.link, func(t *testing.T) {
			s := start(t, Config{Now: func() time.Time { return now }})
			home := open(t, s, alice)
			page, _ := look(s, home)
			flow := links(page.Body.String())[test.link]
			page, text := look(s, flow)
			if page.Code != 200 || !strings.Contains(text, test.heading) {
				t.Fatalf("the link leads to %q: %d %s", flow, page.Code, text)
			}
			if back := links(page.Body.String())["Go back"]; back != home+"/home" {
				t.Errorf("Go back leads to %q", back)
			}
			if button := regexp.MustCompile(`id="complete"[^>]*>` + test.link +
				`<`); !button.MatchString(page.Body.String()) {
				t.Errorf("no button %s", test.link)
			}
			action := html.UnescapeString(
				regexp.MustCompile(`action="([^"]*)"`).FindStringSubmatch(page.Body.String())[1])
			if to := press(s, action, test.form); to != home+"/home" {
				t.Errorf("the button leads to %q", to)
			}
			if _, text := look(s, home+"/home"); !strings.Contains(text, test.done) ||
				!strings.Contains(text, test.home) {
				t.Errorf("the home page says %s", text)
			}
		})
	}
}

func TestTheHomePageOffersOnlyWhatIsPossible(t *testing.T) {
	const cancel, change, card, details = "Cancel subscription", "Change plan", "Update payment method",
		"Update billing details"
	for name, test := range map[string]struct {
		form   string
		change func(*account.Data)
		want   []string
	}{
		"an active subscription": {alice, func(*account.Data) {}, []string{cancel, change, card, details}},
		"a configuration for cancelling only": {alice + "&configuration=bpc_DemoCancelOnly", func(*account.Data) {},
			[]string{cancel}},
		"a cancelled subscription": {"customer=cus_DemoErin", func(*account.Data) {}, []string{card, details}},
		"a planned cancellation": {alice,
			func(d *account.Data) { d.Subscription("sub_DemoAlice").CancelAtPeriodEnd = true },
			[]string{card, details}},
		"a paused subscription": {alice, func(d *account.Data) { d.Subscription("sub_DemoAlice").Status = "paused" },
			[]string{cancel, card, details}},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, Config{})
			s.Change(test.change)
			home := open(t, s, test.form)
			page, _ := look(s, home)
			got := links(page.Body.String())
			for _, label := range test.want {
				if got[label] == "" {
					t.Errorf("no link %q", label)
				}
			}
			if len(got) != len(test.want) {
				t.Errorf("links %v, want %q", got, test.want)
			}
			if renews := strings.Contains(page.Body.String(),
				"Renew subscription"); renews != (name == "a planned cancellation") {
				t.Errorf("it can be renewed: %v", renews)
			}
		})
	}
}

func TestARenewalSaysWhatFollows(t *testing.T) {
	now := time.Date(2026, 1, 20, 12, 0, 0, 0, time.UTC)
	for subscription, want := range map[string]string{
		"sub_DemoDaveTeam":    "Your subscription continues. It renews on 9 February 2026.",
		"sub_DemoDaveStorage": "Your subscription continues. The trial ends on 9 February 2026.",
	} {
		s := start(t, Config{Now: func() time.Time { return now }})
		s.Change(func(d *account.Data) { d.Subscription(subscription).CancelAtPeriodEnd = true })
		home := open(t, s, "customer=cus_DemoDave")
		press(s, home+"/renew", "subscription="+subscription)
		if _, text := look(s, home+"/home"); !strings.Contains(text, want) {
			t.Errorf("%s: %s", subscription, text)
		}
	}
}

// The addresses of flows that are not possible lead to the home page, and change nothing.
func TestImpossibleFlowsLeadToTheHomePage(t *testing.T) {
	s := start(t, Config{})
	home := open(t, s, alice)
	for _, path := range []string{"/cancel", "/cancel?subscription=sub_DemoDaveTeam", "/cancel?subscription=sub_None",
		"/change-plan?subscription=sub_DemoDaveTeam"} {
		if page, _ := look(s, home+path); page.Header().Get("Location") != home+"/home" {
			t.Errorf("%s: %d", path, page.Code)
		}
		if to := press(s, home+path, "price=price_ProMonthly"); to != home+"/home" {
			t.Errorf("the button of %s leads to %q", path, to)
		}
	}
	if team, _ := s.Overview("cus_DemoDave"); team.Subscriptions[0].Status != "active" {
		t.Errorf("another customer's subscription: %+v", team.Subscriptions[0])
	}
	s.DeleteCustomersOf("alice")
	if page, _ := look(s, home+"/payment-method"); page.Header().Get("Location") != home+"/home" {
		t.Errorf("a deleted customer's payment method: %d", page.Code)
	}
}

// The button of a flow names the change that it makes.
func TestTheButtonOfAFlowNamesItsChange(t *testing.T) {
	for form, want := range map[string]string{
		cancel + "sub_DemoAlice":                                         "Cancel subscription",
		update + "sub_DemoAlice":                                         "Change plan",
		alice + "&flow_data[type]=payment_method_update":                 "Update payment method",
		confirm + toPro:                                                  "Upgrade to Pro",
		confirm + ofAlice + item + "[price]=price_StorageMonthly":        "Downgrade to Storage",
		confirm + ofAlice + item + "[quantity]=3":                        "Change quantity to 3",
		confirm + ofAlice + rebate + "[promotion_code]=promo_DemoSpring": "Apply discount",
	} {
		s := start(t, Config{})
		page, _ := look(s, open(t, s, form))
		match := regexp.MustCompile(`<button id="complete"[^>]*>([^<]*)<`).FindStringSubmatch(page.Body.String())
		if len(match) != 2 || match[1] != want {
			t.Errorf("%s: %q, want %q", form, match, want)
		}
	}
}
