package customers_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/upstream"
	"billingportal/functions/internal/upstream/upstreamtest"
)

// patient is a bound for a try that no healthy server comes near.
const patient = 10 * time.Second

// newStore returns a store over the SDK's own client and the function's
// transport. A try is bounded as given, and there are two.
func newStore(endpoint string, tryTimeout time.Duration) *customers.Store {
	return &customers.Store{
		Client: dynamodb.New(dynamodb.Options{
			Region:       "eu-west-1",
			BaseEndpoint: aws.String(endpoint),
			Credentials:  credentials.NewStaticCredentialsProvider("AKID", "SECRET", ""),
			HTTPClient: &http.Client{
				Transport:     upstream.Bounded{Next: &http.Transport{}},
				Timeout:       tryTimeout,
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			},
			Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts = 2
				o.MaxBackoff = time.Millisecond
				o.RateLimiter = ratelimit.None
			}),
		}),
		Table:     "customers",
		Key:       "user_id",
		Attribute: "billing.customer",
	}
}

func TestAsksForOneAttributeOfOneItemStronglyConsistently(t *testing.T) {
	var target string
	var request map[string]any
	server := upstreamtest.NewServer(t, func(w http.ResponseWriter, r *http.Request) {
		target = r.Header.Get("X-Amz-Target")
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &request); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, `{"Item":{"billing.customer":{"S":"cus_NffrFeUfNV2Hib"}}}`)
	})
	customer, err := newStore(server.URL, patient).CustomerID(t.Context(), "auth0|ö 1")
	if err != nil || customer != "cus_NffrFeUfNV2Hib" {
		t.Fatalf("CustomerID = %q, %v", customer, err)
	}
	if target != "DynamoDB_20120810.GetItem" {
		t.Errorf("X-Amz-Target = %q", target)
	}
	want := `{"ConsistentRead":true,"ExpressionAttributeNames":{"#customer":"billing.customer"},` +
		`"Key":{"user_id":{"S":"auth0|ö 1"}},"ProjectionExpression":"#customer","TableName":"customers"}`
	if got, _ := json.Marshal(request); string(got) != want {
		t.Errorf("request = %s\nwant      %s", got, want)
	}
}

func TestReadsTheAttribute(t *testing.T) {
	const noCustomer, malformed = "no customer", "malformed"
	for name, test := range map[string]struct{ answer, want string }{
		"a customer ID":                        {`{"Item":{"billing.customer":{"S":"cus_9s6XKzkNRiz8i3"}}}`, "cus_9s6XKzkNRiz8i3"},
		"a customer ID with an underscore":     {`{"Item":{"billing.customer":{"S":"cus_Demo_1"}}}`, "cus_Demo_1"},
		"no item":                              {`{}`, noCustomer},
		"an item without the attribute":        {`{"Item":{}}`, noCustomer},
		"another attribute alone":              {`{"Item":{"customer":{"S":"cus_1"}}}`, noCustomer},
		"NULL":                                 {`{"Item":{"billing.customer":{"NULL":true}}}`, noCustomer},
		"an empty string":                      {`{"Item":{"billing.customer":{"S":""}}}`, noCustomer},
		"a number":                             {`{"Item":{"billing.customer":{"N":"1"}}}`, malformed},
		"a list":                               {`{"Item":{"billing.customer":{"L":[{"S":"cus_1"}]}}}`, malformed},
		"a set with one customer ID":           {`{"Item":{"billing.customer":{"SS":["cus_1"]}}}`, malformed},
		"a value of no type":                   {`{"Item":{"billing.customer":{}}}`, malformed},
		"an ID of another kind":                {`{"Item":{"billing.customer":{"S":"sub_1MowQVLkdIwHu7ix"}}}`, malformed},
		"the prefix alone":                     {`{"Item":{"billing.customer":{"S":"cus_"}}}`, malformed},
		"a prefix in upper case":               {`{"Item":{"billing.customer":{"S":"CUS_1"}}}`, malformed},
		"space before":                         {`{"Item":{"billing.customer":{"S":" cus_1"}}}`, malformed},
		"a line feed after":                    {`{"Item":{"billing.customer":{"S":"cus_1\n"}}}`, malformed},
		"a second parameter behind":            {`{"Item":{"billing.customer":{"S":"cus_1&on_behalf_of=acct_1"}}}`, malformed},
		"a letter that only looks like ASCII":  {`{"Item":{"billing.customer":{"S":"cus_\u0410"}}}`, malformed},
		"more than 255 characters":             {`{"Item":{"billing.customer":{"S":"cus_` + long(252) + `"}}}`, malformed},
		"255 characters":                       {`{"Item":{"billing.customer":{"S":"cus_` + long(251) + `"}}}`, "cus_" + long(251)},
		"a URL":                                {`{"Item":{"billing.customer":{"S":"https://` + upstreamtest.Marker + `"}}}`, malformed},
		"attributes that nobody asked for too": {`{"Item":{"email":{"S":"a@b.example"},"billing.customer":{"S":"cus_1"}}}`, "cus_1"},
	} {
		t.Run(name, func(t *testing.T) {
			server := upstreamtest.NewServer(t, upstreamtest.Answer(200, "application/x-amz-json-1.0", test.answer))
			got, err := newStore(server.URL, patient).CustomerID(t.Context(), "alice")
			switch {
			case errors.Is(err, customers.ErrNoCustomer):
				got = noCustomer
			case errors.Is(err, customers.ErrMalformed):
				got = malformed
			case err != nil:
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			upstreamtest.RequireSilent(t, err)
		})
	}
}

// A connection that is lost after each answer would cost a TLS handshake with
// each request. The SDK does lose some without upstream.Transport.
func TestRequestsShareOneConnection(t *testing.T) {
	connections := map[string]bool{}
	server := upstreamtest.NewServer(t, func(w http.ResponseWriter, r *http.Request) {
		connections[r.RemoteAddr] = true // one request at a time
		upstreamtest.Answer(200, "application/x-amz-json-1.0", `{"Item":{"billing.customer":{"S":"cus_1"}}}`)(w, r)
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
