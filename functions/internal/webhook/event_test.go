package webhook

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"billingportal/functions/internal/customers"
)

const (
	created  = 1717430400 // of the customer in events/stripe
	customer = "cus_NffrFeUfNV2Hib"
)

var (
	testRules = Rules{MetadataKey: "user_id", References: SessionReferences}
	eventTime = time.Unix(created+1000, 0)
)

// file reads one of the events that Stripe sends.
func file(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "..", "..", "events", "stripe", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func fact(user string, facts customers.Facts) customers.Fact {
	return customers.Fact{User: user, Customer: customer, Facts: facts}
}

func claimed(user string, seconds int64) customers.Fact {
	return fact(user, customers.Facts{Metadata: customers.At(seconds)})
}

// Each row of the rules, as Stripe sends it in one of its API versions.
func TestFactsOfEvents(t *testing.T) {
	reference := fact("alice", customers.Facts{Reference: customers.At(created + 30)})
	all, none := testRules, testRules
	all.References, none.References = AllReferences, NoReferences
	for name, test := range map[string]struct {
		file  string
		rules Rules
		want  customers.Change
	}{
		"a customer with a user":                   {"customer.created", testRules, customers.Change{Facts: []customers.Fact{claimed("alice", created)}}},
		"a customer without one":                   {"customer.created-without-user", testRules, customers.Change{}},
		"the user is added":                        {"customer.updated-claimed", testRules, customers.Change{Facts: []customers.Fact{claimed("alice", created+60)}}},
		"the user changes":                         {"customer.updated-moved", testRules, customers.Change{Facts: []customers.Fact{fact("alice", customers.Facts{Released: customers.At(created + 120)}), claimed("bob", created+120)}}},
		"the user is taken away":                   {"customer.updated-released", testRules, customers.Change{Facts: []customers.Fact{fact("alice", customers.Facts{Released: customers.At(created + 180)})}}},
		"something else changes":                   {"customer.updated-email", testRules, customers.Change{Facts: []customers.Fact{claimed("alice", created)}}},
		"the customer is deleted":                  {"customer.deleted", testRules, customers.Change{Facts: []customers.Fact{fact("alice", customers.Facts{Deleted: true})}, Deleted: customer}},
		"a customer without a user is deleted":     {"customer.deleted-without-user", testRules, customers.Change{Deleted: customer}},
		"a checkout session with a reference":      {"checkout.session.completed", testRules, customers.Change{Facts: []customers.Fact{reference}}},
		"a checkout session with metadata":         {"checkout.session.completed-metadata", testRules, customers.Change{Facts: []customers.Fact{claimed("alice", created+30)}}},
		"a payment link with a reference":          {"checkout.session.completed-payment-link", testRules, customers.Change{}},
		"a payment link, where they count":         {"checkout.session.completed-payment-link", all, customers.Change{Facts: []customers.Fact{reference}}},
		"a checkout session, where all count":      {"checkout.session.completed", all, customers.Change{Facts: []customers.Fact{reference}}},
		"a checkout session, where none counts":    {"checkout.session.completed", none, customers.Change{}},
		"metadata, where no reference counts":      {"checkout.session.completed-metadata", none, customers.Change{Facts: []customers.Fact{claimed("alice", created+30)}}},
		"a guest's checkout session":               {"checkout.session.completed-guest", all, customers.Change{}},
		"another type":                             {"invoice.paid", testRules, customers.Change{}},
		"another key of metadata":                  {"customer.created", Rules{MetadataKey: "uid"}, customers.Change{}},
		"another key of metadata, on the way out":  {"customer.updated-released", Rules{MetadataKey: "uid"}, customers.Change{}},
		"the user changes, by another key of ours": {"customer.updated-claimed", Rules{MetadataKey: "plan"}, customers.Change{Facts: []customers.Fact{claimed("pro", created)}}},
		"an event of the other mode":               {"customer.created", Rules{MetadataKey: "user_id", Livemode: true}, customers.Change{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := test.rules.read(file(t, test.file), eventTime)
			if err != nil || !reflect.DeepEqual(got.change, test.want) {
				t.Errorf("change = %+v, %v\nwant     %+v", got.change, err, test.want)
			}
			if isEmpty := len(test.want.Facts) == 0 && test.want.Deleted == ""; got.isIgnored != isEmpty {
				t.Errorf("ignored = %v", got.isIgnored)
			}
			if !strings.HasPrefix(got.id, "evt_") || got.kind == "" || got.kind != "invoice.paid" && got.created.Unix() < created {
				t.Errorf("%+v", got)
			}
		})
	}
}

// with returns an event with some members changed; a path's names are separated by slashes, a nil value removes.
func with(t testing.TB, body []byte, changes map[string]any) []byte {
	t.Helper()
	var event map[string]any
	if err := json.Unmarshal(body, &event); err != nil {
		t.Fatal(err)
	}
	for path, value := range changes {
		names := strings.Split(path, "/")
		members := event
		for _, name := range names[:len(names)-1] {
			next, ok := members[name].(map[string]any)
			if !ok {
				next = map[string]any{}
				members[name] = next
			}
			members = next
		}
		if value == nil {
			delete(members, names[len(names)-1])
		} else {
			members[names[len(names)-1]] = value
		}
	}
	changed, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

var null = json.RawMessage("null")

func TestWhatIsNoEvent(t *testing.T) {
	const refused, ignored, taken = "refused", "ignored", "taken"
	deep := strings.Repeat(`[`, 10_001) + strings.Repeat(`]`, 10_001)
	event := func(name string, changes map[string]any) []byte { return with(t, file(t, name), changes) }
	for name, test := range map[string]struct {
		body []byte
		want string
	}{
		"an empty body":                           {nil, refused},
		"no JSON":                                 {[]byte("user_id=alice"), refused},
		"JSON that breaks off":                    {file(t, "customer.created")[:300], refused},
		"a list":                                  {[]byte("[]"), refused},
		"null":                                    {null, refused},
		"an empty object":                         {[]byte("{}"), refused},
		"JSON of 10,000 levels":                   {[]byte(`{"type":"customer.created","x":` + deep + `}`), refused},
		"invalid UTF-8":                           {append(file(t, "customer.created"), 0xff), refused},
		"invalid UTF-8 in a name":                 {[]byte(strings.Replace(string(file(t, "customer.created")), "alice", "ali\xffce", 1)), refused},
		"no type":                                 {event("customer.created", map[string]any{"type": nil}), refused},
		"a type that is a number":                 {event("customer.created", map[string]any{"type": 1}), refused},
		"no id":                                   {event("customer.created", map[string]any{"id": nil}), refused},
		"an id of something else":                 {event("customer.created", map[string]any{"id": "req_1"}), refused},
		"no time":                                 {event("customer.created", map[string]any{"created": nil}), refused},
		"a time that is null":                     {event("customer.created", map[string]any{"created": null}), refused},
		"a time that is negative":                 {event("customer.created", map[string]any{"created": -1}), refused},
		"a time in the year 9999":                 {event("customer.created", map[string]any{"created": 253402300799}), refused},
		"a time that is text":                     {event("customer.created", map[string]any{"created": "1717430400"}), refused},
		"a time with a fraction":                  {event("customer.created", map[string]any{"created": 1717430400.5}), refused},
		"a time too large for a number":           {event("customer.created", map[string]any{"created": json.RawMessage("1e30")}), refused},
		"300 s ahead":                             {event("customer.created", map[string]any{"created": eventTime.Unix() + 300}), taken},
		"301 s ahead":                             {event("customer.created", map[string]any{"created": eventTime.Unix() + 301}), refused},
		"at the beginning of time":                {event("customer.updated-claimed", map[string]any{"created": 0}), taken},
		"no livemode":                             {event("customer.created", map[string]any{"livemode": nil}), refused},
		"livemode null":                           {event("customer.created", map[string]any{"livemode": null}), refused},
		"livemode as text":                        {event("customer.created", map[string]any{"livemode": "false"}), refused},
		"the other mode":                          {event("customer.created", map[string]any{"livemode": true}), ignored},
		"a connected account":                     {event("customer.created", map[string]any{"account": "acct_1"}), ignored},
		"an account that is null":                 {event("customer.created", map[string]any{"account": null}), taken},
		"no data":                                 {event("customer.created", map[string]any{"data": nil}), refused},
		"an object that is null":                  {event("customer.created", map[string]any{"data/object": null}), refused},
		"an object that is a list":                {event("customer.created", map[string]any{"data/object": []any{}}), refused},
		"a session that is null":                  {event("checkout.session.completed", map[string]any{"data/object": null}), refused},
		"a customer without an id":                {event("customer.created", map[string]any{"data/object/id": nil}), refused},
		"an id that is no customer's":             {event("customer.created", map[string]any{"data/object/id": "sub_1"}), refused},
		"a customer without a time":               {event("customer.created", map[string]any{"data/object/created": nil}), refused},
		"a customer of the year 9999":             {event("customer.created", map[string]any{"data/object/created": 253402300799}), refused},
		"a customer that was deleted, no time":    {event("customer.deleted", map[string]any{"data/object/created": nil}), taken},
		"metadata that is null":                   {event("customer.created", map[string]any{"data/object/metadata": null}), ignored},
		"metadata that is a list":                 {event("customer.created", map[string]any{"data/object/metadata": []any{"alice"}}), refused},
		"a user that is a number":                 {event("customer.created", map[string]any{"data/object/metadata/user_id": 1}), refused},
		"a user that is empty":                    {event("customer.created", map[string]any{"data/object/metadata/user_id": ""}), ignored},
		"a user of 255 characters":                {event("customer.created", map[string]any{"data/object/metadata/user_id": strings.Repeat("ö", 255)}), taken},
		"a user of 256 characters":                {event("customer.created", map[string]any{"data/object/metadata/user_id": strings.Repeat("ö", 256)}), ignored},
		"a user with a line end":                  {event("customer.created", map[string]any{"data/object/metadata/user_id": "ali\nce"}), ignored},
		"a user that is half a surrogate pair":    {event("customer.created", map[string]any{"data/object/metadata/user_id": json.RawMessage(`"\ud800"`)}), ignored},
		"previous attributes that are null":       {event("customer.updated-email", map[string]any{"data/previous_attributes": null}), taken},
		"previous metadata that is null":          {event("customer.updated-email", map[string]any{"data/previous_attributes/metadata": null}), taken},
		"a session of no customer":                {event("checkout.session.completed", map[string]any{"data/object/customer": null}), ignored},
		"a session of an empty customer":          {event("checkout.session.completed", map[string]any{"data/object/customer": ""}), refused},
		"a session of a customer written out":     {event("checkout.session.completed", map[string]any{"data/object/customer": map[string]any{"id": customer}}), refused},
		"a session without a reference":           {event("checkout.session.completed", map[string]any{"data/object/client_reference_id": null}), ignored},
		"a session that tells no payment link":    {event("checkout.session.completed", map[string]any{"data/object/payment_link": nil}), taken},
		"another type, with nothing in it":        {[]byte(`{"type":"v2.core.event"}`), ignored},
		"another type, of another time":           {event("invoice.paid", map[string]any{"created": "2026-06-03T16:00:00.000Z", "data": nil}), ignored},
		"another type, of the other mode":         {event("invoice.paid", map[string]any{"livemode": true}), ignored},
		"a type that only begins like ours":       {event("customer.created", map[string]any{"type": "customer.created.x"}), ignored},
		"a type that is ours in another case":     {event("customer.created", map[string]any{"type": "Customer.created"}), ignored},
		"an event with members that nobody knows": {event("customer.created", map[string]any{"x": map[string]any{"y": 1}, "context": "acct_1"}), taken},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := testRules.read(test.body, eventTime)
			is := taken
			switch {
			case errors.Is(err, errEvent):
				is = refused
			case err != nil:
				t.Fatal(err)
			case got.isIgnored:
				is = ignored
			}
			if is != test.want {
				t.Errorf("%s, want %s: %+v", is, test.want, got)
			}
		})
	}
}

func TestOfAnEventOnlyStripesOwnWordsAreKept(t *testing.T) {
	const marker = "MARKERx7Q"
	for name, changes := range map[string]map[string]any{
		"an id and a type of another form": {"id": "evt_1 " + marker, "type": "invoice.paid\n" + marker},
		"long ones":                        {"id": "evt_" + strings.Repeat(marker, 20), "type": strings.ToLower(strings.Repeat(marker, 20))},
	} {
		got, err := testRules.read(with(t, file(t, "invoice.paid"), changes), eventTime)
		if err != nil || got.id != "" || got.kind != "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestNamesOfEventsHaveALength(t *testing.T) {
	for length, want := range map[int]bool{maxNameLength: true, maxNameLength + 1: false} {
		id := "evt_" + strings.Repeat("1", length-len("evt_"))
		got, err := testRules.read(with(t, file(t, "invoice.paid"), map[string]any{"id": id}), eventTime)
		if err != nil || (got.id == id) != want {
			t.Errorf("%d characters: %q, %v", length, got.id, err)
		}
	}
}

// FuzzRead looks for an event that breaks the reader, and holds what is accepted to the rules.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "events", "stripe", "*.json"))
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, name := range files {
		body, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := testRules.read(body, eventTime)
		if err != nil || got.isIgnored {
			return
		}
		if got.id == "" || got.created.IsZero() || !customers.IsID(got.customer) {
			t.Errorf("accepted %q: %+v", body, got)
		}
		for _, fact := range got.change.Facts {
			if usable(fact.User) != fact.User || fact.User == "" || fact.Customer != got.customer || fact.Facts == (customers.Facts{}) {
				t.Errorf("accepted %q: %+v", body, fact)
			}
		}
	})
}
