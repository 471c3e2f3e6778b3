//go:build !race

package faults

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"billingportal/local/internal/devserver"
	"billingportal/local/internal/fakestripe/events"
	"billingportal/local/internal/gateway"
	"billingportal/local/internal/runtimeapi"
)

// webhookRows are the faults of the two upstreams of the webhook, with the expected responses to
// the sender. Stripe sends an event again if the status is not 2xx.
func (b *testbed) webhookRows() []row {
	rows := slices.DeleteFunc(slices.Concat(commonRows(b.elsewhere.URL), awsRows()), func(r row) bool {
		return r.at != dynamoDB && r.at != secretsManager || r.full
	})
	unavailable := map[upstream]string{dynamoDB: "503 customer-store-unavailable, 5",
		secretsManager: "503 secrets-unavailable, 5"}
	for i := range rows {
		r := &rows[i]
		if r.at == dynamoDB && r.name == "slow drip" {
			r.cold.answer, r.warm.answer = served, served // a response of two bytes arrives in time
		}
		for _, w := range []*want{&r.cold, &r.warm} {
			switch w.answer {
			case "504 upstream-timeout":
				w.answer = unavailable[r.at]
			case misconfigured:
				w.answer = "500 webhook-misconfigured"
			case served, "404 no-billing-account": // a missing item is created
				w.answer = "200"
			}
		}
	}
	return rows
}

// startWebhook starts the process of the webhook in the cloud.
func (c *cloud) startWebhook(ctx context.Context, bootstrap, level string) (*runtimeapi.Process, error) {
	env := c.WebhookEnvironment(c.Origin)
	env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], env["AWS_SESSION_TOKEN"] = c.aws[0], c.aws[1], c.aws[2]
	env["AWS_ENDPOINT_URL_DYNAMODB"] = c.servers[dynamoDB].URL
	env["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = c.servers[secretsManager].URL
	env["LOG_LEVEL"] = level
	if c.secure {
		env["SSL_CERT_FILE"] = c.root
	}
	var list []string
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return runtimeapi.Start(ctx, bootstrap, list)
}

// purchase is a completed Checkout Session of a user. Every place that can hold a secret has one.
type purchase struct {
	user, customer, signing string
	body                    []byte
}

func (c *cloud) newPurchase(number int) purchase {
	p := purchase{user: c.plant("user ID"), customer: fmt.Sprintf("cus_Bought%d", number)}
	p.body, _ = events.New("checkout.session.completed", time.Now(), map[string]any{
		"object": "checkout.session", "customer": p.customer, "client_reference_id": p.user, "payment_link": nil,
		"metadata": map[string]any{"note": c.plant("metadata")},
		"customer_details": map[string]any{"email": c.plant("e-mail address") + "@example.com",
			"name": c.plant("name")},
	})
	return p
}

// takePurchase sends a purchase to the process, like Stripe.
func (c *cloud) takePurchase(ctx context.Context, process *runtimeapi.Process, p purchase,
	limit time.Duration) (*exchange, error) {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "https://"+devserver.APIHost+devserver.WebhookPath,
		strings.NewReader(string(p.body)))
	signature := events.Sign(p.body, p.signing, time.Now())
	c.add("signature", signature[strings.LastIndex(signature, "=")+1:])
	r.Header.Set("Stripe-Signature", signature)
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	event, err := gateway.Event(r)
	if err != nil {
		return nil, err
	}
	return c.invoke(ctx, process, event, limit)
}

// inProcess is a transport that calls a handler.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result(), nil
}

// hasMapping returns an error unless the table contains the mapping of a purchase.
func (c *cloud) hasMapping(ctx context.Context, p purchase) error {
	client := dynamodb.New(dynamodb.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String("http://127.0.0.1"),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
		HTTPClient:  &http.Client{Transport: inProcess{c.DynamoDB}},
	})
	output, err := client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      aws.String(devserver.CustomersTable),
		Key:            map[string]types.AttributeValue{"user_id": &types.AttributeValueMemberS{Value: p.user}},
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return err
	}
	if customer, ok := output.Item["customer_id"].(*types.AttributeValueMemberS); !ok || customer.Value != p.customer {
		return fmt.Errorf("the item in the table is %v", output.Item)
	}
	return nil
}

// runWebhook starts a process that gets the fault of a row, cold and warm. Each event is sent
// again after the fault.
func (b *testbed) runWebhook(ctx context.Context, bootstrap string, r row) (e *faultRun, err error) {
	c, err := b.newCloud(r.secure)
	if err != nil {
		return nil, err
	}
	defer c.close()
	signing := "whsec_" + c.plant("signing secret")
	c.secrets.Put(devserver.WebhookSecret, signing)
	fault := r.fault
	if r.faultIn != nil {
		fault = r.faultIn(c)
	}
	c.servers[r.at].Break(fault)
	process, err := c.startWebhook(ctx, bootstrap, tableLevel)
	if err != nil {
		return nil, err
	}
	e = &faultRun{}
	defer func() {
		process.Stop()
		e.stdout, e.stderr = process.Stdout(), process.Stderr()
		e.search(c)
	}()
	if err := errors.Join(c.awaitPrefetch(ctx, r), process.Ready(ctx)); err != nil {
		return e, err
	}
	for number, exchanges := range [][2]**exchange{{&e.cold, &e.afterCold}, {&e.warm, &e.afterWarm}} {
		p := c.newPurchase(number)
		p.signing = signing
		limit := devserver.FunctionTimeout
		if r.slow {
			limit = shortTime
		}
		c.servers[r.at].Break(fault)
		if *exchanges[0], err = c.takePurchase(ctx, process, p, limit); err != nil {
			return e, err
		}
		if err := c.heal(); err != nil {
			return e, err
		}
		if *exchanges[1], err = c.takePurchase(ctx, process, p, devserver.FunctionTimeout); err != nil {
			return e, err
		}
		if err := c.hasMapping(ctx, p); err != nil {
			return e, err
		}
	}
	return e, nil
}

// TestWebhookFaults runs the bootstrap of the webhook, as deployed, through every fault of DynamoDB
// and Secrets Manager. Sending the same event again must always produce the right table.
func TestWebhookFaults(t *testing.T) {
	t.Parallel()
	b := newTestbed(t)
	bootstrap := runtimeapi.Build(t, "billingportal/functions/webhook")
	rows := b.webhookRows()
	lines := make([]string, len(rows))
	each(rows, func(i int, r row) {
		e, err := b.runWebhook(t.Context(), bootstrap, r)
		if e == nil {
			e = &faultRun{}
		}
		if err != nil {
			t.Errorf("%s: %v\n%s%s", r.title(), err, e.stdout, e.stderr)
			return
		}
		lines[i] = strings.Join([]string{string(r.at), r.name, e.cold.outcome(),
			strconv.FormatInt(e.cold.took.Milliseconds(), 10), e.warm.outcome(),
			strconv.FormatInt(e.warm.took.Milliseconds(), 10)}, "\t")
		for name, met := range map[string]struct{ got, want string }{
			"cold": {e.cold.outcome(), r.cold.answer}, "warm": {e.warm.outcome(), r.warm.answer},
			"again, after the cold fault": {e.afterCold.outcome(), "200"},
			"again, after the warm fault": {e.afterWarm.outcome(), "200"},
		} {
			if met.got != met.want {
				t.Errorf("%s: %s: %s, want %s", r.title(), name, met.got, met.want)
			}
		}
		for _, place := range e.leaks {
			t.Errorf("%s: leaked: %s", r.title(), place)
		}
	})
	table := tabwriter.NewWriter(t.Output(), 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "upstream\tfault\tcold, the first event\tms\twarm\tms")
	for _, line := range lines {
		_, _ = fmt.Fprintln(table, line)
	}
	_ = table.Flush()
	t.Logf("%d faults, each met by a cold and by a warm process", len(rows))
}
