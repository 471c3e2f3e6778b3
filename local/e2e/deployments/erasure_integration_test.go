//go:build integration

package deployments

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"billingportal/local/internal/commandline/commandtest"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
	"billingportal/local/internal/fakestripe/account"
	"billingportal/local/internal/operator"
)

// testErasure runs the commands of the runbook that erase a user, in tables of each layout in
// DynamoDB Local. Later events must not bring the user back. An old event that is sent again does
// what the runbook says, and the same commands erase that data too.
func testErasure(t *testing.T, endpoint string) {
	for name, l := range layouts {
		t.Run(name, func(t *testing.T) {
			w := newTable(t, endpoint, "erasure-"+strings.ReplaceAll(strings.TrimPrefix(name, "a "), " ", "-"), l)
			e := eraser{w, endpoint, erasureCommands(t)}
			e.testDeletedCustomer(t)
			e.testKeptCustomer(t)
			e.testSharedItem(t)
		})
	}
	t.Run("imports", func(t *testing.T) { testErasureAndImports(t, endpoint) })
}

// testErasureAndImports checks that an import from Stripe does not bring back an erased user whom
// the customer's metadata no longer names. An import of an old file does.
func testErasureAndImports(t *testing.T, endpoint string) {
	l, _ := devservertest.Start(t)
	l.Stripe.Change(func(d *account.Data) {
		d.Customers = nil
		for _, number := range []string{"0", "1", "2"} {
			d.Customers = append(d.Customers,
				account.Customer{ID: "cus_" + number, User: "u" + number, Created: time.Unix(1_700_000_000, 0)})
		}
	})
	devservertest.SetOperatorEnvironment(t, l.Server, devserver.CustomersTable)
	e := eraser{newTable(t, endpoint, devserver.CustomersTable, layouts["a plain table"]), endpoint, erasureCommands(t)}
	importAll := func(more ...string) error {
		_, _, err := commandtest.Run(t, operator.NewCommand(os.Getenv),
			append([]string{"import", "--endpoint-url", endpoint}, more...)...)
		return err
	}
	if err := importAll(); err != nil {
		t.Fatal(err)
	}
	l.Stripe.Change(func(d *account.Data) { d.Customers[1].User = "" })
	e.erase(t, "u1", "cus_1")
	if err := importAll(); err != nil || e.names(t, "u1") {
		t.Errorf("the import failed or brought the user back: %v", err)
	}

	e.put(t, item{"user_id": text("cus_2"), "billing_portal_deleted": &types.AttributeValueMemberBOOL{Value: true}})
	e.run(t, "delete-item 1", "u2", "", nil)
	file := filepath.Join(t.TempDir(), "old.csv")
	if err := os.WriteFile(file, []byte("u1,cus_1\nu2,cus_2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := importAll("--csv", file); err == nil {
		t.Error("the import of an old file did not report the deleted customer")
	}
	for user, want := range map[string]string{"u1": "cus_1", "u2": ""} {
		if got := e.get(t, user); got == nil || e.customer(got) != want {
			t.Errorf("the import of an old file wrote %v for %s, want the customer %q", got, user, want)
		}
		e.erase(t, user, strings.Replace(user, "u", "cus_", 1))
	}
}

// eraser runs the commands of the runbook against a table.
type eraser struct {
	*table
	endpoint string
	commands map[string]string // by operation and number
}

func (e *eraser) testDeletedCustomer(t *testing.T) {
	events := e.events(t, "u_1", "cus_1")
	events("customer.created")
	events("checkout.session.completed")
	e.events(t, "u_2", "cus_1")("checkout.session.completed") // another user of the customer
	events("customer.deleted")
	e.erase(t, "u_1", "cus_1")
	if !e.names(t, "u_2") {
		t.Error("erasing a user also erased the other user of the customer")
	}
	e.events(t, "u_2", "cus_1")("customer.updated-email")
	if e.names(t, "u_1") {
		t.Error("a later event brought the user back")
	}
	events("customer.created") // an old event
	if got := e.get(t, "u_1"); got == nil || e.customer(got) != "" {
		t.Errorf("an old event of a deleted customer wrote %v", got)
	}
	e.erase(t, "u_1", "cus_1")
	if logs := e.logs.String(); strings.Contains(logs, "u_1") || !strings.Contains(logs, "cus_1") {
		t.Error("the log contains the user ID, or does not contain the customer ID")
	}
}

func (e *eraser) testKeptCustomer(t *testing.T) {
	events := e.events(t, "u_3", "cus_3")
	events("customer.created")
	events("customer.updated-released")
	e.erase(t, "u_3", "cus_3")
	e.events(t, "", "cus_3")("customer.created-without-user")
	events("customer.deleted-without-user")
	if e.names(t, "u_3") {
		t.Error("a later event brought the user back")
	}

	events = e.events(t, "u_3", "cus_4")
	events("customer.created")
	events("customer.updated-released")
	e.erase(t, "u_3", "cus_4")
	events("customer.created") // an old event
	if got := e.customer(e.get(t, "u_3")); got != "cus_4" {
		t.Errorf("an old event of a customer that still exists maps the user to %q", got)
	}
	e.erase(t, "u_3", "cus_4")
}

// testSharedItem checks that an item of the app keeps its own attributes.
func (e *eraser) testSharedItem(t *testing.T) {
	theirs := e.layout.key("u_5")
	theirs["plan"] = text("pro")
	e.put(t, theirs)
	e.events(t, "u_5", "cus_5")("customer.created")
	e.run(t, "update-item 2", "u_5", "", nil)
	got := e.get(t, "u_5")
	if got["plan"] == nil || got["billing_portal"] != nil || e.customer(got) != "" {
		t.Errorf("the item is %v", got)
	}
}

// events returns a function that delivers an event of this user and customer.
func (e *eraser) events(t *testing.T, user, customer string) func(name string) {
	return func(name string) {
		t.Helper()
		if err := e.deliver(t.Context(), devservertest.StripeEvent(t, name, devservertest.EventCustomer, customer,
			`"alice"`, `"`+user+`"`)); err != nil {
			t.Fatal(err)
		}
	}
}

// erase erases a user with one customer.
func (e *eraser) erase(t *testing.T, user, customer string) {
	t.Helper()
	var read struct {
		Item struct {
			Facts struct{ M map[string]any } `json:"billing_portal"`
		}
	}
	e.run(t, "get-item 1", user, "", &read)
	if found := slices.Collect(maps.Keys(read.Item.Facts.M)); !slices.Equal(found, []string{customer}) {
		t.Fatalf("the customers of the user are %v, want only the given one", found)
	}
	e.run(t, "update-item 1", user, customer, nil)
	e.run(t, "delete-item 1", user, "", nil)
	var scanned struct{ Items []any }
	e.run(t, "scan 1", user, "", &scanned)
	if len(scanned.Items) != 0 || e.names(t, user) {
		t.Errorf("the table still has %s; the scan finds %v", user, scanned.Items)
	}
}

// names reports whether an ID occurs anywhere in the table.
func (e *eraser) names(t *testing.T, id string) bool {
	t.Helper()
	output, err := e.client.Scan(t.Context(),
		&dynamodb.ScanInput{TableName: aws.String(e.name), ConsistentRead: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	all, err := json.Marshal(output.Items)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(all), id)
}

var (
	dynamodbPattern = regexp.MustCompile(`(?m)^ +aws dynamodb ([a-z-]+) (.*)$`)
	optionPattern   = regexp.MustCompile(`--([a-z-]+)(?: ('[^']*'|"[^"]*"|[^- ][^ ]*))?`)
	keyPattern      = regexp.MustCompile(`\{"user_id": \{"S": "([^"]*)"\}\}`)
)

// erasureCommands returns the options of the commands in the runbook.
func erasureCommands(t *testing.T) map[string]string {
	t.Helper()
	runbook, err := os.ReadFile("../../../infra/RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(runbook), "### A user has to be erased\n")
	section, _, _ = strings.Cut(section, "\n### ")
	commands := map[string]string{}
	for _, match := range dynamodbPattern.FindAllStringSubmatch(strings.ReplaceAll(section, "\\\n", " "), -1) {
		name := match[1] + " 1"
		if _, isThere := commands[name]; isThere {
			name = match[1] + " 2"
		}
		commands[name] = match[2]
	}
	if len(commands) != 5 {
		t.Fatalf("infra/RUNBOOK.md: the section has the commands %v, want five", commands)
	}
	return commands
}

// run sends the request of an AWS CLI command: its options are the members of the request.
func (e *eraser) run(t *testing.T, name, user, customer string, into any) {
	t.Helper()
	options := strings.NewReplacer("u_42", user, "cus_…", customer, `"$TABLE"`, e.name).Replace(e.commands[name])
	options = keyPattern.ReplaceAllStringFunc(options,
		func(key string) string { return e.wireKey(t, keyPattern.FindStringSubmatch(key)[1]) })
	if attribute := e.layout.env["CUSTOMERS_ATTRIBUTE"]; attribute != "" {
		options = strings.Replace(options, "customer_id", attribute, 1)
	}
	request := map[string]any{}
	for _, option := range optionPattern.FindAllStringSubmatch(options, -1) {
		name, value := camelCase(option[1]), strings.Trim(option[2], `'"`)
		switch {
		case name == "Query": // an option of the CLI
		case value == "":
			request[name] = true
		case strings.HasPrefix(value, "{"):
			request[name] = json.RawMessage(value)
		default: // an expression; only the partition key in it depends on the layout
			request[name] = strings.Replace(value, "user_id",
				slices.Min(slices.Collect(maps.Keys(e.layout.key("")))), 1)
		}
	}
	body, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	post, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.endpoint, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	operation, _, _ := strings.Cut(name, " ")
	post.Header.Set("X-Amz-Target", "DynamoDB_20120810."+camelCase(operation))
	post.Header.Set("Content-Type", "application/x-amz-json-1.0")
	// DynamoDB Local accepts any signature and selects the database by the access key and the
	// region.
	post.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=local/20240101/eu-central-1/dynamodb/aws4_request, "+
		"SignedHeaders=host, Signature=0")
	response, err := http.DefaultClient.Do(post)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v", options, answer, err)
	}
	if into != nil {
		if err := json.Unmarshal(answer, into); err != nil {
			t.Fatal(err)
		}
	}
}

// wireKey returns a key in the JSON format of the AWS CLI.
func (e *eraser) wireKey(t *testing.T, id string) string {
	t.Helper()
	key := map[string]map[string]string{}
	for name, value := range e.layout.key(id) {
		text, ok := value.(*types.AttributeValueMemberS)
		if !ok {
			t.Fatalf("the key is a %T", value)
		}
		key[name] = map[string]string{"S": text.Value}
	}
	wire, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(wire)
}

// camelCase returns the API name of an option or operation.
func camelCase(name string) string {
	var all strings.Builder
	for _, word := range strings.Split(name, "-") {
		all.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return all.String()
}
