package app_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"billingportal/functions/app/internal/config/configtest"
	"billingportal/functions/app/portal"
	"billingportal/functions/app/webhook"
	"billingportal/functions/internal/params"
	handler "billingportal/functions/internal/webhook"
)

// deployment has the parts of template.yaml that must agree with the functions.
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

// configurations returns the configurations of both functions with some variables changed.
func configurations(t *testing.T, changes configtest.Env) (portal.Config, webhook.Config) {
	t.Helper()
	forPortal, err := portal.ReadConfig(configtest.Portal.With(changes).Get)
	if err != nil {
		t.Fatal(err)
	}
	forWebhook, err := webhook.ReadConfig(configtest.Webhook.With(changes).Get)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []*string{&forPortal.Customers.KeyFormat, &forWebhook.Customers.KeyFormat} {
		if *format == "{user}" {
			*format = "" // means the same, see customers.Table
		}
	}
	return forPortal, forWebhook
}

// variableOf returns the variable that the template sets to a parameter.
func variableOf(parameter string) string {
	words := regexp.MustCompile(`[A-Z][a-z]*`).FindAllString(parameter, -1)
	return strings.ToUpper(strings.Join(words, "_"))
}

// The template passes its defaults on, so a default in a function has an effect only if the
// template has the same one.
func TestDefaultsOfTheTemplateAreThoseOfTheFunctions(t *testing.T) {
	parameters := readDeployment(t).Parameters
	forPortal, forWebhook := configurations(t, nil)
	read := slices.Concat(portal.Variables(), webhook.Variables())
	compared := 0
	for name, parameter := range parameters {
		variable := variableOf(name)
		if parameter.Default == nil || *parameter.Default == "" || !slices.Contains(read, variable) {
			continue // an empty variable counts as absent
		}
		compared++
		gotPortal, gotWebhook := configurations(t, configtest.Env{variable: *parameter.Default})
		if !reflect.DeepEqual(gotPortal, forPortal) || !reflect.DeepEqual(gotWebhook, forWebhook) {
			t.Errorf("the default of %s is %q, which is not that of the functions", name, *parameter.Default)
		}
	}
	if compared < 10 {
		t.Errorf("only %d defaults were compared", compared)
	}
}

func TestTheTemplateAllowsTheValuesThatTheFunctionsTake(t *testing.T) {
	parameters := readDeployment(t).Parameters
	taken := map[string][]string{
		"StripeLivemode": {"true", "false"},
		"ClientReferences": {
			string(handler.NoReferences), string(handler.SessionReferences), string(handler.AllReferences),
		},
		"LogLevel": {"debug", "info", "warn", "error"},
	}
	read := slices.Concat(portal.Variables(), webhook.Variables())
	for name, parameter := range parameters {
		if !slices.Contains(read, variableOf(name)) {
			continue
		}
		if !slices.Equal(parameter.AllowedValues, taken[name]) {
			t.Errorf("%s allows %v, want %v", name, parameter.AllowedValues, taken[name])
		}
		for _, value := range parameter.AllowedValues {
			configurations(t, configtest.Env{variableOf(name): value})
		}
	}
	flows := strings.Join(params.Flows(), "|")
	if got, want := parameters["AllowedFlows"].Pattern, "^(("+flows+")(,("+flows+"))*)?$"; got != want {
		t.Errorf("AllowedFlows has the pattern %s, want %s", got, want)
	}
}

func TestTheTemplateSubscribesToTheEventsThatTheWebhookTakes(t *testing.T) {
	d := readDeployment(t)
	if got := d.Resources.Rule.Properties.EventPattern.Types; !slices.Equal(got, handler.Types) {
		t.Errorf("the rule passes on %v, the webhook takes %v", got, handler.Types)
	}
	if got := strings.Split(d.Outputs.EventTypes.Value, ","); !slices.Equal(got, handler.Types) {
		t.Errorf("the output names %v, the webhook takes %v", got, handler.Types)
	}
	if _, ok := d.Resources.API.Properties.DefinitionBody.Paths[handler.Path]; !ok {
		t.Errorf("the API has no route to %s", handler.Path)
	}
}
