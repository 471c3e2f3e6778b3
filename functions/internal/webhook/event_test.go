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
	created  = 1717430400 // of the customer in the files of events/stripe
	customer = "cus_NffrFeUfNV2Hib"
)

var (
	testRules = Rules{MetadataKey: "user_id", References: SessionReferences}
	eventTime = time.Unix(created+1000, 0)
)

// file reads an event from events/stripe.
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

// The files have one event for each rule, as Stripe sends it in some API version.
func TestFactsOfEvents(t *testing.T) {
	reference := fact("alice", customers.Facts{Reference: customers.At(created + 30)})
	all, none := testRules, testRules
	all.References, none.References = AllReferences, NoReferences
	for name, test := range map[string]struct {
		file  string
		rules Rules
		want  customers.Change
	}{
		"a customer with a user": {"customer.created", testRules,
			customers.Change{Facts: []customers.Fact{claimed("alice", created)}}},
		"a customer without a user": {"customer.created-without-user", testRules, customers.Change{}},
		"the user is added": {"customer.updated-claimed", testRules,
			customers.Change{Facts: []customers.Fact{claimed("alice", created+60)}}},
		"the user changes": {"customer.updated-moved", testRules,
			customers.Change{Facts: []customers.Fact{fact("alice",
				customers.Facts{Released: customers.At(created + 120)}), claimed("bob", created+120)}}},
		"the user is removed": {"customer.updated-released", testRules,
			customers.Change{Facts: []customers.Fact{fact("alice",
				customers.Facts{Released: customers.At(created + 180)})}}},
		"something else changes": {"customer.updated-email", testRules,
			customers.Change{Facts: []customers.Fact{claimed("alice", created)}}},
		"the customer is deleted": {"customer.deleted", testRules,
			customers.Change{Facts: []customers.Fact{fact("alice", customers.Facts{Deleted: true})},
				Deleted: customer}},
		"a customer without a user is deleted": {"customer.deleted-without-user", testRules,
			customers.Change{Deleted: customer}},
		"a checkout session with a reference": {"checkout.session.completed", testRules,
			customers.Change{Facts: []customers.Fact{reference}}},
		"a checkout session with metadata": {"checkout.session.completed-metadata", testRules,
			customers.Change{Facts: []customers.Fact{claimed("alice", created+30)}}},
		"a payment link with a reference": {"checkout.session.completed-payment-link",
			testRules, customers.Change{}},
		"a payment link, if all references count": {"checkout.session.completed-payment-link", all,
			customers.Change{Facts: []customers.Fact{reference}}},
		"a checkout session, if all references count": {"checkout.session.completed", all,
			customers.Change{Facts: []customers.Fact{reference}}},
		"a checkout session, if no reference counts": {"checkout.session.completed", none, customers.Change{}},
		"metadata, if no reference counts": {"checkout.session.completed-metadata", none,
			customers.Change{Facts: []customers.Fact{claimed("alice", created+30)}}},
		"a guest's checkout session": {"checkout.session.completed-guest", all, customers.Change{}},
		"another type":               {"invoice.paid", testRules, customers.Change{}},
		"another key of metadata":    {"customer.created", Rules{MetadataKey: "uid"}, customers.Change{}},
		"another key of metadata is removed": {"customer.updated-released",
			Rules{MetadataKey: "uid"}, customers.Change{}},
		"another key is added, and the configured key stays": {"customer.updated-claimed", Rules{MetadataKey: "plan"},
			customers.Change{Facts: []customers.Fact{claimed("pro", created)}}},
		"an event of the other mode": {"customer.created",
			Rules{MetadataKey: "user_id", Livemode: true}, customers.Change{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := test.rules.read(file(t, test.file), eventTime)
			if err != nil || !reflect.DeepEqual(got.change, test.want) {
				t.Errorf("change = %+v, %v\nwant     %+v", got.change, err, test.want)
			}
			if isEmpty := len(test.want.Facts) == 0 && test.want.Deleted == ""; got.isIgnored() != isEmpty {
				t.Errorf("ignored = %v", got.isIgnored())
			}
			if !strings.HasPrefix(got.id, "evt_") || got.kind == "" || got.created.Unix() < created {
				t.Errorf("%+v", got)
			}
		})
	}
}

// with returns an event with changed members. A key of changes is a path of names, separated by
// slashes. A nil value removes the member.
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

// Only a body that is not an event is refused. An event that cannot be used is acknowledged with a
// warning and has no effect.
func TestEventsThatCannotBeUsed(t *testing.T) {
	const refused, ignored, taken, misconfigured = "refused", "ignored", "taken", "misconfigured"
	deep := strings.Repeat(`[`, 10_001) + strings.Repeat(`]`, 10_001)
	event := func(name string, changes map[string]any) []byte { return with(t, file(t, name), changes) }
	twice := func(name, member, value string) []byte {
		body := strings.Replace(string(file(t, name)), `"`+member+`":`, `"`+member+`": `+value+`, "`+member+`":`, 1)
		if body == string(file(t, name)) {
			t.Fatalf("%s has no %s", name, member)
		}
		return []byte(body)
	}
	for name, test := range map[string]struct {
		body []byte
		want string // or the warning
	}{
		"an empty body":         {nil, refused},
		"not JSON":              {[]byte("user_id=alice"), refused},
		"JSON without its end":  {file(t, "customer.created")[:300], refused},
		"two JSON values":       {append(file(t, "customer.created"), "{}"...), refused},
		"a list":                {[]byte("[]"), refused},
		"null":                  {null, refused},
		"an empty object":       {[]byte("{}"), refused},
		"another object":        {[]byte(`{"object":"order","created":1}`), refused},
		"JSON of 10,000 levels": {[]byte(`{"type":"customer.created","x":` + deep + `}`), refused},
		"invalid UTF-8":         {append(file(t, "customer.created"), 0xff), refused},
		"invalid UTF-8 in a name": {[]byte(strings.Replace(string(file(t, "customer.created")), "alice",
			"ali\xffce", 1)), refused},

		"no type":                 {event("customer.created", map[string]any{"type": nil}), string(hasNoType)},
		"a type that is a number": {event("customer.created", map[string]any{"type": 1}), string(hasNoType)},
		"no id":                   {event("customer.created", map[string]any{"id": nil}), taken},
		"an id of another object": {event("customer.created", map[string]any{"id": "req_1"}), taken},
		"no time": {event("customer.created", map[string]any{"created": nil}),
			string(hasNoTime)},
		"a time that is null": {event("customer.created", map[string]any{"created": null}),
			string(hasNoTime)},
		"a time that is negative": {event("customer.created", map[string]any{"created": -1}), string(hasNoTime)},
		"a time after the year 9999": {event("customer.created", map[string]any{"created": endOfTime + 1}),
			string(hasNoTime)},
		"a time that is a string": {event("customer.created", map[string]any{"created": "1717430400"}),
			string(hasNoTime)},
		"a time with a fraction": {event("customer.created", map[string]any{"created": 1717430400.5}),
			string(hasNoTime)},
		"a time too large for a number": {event("customer.created",
			map[string]any{"created": json.RawMessage("1e30")}), string(hasNoTime)},
		"the time 0":           {event("customer.updated-claimed", map[string]any{"created": 0}), taken},
		"a test clock's event": {event("customer.created", map[string]any{"created": endOfTime}), taken},
		"a test clock's customer": {event("customer.created", map[string]any{"data/object/created": endOfTime}),
			taken},
		"no livemode": {event("customer.created", map[string]any{"livemode": nil}),
			string(hasNoMode)},
		"livemode null": {event("customer.created", map[string]any{"livemode": null}),
			string(hasNoMode)},
		"livemode as a string": {event("customer.created", map[string]any{"livemode": "false"}),
			string(hasNoMode)},
		"the other mode": {event("customer.created", map[string]any{"livemode": true}), ignored},
		"the other mode, and unusable": {event("customer.created",
			map[string]any{"livemode": true, "data": nil, "created": nil}), ignored},
		"a connected account": {event("customer.created", map[string]any{"account": "acct_1"}), ignored},
		"a connected account's context": {event("customer.created",
			map[string]any{"account": "acct_1", "context": "acct_1"}), ignored},
		"an account of another type": {event("customer.created",
			map[string]any{"account": map[string]any{"id": "acct_1"}}), ignored},
		"an account that is null":  {event("customer.created", map[string]any{"account": null}), taken},
		"an account that is empty": {event("customer.created", map[string]any{"account": ""}), taken},
		"an organization's customer": {event("customer.created", map[string]any{"context": "acct_1"}),
			misconfigured},
		"an organization's deleted customer": {event("customer.deleted", map[string]any{"context": "acct_1"}),
			misconfigured},
		"an organization's purchase": {event("checkout.session.completed",
			map[string]any{"context": "acct_1/acct_2"}), misconfigured},
		"a context of another type": {event("customer.created", map[string]any{"context": map[string]any{}}),
			misconfigured},
		"a context that is null":  {event("customer.created", map[string]any{"context": null}), taken},
		"a context that is empty": {event("customer.created", map[string]any{"context": ""}), taken},
		"an organization's other mode": {event("customer.created",
			map[string]any{"context": "acct_1", "livemode": true}), ignored},
		"an organization's invoice": {event("invoice.paid", map[string]any{"context": "acct_1"}), ignored},

		"no data": {event("customer.created", map[string]any{"data": nil}),
			string(hasNoObject)},
		"data that is a list": {event("customer.created", map[string]any{"data": []any{}}),
			string(hasNoObject)},
		"an object that is null": {event("customer.created", map[string]any{"data/object": null}),
			string(hasNoObject)},
		"an object that is a list": {event("customer.created", map[string]any{"data/object": []any{}}),
			string(hasNoObject)},
		"a session that is null": {event("checkout.session.completed",
			map[string]any{"data/object": null}), string(hasNoObject)},
		"a customer without an id": {event("customer.created", map[string]any{"data/object/id": nil}),
			string(hasOtherID)},
		"an id of another billing system": {event("customer.created", map[string]any{"data/object/id": "10042"}),
			string(hasOtherID)},
		"a customer with such an id changes": {event("customer.updated-moved",
			map[string]any{"data/object/id": "user@example.com"}), string(hasOtherID)},
		"a customer with such an id is deleted": {event("customer.deleted",
			map[string]any{"data/object/id": "CUS-10042"}), string(hasOtherID)},
		"a customer with such an id buys": {event("checkout.session.completed",
			map[string]any{"data/object/customer": "10042"}), string(hasOtherID)},
		"an id that is a number": {event("customer.created", map[string]any{"data/object/id": 10042}),
			string(hasOtherID)},
		"a customer without a time": {event("customer.created", map[string]any{"data/object/created": nil}),
			string(isNotCreated)},
		"a customer with a negative time": {event("customer.created", map[string]any{"data/object/created": -1}),
			string(isNotCreated)},
		"a deleted customer without a time": {event("customer.deleted", map[string]any{"data/object/created": nil}),
			taken},
		"metadata that is null": {event("customer.created",
			map[string]any{"data/object/metadata": null}), ignored},
		"metadata that is a list": {event("customer.created",
			map[string]any{"data/object/metadata": []any{"alice"}}), string(hasOddMetadata)},
		"a user that is a number": {event("customer.created",
			map[string]any{"data/object/metadata/user_id": 1}), string(hasOddMetadata)},
		"a user that is an object": {event("customer.created",
			map[string]any{"data/object/metadata/user_id": map[string]any{"id": "alice"}}), string(hasOddMetadata)},
		"another key that is a number": {event("customer.created",
			map[string]any{"data/object/metadata/plan": 1}), taken},
		"a deleted customer's odd user": {event("customer.deleted",
			map[string]any{"data/object/metadata/user_id": 1}), string(hasOddMetadata)},
		"a user that is null": {event("customer.created",
			map[string]any{"data/object/metadata/user_id": null}), ignored},
		"a user that is empty": {event("customer.created",
			map[string]any{"data/object/metadata/user_id": ""}), ignored},
		"a user of 255 characters": {event("customer.created",
			map[string]any{"data/object/metadata/user_id": strings.Repeat("ö", 255)}), taken},
		"a user of 256 characters": {event("customer.created",
			map[string]any{"data/object/metadata/user_id": strings.Repeat("ö", 256)}), ignored},
		"a user with a line end": {event("customer.created",
			map[string]any{"data/object/metadata/user_id": "ali\nce"}), ignored},
		"a user that is half a surrogate pair": {event("customer.created",
			map[string]any{"data/object/metadata/user_id": json.RawMessage(`"\ud800"`)}), ignored},
		"previous attributes that are null": {event("customer.updated-email",
			map[string]any{"data/previous_attributes": null}), taken},
		"previous attributes that are a list": {event("customer.updated-email",
			map[string]any{"data/previous_attributes": []any{}}), string(hasOddMetadata)},
		"previous metadata that is null": {event("customer.updated-email",
			map[string]any{"data/previous_attributes/metadata": null}), taken},
		"previous metadata that is a string": {event("customer.updated-moved",
			map[string]any{"data/previous_attributes/metadata": "alice"}), string(hasOddMetadata)},
		"a previous user that is a number": {event("customer.updated-moved",
			map[string]any{"data/previous_attributes/metadata/user_id": 1}), string(hasOddMetadata)},

		"a session whose customer is null": {event("checkout.session.completed",
			map[string]any{"data/object/customer": null}), string(hasNoCustomer)},
		"a session without the member customer": {event("checkout.session.completed",
			map[string]any{"data/object/customer": nil}), string(hasNoCustomer)},
		"a session whose customer is empty": {event("checkout.session.completed",
			map[string]any{"data/object/customer": ""}), string(hasNoCustomer)},
		"a session with an expanded customer": {event("checkout.session.completed",
			map[string]any{"data/object/customer": map[string]any{"id": customer}}), string(hasOtherID)},
		"a session without a reference": {event("checkout.session.completed",
			map[string]any{"data/object/client_reference_id": null}), ignored},
		"a reference that is a number": {event("checkout.session.completed",
			map[string]any{"data/object/client_reference_id": 1}), string(hasOddUser)},
		"metadata, and a reference that is a number": {event("checkout.session.completed-metadata",
			map[string]any{"data/object/client_reference_id": 1}), string(hasOddUser)},
		"a session with a user that is a boolean": {event("checkout.session.completed",
			map[string]any{"data/object/metadata/user_id": true}), string(hasOddMetadata)},
		"a session without the member payment_link": {event("checkout.session.completed",
			map[string]any{"data/object/payment_link": nil}), taken},
		"a session whose payment_link is empty": {event("checkout.session.completed",
			map[string]any{"data/object/payment_link": ""}), ignored},
		"a payment_link, and a PAYMENT_LINK that is null": {event("checkout.session.completed-payment-link",
			map[string]any{"data/object/PAYMENT_LINK": null}), ignored},
		"a second payment_link that is null": {twice("checkout.session.completed-payment-link", "payment_link",
			"null"), string(isAmbiguous)},
		"two customers": {twice("checkout.session.completed", "customer", `"cus_another"`),
			string(isAmbiguous)},
		"two users": {twice("customer.created", "user_id", `"bob"`), string(isAmbiguous)},
		"two types": {twice("customer.created", "type", `"invoice.paid"`),
			string(isAmbiguous)},
		"two objects": {[]byte(strings.Replace(string(file(t, "customer.created")), `"data": {`,
			`"data": {"object": {}, `, 1)), string(isAmbiguous)},
		"two previous users": {[]byte(strings.Replace(string(file(t, "customer.updated-moved")),
			`"previous_attributes": {`, `"previous_attributes": {"metadata": {}, `, 1)), string(isAmbiguous)},
		"an account in capitals": {event("customer.created",
			map[string]any{"Account": "acct_1", "Context": "acct_1", "LIVEMODE": true, "Type": "x"}), taken},
		"an id in capitals": {event("customer.created",
			map[string]any{"data/object/ID": "cus_another", "data/object/id": nil}), string(hasOtherID)},
		"metadata in capitals": {event("customer.created-without-user",
			map[string]any{"data/object/Metadata": map[string]any{"user_id": "bob"}}), ignored},
		"a user in capitals": {event("customer.created-without-user",
			map[string]any{"data/object/metadata/USER_ID": "bob"}), ignored},
		"a type in capitals": {event("customer.created",
			map[string]any{"Type": "customer.created", "type": nil}), string(hasNoType)},
		"another type without other members": {[]byte(`{"type":"v2.core.event"}`), ignored},
		"another type with a time that is a string": {event("invoice.paid",
			map[string]any{"created": "2026-06-03T16:00:00.000Z", "data": nil}), ignored},
		"another type of the other mode": {event("invoice.paid", map[string]any{"livemode": true}), ignored},
		"a longer type": {event("customer.created", map[string]any{"type": "customer.created.x"}),
			ignored},
		"a type in another letter case": {event("customer.created", map[string]any{"type": "Customer.created"}),
			ignored},
		"unknown members": {event("customer.created", map[string]any{"x": map[string]any{"y": 1}}),
			taken},
		"a thin event":                    {thin(t, nil), string(isThin)},
		"a thin event of the other mode":  {thin(t, map[string]any{"livemode": true}), string(isThin)},
		"a thin event of an organization": {thin(t, map[string]any{"context": "acct_1"}), string(isThin)},
		"a thin event without a type":     {thin(t, map[string]any{"type": nil}), string(isThin)},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := testRules.read(test.body, eventTime)
			is := taken
			switch {
			case errors.Is(err, errEvent):
				is = refused
			case errors.Is(err, errContext):
				is = misconfigured
			case err != nil:
				t.Fatal(err)
			case got.warning != "":
				is = string(got.warning)
			case got.isIgnored():
				is = ignored
			}
			if is != test.want {
				t.Errorf("%s, want %s: %+v", is, test.want, got)
			}
			if is != taken && !got.isIgnored() {
				t.Errorf("%s, but it changes %+v", is, got.change)
			}
		})
	}
}

// thin returns a thin event (https://docs.stripe.com/event-destinations#thin-events).
func thin(t testing.TB, changes map[string]any) []byte {
	t.Helper()
	return with(t, []byte(`{
		"id": "evt_test_65R9Ijk8dKEYZcXeRWn16R9A7j1FSQ3w3TGDPLLGSM4CW0", "object": "v2.core.event", "type": `+
		`"v1.customer.created",
		"livemode": false, "created": "2024-06-03T16:00:00.000Z", "context": null,
		"related_object": {"id": "`+customer+`", "type": "customer", "url": "/v1/customers/`+customer+`"}
	}`), changes)
}

func TestWhoseEventsCount(t *testing.T) {
	ours := testRules
	ours.Account = "acct_OURS"
	for name, test := range map[string]struct {
		changes map[string]any
		counts  bool
	}{
		"from our own endpoint":               {nil, true},
		"our account's, from an organization": {map[string]any{"context": "acct_OURS"}, true},
		"another account's":                   {map[string]any{"context": "acct_OTHER"}, false},
		"an account with a longer ID":         {map[string]any{"context": "acct_OURS2"}, false},
		"an account in another letter case":   {map[string]any{"context": "acct_ours"}, false},
		"an account connected to ours":        {map[string]any{"context": "acct_OURS/acct_CONNECTED"}, false},
		"our account, connected to another":   {map[string]any{"context": "acct_OTHER/acct_OURS"}, false},
		"a path that ends with our account":   {map[string]any{"context": "org_1/acct_OURS"}, false},
		"a context that is a list":            {map[string]any{"context": []any{"acct_OURS"}}, false},
		"a context and a CONTEXT":             {map[string]any{"context": "acct_OTHER", "CONTEXT": "acct_OURS"}, false},
		"our context and a connected account": {map[string]any{"context": "acct_OURS", "account": "acct_CONNECTED"},
			false},
		"our context and our account":      {map[string]any{"context": "acct_OURS", "account": "acct_OURS"}, false},
		"our context and an empty account": {map[string]any{"context": "acct_OURS", "account": ""}, true},
		"a context that is null":           {map[string]any{"context": null, "account": null}, true},
		"a context that is empty":          {map[string]any{"context": ""}, true},
	} {
		for _, kind := range []string{"customer.created", "customer.updated-moved", "customer.deleted",
			"checkout.session.completed"} {
			got, err := ours.read(with(t, file(t, kind), test.changes), eventTime)
			if err != nil || got.warning != "" || got.isIgnored() == test.counts {
				t.Errorf("%s: %s: %+v, %v", name, kind, got, err)
			}
		}
	}
}

// In live mode, a claim in the future would win over all later ones.
func TestTheFutureCountsOnlyInTestMode(t *testing.T) {
	live := testRules
	live.Livemode = true
	now := eventTime.Unix()
	for name, test := range map[string]struct {
		file    string
		member  string
		seconds int64
		counts  bool
	}{
		"an event 300 s ahead":   {"customer.created", "created", now + 300, true},
		"an event 301 s ahead":   {"customer.created", "created", now + 301, false},
		"a change 301 s ahead":   {"customer.updated-moved", "created", now + 301, false},
		"a purchase 301 s ahead": {"checkout.session.completed", "created", now + 301, false},
		"a deletion 301 s ahead": {"customer.deleted", "created", now + 301, false},
		"a customer 300 s ahead": {"customer.created", "data/object/created", now + 300, true},
		"a customer 301 s ahead": {"customer.created", "data/object/created", now + 301, false},
		"a release 301 s ahead":  {"customer.updated-released", "data/object/created", now + 301, false},
	} {
		body := with(t, file(t, test.file), map[string]any{test.member: test.seconds, "livemode": true})
		got, err := live.read(body, eventTime)
		if err != nil || got.isIgnored() == test.counts || (got.warning == isOfTheFuture) == test.counts {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		body = with(t, file(t, test.file), map[string]any{test.member: test.seconds})
		if got, err := testRules.read(body, eventTime); err != nil || got.isIgnored() || got.warning != "" {
			t.Errorf("%s, in test mode: %+v, %v", name, got, err)
		}
	}
}

func TestMetadataThatStillNamesTheUserIsNotARelease(t *testing.T) {
	body := with(t, file(t, "customer.updated-moved"),
		map[string]any{"data/previous_attributes/metadata/user_id": "bob"})
	got, err := testRules.read(body, eventTime)
	if want := []customers.Fact{claimed("bob", created+120)}; err != nil || !reflect.DeepEqual(got.change.Facts, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

// With a test clock, a customer may be newer than the event that removes its user.
func TestAReleaseIsNotEarlierThanTheCustomer(t *testing.T) {
	for name, test := range map[string]struct{ event, customer, want int64 }{
		"an older customer": {created + 120, created, created + 120},
		"a newer customer":  {created + 120, created + 9_000_000, created + 9_000_000},
	} {
		for _, event := range []string{"customer.updated-released", "customer.updated-moved"} {
			got, err := testRules.read(with(t, file(t, event),
				map[string]any{"created": test.event, "data/object/created": test.customer}), eventTime)
			if err != nil || len(got.change.Facts) == 0 ||
				got.change.Facts[0] != fact("alice", customers.Facts{Released: customers.At(test.want)}) {
				t.Errorf("%s, %s: %+v, %v", name, event, got, err)
			}
			if event == "customer.updated-moved" &&
				(len(got.change.Facts) != 2 || got.change.Facts[1] != claimed("bob", test.event)) {
				t.Errorf("%s: %+v", name, got)
			}
		}
	}
}

func TestOnlyIDsAndTypesInStripesFormAreKept(t *testing.T) {
	const marker = "MARKERx7Q"
	for name, changes := range map[string]map[string]any{
		"an id and a type in another form": {"id": "evt_1 " + marker, "type": "invoice.paid\n" + marker},
		"a long id and a long type": {"id": "evt_" + strings.Repeat(marker, 20),
			"type": strings.ToLower(strings.Repeat(marker, 20))},
	} {
		got, err := testRules.read(with(t, file(t, "invoice.paid"), changes), eventTime)
		if err != nil || got.id != "" || got.kind != "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestIDsOfEventsHaveAMaximumLength(t *testing.T) {
	for length, want := range map[int]bool{maxNameLength: true, maxNameLength + 1: false} {
		id := "evt_" + strings.Repeat("1", length-len("evt_"))
		got, err := testRules.read(with(t, file(t, "invoice.paid"), map[string]any{"id": id}), eventTime)
		if err != nil || (got.id == id) != want {
			t.Errorf("%d characters: %q, %v", length, got.id, err)
		}
	}
}

// FuzzRead checks that every event that has an effect follows the rules.
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
		if err != nil || got.isIgnored() {
			return
		}
		if got.created.IsZero() || !customers.IsID(got.customer) {
			t.Errorf("accepted %q: %+v", body, got)
		}
		for _, fact := range got.change.Facts {
			if !customers.IsUser(fact.User) || fact.Customer != got.customer || fact.Facts == (customers.Facts{}) {
				t.Errorf("accepted %q: %+v", body, fact)
			}
		}
	})
}
