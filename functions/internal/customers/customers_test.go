package customers_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"billingportal/functions/faulttest"
	"billingportal/functions/internal/customers"
)

// patient is a time limit for a try that a healthy server never reaches.
const patient = 10 * time.Second

// newStore returns a store that uses the function's own client. Each try has this time limit, and
// there are two tries.
func newStore(endpoint string, tryTimeout time.Duration) *customers.Store {
	return &customers.Store{
		Client: dynamodb.NewFromConfig(faulttest.AWSConfig(endpoint, tryTimeout)),
		Table:  plain,
	}
}

// plain is the table that the template creates.
var plain = customers.Table{Name: "customers", Key: "user_id", Attribute: "customer_id"}

func TestLookupReadsOneAttributeWithStrongConsistency(t *testing.T) {
	single := customers.Table{Name: "app", Key: "pk", KeyFormat: "USER#{user}", SortKey: "sk", SortValue: "BILLING",
		Attribute: "billing.stripe.customer_id"}
	for name, test := range map[string]struct {
		table      customers.Table
		user       string
		key        string
		projection string
		names      string
	}{
		"a plain table": {plain, "auth0|ö 1", `{"user_id":{"S":"auth0|ö 1"}}`, "#n0", `{"#n0":"customer_id"}`},
		"a single-table design with a nested attribute": {single, "alice",
			`{"pk":{"S":"USER#alice"},"sk":{"S":"BILLING"}}`, "#n0", `{"#n0":"billing"}`},
		"the user in the sort key, too": {customers.Table{Name: "app", Key: "pk", KeyFormat: "TENANT#1", SortKey: "sk",
			SortValue: "USER#{user}#BILLING", Attribute: "customer_id"}, "alice",
			`{"pk":{"S":"TENANT#1"},"sk":{"S":"USER#alice#BILLING"}}`, "#n0", `{"#n0":"customer_id"}`},
		"a user whose ID is a format": {single, "{user}#{user}",
			`{"pk":{"S":"USER#{user}#{user}"},"sk":{"S":"BILLING"}}`, "#n0", `{"#n0":"billing"}`},
		"names that occur twice": {customers.Table{Name: "app", Key: "id", Attribute: "a.b.a"}, "alice",
			`{"id":{"S":"alice"}}`, "#n0", `{"#n0":"a"}`},
	} {
		t.Run(name, func(t *testing.T) {
			var target string
			var request map[string]any
			server := faulttest.NewServer(t, func(w http.ResponseWriter, r *http.Request) {
				target = r.Header.Get("X-Amz-Target")
				body, _ := io.ReadAll(r.Body)
				if err := json.Unmarshal(body, &request); err != nil {
					t.Error(err)
				}
				_, _ = io.WriteString(w, `{}`)
			})
			store := newStore(server.URL, patient)
			store.Table = test.table
			if _, err := store.CustomerID(t.Context(), test.user); !errors.Is(err, customers.ErrNoCustomer) {
				t.Fatal(err)
			}
			if target != "DynamoDB_20120810.GetItem" {
				t.Errorf("X-Amz-Target = %q", target)
			}
			want := `{"ConsistentRead":true,"ExpressionAttributeNames":` + test.names + `,"Key":` + test.key +
				`,"ProjectionExpression":"` + test.projection + `","TableName":"` + test.table.Name + `"}`
			if got, _ := json.Marshal(request); string(got) != want {
				t.Errorf("request = %s\nwant      %s", got, want)
			}
		})
	}
}

// A key has at most 2,048 bytes, a sort key at most 1,024. A longer one cannot have an item.
func TestAUserTooLongForAKeyHasNoItem(t *testing.T) {
	for name, test := range map[string]struct {
		table customers.Table
		size  int // bytes in the user's ID
		asked int
	}{
		"the longest key": {plain, 2048, 1},
		"a byte more":     {plain, 2049, 0},
		"the longest key with its prefix": {customers.Table{Key: "pk", KeyFormat: "USER#{user}", Attribute: "c"},
			2043, 1},
		"a byte more with its prefix": {customers.Table{Key: "pk", KeyFormat: "USER#{user}", Attribute: "c"},
			2044, 0},
		"the longest key before a sort key": {customers.Table{Key: "pk", SortKey: "sk", SortValue: "BILLING",
			Attribute: "c"}, 2048, 1},
		"a byte more before a sort key": {customers.Table{Key: "pk", SortKey: "sk", SortValue: "BILLING",
			Attribute: "c"}, 2049, 0},
		"the longest sort key": {customers.Table{Key: "pk", KeyFormat: "{user}", SortKey: "sk",
			SortValue: "U#{user}", Attribute: "c"}, 1022, 1},
		"a byte more than the longest one": {customers.Table{Key: "pk", KeyFormat: "{user}", SortKey: "sk",
			SortValue: "U#{user}", Attribute: "c"}, 1023, 0},
	} {
		t.Run(name, func(t *testing.T) {
			server := faulttest.NewServer(t, faulttest.Respond(200, "application/x-amz-json-1.0", `{}`))
			store := newStore(server.URL, patient)
			store.Table = test.table
			store.Table.Name = "customers"
			if _, err := store.CustomerID(t.Context(), long(test.size)); !errors.Is(err, customers.ErrNoCustomer) {
				t.Error(err)
			}
			if server.Requests() != test.asked {
				t.Errorf("%d requests, want %d", server.Requests(), test.asked)
			}
		})
	}
}

func TestReadsANestedAttribute(t *testing.T) {
	for name, test := range map[string]struct{ item, want string }{
		"a customer ID": {`{"billing":{"M":{"stripe":{"M":{"customer_id":{"S":"cus_1"}}}}}}`,
			"cus_1"},
		"no item":            {`{}`, noCustomer},
		"an empty map":       {`{"billing":{"M":{}}}`, noCustomer},
		"an empty map in it": {`{"billing":{"M":{"stripe":{"M":{}}}}}`, noCustomer},
		"NULL on the path":   {`{"billing":{"M":{"stripe":{"NULL":true}}}}`, noCustomer},
		"NULL at its end": {`{"billing":{"M":{"stripe":{"M":{"customer_id":{"NULL":true}}}}}}`,
			noCustomer},
		"text on the path":       {`{"billing":{"M":{"stripe":{"S":"cus_1"}}}}`, malformed},
		"empty text on the path": {`{"billing":{"M":{"stripe":{"S":""}}}}`, malformed},
		"a list on the path":     {`{"billing":{"L":[{"M":{"customer_id":{"S":"cus_1"}}}]}}`, malformed},
		"a map at its end": {`{"billing":{"M":{"stripe":{"M":{"customer_id":{"M":{}}}}}}}`,
			malformed},
		"the whole name as a name": {`{"billing.stripe.customer_id":{"S":"cus_1"}}`, noCustomer},
		"the path elsewhere":       {`{"stripe":{"M":{"customer_id":{"S":"cus_1"}}}}`, noCustomer},
		"something else at its end": {`{"billing":{"M":{"stripe":{"M":{"customer_id":{"S":"sub_1"}}}}}}`,
			malformed},
		"a number at its end": {`{"billing":{"M":{"stripe":{"M":{"customer_id":{"N":"1"}}}}}}`,
			malformed},
		"a value without a type on the path": {`{"billing":{}}`, malformed},
		"a customer instead of a map":        {`{"billing":{"S":"cus_1"}}`, malformed},
	} {
		t.Run(name, func(t *testing.T) {
			server := faulttest.NewServer(t,
				faulttest.Respond(200, "application/x-amz-json-1.0", `{"Item":`+test.item+`}`))
			store := newStore(server.URL, patient)
			store.Table.Attribute = "billing.stripe.customer_id"
			requireCustomer(t, store, test.want)
		})
	}
}

func TestReadsTheAttribute(t *testing.T) {
	for name, test := range map[string]struct{ answer, want string }{
		"a customer ID": {`{"Item":{"customer_id":{"S":"cus_9s6XKzkNRiz8i3"}}}`,
			"cus_9s6XKzkNRiz8i3"},
		"a customer ID with an underscore": {`{"Item":{"customer_id":{"S":"cus_Demo_1"}}}`, "cus_Demo_1"},
		"no item":                          {`{}`, noCustomer},
		"an item without the attribute":    {`{"Item":{}}`, noCustomer},
		"only another attribute":           {`{"Item":{"customer":{"S":"cus_1"}}}`, noCustomer},
		"NULL":                             {`{"Item":{"customer_id":{"NULL":true}}}`, noCustomer},
		"an empty string":                  {`{"Item":{"customer_id":{"S":""}}}`, noCustomer},
		"a number":                         {`{"Item":{"customer_id":{"N":"1"}}}`, malformed},
		"a list":                           {`{"Item":{"customer_id":{"L":[{"S":"cus_1"}]}}}`, malformed},
		"a set with one customer ID":       {`{"Item":{"customer_id":{"SS":["cus_1"]}}}`, malformed},
		"a value without a type":           {`{"Item":{"customer_id":{}}}`, malformed},
		"an ID of another kind":            {`{"Item":{"customer_id":{"S":"sub_1MowQVLkdIwHu7ix"}}}`, malformed},
		"only the prefix":                  {`{"Item":{"customer_id":{"S":"cus_"}}}`, malformed},
		"a prefix in upper case":           {`{"Item":{"customer_id":{"S":"CUS_1"}}}`, malformed},
		"space before":                     {`{"Item":{"customer_id":{"S":" cus_1"}}}`, malformed},
		"a line feed after":                {`{"Item":{"customer_id":{"S":"cus_1\n"}}}`, malformed},
		"a second parameter after": {`{"Item":{"customer_id":{"S":"cus_1&on_behalf_of=acct_1"}}}`,
			malformed},
		"a letter that only looks like ASCII": {`{"Item":{"customer_id":{"S":"cus_\u0410"}}}`, malformed},
		"more than 255 characters":            {`{"Item":{"customer_id":{"S":"cus_` + long(252) + `"}}}`, malformed},
		"255 characters": {`{"Item":{"customer_id":{"S":"cus_` + long(251) + `"}}}`,
			"cus_" + long(251)},
		"a URL": {`{"Item":{"customer_id":{"S":"https://` + faulttest.Marker + `"}}}`,
			malformed},
		"attributes that were not requested": {`{"Item":{"email":{"S":"a@b.example"},"customer_id":{"S":"cus_1"}}}`,
			"cus_1"},
	} {
		t.Run(name, func(t *testing.T) {
			server := faulttest.NewServer(t, faulttest.Respond(200, "application/x-amz-json-1.0", test.answer))
			requireCustomer(t, newStore(server.URL, patient), test.want)
		})
	}
}

// Results of a lookup without a customer.
const noCustomer, malformed = "no customer", "malformed"

// requireCustomer looks up alice.
func requireCustomer(t *testing.T, store *customers.Store, want string) {
	t.Helper()
	got, err := store.CustomerID(t.Context(), "alice")
	switch {
	case errors.Is(err, customers.ErrNoCustomer):
		got = noCustomer
	case errors.Is(err, customers.ErrMalformed):
		got = malformed
	case err != nil:
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	faulttest.RequireSilent(t, err)
}

// A connection that is lost after each answer would add a TLS handshake to each request. Without
// upstream.Transport, the SDK loses some connections.
func TestRequestsShareOneConnection(t *testing.T) {
	connections := map[string]bool{}
	server := faulttest.NewServer(t, func(w http.ResponseWriter, r *http.Request) {
		connections[r.RemoteAddr] = true // one request at a time
		faulttest.Respond(200, "application/x-amz-json-1.0", `{"Item":{"customer_id":{"S":"cus_1"}}}`)(w, r)
	})
	store := newStore(server.URL, patient)
	for range 200 {
		if _, err := store.CustomerID(t.Context(), "alice"); err != nil {
			t.Fatal(err)
		}
	}
	server.Close()
	if len(connections) != 1 {
		t.Errorf("%d connections, want 1", len(connections))
	}
}

func long(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'x'
	}
	return string(b)
}
