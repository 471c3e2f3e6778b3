package webhook

import (
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"billingportal/functions/app/internal/config"
	"billingportal/functions/app/internal/config/configtest"
	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/upstream"
	"billingportal/functions/internal/webhook"
)

func TestWebhookDefaults(t *testing.T) {
	got, err := ReadConfig(configtest.Webhook.Get)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Common: config.Common{
			LogLevel: slog.LevelInfo,
			AWS: config.AWS{AWS: upstream.AWS{Region: "eu-central-1", AccessKeyID: "AKIDEXAMPLE",
				SecretAccessKey: "secret"}},
		},
		Customers: customers.Table{Name: "customers", Key: "user_id", Attribute: "customer_id"},
		SecretID:  "billing-portal/webhook",
		Rules:     webhook.Rules{MetadataKey: "user_id", References: webhook.SessionReferences},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("config = %+v\nwant     %+v", got, want)
	}
}

func TestEachWrongVariableOfTheWebhookIsNamedAlone(t *testing.T) {
	for name, values := range map[string][]string{
		"WEBHOOK_SECRET_ID": {"", "a b"},
		"STRIPE_EVENT_SOURCE": {"aws.partner/other.example/x", "stripe.com", "aws.partner/stripe.com",
			"aws.partner/stripe.com/", "aws.partner/stripe.community/x", "aws.partner/stripe.com/a b"},
		"STRIPE_ACCOUNT":      {"acct_", "1032D82eZvKYlo2C", "org_1", "acct_1/acct_2", "acct_1,acct_2", "ACCT_1"},
		"STRIPE_LIVEMODE":     {"", "yes"},
		"USER_METADATA_KEY":   {"a b", "a[b]", strings.Repeat("x", 41)},
		"CLIENT_REFERENCES":   {"some", "ALL"},
		"CUSTOMERS_TABLE":     {""},
		"CUSTOMERS_ATTRIBUTE": {"billing_portal"},
		"BASE_PATH":           {"/"},
		"LOG_LEVEL":           {"loud"},
	} {
		for _, value := range values {
			t.Run(name+"="+value, func(t *testing.T) {
				_, err := ReadConfig(configtest.Webhook.With(configtest.Env{name: value}).Get)
				configtest.RequireWrong(t, err, name)
			})
		}
	}
	_, err := ReadConfig(configtest.Env{}.Get)
	configtest.RequireWrong(t, err, slices.Sorted(maps.Keys(configtest.Webhook))...)
}
