package operator

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/urfave/cli/v3"

	"billingportal/functions/app/operator"
	"billingportal/local/internal/commandline/commandtest"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
	"billingportal/local/internal/fakestripe/account"
)

// company is a development server with many customers. It records the requests to Stripe.
type company struct {
	*devserver.Server
	client  *dynamodb.Client
	env     map[string]string // of the commands
	table   string
	entered int // how often enter was called

	mu      sync.Mutex
	pages   []string // starting_after of each page of customers that was asked for
	looked  []string // single customers that were asked for
	busy    int      // pages that are answered with 429 first
	hear    func()   // called for each such request, if not nil
	write   func()   // called for each change of the table, if not nil
	before  interceptor
	isTimed bool // close each connection after its answer, for a bubble of testing/synctest
}

// newCompany returns a company with the customers cus_0 to cus_n-1 of the users u0 to u n-1. Every
// tenth customer names no user.
func newCompany(t *testing.T, n int) *company {
	t.Helper()
	c := startCompany(t)
	c.enter(t, n)
	return c
}

// startCompany starts the stand-ins of a company. Tests may share them, one after the other.
func startCompany(t *testing.T) *company {
	t.Helper()
	c := &company{table: devserver.CustomersTable}
	c.Server = devservertest.StartWith(t, nil, c.intercept)
	c.client = dynamodb.New(dynamodb.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String(c.Origin + devserver.DynamoDBPath),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	return c
}

// intercept serves the stand-ins of a company.
func (c *company) intercept(l *devserver.Server) http.Handler {
	cloud := l.Cloud()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		before, isTimed := c.before, c.isTimed
		c.mu.Unlock()
		if isTimed {
			w.Header().Set("Connection", "close")
		}
		if before != nil && before(w, r) {
			return
		}
		if r.URL.Path == devserver.StripePath+"/v1/customers" && c.isBusy(r) {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"error":{"type":"invalid_request_error","code":"rate_limit"}}`)
			return
		}
		c.note(r)
		cloud.ServeHTTP(w, r)
	})
}

// enter gives the company n customers and the commands new variables. From the second call on, it
// also creates another table.
func (c *company) enter(t *testing.T, n int) {
	t.Helper()
	c.mu.Lock()
	c.before, c.isTimed, c.pages, c.looked = nil, false, nil, nil
	c.mu.Unlock()
	if c.entered++; c.entered > 1 {
		c.table = fmt.Sprintf("customers-%d", c.entered)
		if err := c.DynamoDB.CreateTable(c.table, "user_id"); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now().Add(-1000 * time.Hour)
	c.Stripe.Change(func(d *account.Data) {
		d.Customers = nil
		for i := range n {
			c := account.Customer{ID: fmt.Sprintf("cus_%d", i), Email: fmt.Sprintf("u%d@example.com", i),
				Created: began.Add(time.Duration(i) * time.Second)}
			if i%10 != 9 {
				c.User = fmt.Sprintf("u%d", i)
			}
			d.Customers = append(d.Customers, c)
		}
	})
	c.env = devservertest.OperatorEnvironment(c.Server, c.table)
}

func (c *company) isBusy(r *http.Request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy > 0 {
		c.busy--
		return true
	}
	c.pages = append(c.pages, r.URL.Query().Get("starting_after"))
	return false
}

func (c *company) note(r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id, ok := strings.CutPrefix(r.URL.Path, devserver.StripePath+"/v1/customers/"); ok {
		c.looked = append(c.looked, id)
	}
	if c.hear != nil && strings.HasPrefix(r.URL.Path, devserver.StripePath) {
		c.hear()
	}
	if c.write != nil && strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".UpdateItem") {
		c.write()
	}
}

// command returns the command line with the company's variables.
func (c *company) command() *cli.Command { return NewCommand(devserver.GetenvOf(c.env)) }

// arguments returns the arguments of an import into the company's table.
func (c *company) arguments(more ...string) []string {
	return append([]string{"import", "--endpoint-url", c.Origin + devserver.DynamoDBPath, "--rate", "1000",
		"--write-capacity", "100000"}, more...)
}

func (c *company) run(t *testing.T, more ...string) (output string, err error) {
	t.Helper()
	output, _, err = commandtest.Run(t, c.command(), c.arguments(more...)...)
	return output, err
}

// timed runs a command with a fake clock. It returns standard output, standard error, and the time
// that the command took by that clock.
func (c *company) timed(t *testing.T, more ...string) (output, said string, took time.Duration, err error) {
	t.Helper()
	c.mu.Lock()
	c.isTimed = true
	c.mu.Unlock()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		output, said, err = commandtest.Run(t, c.command(), c.arguments(more...)...)
		took = time.Since(start)
	})
	return output, said, took, err
}

// items returns the items of a table by user, in a form that can be compared.
func items(t *testing.T, client *dynamodb.Client, table string) map[string]string {
	t.Helper()
	found := map[string]string{}
	var from map[string]types.AttributeValue
	for {
		page, err := client.Scan(t.Context(),
			&dynamodb.ScanInput{TableName: aws.String(table), ExclusiveStartKey: from})
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			user := item["user_id"].(*types.AttributeValueMemberS).Value
			text, err := json.Marshal(plain(&types.AttributeValueMemberM{Value: item}))
			if err != nil {
				t.Fatal(err)
			}
			found[user] = string(text)
		}
		if from = page.LastEvaluatedKey; from == nil {
			return found
		}
	}
}

// plain returns an attribute as a JSON value.
func plain(value types.AttributeValue) any {
	switch value := value.(type) {
	case *types.AttributeValueMemberM:
		members := map[string]any{}
		for name, member := range value.Value {
			members[name] = plain(member)
		}
		return members
	case *types.AttributeValueMemberS:
		return value.Value
	case *types.AttributeValueMemberN:
		return json.Number(value.Value)
	case *types.AttributeValueMemberBOOL:
		return value.Value
	case *types.AttributeValueMemberSS:
		return slices.Sorted(slices.Values(value.Value))
	}
	return fmt.Sprintf("%T", value)
}

func TestImportFromStripe(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 250)
	c.busy = 1
	if err := c.DynamoDB.Put(devserver.CustomersTable, map[string]any{"user_id": "u3", "plan": "pro"}); err != nil {
		t.Fatal(err)
	}
	output, err := c.run(t, "--dry-run")
	if err != nil || !strings.Contains(output,
		"225 would be imported (0 known before), 0 conflicts, 0 malformed, 0 of deleted customers, 25 skipped") {
		t.Errorf("%v: %s", err, output)
	}
	if got := items(t, c.client, c.table); len(got) != 1 {
		t.Errorf("a dry run wrote %v", got)
	}
	output, err = c.run(t)
	if err != nil || !strings.Contains(output, "225 imported (0 known before)") {
		t.Errorf("%v: %s", err, output)
	}
	got := items(t, c.client, c.table)
	created := time.Now().Add(-1000 * time.Hour).Unix()
	if len(got) != 2*225 || !strings.Contains(got["cus_3"], "u3") || !strings.Contains(got["u3"], `"plan":"pro"`) ||
		!strings.Contains(got["u3"], `"customer_id":"cus_3"`) || got["u9"] != "" {
		t.Errorf("%d items, u3: %s", len(got), got["u3"])
	}
	var u0 struct {
		Facts map[string]struct{ Metadata int64 } `json:"billing_portal"`
	}
	if err := json.Unmarshal([]byte(got["u0"]), &u0); err != nil || u0.Facts["cus_0"].Metadata < created-60 ||
		u0.Facts["cus_0"].Metadata > created+60 {
		t.Errorf("u0 claims at %+v, want its customer's creation, %d: %v", u0, created, err)
	}
	if output, err = c.run(t); err != nil || !strings.Contains(output, "225 imported (225 known before)") {
		t.Errorf("again: %v: %s", err, output)
	}
	if again := items(t, c.client, c.table); !maps.Equal(again, got) {
		t.Error("a second import changed the table")
	}
}

func TestImportStopsWhereStripeRefuses(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 10)
	c.Stripe.Withhold(devserver.DemoKey, "customer_read")
	if output, err := c.run(t); err == nil || !strings.Contains(err.Error(),
		"the restricted API key lacks a permission") || strings.Contains(output+err.Error(), devserver.DemoKey) {
		t.Errorf("%v: %s", err, output)
	}
	c.env["STRIPE_SECRET_KEY"] = ""
	if _, err := c.run(t); err == nil || !strings.Contains(err.Error(), "STRIPE_SECRET_ID") {
		t.Errorf("without a key: %v", err)
	}
}

// Flags that exclude each other are refused with the reason, before anything is read.
func TestImportFlagsFitTogether(t *testing.T) {
	const outFor, formatFor, stateFor = "--out needs --propose or --format, and each of these needs --out",
		"--format is for an import: remove --verify and --propose",
		"--state is for an import into the table, or for --verify"
	for line, want := range map[string]string{
		"--csv a --verify":             "--csv and --verify exclude each other: use one of them",
		"--csv a --propose b --out c":  "--csv and --propose exclude each other: use one of them",
		"--propose a --out b --verify": "--propose and --verify exclude each other: use one of them",
		"--csv a --propose b --verify": "--csv and --propose and --verify exclude each other: use one " +
			"of them",
		"--format parquet --out x": "the only --format is dynamodb-json; without it, the import " +
			"writes into the table",
		"--format dynamodb-json --out x --verify":    formatFor,
		"--format dynamodb-json --out x --propose a": formatFor,
		"--out x":                       outFor,
		"--out x --verify":              outFor,
		"--format dynamodb-json":        outFor,
		"--propose a":                   outFor,
		"--fix":                         "--fix needs --verify",
		"--propose a --out b --shared":  "--shared is for the import of a proposal, not for --propose",
		"--propose a --out b --state c": stateFor,
		"--format dynamodb-json --out b --state c": stateFor,
		"--rate 0":                               "--rate and --write-capacity must be at least 1",
		"--rate -1":                              "--rate and --write-capacity must be at least 1",
		"--write-capacity 0":                     "--rate and --write-capacity must be at least 1",
		"users.csv":                              `import takes no argument "users.csv"; see import --help`,
		"--csv a --report a":                     "--csv and --report are the same file: name two files",
		"--propose a --out b --report ./b":       "--out and --report are the same file: name two files",
		"--state a --report a":                   "--report and --state are the same file: name two files",
		"--propose a --out a":                    "--propose and --out are the same file: name two files",
		"--csv a --state b/../a":                 "--csv and --state are the same file: name two files",
		"--csv a --format dynamodb-json --out a": "--csv and --out are the same file: name two files",
	} {
		if _, _, err := run(t, append([]string{"import"}, strings.Fields(line)...)...); commandtest.Said(err) != want {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

// No command overwrites the file that it reads, or the file of another flag.
func TestImportWritesOverNoFile(t *testing.T) {
	c := newCompany(t, 0)
	t.Chdir(t.TempDir())
	users := file(t, "u1,u1@example.com\n")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(users, link); err != nil {
		t.Fatal(err)
	}
	for _, arguments := range [][]string{
		{"--csv", users, "--report", users},
		{"--csv", users, "--report", link},
		{"--csv", users, "--state", filepath.Dir(users) + "/./users.csv"},
		{"--propose", users, "--out", users},
	} {
		if output, err := c.run(t, arguments...); commandtest.Said(err) != arguments[0]+" and "+arguments[2]+
			" are the same file: name two files" || output != "" {
			t.Errorf("%v: %v: %s", arguments, err, output)
		}
	}
	if text, err := os.ReadFile(users); err != nil || string(text) != "u1,u1@example.com\n" {
		t.Errorf("%v: %s", err, text)
	}
}

// The valid lines of any file are imported, and the report has the number of each other line.
func TestImportOfAMalformedFile(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 0)
	long := strings.Repeat("x", 200_000)
	lines := []string{
		"\ufeffUser_ID,customer_ID,claimed_at\r", // 1: a header
		"u1,cus_1,1700000000\r",
		`"u,2",cus_2,`,
		"u3",                                  // 4: a column is missing
		"u4,customer-4",                       // 5: not a customer ID
		strings.Repeat("ö", 256) + ",cus_5",   // 6: a user who is too long
		strings.Repeat("ö", 255) + ",cus_6",   //
		"",                                    //
		long + ",cus_8",                       // 9: a line that is too long
		`u9,"cus_9`,                           // 10: an open quotation mark
		"u10,cus_10,yesterday",                // 11: not a time
		"u11,cus_11,2024-06-03T16:00:00Z",     //
		"u12,cus_12,2999-01-01T00:00:00Z",     // 13: a time in the future
		"u13\x00,cus_13",                      // 14: a control character
		"\xff,cus_14",                         // 15: not UTF-8
		",cus_15",                             // 16: no user
		"u16,cus_16,1700000000,more,columns,", //
		"u1,cus_1b,1700000001",                // a second customer: a conflict
		"u17,cus_17",                          // without a line end
	}
	path, report := filepath.Join(t.TempDir(), "users.csv"), filepath.Join(t.TempDir(), "report.csv")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	output, err := c.run(t, "--csv", path, "--report", report)
	if err == nil || !strings.Contains(err.Error(), "10 were not imported: "+report+" lists them; correct them") {
		t.Errorf("%v: %s", err, output)
	}
	got := items(t, c.client, c.table)
	for user, customer := range map[string]string{"u1": "cus_1b", "u,2": "cus_2", strings.Repeat("ö", 255): "cus_6",
		"u11": "cus_11", "u16": "cus_16", "u17": "cus_17"} {
		if !strings.Contains(got[user], `"customer_id":"`+customer+`"`) {
			t.Errorf("%.20s: %s, want %s", user, got[user], customer)
		}
	}
	if !strings.Contains(got["cus_17"], `"billing_portal_users":["u17"]`) {
		t.Errorf("the customer's own item: %s", got["cus_17"])
	}
	file, err := os.Open(report)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var malformed []string
	kinds := map[string]int{}
	for _, row := range rows {
		kinds[row[0]]++
		if row[0] == "malformed" {
			malformed = append(malformed, row[1])
		}
	}
	if want := []string{"4", "5", "6", "9", "10", "11", "13", "14", "15", "16"}; !slices.Equal(malformed, want) ||
		kinds["conflict"] != 1 {
		t.Errorf("malformed lines %v, want %v; %v", malformed, want, kinds)
	}
}

// A deletion that came before the claim of a file, and that names no user, is found in the
// customer's own item.
func TestImportOfADeletedCustomer(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 0)
	c.delete(t, "cus_1")
	path := filepath.Join(t.TempDir(), "users.csv")
	if err := os.WriteFile(path, []byte("u1,cus_1\nu2,cus_2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	output, err := c.run(t, "--csv", path)
	if err == nil ||
		!strings.Contains(output, "1 imported (0 known before), 0 conflicts, 0 malformed, 1 of deleted customers") {
		t.Errorf("%v: %s", err, output)
	}
	if got := items(t, c.client, c.table); strings.Contains(got["u1"], "customer_id") {
		t.Errorf("u1: %s", got["u1"])
	}
}

// A line of a gigabyte needs little memory.
func TestImportOfAnEndlessLine(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 0)
	input := io.MultiReader(io.LimitReader(endless{}, 64<<20), strings.NewReader("\nu1,cus_1\n"))
	output, _, err := commandtest.RunWith(t.Context(), input, c.command(), c.arguments("--csv", "-")...)
	if err == nil || !strings.Contains(output, "1 imported (0 known before), 0 conflicts, 1 malformed") {
		t.Errorf("%v: %s", err, output)
	}
}

type endless struct{}

var block = bytes.Repeat([]byte("x"), 64<<10)

func (endless) Read(p []byte) (int, error) { return copy(p, block), nil }

// endedClaim matches a claim that ended, in a test whose releases are later than every claim.
var endedClaim = regexp.MustCompile(`"metadata":\d+,("released":)`)

// If live events for the same users arrive during an import, the table is the same as if they had
// arrived before or after it.
func TestImportDuringLiveEvents(t *testing.T) {
	t.Parallel()
	const customers = 150
	c := newCompany(t, customers)
	now := time.Now().Add(time.Hour) // later than all reads: Stripe still names the first users
	// Every third user moves to another customer; every fifth customer is deleted.
	var changes []func(*operator.MappingWriter) error
	for i := range customers {
		user, customer := fmt.Sprintf("u%d", i), fmt.Sprintf("cus_%d", i)
		if i%3 == 0 {
			changes = append(changes, func(w *operator.MappingWriter) error {
				_, _, err := w.Join(t.Context(), operator.Fact{User: user, Customer: customer, Released: now},
					operator.Fact{User: "moved-" + user, Customer: customer, Metadata: now})
				return err
			})
		}
		if i%5 == 0 {
			changes = append(changes,
				func(w *operator.MappingWriter) error { return w.Delete(t.Context(), customer, user) })
		}
	}
	tables := map[string]map[string]string{}
	for _, order := range []string{"before", "after", "meanwhile"} {
		if err := c.DynamoDB.CreateTable(order, "user_id"); err != nil {
			t.Fatal(err)
		}
		c.env["CUSTOMERS_TABLE"] = order
		writer := c.writer(order)
		events := func() {
			for _, change := range changes {
				if err := change(writer); err != nil {
					t.Error(err)
				}
			}
		}
		var wait sync.WaitGroup
		switch order {
		case "before":
			events()
		case "meanwhile":
			wait.Go(events)
		}
		if output, err := c.run(t); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
		if order == "after" {
			events()
		}
		wait.Wait()
		tables[order] = items(t, c.client, order)
		for user, item := range tables[order] {
			// The time of a claim depends on whether the import knew of its release. The release
			// has ended the claim in both cases.
			tables[order][user] = endedClaim.ReplaceAllString(item, "$1")
		}
	}
	if !reflect.DeepEqual(tables["before"], tables["after"]) ||
		!reflect.DeepEqual(tables["meanwhile"], tables["after"]) {
		t.Errorf("the tables differ: %d, %d and %d items", len(tables["before"]),
			len(tables["meanwhile"]), len(tables["after"]))
	}
	if got := tables["meanwhile"]["u0"]; strings.Contains(got, "customer_id") {
		t.Errorf("u0, who was deleted and moved: %s", got)
	}
}

func TestProposals(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 20)
	c.Stripe.Change(func(d *account.Data) {
		d.Customers[1].Email = "U0@Example.com" // two customers of one address
		d.Customers[2].Email = "Jane.Doe@example.com"
		d.Subscriptions = append(d.Subscriptions,
			account.Subscription{ID: "sub_2", Customer: "cus_2", Status: "active", Created: time.Now()})
		d.Customers[3].Deleted = true
	})
	users, proposal := filepath.Join(t.TempDir(), "users.csv"), filepath.Join(t.TempDir(), "proposal.csv")
	text := "user_id,email\nzoe,u0@example.com\njane, jane.doe@EXAMPLE.com " +
		"\nfred,u3@example.com\nnobody,nobody@example.com\nbroken\n\"quoted, comma\",u4@example.com\n"
	if err := os.WriteFile(users, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	output, err := c.run(t, "--propose", users, "--out", proposal)
	if err != nil ||
		!strings.HasPrefix(output, "2 unique, 1 several, 2 none, 1 malformed line\nNothing was imported.") {
		t.Errorf("%v: %s", err, output)
	}
	if len(c.pages) != 1 {
		t.Errorf("%d pages of customers were read", len(c.pages))
	}
	file, err := os.Open(proposal)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	by := map[string][]string{}
	for _, row := range rows[1:] {
		by[row[0]] = row
	}
	if row := by["jane"]; len(row) != 8 || row[1] != "cus_2" || row[3] != "unique" || row[4] != "1" ||
		row[6] != "sub_2" || row[5] == "" {
		t.Errorf("jane: %q", row)
	}
	if row := by["zoe"]; row[1] != "" || row[3] != "several" || row[4] != "2" || !strings.Contains(row[6], "cus_1") {
		t.Errorf("zoe: %q", row)
	}
	if by["fred"][3] != "none" || by["nobody"][3] != "none" || by["quoted, comma"][1] != "cus_4" {
		t.Errorf("%q", by)
	}
	if got := items(t, c.client, c.table); len(got) != 0 {
		t.Errorf("a proposal wrote %v", got)
	}
	// --csv accepts the proposal unchanged, and imports the lines that are unique.
	output, err = c.run(t, "--csv", proposal)
	if err != nil || !strings.Contains(output,
		"2 imported (0 known before), 0 conflicts, 0 malformed, 0 of deleted customers, 4 skipped") {
		t.Errorf("%v: %s", err, output)
	}
	if got := items(t, c.client, c.table); !strings.Contains(got["jane"], `"customer_id":"cus_2"`) || got["zoe"] != "" {
		t.Errorf("%v", got)
	}
}

// bulkItems returns the items of a file for DynamoDB's import from S3.
func bulkItems(t *testing.T, path string) []map[string]types.AttributeValue {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	zipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(zipped)
	var found []map[string]types.AttributeValue
	for {
		var line struct{ Item map[string]json.RawMessage }
		if err := decoder.Decode(&line); err == io.EOF {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		item := map[string]types.AttributeValue{}
		for name, value := range line.Item {
			item[name] = attributeOf(t, value)
		}
		found = append(found, item)
	}
}

func attributeOf(t *testing.T, raw json.RawMessage) types.AttributeValue {
	t.Helper()
	var value struct {
		S, N *string
		BOOL *bool
		SS   []string
		M    map[string]json.RawMessage
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&value); err != nil {
		t.Fatal(err)
	}
	switch {
	case value.S != nil:
		return &types.AttributeValueMemberS{Value: *value.S}
	case value.N != nil:
		return &types.AttributeValueMemberN{Value: *value.N}
	case value.BOOL != nil:
		return &types.AttributeValueMemberBOOL{Value: *value.BOOL}
	case value.SS != nil:
		return &types.AttributeValueMemberSS{Value: value.SS}
	}
	members := map[string]types.AttributeValue{}
	for name, member := range value.M {
		members[name] = attributeOf(t, member)
	}
	return &types.AttributeValueMemberM{Value: members}
}

// putAll writes each item once, as DynamoDB's import of a file does.
func putAll(t *testing.T, client *dynamodb.Client, table string, items []map[string]types.AttributeValue) {
	t.Helper()
	for _, item := range items {
		if _, err := client.PutItem(t.Context(),
			&dynamodb.PutItemInput{TableName: aws.String(table), Item: item}); err != nil {
			t.Fatal(err)
		}
	}
}

// A file for DynamoDB's import from S3 makes the same table as an import of the same customers.
func TestItemsForDynamoDBsImport(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 250)
	// u0 has two customers, and the later one counts
	c.Stripe.Change(func(d *account.Data) { d.Customers[1].User = "u0" })
	file := filepath.Join(t.TempDir(), "users.csv")
	if err := os.WriteFile(file, []byte("u1,cus_1\nu2,cus_2,1700000000\nu1,cus_3,5\nu3,cus_2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, arguments := range map[string][]string{"stripe": nil, "csv": {"--csv", file, "--shared"}} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "items.json.gz")
			if output, err := c.run(t, append(arguments, "--format", "dynamodb-json", "--out", out)...); err != nil {
				t.Fatalf("%v: %s", err, output)
			}
			for _, table := range []string{name + "-bulk", name + "-import"} {
				if err := c.DynamoDB.CreateTable(table, "user_id"); err != nil {
					t.Fatal(err)
				}
			}
			putAll(t, c.client, name+"-bulk", bulkItems(t, out))
			c.env["CUSTOMERS_TABLE"] = name + "-import"
			if output, err := c.run(t, arguments...); err != nil {
				t.Fatalf("%v: %s", err, output)
			}
			bulk, imported := items(t, c.client, name+"-bulk"), items(t, c.client, name+"-import")
			if !maps.Equal(bulk, imported) {
				t.Errorf("%d and %d items\n%s\n%s", len(bulk), len(imported), bulk["u1"], imported["u1"])
			}
		})
	}
}

func TestVerificationCorrectsWhatWasMissed(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 30)
	if output, err := c.run(t); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	if err := c.DynamoDB.Put(devserver.CustomersTable,
		map[string]any{"user_id": "stranger", "customer_id": "cus_OfTheOtherMode"}); err != nil {
		t.Fatal(err)
	}
	if err := c.DynamoDB.Put(devserver.CustomersTable,
		map[string]any{"user_id": "broken", "customer_id": 17}); err != nil {
		t.Fatal(err)
	}
	// The table got no event about these changes.
	c.Stripe.Change(func(d *account.Data) {
		d.Customers[0].Deleted = true
		d.Customers[1].User = "heir"
	})
	before := items(t, c.client, c.table)
	report := filepath.Join(t.TempDir(), "report.csv")
	output, err := c.run(t, "--verify", "--report", report)
	const found = "28 looked at: 1 of deleted customers, 1 of customers who name another user, 1 of customers who do " +
		"not exist, 1 malformed; "
	if err == nil || !strings.HasPrefix(output, found+"0 corrected") {
		t.Errorf("%v: %s", err, output)
	}
	if !maps.Equal(items(t, c.client, c.table), before) {
		t.Error("a verification without --fix changed the table")
	}
	text, err := os.ReadFile(report)
	if err != nil || !strings.Contains(string(text), "deleted,,u0,cus_0,") ||
		!strings.Contains(string(text), `names the user ""heir""`) ||
		!strings.Contains(string(text), "missing,,stranger,") {
		t.Errorf("%v: %s", err, text)
	}
	if output, err = c.run(t, "--verify", "--fix"); err == nil || !strings.HasPrefix(output, found+"2 corrected") {
		t.Errorf("%v: %s", err, output)
	}
	after := items(t, c.client, c.table)
	if strings.Contains(after["u0"], "customer_id") || strings.Contains(after["u1"], "customer_id") ||
		!strings.Contains(after["heir"], `"customer_id":"cus_1"`) || after["stranger"] != before["stranger"] {
		t.Errorf("u0 %s\nu1 %s\nheir %s", after["u0"], after["u1"], after["heir"])
	}
}
