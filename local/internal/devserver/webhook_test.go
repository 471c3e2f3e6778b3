package devserver_test

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"billingportal/functions/app/webhook"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
)

// stay stops a client from following redirects.
var stay = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// postForm posts a form as a browser does, and returns the Location of the answer.
func postForm(t *testing.T, address string, form url.Values) string {
	t.Helper()
	response, err := stay.PostForm(address, form)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusSeeOther {
		t.Fatalf("POST %s: %s", address, response.Status)
	}
	return response.Header.Get("Location")
}

func TestEventTypesAreThoseOfTheTemplate(t *testing.T) {
	output := regexp.MustCompile(`(?m)^  WebhookEventTypes:\n    Description: .*\n    Value: (.*)$`).FindStringSubmatch(
		devservertest.ReadText(t, "../../../template.yaml"))
	if want := strings.Join(devserver.WebhookEventTypes, ","); len(output) != 2 || output[1] != want {
		t.Errorf("the template's output is %q, the endpoint of the stand-in Stripe has %q", output, want)
	}
}

// await posts to the portal until a user gets this answer. The event takes a moment to arrive.
func await(t *testing.T, l *devservertest.Server, user string, status int) string {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		response, body := l.Post(t, user, nil, nil)
		if response.StatusCode == status {
			return body
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: status = %d, want %d: %s", user, response.StatusCode, status, body)
		}
	}
}

// Bob's button works after a purchase, and stops working after his customer is deleted.
func TestChangesAtStripeReachTheButton(t *testing.T) {
	l, logs := devservertest.Start(t)
	if body := await(t, l, "bob", http.StatusNotFound); devservertest.CodeOf(t, body) != "no-billing-account" {
		t.Fatal(body)
	}
	checkout := postForm(t, l.Origin+"/demo/checkout", url.Values{"user": {"bob"}})
	if _, page := devservertest.Get(t, checkout); !strings.Contains(page, `id="pay"`) {
		t.Fatalf("the page at which bob pays: %s", page)
	}
	if back := postForm(t, checkout, nil); back != l.Origin+"/?back=checkout&user=bob" {
		t.Errorf("bob was sent to %s", back)
	}
	await(t, l, "bob", http.StatusSeeOther)

	postForm(t, l.Origin+"/demo/delete", url.Values{"user": {"bob"}})
	if body := await(t, l, "bob", http.StatusNotFound); devservertest.CodeOf(t, body) != "no-billing-account" {
		t.Errorf("after the deletion: %s", body)
	}
	// Alice's mapping does not come from an event.
	postForm(t, l.Origin+"/demo/delete", url.Values{"user": {"alice"}})
	if body := await(t, l, "alice", http.StatusNotFound); devservertest.CodeOf(t, body) != "no-billing-account" {
		t.Errorf("alice, after the deletion: %s", body)
	}
	for _, theirs := range []string{"new@example.com", "alice@example.com", "A new customer", "v1="} {
		if strings.Contains(logs.String(), theirs) {
			t.Errorf("%q was logged", theirs)
		}
	}
	awaitLine(t, l, logs, `"effect":"claimed"`)
	awaitLine(t, l, logs, `"effect":"deleted"`)
}

func awaitLine(t *testing.T, l *devservertest.Server, logs *devservertest.LogBuffer, want string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(logs.String(),
		want); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no line has %s:\n%s", want, logs.String())
		}
	}
}

// A buyer can put another user's ID into the address of a Payment Link. If the ID counted, the
// other user would put their card into the buyer's account.
func TestAPaymentLinkDoesNotTakeOverAUser(t *testing.T) {
	l, _ := devservertest.Start(t)
	for _, user := range []string{"alice", "bob"} {
		event := devservertest.StripeEvent(t, "checkout.session.completed-payment-link",
			`"client_reference_id": "alice"`, `"client_reference_id": "`+user+`"`)
		if status, body := l.Deliver(t, event, devserver.DemoSigningSecret, time.Now()); status != http.StatusOK {
			t.Fatalf("status = %d: %s", status, body)
		}
	}
	response, _ := l.Post(t, "alice", nil, nil)
	if _, page := devservertest.Get(t, response.Header.Get("Location")); !strings.Contains(page, "cus_DemoAlice") {
		t.Errorf("alice's portal is not her own: %s", page)
	}
	if body := await(t, l, "bob", http.StatusNotFound); devservertest.CodeOf(t, body) != "no-billing-account" {
		t.Errorf("bob: %s", body)
	}
	// Even if such references count, they do not replace a customer that a server has set.
	t.Setenv("CLIENT_REFERENCES", "all")
	l, _ = devservertest.Start(t)
	if status, body := l.Deliver(t, devservertest.StripeEvent(t, "checkout.session.completed-payment-link"),
		devserver.DemoSigningSecret, time.Now()); status != http.StatusOK {
		t.Fatalf("status = %d: %s", status, body)
	}
	response, _ = l.Post(t, "alice", nil, nil)
	if _, page := devservertest.Get(t, response.Header.Get("Location")); !strings.Contains(page, "cus_DemoAlice") {
		t.Errorf("alice's portal is not her own: %s", page)
	}
}

// An organization sends the events of all its accounts, each with the account's context.
func TestEventsOfOtherAccountsChangeNothing(t *testing.T) {
	sent := func(kind, user, customer, members string) []byte {
		return devservertest.StripeEvent(t, kind, `"object": "event"`, `"object": "event", `+members, `"alice"`,
			`"`+user+`"`, devservertest.EventCustomer, customer)
	}
	l, logs := devservertest.Start(t)
	if status, body := l.Deliver(t, sent("customer.created", "alice", "cus_DemoDave", `"context": "acct_OTHER"`),
		devserver.DemoSigningSecret, time.Now()); status != http.StatusInternalServerError ||
		devservertest.CodeOf(t, body) != "webhook-misconfigured" {
		t.Errorf("without STRIPE_ACCOUNT: %d: %s", status, body)
	}
	awaitLine(t, l, logs, "STRIPE_ACCOUNT")
	hasOwnPortal(t, l)

	t.Setenv("STRIPE_ACCOUNT", "acct_Demo")
	l, _ = devservertest.Start(t)
	for _, members := range []string{
		`"context": "acct_OTHER"`, `"context": "acct_Demo/acct_DemoConnect"`,
		`"context": "acct_Demo", "account": "acct_DemoConnect"`, `"context": "acct_OTHER", "CONTEXT": "acct_Demo"`,
	} {
		for _, kind := range []string{"customer.created", "customer.deleted", "customer.updated-released",
			"checkout.session.completed-metadata"} {
			for _, customer := range []string{"cus_DemoDave", "cus_DemoAlice"} {
				if status, body := l.Deliver(t, sent(kind, "alice", customer, members), devserver.DemoSigningSecret,
					time.Now()); status != http.StatusOK {
					t.Errorf("%s, %s: %d: %s", members, kind, status, body)
				}
			}
		}
		hasOwnPortal(t, l)
	}
	if status, body := l.Deliver(t, sent("customer.created", "bob", "cus_DemoDave", `"context": "acct_Demo"`),
		devserver.DemoSigningSecret, time.Now()); status != http.StatusOK {
		t.Errorf("our own: %d: %s", status, body)
	}
	await(t, l, "bob", http.StatusSeeOther)
}

// hasOwnPortal fails if alice's portal belongs to another customer.
func hasOwnPortal(t *testing.T, l *devservertest.Server) {
	t.Helper()
	response, _ := l.Post(t, "alice", nil, nil)
	if _, page := devservertest.Get(t, response.Header.Get("Location")); !strings.Contains(page, "cus_DemoAlice") {
		t.Errorf("alice's portal is not her own: %s", page)
	}
}

// A principal that may invoke the function can send any event as if from a bus.
func TestEventsOfABusAreRefusedWithoutOne(t *testing.T) {
	l, _ := devservertest.Start(t)
	env := l.WebhookEnvironment(l.Origin)
	var logs devservertest.LogBuffer
	function, err := webhook.New(t.Context(), devserver.GetenvOf(env), &logs)
	if err != nil {
		t.Fatal(err)
	}
	event := string(devservertest.StripeEvent(t, "customer.created", devservertest.EventCustomer, "cus_DemoDave"))
	for _, payload := range []string{
		`{"detail-type":"customer.created","source":"aws.partner/stripe.com/ed_1","detail":` + event + `}`,
		`{"detail-type":"customer.created","source":"aws.partner/stripe.community/x","detail":` + event + `}`,
		`{"detail-type":"customer.created","Source":"aws.partner/stripe.com/ed_1","detail":` + event + `}`,
	} {
		if answer, err := function.Invoke(t.Context(), []byte(payload)); err == nil {
			t.Errorf("answer = %s", answer)
		}
	}
	if strings.Count(logs.String(), "STRIPE_EVENT_SOURCE is not set") != 3 {
		t.Errorf("logged: %s", &logs)
	}
	hasOwnPortal(t, l)
}

func TestEventsOfStripesCLIAreTaken(t *testing.T) {
	const listens = "whsec_" + "0123456789abcdef"
	t.Setenv(devserver.ListenSecret, listens)
	l, _ := devservertest.Start(t)
	for secret, want := range map[string]int{listens: 200, devserver.DemoSigningSecret: 200,
		"whsec_" + "another": 400} {
		if status, body := l.Deliver(t, devservertest.StripeEvent(t, "invoice.paid"), secret,
			time.Now()); status != want {
			t.Errorf("status = %d, want %d: %s", status, want, body)
		}
	}
	if status, _ := l.Deliver(t, devservertest.StripeEvent(t, "invoice.paid"), listens,
		time.Now().Add(-10*time.Minute)); status != http.StatusBadRequest {
		t.Error("a signature of ten minutes ago was taken")
	}
}

// The events are those of sam local invoke: printed one by one, because signatures expire, or from
// the event bus.
func TestEventsForTheWebhook(t *testing.T) {
	l, _ := devservertest.Start(t)
	function := inContainer(t, l, filepath.Join("..", "..", "..", devserver.EnvironmentFile),
		"WebhookFunction", webhook.New, nil)
	files, err := filepath.Glob(filepath.Join("..", "..", "..", devserver.StripeEventsFolder, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		var printed bytes.Buffer
		if err := devserver.PrintWebhookEvent(t.Context(), &printed, "../../../events", name); err != nil {
			t.Fatal(err)
		}
		if answer := devservertest.Invoke(t, function,
			printed.Bytes()); !strings.Contains(string(answer), `"statusCode":200`) {
			t.Errorf("%s: %s", name, answer)
		}
	}
	bus, err := os.ReadFile(filepath.Join("..", "..", "..", devserver.EventsFolder, "eventbridge.json"))
	if err != nil {
		t.Fatal(err)
	}
	if answer := devservertest.Invoke(t, function, bus); string(answer) != "null" {
		t.Errorf("the event bus: %s", answer)
	}
	if err := devserver.PrintWebhookEvent(t.Context(), &bytes.Buffer{}, "../../../events", "../../go.mod"); err == nil {
		t.Error("an event of another folder was printed")
	}
}

func TestAnUnknownEventNamesTheKnownOnes(t *testing.T) {
	for dir, want := range map[string]string{
		"../../../events": `^there is no event "nope"\. The events are checkout\.session\.completed, .*, ` +
			`customer\.created, .*invoice\.paid$`,
		"elsewhere": "^there is no folder events/stripe: run this in the top folder of the repository$",
	} {
		err := devserver.PrintWebhookEvent(t.Context(), &bytes.Buffer{}, dir, "nope")
		if err == nil || !regexp.MustCompile(want).MatchString(err.Error()) {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

// The committed events look like those from Stripe, and contain no real data.
func TestStripeEventsAreEvents(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "..", devserver.StripeEventsFolder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	versions, ids := map[string]bool{}, map[string]bool{}
	for _, file := range files {
		var event struct {
			ID         string `json:"id"`
			Object     string `json:"object"`
			APIVersion string `json:"api_version"`
			Type       string `json:"type"`
		}
		readJSON(t, file, &event)
		if name, _, _ := strings.Cut(filepath.Base(file), "-"); event.Object != "event" ||
			strings.TrimSuffix(name, ".json") != event.Type ||
			!regexp.MustCompile(`^evt_[A-Za-z0-9]{24}$`).MatchString(event.ID) || ids[event.ID] {
			t.Errorf("%s: %+v", file, event)
		}
		versions[event.APIVersion], ids[event.ID] = true, true
	}
	if len(versions) < 3 {
		t.Errorf("API versions %v", versions)
	}
}
