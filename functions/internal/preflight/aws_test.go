package preflight_test

import (
	"bytes"
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
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"billingportal/functions/internal/auth"
	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/preflight"
	"billingportal/functions/internal/secret"
	"billingportal/functions/internal/upstream"
)

// amazon stands in for AWS. It answers each operation with a fixed text.
type amazon map[string]answer

func (a amazon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	given, isKnown := a[operation]
	switch {
	case operation == "Scan" && strings.Contains(string(body), `"Limit":1,`): // asks whether the table is empty
	case operation == "Scan" && !strings.Contains(string(body), `"Limit":50,`) &&
		!strings.Contains(string(body), `"Limit":50}`):
		given = fails("ValidationException") // AWS charges for every item that a scan reads
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
	return answer{status: http.StatusBadRequest,
		body: `{"__type":"com.amazonaws.dynamodb.v20120810#` + code + `","message":"MARKERx7Q"}`}
}

// dynamoDB returns a client of a. see gets the body of each request.
func dynamoDB(t *testing.T, a amazon, see ...func(body string)) *dynamodb.Client {
	t.Helper()
	seen := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for _, see := range see {
			see(string(body))
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		a.ServeHTTP(w, r)
	})
	identity := upstream.AWS{Region: "eu-central-1", AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
	return dynamodb.NewFromConfig(identity.Config("http://aws.example", serve(t, seen), time.Second, 3))
}

func table(hash, status, kind, more string) answer {
	return found(`{"Table":{"TableStatus":"` + status + `","KeySchema":[{"AttributeName":"` + hash +
		`","KeyType":"HASH"}` + more +
		`],"AttributeDefinitions":[{"AttributeName":"other","AttributeType":"N"},{"AttributeName":"user_id",` +
		`"AttributeType":"` + kind + `"},{"AttributeName":"sk","AttributeType":"S"}]}}`)
}

// items returns the answer to a scan that finds a list of items.
func items(list ...string) answer {
	return found(`{"Items":[` + strings.Join(list, ",") + `]}`)
}

func item(user, customer, more string) string {
	return `{"user_id":{"S":"` + user + `"},"customer_id":{"S":"` + customer + `"}` + more + `}`
}

func TestFindingsFromAnswersOfAWS(t *testing.T) {
	plain := customers.Table{Name: "users", Key: "user_id", Attribute: "customer_id"}
	sorted := customers.Table{Name: "users", Key: "user_id", SortKey: "sk", SortValue: "B", Attribute: "customer_id"}
	readable := func(of customers.Table) func(*dynamodb.Client, *preflight.Stripe) preflight.Check {
		return func(c *dynamodb.Client, _ *preflight.Stripe) preflight.Check { return preflight.TableReadable(c, of) }
	}
	key := func(of customers.Table) func(*dynamodb.Client, *preflight.Stripe) preflight.Check {
		return func(c *dynamodb.Client, _ *preflight.Stripe) preflight.Check { return preflight.TableKey(c, of) }
	}
	mappings := func(c *dynamodb.Client, s *preflight.Stripe) preflight.Check { return preflight.Mappings(c, plain, s) }
	const twoCustomers = `,"billing_portal":{"M":{"cus_1":{"M":{"metadata":{"N":"1"}}},` +
		`"cus_2":{"M":{"metadata":{"N":"2"}}}}}`
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
		"a table": {readable(plain), nil, nil, "customers table", preflight.OK,
			"an item can be read", ""},
		"an item of another shape": {readable(plain), amazon{
			"GetItem": found(`{"Item":{"customer_id":{"S":"cus_1"}}}`),
		}, nil, "customers table", preflight.OK, "an item can be read", ""},
		"a table with another key": {readable(plain), amazon{
			"GetItem": fails("ValidationException"),
		}, nil, "customers table", preflight.Problem, "the table's key differs from CUSTOMERS_KEY and " +
			"CUSTOMERS_SORT_KEY", "Set both to the table's key, which aws dynamodb describe-table shows."},
		"a table that may not be read": {readable(plain), amazon{
			"GetItem": fails("AccessDeniedException"),
		}, nil, "customers table", preflight.Problem, "dynamodb GetItem: AccessDeniedException",
			"Grant this role this operation on the table, and the use of its KMS key if it has one of its own."},
		"AWS hangs": {readable(plain), amazon{"GetItem": {hangs: true}}, nil, "customers table",
			preflight.Warning, "dynamodb GetItem: no answer in time", tryAgain},
		"a key": {key(plain), amazon{"DescribeTable": table("user_id", "ACTIVE", "S", "")}, nil,
			"customers table's key", preflight.OK, "user_id (HASH)", ""},
		"a key of two attributes": {key(sorted), amazon{
			"DescribeTable": table("user_id", "ACTIVE", "S", `,{"AttributeName":"sk","KeyType":"RANGE"}`),
		}, nil, "customers table's key", preflight.OK, "user_id (HASH), sk (RANGE)", ""},
		"a sort key is not configured": {key(plain), amazon{
			"DescribeTable": table("user_id", "ACTIVE", "S", `,{"AttributeName":"sk","KeyType":"RANGE"}`),
		}, nil, "customers table's key", preflight.Problem,
			"the table's key is user_id (HASH), sk (RANGE), but the configured key is user_id (HASH)",
			"Set CUSTOMERS_KEY and CUSTOMERS_SORT_KEY to the table's key."},
		"a key of another name": {key(plain), amazon{
			"DescribeTable": table("pk", "ACTIVE", "S", ""),
		}, nil, "customers table's key", preflight.Problem,
			"the table's key is pk (HASH), but the configured key is user_id (HASH)",
			"Set CUSTOMERS_KEY and CUSTOMERS_SORT_KEY to the table's key."},
		"a key that is a number": {key(plain), amazon{
			"DescribeTable": table("user_id", "ACTIVE", "N", ""),
		}, nil, "customers table's key", preflight.Problem, "the key user_id is not a string",
			"Users are strings: use a table whose key attributes are strings."},
		"a sort key that is a number": {key(customers.Table{Name: "users", Key: "user_id", SortKey: "other"}),
			amazon{
				"DescribeTable": table("user_id", "ACTIVE", "S", `,{"AttributeName":"other","KeyType":"RANGE"}`),
			}, nil, "customers table's key", preflight.Problem, "the key other is not a string",
			"Users are strings: use a table whose key attributes are strings."},
		"no permission to describe the table": {key(plain), amazon{
			"DescribeTable": fails("AccessDeniedException"),
		}, nil, "customers table's key", preflight.Warning, "dynamodb:DescribeTable is denied, so the key was not " +
			"checked",
			"Grant dynamodb:DescribeTable to enable this check, or compare the key yourself."},
		"describing takes too long": {key(plain), amazon{"DescribeTable": {hangs: true}}, nil, "customers table's key",
			preflight.Warning, "dynamodb DescribeTable: no answer in time", tryAgain},

		"a sample": {mappings, amazon{
			"Scan": items(item("u1", "cus_1", ""), `{"user_id":{"S":"u2"}}`),
		}, nil, "a sample of the mapping", preflight.OK, "1 customers checked, all exist at Stripe", ""},
		"a sample of many": {mappings, amazon{"Scan": items(many...)}, nil, "a sample of the mapping",
			preflight.OK, "10 customers checked, all exist at Stripe", ""},
		"an empty table": {mappings, nil, nil, "a sample of the mapping", preflight.OK,
			"no user is mapped yet", ""},
		"a customer that is missing": {mappings, amazon{
			"Scan": items(item("u1", "cus_1", ""), item("u2", "cus_2", "")),
		}, map[string]answer{"GET /v1/customers/cus_1": missing}, "a sample of the mapping", preflight.Warning,
			"1 of 2 customers no longer exist at Stripe",
			"Find all of them with go run ./local import --verify. With --fix, it also corrects them."},
		"a customer that is deleted": {mappings, amazon{
			"Scan": items(item("u1", "cus_1", "")),
		}, map[string]answer{
			"GET /v1/customers/cus_1": found(`{"deleted":true}`),
		}, "a sample of the mapping", preflight.Warning, "1 of 1 customers no longer exist at Stripe",
			"Find all of them with go run ./local import --verify. With --fix, it also corrects them."},
		"a user with two customers": {mappings, amazon{"Scan": items(item("u1", "cus_2", twoCustomers),
			item("u3", "cus_3", ""))}, nil, "a sample of the mapping", preflight.Warning,
			"1 of 2 users have several customers that count",
			"Find their log lines of level ERROR with effect conflict, and delete the wrong customer at Stripe."},
		"an item with an e-mail address": {mappings, amazon{"Scan": items(item("u1", "someone@example.com", ""),
			item("u2", "cus_2", ""), item("u3", "cus_3", ""))}, nil, "a sample of the mapping", preflight.Warning,
			"1 of 3 items have a value that is not a customer ID",
			"Compare CUSTOMERS_ATTRIBUTE with the table's items."},
		"no permission to read customers": {mappings, amazon{
			"Scan": items(item("u1", "cus_1", "")),
		}, map[string]answer{
			"GET /v1/customers/cus_1": forbidden,
		}, "a sample of the mapping", preflight.Warning, notLookedAt,
			"Give the restricted key Customers: Read to enable this check. The portal itself does not need it."},
		"no permission to scan the table": {mappings, amazon{
			"Scan": fails("AccessDeniedException"),
		}, nil, "a sample of the mapping", preflight.Warning,
			"dynamodb:Scan is denied, so no mapping was checked",
			"Grant dynamodb:Scan to enable this check."},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				check := test.check(dynamoDB(t, test.aws), stripeAt(t, &account{answers: test.stripe}, false))
				requireFinding(t, check, test.name, test.status, test.detail, test.advice)
			})
		})
	}
}

// A table can be used while it is being updated.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html
func TestFindingsFromEachStatusOfATable(t *testing.T) {
	statuses := types.TableStatus("").Values()
	if len(statuses) < 2 {
		t.Fatal("the SDK has no statuses of tables")
	}
	for _, status := range statuses {
		synctest.Test(t, func(t *testing.T) {
			check := preflight.TableKey(dynamoDB(t, amazon{"DescribeTable": table("user_id", string(status), "S", "")}),
				customers.Table{Name: "users", Key: "user_id"})
			if status == "ACTIVE" || status == "UPDATING" {
				requireFinding(t, check, "customers table's key", preflight.OK, "user_id (HASH)", "")
			} else {
				requireFinding(t, check, "customers table's key", preflight.Problem, "the table is not active",
					"Wait until its status is ACTIVE, or find out why it is not.")
			}
		})
	}
}

// Throttling is a warning, because it is not a fault of the deployment.
func TestFindingsFromEachErrorOfAWS(t *testing.T) {
	const trouble = "Try again. If this repeats, check the network (in a VPC, its endpoints) and " +
		"https://health.aws.amazon.com."
	const grant = "Grant this role this operation on the table, and the use of its KMS key if it has one of its own."
	for code, want := range map[string]preflight.Finding{
		"KMSThrottlingException":                 {Status: preflight.Warning, Advice: tryAgain},
		"ProvisionedThroughputExceededException": {Status: preflight.Warning, Advice: tryAgain},
		"RequestLimitExceeded":                   {Status: preflight.Warning, Advice: tryAgain},
		"Throttling":                             {Status: preflight.Warning, Advice: tryAgain},
		"ThrottlingException":                    {Status: preflight.Warning, Advice: tryAgain},
		"TooManyRequestsException":               {Status: preflight.Warning, Advice: tryAgain},
		"InternalServerError":                    {Status: preflight.Problem, Advice: trouble},
		"ServiceUnavailable":                     {Status: preflight.Problem, Advice: trouble},
		"ExpiredTokenException":                  {Status: preflight.Problem, Advice: trouble},
		"ResourceNotFoundException":              {Status: preflight.Problem, Advice: noSuchTable},
		"UnrecognizedClientException":            {Status: preflight.Problem, Advice: grant},
		"KMSAccessDeniedException":               {Status: preflight.Problem, Advice: grant},
	} {
		synctest.Test(t, func(t *testing.T) {
			client, plain := dynamoDB(t, amazon{"GetItem": fails(code), "DescribeTable": fails(code),
				"Scan": fails(code)}), customers.Table{Name: "users", Key: "user_id", Attribute: "customer_id"}
			requireFinding(t, preflight.TableReadable(client, plain), "customers table", want.Status,
				"dynamodb GetItem: "+code, want.Advice)
			requireFinding(t, preflight.TableKey(client, plain), "customers table's key", want.Status,
				"dynamodb DescribeTable: "+code, want.Advice)
			requireFinding(t, preflight.Mappings(client, plain, stripeAt(t, &account{}, false)),
				"a sample of the mapping", want.Status, "dynamodb Scan: "+code, want.Advice)
		})
	}
}

type secrets struct{ err error }

func (s secrets) Get(context.Context) (string, error) { return "", s.err }

func TestFindingsFromSecrets(t *testing.T) {
	for name, test := range map[string]struct {
		err            error
		status         preflight.Status
		detail, advice string
	}{
		"readable": {nil, preflight.OK, "it can be read and is well-formed", ""},
		"malformed": {fmt.Errorf("fetch: %w", secret.MalformedError("it is empty")), preflight.Problem, "it is empty",
			"Correct the value of the secret that NAME_OF_IT names. The new value " +
				"works within seconds, without a deployment."},
		"denied": {&upstream.Error{Service: "secretsmanager", Operation: "GetSecretValue",
			Reason: "AccessDeniedException", Permanent: true}, preflight.Problem,
			"secretsmanager GetSecretValue: AccessDeniedException",
			"Grant this role this operation on the secret, and the use of its KMS key if it has one of its own."},
		"late": {&upstream.Error{Service: "secretsmanager", Timeout: true, Reason: "no answer in time"},
			preflight.Warning, "secretsmanager: no answer in time", tryAgain},
		"unknown": {errors.New("something else"), preflight.Problem, "something else", ""},
	} {
		t.Run(name, func(t *testing.T) {
			requireFinding(t, preflight.SecretUsable("a secret", "NAME_OF_IT", secrets{test.err}), "a secret",
				test.status, test.detail, test.advice)
		})
	}
}

func TestAnIssuerThatHangsIsAWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		keys, err := auth.NewRemoteKeySet(auth.RemoteConfig{Issuer: "http://127.0.0.1:1/issuer",
			Transport: serve(t, hang)})
		if err != nil {
			t.Fatal(err)
		}
		requireFinding(t, preflight.IssuerKeys(keys, 0), "issuer's keys", preflight.Warning,
			"discovery: no answer in time", tryAgain)
	})
}
