package portal

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v79"

	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/language"
	"billingportal/functions/internal/params"
)

// subscription returns a subscription of alice with one item of price_0.
func subscription(id string, status stripe.SubscriptionStatus,
	change func(*billing.Subscription)) billing.Subscription {
	s := billing.Subscription{
		ID: "sub_" + id, Customer: "cus_alice", Status: status,
		Items: []billing.Item{{ID: "si_" + id, Price: "price_0", Product: "prod_" + id, Quantity: 1}},
	}
	if change != nil {
		change(&s)
	}
	return s
}

func cancelling(s *billing.Subscription) { s.Cancelling = true }

func foreign(s *billing.Subscription) { s.Customer = "cus_bob" }

// The details of two refusals.
const (
	severalItems = "The subscription has several items and cannot be changed here."
	unchanged    = "The update would change nothing."
)

func severalItemsOf(s *billing.Subscription) {
	s.Items = append(s.Items, billing.Item{ID: "si_more", Price: "price_more", Quantity: 1})
}

const (
	cancelAlone  = "flow_data[type]=subscription_cancel"
	updateAlone  = "flow_data[type]=subscription_update"
	confirmAlone = "flow_data[type]=subscription_update_confirm&" +
		"flow_data[subscription_update_confirm][items][0][price]=price_pro"
)

func TestSubscriptionOfAFlow(t *testing.T) {
	const (
		active   = stripe.SubscriptionStatusActive
		trialing = stripe.SubscriptionStatusTrialing
		pastDue  = stripe.SubscriptionStatusPastDue
		paused   = stripe.SubscriptionStatusPaused
		canceled = stripe.SubscriptionStatusCanceled
		unpaid   = stripe.SubscriptionStatusUnpaid
	)
	one := []billing.Subscription{subscription("1", active, nil)}
	theirs := subscription("bob", active, foreign)
	type row struct {
		owned  []billing.Subscription
		body   string
		reads  []string // calls to Stripe before the session
		used   string   // subscription of the session; "" if no session is created
		code   string
		detail string
	}
	for name, test := range map[string]row{
		"no flow":         {one, "", nil, "", "ok", ""},
		"payment method":  {one, "flow_data[type]=payment_method_update", nil, "", "ok", ""},
		"given and owned": {one, cancelForm, []string{"retrieve"}, "sub_1", "ok", ""},
		"given, owned and ended": {[]billing.Subscription{subscription("1", canceled, nil)}, cancelForm,
			[]string{"retrieve"}, "sub_1", "ok", ""},
		"given and foreign": {[]billing.Subscription{theirs},
			strings.Replace(cancelForm, "sub_1", "sub_bob", 1), []string{"retrieve"}, "", "subscription-not-found", ""},
		"given and nonexistent": {nil, cancelForm, []string{"retrieve"}, "", "subscription-not-found", ""},
		"cancel: one":           {one, cancelAlone, []string{"list"}, "sub_1", "ok", ""},
		"cancel: one, and a foreign one": {[]billing.Subscription{theirs, one[0]}, cancelAlone,
			[]string{"list"}, "sub_1", "ok", ""},
		"cancel: trialing": {[]billing.Subscription{subscription("1", trialing, nil)}, cancelAlone,
			[]string{"list"}, "sub_1", "ok", ""},
		"cancel: past due": {[]billing.Subscription{subscription("1", pastDue, nil)}, cancelAlone,
			[]string{"list"}, "sub_1", "ok", ""},
		"cancel: several items": {[]billing.Subscription{subscription("1", active, severalItemsOf)},
			cancelAlone, []string{"list"}, "sub_1", "ok", ""},
		"cancel: one, and one that has ended": {[]billing.Subscription{subscription("2", canceled, nil), one[0]},
			cancelAlone, []string{"list"}, "sub_1", "ok", ""},
		"cancel: one, and one that is cancelling": {[]billing.Subscription{subscription("2", active, cancelling),
			one[0]},
			cancelAlone, []string{"list"}, "sub_1", "ok", ""},
		"cancel: none": {nil, cancelAlone, []string{"list"}, "", "subscription-not-eligible",
			"There is no subscription."},
		"cancel: only a foreign one": {[]billing.Subscription{theirs}, cancelAlone, []string{"list"}, "",
			"subscription-not-eligible", "There is no subscription."},
		"cancel: ended": {[]billing.Subscription{subscription("1", canceled, nil)}, cancelAlone,
			[]string{"list"}, "", "subscription-not-eligible", "The subscription is already cancelled."},
		"cancel: cancelling": {[]billing.Subscription{subscription("1", active, cancelling)}, cancelAlone,
			[]string{"list"}, "", "subscription-not-eligible", "The subscription is already set to be cancelled."},
		"cancel: paused": {[]billing.Subscription{subscription("1", paused, nil)}, cancelAlone,
			[]string{"list"}, "", "subscription-not-eligible", "The subscription is paused."},
		"cancel: unpaid": {[]billing.Subscription{subscription("1", unpaid, nil)}, cancelAlone,
			[]string{"list"}, "", "subscription-not-eligible", "The subscription is not active."},
		"cancel: ended and paused": {[]billing.Subscription{subscription("1", canceled, nil),
			subscription("2", paused, nil)}, cancelAlone, []string{"list"}, "", "subscription-not-eligible",
			"None of the subscriptions allows this."},
		"cancel: two": {[]billing.Subscription{one[0], subscription("2", trialing, nil)},
			cancelAlone, []string{"list", "products"}, "", "subscription-ambiguous", ""},
		"update: one": {one, updateAlone, []string{"list"}, "sub_1", "ok", ""},
		"update: cancelling": {[]billing.Subscription{subscription("1", active, cancelling)}, updateAlone,
			[]string{"list"}, "sub_1", "ok", ""},
		"update: several items": {[]billing.Subscription{subscription("1", active, severalItemsOf)},
			updateAlone, []string{"list"}, "", "subscription-not-eligible", severalItems},
		"update: one with a single item, and one with several": {[]billing.Subscription{subscription("2", active,
			severalItemsOf), one[0]},
			updateAlone, []string{"list"}, "sub_1", "ok", ""},
		"confirm: one": {one, confirmAlone, []string{"list"}, "sub_1", "ok", ""},
		"confirm: given, several items": {[]billing.Subscription{
			subscription("1", active, severalItemsOf),
		}, confirmAlone + "&flow_data[subscription_update_confirm][subscription]=sub_1", []string{"retrieve"}, "",
			"subscription-not-eligible", severalItems},
		"confirm: item given of several": {[]billing.Subscription{
			subscription("1", active, severalItemsOf),
		}, confirmForm + "&flow_data[subscription_update_confirm][items][0][price]=price_pro",
			[]string{"retrieve"}, "sub_1", "ok", ""},
		"confirm: the price it has": {one, strings.Replace(confirmAlone, "price_pro", "price_0", 1),
			[]string{"list"}, "", "subscription-not-eligible", unchanged},
		"confirm: nothing to change": {one, confirmForm, []string{"retrieve"}, "",
			"subscription-not-eligible", unchanged},
		"confirm: the quantity it has": {one, confirmForm + "&" + quantityName + "=1", []string{"retrieve"}, "",
			"subscription-not-eligible", unchanged},
		"confirm: another quantity": {one, confirmForm + "&" + quantityName + "=2",
			[]string{"retrieve"}, "sub_1", "ok", ""},
		"confirm: the price, discounted": {one, strings.Replace(confirmAlone, "price_pro", "price_0", 1) + "&" +
			discountName + "[coupon]=STAY20", []string{"list"}, "sub_1", "ok", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, nil)
			f.owned = test.owned
			contentType := formType
			if test.body == "" {
				contentType = ""
			}
			w := f.serve(contentType, test.body, nil)
			if !slices.Equal(f.reads, test.reads) {
				t.Errorf("calls = %v, want %v", f.reads, test.reads)
			}
			if test.code != "ok" {
				d := problemIn(t, w)
				if d.Code != test.code || (test.detail != "" && d.Detail != test.detail) || len(f.created) != 0 {
					t.Errorf("problem = %+v after %d sessions", d, len(f.created))
				}
				return
			}
			if w.Code != http.StatusSeeOther || len(f.created) != 1 {
				t.Fatalf("status = %d: %s", w.Code, w.Body)
			}
			flow := f.created[0].FlowData
			if test.used == "" {
				return
			}
			if named, _ := subscriptionOf(flow); stripe.StringValue(*named) != test.used {
				t.Errorf("used %s", stripe.StringValue(*named))
			}
			if confirm := flow.SubscriptionUpdateConfirm; confirm != nil &&
				stripe.StringValue(confirm.Items[0].ID) != "si_1" {
				t.Errorf("item %s", stripe.StringValue(confirm.Items[0].ID))
			}
		})
	}
}

func TestForeignAndNonexistentAreTheSameAnswer(t *testing.T) {
	f := newFixture(t, nil)
	f.owned = []billing.Subscription{subscription("bob", stripe.SubscriptionStatusActive, foreign)}
	theirs := f.serve(formType, strings.Replace(cancelForm, "sub_1", "sub_bob", 1), nil)
	nonexistent := f.serve(formType, strings.Replace(cancelForm, "sub_1", "sub_missing", 1), nil)
	if theirs.Code != 404 || theirs.Body.String() != nonexistent.Body.String() ||
		!reflect.DeepEqual(theirs.Header(), nonexistent.Header()) {
		t.Errorf("foreign: %d %s\nnonexistent: %d %s", theirs.Code, theirs.Body, nonexistent.Code, nonexistent.Body)
	}
}

func TestAmbiguousFlowListsTheChoices(t *testing.T) {
	f := newFixture(t, nil)
	f.owned = []billing.Subscription{
		subscription("1", stripe.SubscriptionStatusActive, func(s *billing.Subscription) { s.Items[0].Quantity = 5 }),
		subscription("2", stripe.SubscriptionStatusTrialing, nil),
		subscription("3", stripe.SubscriptionStatusCanceled, nil),
	}
	d := problemIn(t, f.serve(formType, cancelAlone, nil))
	want := []Choice{
		{ID: "sub_1", Status: "active",
			Items: []ChoiceItem{{Price: "price_0", Product: "Name of prod_1", Quantity: 5}}},
		{ID: "sub_2", Status: "trialing",
			Items: []ChoiceItem{{Price: "price_0", Product: "Name of prod_2", Quantity: 1}}},
	}
	if d.Status != 409 || d.Param != "flow_data[subscription_cancel][subscription]" ||
		!reflect.DeepEqual(d.Subscriptions, want) {
		t.Errorf("%+v", d)
	}
}

func TestChoicesDoNotNeedProductNames(t *testing.T) {
	f := newFixture(t, nil)
	f.owned = []billing.Subscription{subscription("1", "active", nil), subscription("2", "active", nil)}
	f.fails = map[string]error{"products": &billing.Error{Class: billing.PermissionMissing}}
	d := problemIn(t, f.serve(formType, cancelAlone, nil))
	if d.Code != "subscription-ambiguous" || len(d.Subscriptions) != 2 ||
		d.Subscriptions[0].Items[0].Price != "price_0" {
		t.Errorf("%+v", d)
	}
	if !strings.Contains(f.logs.String(), `"note":"stripe: the restricted API key lacks a permission"`) {
		t.Errorf("logs: %s", f.logs.String())
	}
}

func TestKeyWithoutPermissionToReadSubscriptions(t *testing.T) {
	f := newFixture(t, nil)
	f.fails = map[string]error{
		"list":     &billing.Error{Class: billing.PermissionMissing},
		"retrieve": &billing.Error{Class: billing.PermissionMissing},
	}
	for body, want := range map[string]string{cancelAlone: "billing-misconfigured",
		cancelForm: "billing-misconfigured"} {
		if d := problemIn(t, f.serve(formType, body, nil)); d.Code != want {
			t.Errorf("%s: %+v", body, d)
		}
	}
	for _, body := range []string{"locale=en", "flow_data[type]=payment_method_update"} {
		if w := f.serve(formType, body, nil); w.Code != http.StatusSeeOther {
			t.Errorf("%s: status = %d", body, w.Code)
		}
	}
}

func TestThePageWithoutASubscription(t *testing.T) {
	f := newFixture(t, nil)
	f.owned = nil
	page := f.serve(formType, cancelAlone, func(r *http.Request) { r.Header.Set("Accept", "text/html") }).Body.String()
	if !strings.Contains(page, "<p>There is no subscription. Please go back to the app.</p>") {
		t.Error(page)
	}
}

func TestChoicePage(t *testing.T) {
	page := func(t *testing.T, contentType, body string, change func(*http.Request)) string {
		t.Helper()
		f := newFixture(t, func(c *Config) { c.SessionCookie = "session" })
		f.owned = []billing.Subscription{
			subscription("1", stripe.SubscriptionStatusActive,
				func(s *billing.Subscription) { s.Items[0].Quantity = 5 }),
			subscription("2", stripe.SubscriptionStatusPastDue,
				func(s *billing.Subscription) { s.Items[0].Product = `<b>"` }),
		}
		w := f.serve(contentType, body, func(r *http.Request) {
			r.Header.Set("Accept", "text/html")
			change(r)
		})
		if w.Code != 409 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
			t.Fatalf("status = %d: %s", w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), testToken) {
			t.Error("the page has the token")
		}
		return w.Body.String()
	}
	withCookie := func(r *http.Request) {
		r.Header.Del("Authorization")
		r.Header.Set("Cookie", "session="+testToken)
	}

	t.Run("with a cookie the form posts again", func(t *testing.T) {
		got := page(t, formType, cancelAlone+"&locale=de", withCookie)
		for i, label := range []string{"Name of prod_1 × 5", "Name of &lt;b&gt;&#34; (überfällig)"} {
			want := fmt.Sprintf(`<form method="post"><input type="hidden" name="flow_data[type]" `+
				`value="subscription_cancel">`+
				`<input type="hidden" name="locale" value="de">`+
				`<input type="hidden" name="flow_data[subscription_cancel][subscription]" value="sub_%d">`+
				`<button class="button">%s</button></form>`, i+1, label)
			if !strings.Contains(got, want) {
				t.Errorf("the page lacks %s\n%s", want, got)
			}
		}
	})
	t.Run("the title asks for a choice, in each language", func(t *testing.T) {
		for flow, title := range map[string]language.Key{
			cancelAlone: language.CancelWhich, updateAlone: language.ChangePlanOfWhich,
			confirmAlone: language.ConfirmChangeOfWhich,
		} {
			for _, tag := range language.Tags {
				got := page(t, formType, flow+"&locale="+string(tag), withCookie)
				heading := strings.ReplaceAll(got, "<wbr>", "")
				for _, want := range []string{
					"<title>" + tag.Text(title) + "</title>",
					"<h1>" + tag.Text(title) + "</h1><p>" + tag.Text(language.ChooseSubscription) + "</p>",
					"(" + tag.Text(language.PastDue) + ")</button>",
				} {
					if tag == "ja" {
						want = strings.NewReplacer("(", "（", ")", "）").Replace(want)
					}
					if !strings.Contains(heading, want) {
						t.Errorf("%s: the page lacks %s\n%s", tag, want, got)
					}
				}
				if strings.Contains(got, "ambiguous") || strings.Contains(got, "409") {
					t.Errorf("%s: the question looks like an error: %s", tag, got)
				}
			}
		}
	})
	t.Run("with a token in the form it links back", func(t *testing.T) {
		got := page(t, formType, cancelAlone+"&access_token="+testToken,
			func(r *http.Request) { r.Header.Del("Authorization") })
		if strings.Contains(got, "<form") || !strings.Contains(got, `href="`+appURL+`"`) ||
			!strings.Contains(got, "go back to the app and choose one of your subscriptions") {
			t.Error(got)
		}
	})
	t.Run("with a header it links back", func(t *testing.T) {
		if got := page(t, formType, cancelAlone, func(*http.Request) {}); strings.Contains(got, "<form") {
			t.Error(got)
		}
	})
	t.Run("after JSON it links back", func(t *testing.T) {
		body, err := json.Marshal(map[string]any{"flow_data": map[string]string{"type": params.FlowSubscriptionCancel}})
		if err != nil {
			t.Fatal(err)
		}
		if got := page(t, jsonType, string(body), withCookie); strings.Contains(got, "<form") {
			t.Error(got)
		}
	})
}
