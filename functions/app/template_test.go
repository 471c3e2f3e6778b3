package app

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"billingportal/functions/internal/params"
	"billingportal/functions/internal/webhook"
)

// deployment has the parts of template.yaml that the functions repeat.
type deployment struct {
	Parameters map[string]struct {
		Default       *string  `yaml:"Default"`
		AllowedValues []string `yaml:"AllowedValues"`
		Pattern       string   `yaml:"AllowedPattern"`
	} `yaml:"Parameters"`
	Resources struct {
		API struct {
			Properties struct {
				DefinitionBody struct {
					Paths map[string]any `yaml:"paths"`
				} `yaml:"DefinitionBody"`
			} `yaml:"Properties"`
		} `yaml:"PortalApi"`
		Rule struct {
			Properties struct {
				EventPattern struct {
					Types []string `yaml:"detail-type"`
				} `yaml:"EventPattern"`
			} `yaml:"Properties"`
		} `yaml:"WebhookRule"`
	} `yaml:"Resources"`
	Outputs struct {
		EventTypes struct {
			Value string `yaml:"Value"`
		} `yaml:"WebhookEventTypes"`
	} `yaml:"Outputs"`
}

func readDeployment(t *testing.T) deployment {
	t.Helper()
	text, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var d deployment
	if err := yaml.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// configurations are what both functions make of variables beyond those that they need.
func configurations(t *testing.T, changes env) (portalConfig, webhookConfig) {
	t.Helper()
	portal, err := readPortalConfig(minimal.with(changes).get)
	if err != nil {
		t.Fatal(err)
	}
	webhook, err := readWebhookConfig(minimalWebhook.with(changes).get)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []*string{&portal.customers.KeyFormat, &webhook.customers.KeyFormat} {
		if *format == "{user}" {
			*format = "" // which means the same, see customers.Table
		}
	}
	return portal, webhook
}

// variableOf is the variable that the template sets to a parameter.
func variableOf(parameter string) string {
	words := regexp.MustCompile(`[A-Z][a-z]*`).FindAllString(parameter, -1)
	return strings.ToUpper(strings.Join(words, "_"))
}

// The template passes its defaults on, so a default of a function is served only if the template has the same.
func TestDefaultsOfTheTemplateAreThoseOfTheFunctions(t *testing.T) {
	parameters := readDeployment(t).Parameters
	portal, webhook := configurations(t, nil)
	compared := 0
	for name, parameter := range parameters {
		variable := variableOf(name)
		if parameter.Default == nil || *parameter.Default == "" || !isRead(variable) {
			continue // an empty variable counts as absent
		}
		compared++
		gotPortal, gotWebhook := configurations(t, env{variable: *parameter.Default})
		if !reflect.DeepEqual(gotPortal, portal) || !reflect.DeepEqual(gotWebhook, webhook) {
			t.Errorf("the default of %s is %q, which is not that of the functions", name, *parameter.Default)
		}
	}
	if compared < 10 {
		t.Errorf("only %d defaults were compared", compared)
	}
}

// isRead reports whether a function reads a variable.
func isRead(variable string) bool {
	read := false
	note := func(name string) string {
		read = read || name == variable
		return ""
	}
	_, _ = readPortalConfig(note)
	_, _ = readWebhookConfig(note)
	return read
}

func TestTheTemplateAllowsTheValuesThatTheFunctionsTake(t *testing.T) {
	parameters := readDeployment(t).Parameters
	taken := map[string][]string{
		"StripeLivemode": {"true", "false"},
		"ClientReferences": {
			string(webhook.NoReferences), string(webhook.SessionReferences), string(webhook.AllReferences),
		},
		"LogLevel": {"debug", "info", "warn", "error"},
	}
	for name, parameter := range parameters {
		if !isRead(variableOf(name)) {
			continue
		}
		if !slices.Equal(parameter.AllowedValues, taken[name]) {
			t.Errorf("%s allows %v, want %v", name, parameter.AllowedValues, taken[name])
		}
		for _, value := range parameter.AllowedValues {
			configurations(t, env{variableOf(name): value})
		}
	}
	flows := strings.Join(params.Flows(), "|")
	if got, want := parameters["AllowedFlows"].Pattern, "^(("+flows+")(,("+flows+"))*)?$"; got != want {
		t.Errorf("AllowedFlows has the pattern %s, want %s", got, want)
	}
}

func TestTheTemplateSubscribesToTheEventsThatTheWebhookTakes(t *testing.T) {
	d := readDeployment(t)
	if got := d.Resources.Rule.Properties.EventPattern.Types; !slices.Equal(got, webhook.Types) {
		t.Errorf("the rule passes on %v, the webhook takes %v", got, webhook.Types)
	}
	if got := strings.Split(d.Outputs.EventTypes.Value, ","); !slices.Equal(got, webhook.Types) {
		t.Errorf("the output names %v, the webhook takes %v", got, webhook.Types)
	}
	if _, ok := d.Resources.API.Properties.DefinitionBody.Paths[webhook.Path]; !ok {
		t.Errorf("the API has no route to %s", webhook.Path)
	}
}
