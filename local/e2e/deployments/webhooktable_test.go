package deployments

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"billingportal/functions/app/webhook"
	"billingportal/local/internal/devserver/devservertest"
	fakedynamodb "billingportal/local/internal/fakeaws/dynamodb"
)

type item = map[string]types.AttributeValue

// layout is a way in which a team stores its users.
type layout struct {
	env map[string]string
	key func(id string) item
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func object(members item) types.AttributeValue { return &types.AttributeValueMemberM{Value: members} }

// layouts are a plain table, a single-table design, and a nested attribute.
var layouts = map[string]layout{
	"a plain table": {
		map[string]string{},
		func(id string) item { return item{"user_id": text(id)} },
	},
	"a single-table design": {
		map[string]string{"CUSTOMERS_KEY": "pk", "CUSTOMERS_KEY_FORMAT": "USER#{user}",
			"CUSTOMERS_SORT_KEY": "sk=BILLING#{user}"},
		func(id string) item { return item{"pk": text("USER#" + id), "sk": text("BILLING#" + id)} },
	},
	"a nested attribute": {
		map[string]string{"CUSTOMERS_ATTRIBUTE": "billing.stripe.customer_id"},
		func(id string) item { return item{"user_id": text(id)} },
	},
}

// table is a table in a DynamoDB, with a webhook function that writes to it.
type table struct {
	client   *dynamodb.Client
	name     string
	layout   layout
	function lambda.Handler
	logs     devservertest.LogBuffer
}

func newTable(t *testing.T, endpoint, name string, l layout) *table {
	t.Helper()
	w := &table{name: name, layout: l, client: dynamodb.New(dynamodb.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String(endpoint),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})}
	create := &dynamodb.CreateTableInput{TableName: aws.String(name), BillingMode: types.BillingModePayPerRequest}
	kinds := []types.KeyType{types.KeyTypeHash, types.KeyTypeRange}
	for i, attribute := range slices.Sorted(maps.Keys(l.key("x"))) {
		create.AttributeDefinitions = append(create.AttributeDefinitions,
			types.AttributeDefinition{AttributeName: aws.String(attribute), AttributeType: types.ScalarAttributeTypeS})
		create.KeySchema = append(create.KeySchema,
			types.KeySchemaElement{AttributeName: aws.String(attribute), KeyType: kinds[i]})
	}
	if _, err := w.client.CreateTable(t.Context(), create); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
		"AWS_ENDPOINT_URL_DYNAMODB": endpoint,
		"CUSTOMERS_TABLE":           name, "STRIPE_LIVEMODE": "false",
		"STRIPE_EVENT_SOURCE": "aws.partner/stripe.com/ed_test_61Demo",
	}
	maps.Copy(env, l.env)
	var err error
	if w.function, err = webhook.New(t.Context(), func(name string) string { return env[name] }, &w.logs); err != nil {
		t.Fatal(err)
	}
	return w
}

// deliver sends an event to the function like the event bus.
func (w *table) deliver(ctx context.Context, event []byte) error {
	payload, err := json.Marshal(map[string]any{"source": "aws.partner/stripe.com/ed_test_61Demo",
		"detail": json.RawMessage(event)})
	if err == nil {
		_, err = w.function.Invoke(ctx, payload)
	}
	return err
}

func (w *table) put(t *testing.T, i item) {
	t.Helper()
	if _, err := w.client.PutItem(t.Context(),
		&dynamodb.PutItemInput{TableName: aws.String(w.name), Item: i}); err != nil {
		t.Fatal(err)
	}
}

func (w *table) get(t *testing.T, id string) item {
	t.Helper()
	output, err := w.client.GetItem(t.Context(),
		&dynamodb.GetItemInput{TableName: aws.String(w.name), Key: w.layout.key(id), ConsistentRead: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	return output.Item
}

// customer returns the customer that the portal would read.
func (w *table) customer(i item) string {
	path := "customer_id"
	if nested := w.layout.env["CUSTOMERS_ATTRIBUTE"]; nested != "" {
		path = nested
	}
	for _, name := range strings.Split(path, ".") {
		switch value := i[name].(type) {
		case *types.AttributeValueMemberM:
			i = value.Value
		case *types.AttributeValueMemberS:
			return value.Value
		}
	}
	return ""
}

// everyType returns the attributes of an app that may be in the same item as the mapping.
func everyType() item {
	return item{
		"s": text("x"), "n": &types.AttributeValueMemberN{Value: "1"},
		"b":    &types.AttributeValueMemberB{Value: []byte{1}},
		"bool": &types.AttributeValueMemberBOOL{Value: true}, "null": &types.AttributeValueMemberNULL{Value: true},
		"l": &types.AttributeValueMemberL{Value: []types.AttributeValue{text("x"),
			&types.AttributeValueMemberNULL{Value: true}}},
		"m":    object(item{"x": text("y")}),
		"ss":   &types.AttributeValueMemberSS{Value: []string{"x"}},
		"ns":   &types.AttributeValueMemberNS{Value: []string{"1"}},
		"bs":   &types.AttributeValueMemberBS{Value: [][]byte{{1}}},
		"name": text("a reserved word"), "billing": object(item{"plan": text("pro")}),
	}
}

// testWebhookTable tests the contract of the webhook with a DynamoDB.
func testWebhookTable(t *testing.T, endpoint string) {
	for name, l := range layouts {
		t.Run(name, func(t *testing.T) {
			w := newTable(t, endpoint, "table-"+strings.ReplaceAll(strings.TrimPrefix(name, "a "), " ", "-"), l)
			theirs := everyType()
			maps.Copy(theirs, l.key("alice"))
			w.put(t, theirs)
			for i, step := range []struct {
				event, customer string
				calls           int // DynamoDB calls
			}{
				{"customer.created", devservertest.EventCustomer, 3},
				{"customer.created", devservertest.EventCustomer, 1},
				{"customer.updated-released", "", 2},
				{"checkout.session.completed", "", 3}, // earlier than the release
				{"checkout.session.completed", "", 1},
				{"customer.updated-email", "", 1},
				{"customer.deleted", "", 4},
				{"customer.deleted", "", 2},
			} {
				before := len(w.logs.String())
				if err := w.deliver(t.Context(), devservertest.StripeEvent(t, step.event)); err != nil {
					t.Fatal(err)
				}
				if line := w.logs.String()[before:]; !strings.Contains(line,
					fmt.Sprintf(`"attempts":%d,`, step.calls)) {
					t.Errorf("step %d: want %d DynamoDB calls: %s", i, step.calls, line)
				}
				got := w.get(t, "alice")
				if customer := w.customer(got); customer != step.customer {
					t.Errorf("step %d: the customer of alice is %q, want %q", i, customer, step.customer)
				}
				delete(got, "billing_portal")
				delete(got, "customer_id")
				if nested, ok := got["billing"].(*types.AttributeValueMemberM); ok {
					delete(nested.Value, "stripe")
				}
				if !reflect.DeepEqual(got, theirs) {
					t.Errorf("step %d: the rest of the item is %v, want %v", i, got, theirs)
				}
			}
			// Bob does not have an item yet.
			if err := w.deliver(t.Context(), devservertest.StripeEvent(t, "checkout.session.completed", `"alice"`,
				`"bob"`, devservertest.EventCustomer, "cus_Bob")); err != nil {
				t.Fatal(err)
			}
			if got := w.customer(w.get(t, "bob")); got != "cus_Bob" {
				t.Errorf("the customer of bob is %q", got)
			}
			if got := w.get(t, "cus_Bob"); !reflect.DeepEqual(got["billing_portal_users"],
				&types.AttributeValueMemberSS{Value: []string{"bob"}}) || w.customer(got) != "" {
				t.Errorf("the item of the customer is %v", got)
			}
			if err := w.deliver(t.Context(), devservertest.StripeEvent(t, "customer.deleted-without-user",
				devservertest.EventCustomer, "cus_Bob")); err != nil {
				t.Fatal(err)
			}
			if got := w.customer(w.get(t, "bob")); got != "" {
				t.Errorf("the customer of bob is %q, which is deleted", got)
			}
		})
	}
	t.Run("many customers", func(t *testing.T) { testManyCustomers(t, endpoint) })
	t.Run("many users", func(t *testing.T) { testManyUsers(t, endpoint) })
	t.Run("users like customers", func(t *testing.T) { testUsersLikeCustomers(t, endpoint) })
	t.Run("any order", func(t *testing.T) { testOrders(t, endpoint, 12) })
}

// testOrders delivers the same events in many orders, some of them twice and some concurrently. The
// table must always be the same.
func testOrders(t *testing.T, endpoint string, orders int) {
	w := newTable(t, endpoint, "table-orders", layouts["a plain table"])
	var events [][]byte
	for _, name := range []string{
		"customer.created", "customer.updated-claimed", "customer.updated-moved", "customer.updated-email",
		"checkout.session.completed",
		"checkout.session.completed-metadata",
	} {
		events = append(events, devservertest.StripeEvent(t, name),
			devservertest.StripeEvent(t, name, devservertest.EventCustomer, "cus_Other"),
			devservertest.StripeEvent(t, name, devservertest.EventCustomer, "cus_Deleted"))
	}
	events = append(events,
		devservertest.StripeEvent(t, "customer.deleted-without-user", devservertest.EventCustomer, "cus_Deleted"))
	var want string
	for order := range orders {
		// Each order has its own users and customers.
		suffix := fmt.Sprintf("-%d", order)
		random := rand.New(rand.NewPCG(uint64(order), 1)) //nolint:gosec // an order
		deliveries := slices.Clone(events)
		if order > 0 {
			deliveries = append(deliveries, events[:len(events)/2]...)
			random.Shuffle(len(deliveries),
				func(i, j int) { deliveries[i], deliveries[j] = deliveries[j], deliveries[i] })
		}
		deliverers := 1 + order%4
		var wait sync.WaitGroup
		for d := range deliverers {
			wait.Go(func() {
				for _, event := range deliveries[d*len(deliveries)/deliverers : (d+1)*len(deliveries)/deliverers] {
					own := strings.NewReplacer(`"alice"`, `"alice`+suffix+`"`, `"bob"`, `"bob`+suffix+`"`,
						devservertest.EventCustomer, devservertest.EventCustomer+strings.ReplaceAll(suffix, "-", "_"),
						"cus_Other", "cus_Other"+strings.ReplaceAll(suffix, "-", "_"), "cus_Deleted",
						"cus_Deleted"+strings.ReplaceAll(suffix, "-", "_")).Replace(string(event))
					if err := w.deliver(t.Context(), []byte(own)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wait.Wait()
		got := ""
		for _, id := range []string{"alice" + suffix, "bob" + suffix} {
			found := w.get(t, id)
			got += fmt.Sprint(w.customer(found), " ", asText(found["billing_portal"]), "\n")
		}
		got = strings.ReplaceAll(got, strings.ReplaceAll(suffix, "-", "_"), "")
		if order == 0 {
			want = got
		}
		if got != want {
			t.Errorf("order %d: the table has\n%swant\n%s", order, got, want)
		}
	}
}

// asText formats a value with its members in order.
func asText(value types.AttributeValue) string {
	switch value := value.(type) {
	case *types.AttributeValueMemberM:
		text := "{"
		for _, name := range slices.Sorted(maps.Keys(value.Value)) {
			text += name + ":" + asText(value.Value[name]) + " "
		}
		return text + "}"
	case *types.AttributeValueMemberN:
		return value.Value
	case *types.AttributeValueMemberBOOL:
		return fmt.Sprint(value.Value)
	}
	return fmt.Sprintf("%T", value)
}

func TestWebhookTable(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(fakedynamodb.NewServer())
	t.Cleanup(server.Close)
	testWebhookTable(t, server.URL)
}

func TestPortalTables(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(fakedynamodb.NewServer())
	t.Cleanup(server.Close)
	testPortalTables(t, server.URL)
}
