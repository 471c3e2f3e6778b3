package fakestripe

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"billingportal/local/internal/fakestripe/account"
	"billingportal/local/internal/stripespec"
)

const configurations = "/v1/billing_portal/configurations"

// write posts a form with the API version of the OpenAPI document.
func (s *standIn) write(t *testing.T, path, form string, header ...string) reply {
	t.Helper()
	version, err := stripespec.Embedded().Version()
	if err != nil {
		t.Fatal(err)
	}
	return s.send(t, "POST", path, form, append([]string{"Stripe-Version", version}, header...)...)
}

func inOneLine(t *testing.T, body string) string {
	t.Helper()
	var object any
	if err := json.Unmarshal([]byte(body), &object); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const withCancel = "features[subscription_cancel][enabled]=true&features[subscription_cancel][mode]=immediately"

func TestConfigurationIsCreatedAndUpdated(t *testing.T) {
	s := start(t, Config{})
	const products = "&features[subscription_update][enabled]=true&" +
		"features[subscription_update][products][0][product]=prod_Pro&" +
		"features[subscription_update][products][0][prices][0]=price_ProMonthly"
	created := s.write(t, configurations, withCancel+products+
		"&name=Mine&business_profile[headline]=Hello&metadata[a]=1&metadata[b]=2", "Idempotency-Key", "k1")
	if created.status != 200 || !strings.HasPrefix(created.ID, "bpc_1") {
		t.Fatalf("status %d: %s", created.status, created.body)
	}
	got := inOneLine(t, created.body)
	for _, want := range []string{
		`"active":true`, `"is_default":false`, `"livemode":false`, `"name":"Mine"`, `"headline":"Hello"`,
		`"privacy_policy_url":null`, `"metadata":{"a":"1","b":"2"}`,
		`"subscription_cancel":{"cancellation_reason":{"enabled":false,"options":[]},"enabled":true,` +
			`"mode":"immediately"`, `"invoice_history":{"enabled":false}`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	if strings.Contains(got, "products") || strings.Contains(got, "feedback_options") {
		t.Errorf("fields are expanded that the request did not expand: %s", got)
	}
	if again := s.write(t, configurations, withCancel+products+
		"&name=Mine&business_profile[headline]=Hello&metadata[a]=1&metadata[b]=2", "Idempotency-Key",
		"k1"); again.ID != created.ID {
		t.Errorf("the same idempotency key returned another response: %s", again.body)
	}
	updated := s.write(t, configurations+"/"+created.ID,
		"active=false&business_profile[headline]=&metadata[a]=&features[subscription_cancel][enabled]=false"+
			"&expand[0]=features.subscription_update.products&"+
			"expand[1]=features.subscription_cancel.cancellation_reason.feedback_options")
	got = inOneLine(t, updated.body)
	for _, want := range []string{
		`"active":false`, `"name":"Mine"`, `"headline":null`, `"metadata":{"b":"2"}`,
		`"enabled":false,"mode":"immediately"`, `"feedback_options":[]`,
		`"products":[{"adjustable_quantity":{"enabled":false,"maximum":null,"minimum":0},` +
			`"prices":["price_ProMonthly"],"product":"prod_Pro"}]`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	s.Change(func(d *account.Data) {
		if c := d.Configurations[0]; c.ID != created.ID || c.Name != "Mine" || c.Cancel || !c.Update ||
			!c.Inactive || len(c.Prices) != 1 {
			t.Errorf("after the update the configuration is %+v", c)
		}
	})
	if got := s.write(t, configurations+"/"+created.ID, "features[subscription_update][products]=&"+
		"expand[]=features.subscription_update.products"); !strings.Contains(inOneLine(t, got.body), `"products":[]`) {
		t.Error(got.body)
	}
	s.write(t, configurations+"/"+created.ID, "features[subscription_cancel][enabled]=true")
	if session := s.send(t, "POST", sessions, cancel+"sub_DemoAlice&configuration="+created.ID); session.status != 200 {
		t.Errorf("creating a session with the configuration: %s", session.body)
	}
}

func TestInvalidConfigurationsAreRefused(t *testing.T) {
	s := start(t, Config{})
	for form, want := range map[string]string{
		"":                      "Missing required param: features.",
		"name=x":                "Missing required param: features.",
		withCancel + "&enable=": "parameter_unknown enable",
		withCancel +
			"&features[subscription_pause][enabled]=true": "parameter_unknown features[subscription_pause]",
		withCancel + "&features[subscription_update][products][0][price]=x": "parameter_unknown " +
			"features[subscription_update][products][0][price]",
		"features[subscription_cancel][mode]=immediately": "parameter_missing " +
			"features[subscription_cancel][enabled]",
		withCancel + "&features[customer_update][enabled]=yes":             "Invalid boolean: yes",
		withCancel + "&features[customer_update][allowed_updates][0]=mail": "must be one of address, email",
		withCancel + "&business_profile[privacy_policy_url]=": "parameter_invalid_empty " +
			"business_profile[privacy_policy_url]",
		withCancel + "&business_profile[headline]=" + strings.Repeat("x", 61): "must be at most 60 characters",
		withCancel + "&active=false":                                          "parameter_unknown active",
		withCancel + "&expand[]=application":                                  "Not in this stand-in",
		withCancel + "&features[subscription_update][enabled]=true&" +
			"features[subscription_update][products][0][product]=prod_X&" +
			"features[subscription_update][products][0][prices][0]=price_ProMonthly": "resource_missing " +
			"features[subscription_update][products][0][product]",
		withCancel + "&features[subscription_update][enabled]=true&" +
			"features[subscription_update][products][0][product]=prod_Pro&" +
			"features[subscription_update][products][0][prices][0]=price_X": "resource_missing " +
			"features[subscription_update][products][0][prices][0]",
	} {
		if got := s.write(t, configurations, form); got.status != 400 ||
			!strings.Contains(got.Error.Code+" "+got.Error.Param+" "+got.Error.Message, want) {
			t.Errorf("%s: %d %s, want %s", form, got.status, got.body, want)
		}
	}
	if got := s.write(t, configurations+"/bpc_None", "active=true"); got.status != 404 ||
		got.Error.Code != "resource_missing" {
		t.Errorf("an unknown configuration: %d %s", got.status, got.body)
	}
	if got := s.send(t, "POST", configurations, withCancel, "Stripe-Version", "2024-06-20"); got.status != 400 ||
		!strings.Contains(got.body, "2024-06-20") {
		t.Errorf("another API version: %d %s", got.status, got.body)
	}
	s.Withhold(testKey, "customer_portal_write")
	if got := s.write(t, configurations, withCancel); got.status != 403 {
		t.Errorf("without permission: %d %s", got.status, got.body)
	}
	s.Change(func(d *account.Data) {
		if len(d.Configurations) != 2 {
			t.Errorf("an invalid request changed the configurations: %+v", d.Configurations)
		}
	})
}

func TestConfigurationsAreListed(t *testing.T) {
	s := start(t, Config{})
	s.Change(func(d *account.Data) {
		for i := range 3 {
			d.Configurations = append(d.Configurations,
				account.Configuration{ID: fmt.Sprintf("bpc_%d", i), Inactive: i == 1})
		}
	})
	for query, want := range map[string]string{
		"":                                   "bpc_DemoDefault bpc_DemoCancelOnly bpc_0 bpc_1 bpc_2 false",
		"limit=2":                            "bpc_DemoDefault bpc_DemoCancelOnly true",
		"limit=2&starting_after=bpc_0":       "bpc_1 bpc_2 false",
		"active=false":                       "bpc_1 false",
		"active=true&starting_after=bpc_0":   "bpc_2 false",
		"is_default=true":                    "bpc_DemoDefault false",
		"is_default=false&limit=1":           "bpc_DemoCancelOnly true",
		"limit=1&ending_before=bpc_DemoNone": "No such object",
	} {
		got := s.send(t, "GET", configurations+"?"+query, "")
		var listed struct {
			Data    []struct{ ID string }
			HasMore bool `json:"has_more"`
		}
		if err := json.Unmarshal([]byte(got.body), &listed); err != nil {
			t.Fatal(err)
		}
		said := got.Error.Message
		for _, c := range listed.Data {
			said += c.ID + " "
		}
		if said += fmt.Sprint(listed.HasMore); !strings.HasPrefix(said, want) {
			t.Errorf("%s: %s, want %s", query, said, want)
		}
	}
}

func TestLiveMode(t *testing.T) {
	key := "rk_live_" + "demo"
	s := start(t, Config{Livemode: true, Keys: []string{key}})
	created := s.write(t, configurations, withCancel, "Authorization", "Bearer "+key)
	if created.status != 200 || !strings.Contains(created.body, `"livemode": true`) {
		t.Errorf("status %d: %s", created.status, created.body)
	}
	if got := s.send(t, "GET", configurations, "", "Authorization",
		"Bearer "+testKey); got.status != http.StatusUnauthorized {
		t.Errorf("a test key: %d", got.status)
	}
	if err := s.SetKeys(testKey); err == nil {
		t.Error("a fake of live mode accepted a test key")
	}
	if err := start(t, Config{}).SetKeys(key); err == nil {
		t.Error("a fake of test mode accepted a live key")
	}
}
