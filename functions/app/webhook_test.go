package app

import (
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/upstream"
	"billingportal/functions/internal/webhook"
)

// minimalWebhook is the least that the webhook function needs.
var minimalWebhook = env{
	"AWS_REGION":            "eu-central-1",
	"AWS_ACCESS_KEY_ID":     "AKIDEXAMPLE",
	"AWS_SECRET_ACCESS_KEY": "secret",
	"CUSTOMERS_TABLE":       "customers",
	"STRIPE_LIVEMODE":       "false",
	"WEBHOOK_SECRET_ID":     "billing-portal/webhook",
}

func TestWebhookDefaults(t *testing.T) {
	got, err := readWebhookConfig(minimalWebhook.get)
	if err != nil {
		t.Fatal(err)
	}
	want := webhookConfig{
		common: common{
			logLevel: slog.LevelInfo,
			aws:      awsEnvironment{AWS: upstream.AWS{Region: "eu-central-1", AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}},
		},
		customers: customers.Table{Name: "customers", Key: "user_id", Attribute: "customer_id"},
		secretID:  "billing-portal/webhook",
		rules:     webhook.Rules{MetadataKey: "user_id", References: webhook.SessionReferences},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("config = %+v\nwant     %+v", got, want)
	}
}

func TestEachWrongVariableOfTheWebhookIsNamedAlone(t *testing.T) {
	for name, values := range map[string][]string{
		"WEBHOOK_SECRET_ID":   {"", "a b"},
		"STRIPE_EVENT_SOURCE": {"aws.partner/other.example/x", "stripe.com", "aws.partner/stripe.com", "aws.partner/stripe.com/", "aws.partner/stripe.community/x", "aws.partner/stripe.com/a b"},
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
			_, err := readWebhookConfig(minimalWebhook.with(env{name: value}).get)
			if err == nil || !slices.Equal(namesIn(err), []string{name}) {
				t.Errorf("%s=%s: %v", name, value, err)
			}
		}
	}
	_, err := readWebhookConfig(env{}.get)
	if err == nil || !slices.Equal(namesIn(err), slices.Sorted(maps.Keys(minimalWebhook))) {
		t.Errorf("an empty environment: %v", err)
	}
}
