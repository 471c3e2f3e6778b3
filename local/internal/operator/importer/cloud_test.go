package importer

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"golang.org/x/time/rate"

	"billingportal/functions/app/operator"
	fakedynamodb "billingportal/local/internal/fakeaws/dynamodb"
	"billingportal/local/internal/fakestripe"
	fakeaccount "billingportal/local/internal/fakestripe/account"
)

const key = "sk_test_" + "localdemo"

const table = "customers"

type environment map[string]string

func (e environment) get(name string) string { return e[name] }

var mapping, _ = operator.ReadMapping(environment{"CUSTOMERS_TABLE": table}.get)

// cloud is Stripe and DynamoDB at one address. Every answer closes its connection, so that tests
// can run in a bubble of testing/synctest, whose clock stands still while a connection is open.
type cloud struct {
	stripe *fakestripe.Stripe
	url    string

	mu       sync.Mutex
	tables   *fakedynamodb.Server
	requests map[string]int                                           // by path, or by DynamoDB's operation
	before   func(w http.ResponseWriter, name string, tries int) bool // answers a request itself if it returns true
}

// newCloud returns a cloud without customers.
func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		name := r.URL.Path
		if _, operation, isAWS := strings.Cut(r.Header.Get("X-Amz-Target"), "."); isAWS {
			name = operation
		}
		c.mu.Lock()
		c.requests[name]++
		tries, before, tables := c.requests[name], c.before, c.tables
		c.mu.Unlock()
		switch {
		case before != nil && before(w, name, tries):
		case strings.HasPrefix(r.URL.Path, "/v1/"):
			c.stripe.ServeHTTP(w, r)
		default:
			tables.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	c.url = server.URL
	var err error
	if c.stripe, err = fakestripe.New(fakestripe.Config{PublicURL: c.url, Keys: []string{key}}); err != nil {
		t.Fatal(err)
	}
	return c
}

// reset empties the table, and creates n customers with one user each. The newest is cus_0.
func (c *cloud) reset(t *testing.T, n int) {
	t.Helper()
	tables := fakedynamodb.NewServer()
	if err := tables.CreateTable(table, "user_id"); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	c.tables, c.requests, c.before = tables, map[string]int{}, nil
	c.mu.Unlock()
	c.stripe.Change(func(d *fakeaccount.Data) {
		d.Customers = nil
		for i := range n {
			d.Customers = append(d.Customers, fakeaccount.Customer{
				ID: fmt.Sprintf("cus_%d", i), User: fmt.Sprintf("u%d", i), Email: fmt.Sprintf("u%d@example.com", i),
				Created: time.Unix(900_000_000-int64(i), 0),
			})
		}
	})
}

// answers sets the answers to the first requests of a name. The stand-ins answer the other
// requests.
func (c *cloud) answers(name string, all ...http.HandlerFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before = func(w http.ResponseWriter, asked string, tries int) bool {
		if asked != name || tries > len(all) {
			return false
		}
		all[tries-1](w, nil)
		return true
	}
}

// count returns the number of requests of a name.
func (c *cloud) count(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests[name]
}

func (c *cloud) account(t *testing.T, variables map[string]string, key string) *operator.StripeAccount {
	t.Helper()
	account, err := operator.NewStripeAccount(func(name string) string {
		if name == "STRIPE_API_BASE" {
			return c.url
		}
		return variables[name]
	}, key, "")
	if err != nil {
		t.Fatal(err)
	}
	return account
}

func (c *cloud) dynamoDB() *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String(c.url),
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "SECRET", ""),
	})
}

// write writes mappings into the table directly.
func (c *cloud) write(t *testing.T, mappings map[string]string) {
	t.Helper()
	writer := mapping.Writer(c.dynamoDB())
	for user, customer := range mappings {
		fact := operator.Fact{User: user, Customer: customer, Metadata: time.Unix(1, 0)}
		if _, _, err := writer.Join(t.Context(), fact); err != nil {
			t.Fatal(err)
		}
	}
}

// operation is a run that reads Stripe.
type operation func(t *testing.T, c *cloud, reader Reader, limiter *rate.Limiter) error

var silent = Lines(io.Discard)

// operations returns all runs that read Stripe, by the request that they send. A look-up is for a
// mapping to cus_Other.
var operations = map[string]struct {
	request string
	run     operation
}{
	"import": {"/v1/customers", func(t *testing.T, c *cloud, reader Reader, limiter *rate.Limiter) error {
		run := &Import{
			Source: &FromStripe{Reader: reader, Limiter: limiter, MetadataKey: "user_id"}, Mapping: mapping,
			Report: &Report{}, Progress: silent,
			Writer: mapping.Writer(c.dynamoDB()), WriteCapacity: 1_000_000,
		}
		_, err := run.Run(t.Context())
		return err
	}},
	"items": {"/v1/customers", func(t *testing.T, _ *cloud, reader Reader, limiter *rate.Limiter) error {
		items := &Items{Source: &FromStripe{Reader: reader, Limiter: limiter, MetadataKey: "user_id"}, Mapping: mapping,
			Report: &Report{}, Progress: silent}
		_, err := items.Write(t.Context(), io.Discard)
		return err
	}},
	"proposal": {"/v1/customers", func(t *testing.T, _ *cloud, reader Reader, limiter *rate.Limiter) error {
		_, err := (&Proposal{Reader: reader, Limiter: limiter, Report: &Report{}, Progress: silent}).Write(t.Context(),
			strings.NewReader(""), io.Discard)
		return err
	}},
	"verification, list":    {"/v1/customers", verify},
	"verification, look-up": {"/v1/customers/cus_Other", verify},
}

func verify(t *testing.T, c *cloud, reader Reader, limiter *rate.Limiter) error {
	run := &Verification{
		Owners: &Owners{Mapping: mapping, Scanner: c.dynamoDB()}, Reader: reader, Limiter: limiter,
		MetadataKey: "user_id", WriteCapacity: 1_000_000,
		Report: &Report{}, Progress: silent, Now: time.Now,
	}
	_, err := run.Run(t.Context())
	return err
}
