package preflight_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"billingportal/functions/internal/auth"
	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/preflight"
	"billingportal/functions/internal/secret"
	"billingportal/functions/internal/upstream"
)

// amazon answers each operation with a fixed text.
type amazon map[string]answer

func (a amazon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	given, isKnown := a[operation]
	switch {
	case operation == "Scan" && strings.Contains(string(body), `"Limit":1,`): // whether there is an item
	case operation == "Scan" && !strings.Contains(string(body), `"Limit":50,`) && !strings.Contains(string(body), `"Limit":50}`):
		given = fails("ValidationException") // a page costs what it reads
	case !isKnown:
		given = answer{status: http.StatusOK, body: `{}`}
	}
	if given.hangs {
		<-r.Context().Done()
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(given.status)
	_, _ = io.WriteString(w, given.body)
}

func fails(code string) answer {
	return answer{status: http.StatusBadRequest, body: `{"__type":"com.amazonaws.dynamodb.v20120810#` + code + `","message":"MARKERx7Q"}`}
}

func dynamoDB(t *testing.T, a amazon) *dynamodb.Client {
	t.Helper()
	identity := upstream.AWS{Region: "eu-central-1", AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
	return dynamodb.NewFromConfig(identity.Config("http://aws.example", serve(t, a), time.Second, 3))
}

func table(hash, status, kind, more string) answer {
	return found(`{"Table":{"TableStatus":"` + status + `","KeySchema":[{"AttributeName":"` + hash + `","KeyType":"HASH"}` + more +
		`],"AttributeDefinitions":[{"AttributeName":"other","AttributeType":"N"},{"AttributeName":"user_id","AttributeType":"` + kind + `"},{"AttributeName":"sk","AttributeType":"S"}]}}`)
}

// items is a page of a table with a customer of each kind, and what Stripe says of them.
func items(list ...string) answer {
	return found(`{"Items":[` + strings.Join(list, ",") + `]}`)
}

func item(user, customer, more string) string {
	return `{"user_id":{"S":"` + user + `"},"customer_id":{"S":"` + customer + `"}` + more + `}`
}

func TestWhatAWSSaysIsJudged(t *testing.T) {
	plain := customers.Table{Name: "users", Key: "user_id", Attribute: "customer_id"}
	sorted := customers.Table{Name: "users", Key: "user_id", SortKey: "sk", SortValue: "B", Attribute: "customer_id"}
	readable := func(of customers.Table) func(*dynamodb.Client, *preflight.Stripe) preflight.Check {
		return func(c *dynamodb.Client, _ *preflight.Stripe) preflight.Check { return preflight.TableReadable(c, of) }
	}
	key := func(of customers.Table) func(*dynamodb.Client, *preflight.Stripe) preflight.Check {
		return func(c *dynamodb.Client, _ *preflight.Stripe) preflight.Check { return preflight.TableKey(c, of) }
	}
	mappings := func(c *dynamodb.Client, s *preflight.Stripe) preflight.Check { return preflight.Mappings(c, plain, s) }
	const twoCustomers = `,"billing_portal":{"M":{"cus_1":{"M":{"metadata":{"N":"1"}}},"cus_2":{"M":{"metadata":{"N":"2"}}}}}`
	var many []string
	for i := range 12 {
		many = append(many, item(fmt.Sprint("user", i), fmt.Sprint("cus_", i), ""))
	}
	for name, test := range map[string]struct {
		check  func(*dynamodb.Client, *preflight.Stripe) preflight.Check
		aws    amazon
		stripe map[string]answer
		name   string
		status preflight.Status
		detail string
		advice string
	}{
		"a table":                       {readable(plain), nil, nil, "customers table", preflight.OK, "can be read", ""},
		"an item of another shape":      {readable(plain), amazon{"GetItem": found(`{"Item":{"customer_id":{"S":"cus_1"}}}`)}, nil, "customers table", preflight.OK, "can be read", ""},
		"a table that does not exist":   {readable(plain), amazon{"GetItem": fails("ResourceNotFoundException")}, nil, "customers table", preflight.Problem, "ResourceNotFoundException", "no such table in this account and region"},
		"a table with another key":      {readable(plain), amazon{"GetItem": fails("ValidationException")}, nil, "customers table", preflight.Problem, "another key than CUSTOMERS_KEY", "Set both"},
		"a table that may not be read":  {readable(plain), amazon{"GetItem": fails("AccessDeniedException")}, nil, "customers table", preflight.Problem, "dynamodb GetItem: AccessDeniedException", "Grant this role the operation on the table"},
		"a table that throttles":        {readable(plain), amazon{"GetItem": fails("ProvisionedThroughputExceededException")}, nil, "customers table", preflight.Warning, "ProvisionedThroughputExceededException", "Try again"},
		"an account that is throttled":  {readable(plain), amazon{"GetItem": fails("RequestLimitExceeded")}, nil, "customers table", preflight.Warning, "RequestLimitExceeded", "Try again"},
		"a key of KMS that throttles":   {readable(plain), amazon{"GetItem": fails("KMSThrottlingException")}, nil, "customers table", preflight.Warning, "KMSThrottlingException", "Try again"},
		"AWS has trouble":               {readable(plain), amazon{"GetItem": fails("InternalServerError")}, nil, "customers table", preflight.Problem, "InternalServerError", "health.aws.amazon.com"},
		"AWS hangs":                     {readable(plain), amazon{"GetItem": {hangs: true}}, nil, "customers table", preflight.Warning, "no answer in time", "Try again"},
		"a key":                         {key(plain), amazon{"DescribeTable": table("user_id", "ACTIVE", "S", "")}, nil, "customers table's key", preflight.OK, "user_id (HASH)", ""},
		"a key while it is updated":     {key(plain), amazon{"DescribeTable": table("user_id", "UPDATING", "S", "")}, nil, "customers table's key", preflight.OK, "user_id (HASH)", ""},
		"a table that is being deleted": {key(plain), amazon{"DescribeTable": table("user_id", "DELETING", "S", "")}, nil, "customers table's key", preflight.Problem, "not active", "Wait"},
		"a key of two":                  {key(sorted), amazon{"DescribeTable": table("user_id", "ACTIVE", "S", `,{"AttributeName":"sk","KeyType":"RANGE"}`)}, nil, "customers table's key", preflight.OK, "user_id (HASH), sk (RANGE)", ""},
		"a sort key is not configured":  {key(plain), amazon{"DescribeTable": table("user_id", "ACTIVE", "S", `,{"AttributeName":"sk","KeyType":"RANGE"}`)}, nil, "customers table's key", preflight.Problem, "the table's key is user_id (HASH), sk (RANGE), configured is user_id (HASH)", "CUSTOMERS_SORT_KEY"},
		"a key of another name":         {key(plain), amazon{"DescribeTable": table("pk", "ACTIVE", "S", "")}, nil, "customers table's key", preflight.Problem, "pk (HASH), configured is user_id (HASH)", "CUSTOMERS_KEY"},
		"a key that is a number":        {key(plain), amazon{"DescribeTable": table("user_id", "ACTIVE", "N", "")}, nil, "customers table's key", preflight.Problem, "the key user_id is no string", "strings"},
		"a sort key's number":           {key(customers.Table{Name: "users", Key: "user_id", SortKey: "other"}), amazon{"DescribeTable": table("user_id", "ACTIVE", "S", `,{"AttributeName":"other","KeyType":"RANGE"}`)}, nil, "customers table's key", preflight.Problem, "the key other is no string", "strings"},
		"it may not be described":       {key(plain), amazon{"DescribeTable": fails("AccessDeniedException")}, nil, "customers table's key", preflight.Warning, "may not be described", "dynamodb:DescribeTable"},
		"nothing to describe":           {key(plain), amazon{"DescribeTable": fails("ResourceNotFoundException")}, nil, "customers table's key", preflight.Problem, "ResourceNotFoundException", "no such table"},
		"describing takes too long":     {key(plain), amazon{"DescribeTable": {hangs: true}}, nil, "customers table's key", preflight.Warning, "no answer in time", "Try again"},

		"a sample":                     {mappings, amazon{"Scan": items(item("u1", "cus_1", ""), `{"user_id":{"S":"u2"}}`)}, nil, "a sample of the mapping", preflight.OK, "1 customers looked at", ""},
		"a sample of many":             {mappings, amazon{"Scan": items(many...)}, nil, "a sample of the mapping", preflight.OK, "10 customers looked at", ""},
		"an empty table":               {mappings, nil, nil, "a sample of the mapping", preflight.OK, "nobody is mapped yet", ""},
		"a customer that is missing":   {mappings, amazon{"Scan": items(item("u1", "cus_1", ""), item("u2", "cus_2", ""))}, map[string]answer{"GET /v1/customers/cus_1": missing}, "a sample of the mapping", preflight.Warning, "1 of 2 customers do not exist", "import --verify"},
		"a customer that is deleted":   {mappings, amazon{"Scan": items(item("u1", "cus_1", ""))}, map[string]answer{"GET /v1/customers/cus_1": found(`{"deleted":true}`)}, "a sample of the mapping", preflight.Warning, "1 of 1 customers do not exist", "import --verify"},
		"a user with two customers":    {mappings, amazon{"Scan": items(item("u1", "cus_2", twoCustomers), item("u3", "cus_3", ""))}, nil, "a sample of the mapping", preflight.Warning, "1 of 2 users have several customers", "effect conflict"},
		"an item with something else":  {mappings, amazon{"Scan": items(item("u1", "someone@example.com", ""), item("u2", "cus_2", ""), item("u3", "cus_3", ""))}, nil, "a sample of the mapping", preflight.Warning, "1 of 3 items hold something else", "CUSTOMERS_ATTRIBUTE"},
		"customers may not be read":    {mappings, amazon{"Scan": items(item("u1", "cus_1", ""))}, map[string]answer{"GET /v1/customers/cus_1": forbidden}, "a sample of the mapping", preflight.Warning, "nothing was looked at", "Customers: Read"},
		"the table may not be scanned": {mappings, amazon{"Scan": fails("AccessDeniedException")}, nil, "a sample of the mapping", preflight.Warning, "may not be scanned", "dynamodb:Scan"},
		"nothing to scan":              {mappings, amazon{"Scan": fails("ResourceNotFoundException")}, nil, "a sample of the mapping", preflight.Problem, "ResourceNotFoundException", "no such table"},
		"a scan that is throttled":     {mappings, amazon{"Scan": fails("ThrottlingException")}, nil, "a sample of the mapping", preflight.Warning, "ThrottlingException", "Try again"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				check := test.check(dynamoDB(t, test.aws), stripeAt(t, &account{answers: test.stripe}, false))
				requireFinding(t, check, test.name, test.status, test.detail, test.advice)
			})
		})
	}
}

type secrets struct{ err error }

func (s secrets) Get(context.Context) (string, error) { return "", s.err }

func TestSecretsAreJudged(t *testing.T) {
	for name, test := range map[string]struct {
		err            error
		status         preflight.Status
		detail, advice string
	}{
		"readable":  {nil, preflight.OK, "can be read", ""},
		"malformed": {fmt.Errorf("secret x: the value cannot be used: it is empty: %w", secret.ErrMalformed), preflight.Problem, "it is empty", "NAME_OF_IT"},
		"denied":    {&upstream.Error{Service: "secretsmanager", Operation: "GetSecretValue", Reason: "AccessDeniedException", Permanent: true}, preflight.Problem, "secretsmanager GetSecretValue: AccessDenied", "on the secret, and on its key"},
		"late":      {&upstream.Error{Service: "secretsmanager", Timeout: true, Reason: "no answer in time"}, preflight.Warning, "secretsmanager: no answer in time", "Try again"},
		"unknown":   {errors.New("something else"), preflight.Problem, "something else", ""},
	} {
		t.Run(name, func(t *testing.T) {
			requireFinding(t, preflight.SecretUsable("a secret", "NAME_OF_IT", secrets{test.err}), "a secret", test.status, test.detail, test.advice)
		})
	}
}

type issuer struct {
	algorithms []string
	err        error
}

func (i issuer) Algorithms(context.Context) ([]string, error) { return i.algorithms, i.err }

func TestIssuersAreJudged(t *testing.T) {
	for name, test := range map[string]struct {
		issuer         issuer
		status         preflight.Status
		detail, advice string
	}{
		"usable":      {issuer{[]string{"RS256", "ES256"}, nil}, preflight.OK, "usable: RS256, ES256", ""},
		"unavailable": {issuer{nil, &auth.KeysUnavailableError{Err: errors.New("discovery: answered 404")}}, preflight.Problem, "discovery: answered 404", "JWT_ISSUER"},
		"unknown":     {issuer{nil, errors.New("something else")}, preflight.Problem, "something else", ""},
	} {
		t.Run(name, func(t *testing.T) {
			requireFinding(t, preflight.IssuerKeys(test.issuer, 0), "issuer's keys", test.status, test.detail, test.advice)
		})
	}
}

func TestAnIssuerThatHangsIsAWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		keys, err := auth.NewRemoteKeySet(auth.RemoteConfig{Issuer: "http://127.0.0.1:1/issuer", Transport: serve(t, hang)})
		if err != nil {
			t.Fatal(err)
		}
		requireFinding(t, preflight.IssuerKeys(keys, 0), "issuer's keys", preflight.Warning, "discovery: no answer in time", "Try again")
	})
}
