package commands

import (
	"context"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
	"billingportal/local/internal/fakestripe/account"
)

// An import that is killed eight times, and continued each time, produces the same table as an
// uninterrupted one. It reads only the page again that it was reading when it was killed.
func TestKilledImportsContinue(t *testing.T) {
	const customers, kills = 1000, 8
	l, _ := devservertest.Start(t)
	l.Stripe.Change(func(d *account.Data) {
		d.Customers = nil
		for i := range customers {
			d.Customers = append(d.Customers, account.Customer{
				ID: fmt.Sprintf("cus_%d", i), User: fmt.Sprintf("u%d", i), Created: time.Unix(int64(i), 0),
			})
		}
	})
	var mu sync.Mutex
	var pages []string // starting_after of each requested page of customers
	origin, err := url.Parse(l.Origin)
	if err != nil {
		t.Fatal(err)
	}
	rewrite := func(r *httputil.ProxyRequest) {
		r.SetURL(origin)
		if r.In.URL.Path == devserver.StripePath+"/v1/customers" {
			mu.Lock()
			defer mu.Unlock()
			pages = append(pages, r.In.URL.Query().Get("starting_after"))
		}
	}
	// A killed import leaves open requests, which the proxy would log.
	silent := log.New(io.Discard, "", 0)
	server := httptest.NewServer(&httputil.ReverseProxy{Rewrite: rewrite, ErrorLog: silent})
	t.Cleanup(server.Close)
	for _, table := range []string{"whole", "killed"} {
		if err := l.DynamoDB.CreateTable(table, "user_id"); err != nil {
			t.Fatal(err)
		}
	}
	devservertest.SetOperatorEnvironment(t, l.Server, "whole")
	t.Setenv("STRIPE_API_BASE", server.URL+devserver.StripePath)
	program, err := exec.CommandContext(t.Context(), "go", "tool", "-n", "billingportal/local/operator").Output()
	if err != nil {
		t.Fatal(err)
	}
	importer := func(ctx context.Context, more ...string) *exec.Cmd {
		arguments := append([]string{"import", "--endpoint-url", l.Origin + devserver.DynamoDBPath,
			"--write-capacity", "100000"}, more...)
		return exec.CommandContext(ctx, strings.TrimSpace(string(program)), arguments...)
	}
	if output, err := importer(t.Context(), "--rate", "1000").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	want := items(t, l.Origin, "whole")
	mu.Lock()
	pages = nil
	mu.Unlock()
	t.Setenv("CUSTOMERS_TABLE", "killed")
	state := filepath.Join(t.TempDir(), "import.state")
	random := rand.New(rand.NewPCG(1, 2))
	killed := 0
	for {
		ctx, cancel := context.WithCancel(t.Context())
		command := importer(ctx, "--rate", "8", "--state", state)
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(time.Duration(40+random.IntN(120))*time.Millisecond, func() {
			if killed < kills {
				cancel() // SIGKILL
			}
		})
		err := command.Wait()
		kill.Stop()
		cancel()
		if err == nil {
			break
		}
		killed++
	}
	if killed < kills {
		t.Errorf("the import finished after only %d kills", killed)
	}
	if got := items(t, l.Origin, "killed"); !reflect.DeepEqual(got, want) {
		t.Errorf("%d items, want %d, or the items differ", len(got), len(want))
	}
	mu.Lock()
	defer mu.Unlock()
	seen := map[string]int{}
	for i, page := range pages {
		seen[page]++
		if seen[page] > 1 && pages[i-1] != page {
			t.Errorf("page %d, after %q, was read again after other pages", i, page)
		}
	}
	if again := len(pages) - len(seen); len(seen) != customers/100 || again > killed {
		t.Errorf("%d pages, %d read again in %d kills", len(seen), again, killed)
	}
}

// items returns all items in a table, by their key.
func items(t *testing.T, origin, table string) map[string]map[string]types.AttributeValue {
	t.Helper()
	client := dynamodb.New(dynamodb.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String(origin + devserver.DynamoDBPath),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	found := map[string]map[string]types.AttributeValue{}
	for scan := dynamodb.NewScanPaginator(client, &dynamodb.ScanInput{TableName: &table}); scan.HasMorePages(); {
		page, err := scan.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			found[item["user_id"].(*types.AttributeValueMemberS).Value] = item
		}
	}
	return found
}
