package checks

import (
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"billingportal/functions/app"
	"billingportal/functions/app/portal"
	"billingportal/functions/app/webhook"
	"billingportal/local/internal/operator/configure"
	"billingportal/local/internal/runtimeapi"
)

func read(t *testing.T) template { return readFile(t, "template.yaml") }

func readFile(t *testing.T, path string) template {
	t.Helper()
	text, err := os.ReadFile("../../../" + path)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// ofRuntime are variables that Lambda sets, or that a deployment does not need.
var ofRuntime = []string{
	"AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_LAMBDA_FUNCTION_NAME",
	"AWS_LAMBDA_FUNCTION_VERSION",
	"AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
}

// functions are the functions that parameters configure.
var functions = map[string]app.Assembly{"PortalFunction": portal.New, "WebhookFunction": webhook.New}

func TestTemplateSetsEveryVariableThatAFunctionReads(t *testing.T) {
	parsed := read(t)
	if want := len(functions) + 1; len(parsed.variables) != want { // and preflight
		t.Errorf("%d functions with variables, want %d", len(parsed.variables), want)
	}
	for function, read := range map[string][]string{"PortalFunction": portal.Variables(),
		"WebhookFunction": webhook.Variables()} {
		want := slices.DeleteFunc(read, func(name string) bool { return slices.Contains(ofRuntime, name) })
		if got := slices.Sorted(maps.Keys(parsed.variables[function])); !slices.Equal(got, want) {
			t.Errorf("template.yaml sets the variables of %s\n%v\nthe function reads\n%v", function, got, want)
		}
	}
}

func TestVariablesComeFromTheParameterOfTheirName(t *testing.T) {
	parsed := read(t)
	for function := range functions {
		for name, expression := range parsed.variables[function] {
			camel := configure.ParameterName(name)
			want := "!Ref " + camel
			if name == "CUSTOMERS_TABLE" {
				want = "!If [CreateCustomersTable, !Ref Customers, !Ref CustomersTable]"
			}
			if _, ok := parsed.parameters[camel]; !ok || expression != want {
				t.Errorf("template.yaml: the variable %s of %s is %q, want %q", name, function, expression, want)
			}
		}
	}
}

// Preflight asks the function versions for their configuration, so it needs only the versions.
func TestPreflightGetsTheVersions(t *testing.T) {
	want := map[string]string{
		"PORTAL_FUNCTION":  "!Ref PortalFunction.Version",
		"WEBHOOK_FUNCTION": "!If [HasWebhook, !Ref WebhookFunction.Version, ]",
	}
	if got := read(t).variables["PreflightFunction"]; !maps.Equal(got, want) {
		t.Errorf("template.yaml: PreflightFunction has the variables %v, want %v", got, want)
	}
}

// The deployer must choose exactly the values that the functions require. The webhook function
// exists only if its secret or its event source is set.
func TestParametersWithoutDefaultAreThoseThatTheFunctionsRequire(t *testing.T) {
	parsed := read(t)
	for function, assemble := range functions {
		_, err := assemble(t.Context(), func(name string) string {
			switch {
			case name == "CUSTOMERS_TABLE":
				return "the-created-table"
			case name == "WEBHOOK_SECRET_ID":
				return "the-chosen-secret"
			case name == "AWS_ENDPOINT_URL", name == "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS":
				return "" // parsed by the SDK, so it must be valid
			case slices.Contains(ofRuntime, name):
				return "set"
			}
			return parsed.parameters[configure.ParameterName(name)].value
		}, io.Discard)
		if err == nil {
			t.Fatal("the function accepted the defaults without the required values")
		}
		var required, missing []string
		for name := range parsed.variables[function] {
			if !parsed.parameters[configure.ParameterName(name)].hasDefault {
				required = append(required, name)
			}
		}
		var environment *app.EnvironmentError
		if !errors.As(err, &environment) {
			t.Fatal(err)
		}
		for _, line := range environment.Wrong {
			name, _, _ := strings.Cut(line, " ")
			missing = append(missing, name)
		}
		slices.Sort(required)
		slices.Sort(missing)
		if !slices.Equal(missing, required) {
			t.Errorf("template.yaml: without a default are %[3]v, but %[1]s requires %[2]v",
				function, missing, required)
		}
	}
}

// examples are valid values of parameters, and typical mistakes, which must be rejected before the
// deployment starts.
var examples = []struct {
	parameter string
	accepted  []string
	refused   []string
}{
	{
		"StripeSecretId",
		[]string{"billing-portal/stripe", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:stripe-a1B2c3"},
		[]string{"", "with space",
			"arn:aws:secretsmanager:eu-west-1:123456789012:secret:stripe", "arn:aws:s3:::bucket"},
	},
	{"StripeSecretKmsKeyArn", []string{"", "arn:aws:kms:eu-west-1:123456789012:key/1234-ab"},
		[]string{"alias/x", "arn:aws:kms:eu-west-1:123456789012:alias/x"}},
	{"StripeApiBase", []string{"https://api.stripe.com", "https://proxy.example/stripe"},
		[]string{"", "http://api.stripe.com", "https://a@b", "https://a/?q"}},
	{"PortalHosts", []string{"billing.stripe.com", "billing.example.com,billing.stripe.com"},
		[]string{"", "https://billing.stripe.com", "a, b", "a,"}},
	{"CustomersTable", []string{"", "users", "arn:aws:dynamodb:eu-west-1:123456789012:table/users"},
		[]string{"ab", "a table", "arn:aws:dynamodb:eu-west-1:123456789012:table/users/index/x"}},
	{"CustomersKeyFormat", []string{"{user}", "USER#{user}", "{user}#BILLING", "TENANT#1"},
		[]string{"{user}{user}", "{tenant}", "{user"}},
	{"CustomersSortKey", []string{"", "sk=BILLING", "sk=USER#{user}"},
		[]string{"sk", "=x", "s k=x", "sk={user}{user}", "sk={x}"}},
	{"TruststoreUri", []string{
		"", "s3://trusted/edge-ca.pem", "s3://abc/edge.pem", "s3://a.b-c/folder/edge.pem",
	}, []string{"https://", "https://trusted/edge.pem", "s3://trusted", "s3://trusted/",
		"s3://ab/edge.pem", "s3://Trusted/a b"}},
	{"TruststoreVersion", []string{"", "3sL4kqtJlcpXroDTDmJ.x_y-z"}, []string{"a b", "a/b"}},
	{"StripeSecretField", []string{"api_key", "STRIPE_SECRET_KEY"}, []string{"", "a b", `a"b`, "a,b"}},
	{"BasePath", []string{"", "/v1", "/api/v1"}, []string{"v1", "/v1/", "/", "/v1?x"}},
	{
		"Release",
		[]string{"", "v1", "20261129", "0123456789", "0123456789-2a71130", "0123456789.1_2+3",
			"A123456789" + strings.Repeat("-", 118)},
		[]string{"v1.2.3", "2026-11-29", "v1-0123456789", "012345678-", "a b", "0123456789 a", "éclair",
			strings.Repeat("a", 129)},
	},
	{"StripeEventSource", []string{"", "aws.partner/stripe.com/ed_test_61Abc"},
		[]string{"aws.partner/other.example/x", "stripe.com"}},
	{"UserMetadataKey", []string{"user_id", "uid"}, []string{"", "a b", "a[b]"}},
	{
		"JwtIssuer",
		[]string{"https://example.auth0.com/", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC", "acme.com",
			"my-project-id", "http://adfs.example/adfs/services/trust", "urn:a:b", "https://issuer.example/?x"},
		[]string{"", "https://a.example,https://b.example", "a b", "a\tb", "1:2", ":a",
			"https://issuer.example/{tenantid}", "https://issuer.example/a b"},
	},
	{
		"JwtIssuerAliases",
		[]string{"", "https://login.example.com/",
			"acme.com,urn:a:b,http://adfs.example/adfs/services/trust,https://d.example/?x=(1)"},
		[]string{",", "a,", "a,b,c,d,e", "a, b", "https://*.example", "*", "{tenantid}",
			"https://issuer.example/{tenantid}", "1:2", "a\tb"},
	},
	{"JwtAudience", []string{"api", "https://api.example.com,mobile"}, []string{"", "a,", "a, b"}},
	{"JwtJwksUrl", []string{"", "https://issuer.example/jwks.json?p=1"},
		[]string{"http://issuer.example/jwks.json", "jwks.json"}},
	{"JwtJwks", []string{"", `{"keys":[]}`, "{\n\"keys\":[]\n}"}, []string{"[]", "keys"}},
	{"JwtRequiredScope", []string{"", "billing:manage"}, []string{"two scopes", `"quoted"`}},
	{"JwtRequiredClaim", []string{"", "org_role=admin|owner", "cognito:groups=billing team",
		"https://example.com/roles=admin"}, []string{"org_role", "=admin", "org_role=", "org_role=admin|"}},
	{"SessionCookie", []string{"", "__Host-session", "appSession.0"}, []string{"a b", "a;b", "a=b", "a,b"}},
	{
		"AllowedOrigins",
		[]string{"https://app.example.com", "https://app.example.com,http://localhost:5173", "http://[::1]:3000",
			"https://app.example.com:8443", "https://a.example:44", "https://a.example:4430", "http://localhost:8",
			"http://localhost:443"},
		[]string{"https://app.example.com:443", "http://localhost:80", "https://a.example,https://b.example:443",
			"https://a.example:0443", "", "*", "https://app.example.com/", "http://app.example.com",
			"https://App.example.com", "https://a@b", "https://a, https://b", "https://a,"},
	},
	{"DefaultReturnUrl", []string{
		"https://app.example.com", "https://app.example.com/account?tab=billing#x", "http://localhost:5173/",
	}, []string{"", "http://app.example.com", "https://a@b/", "//evil", "javascript:alert(1)"}},
	{"AllowedFlows", []string{"", "subscription_cancel", "payment_method_update,subscription_update_confirm"},
		[]string{"cancel", "subscription_cancel,"}},
	{"AllowedConfigurations", []string{"", "bpc_1,bpc_2"}, []string{"pm_1", "bpc_1, bpc_2"}},
	{"AllowedAccounts", []string{"", "acct_1"}, []string{"acct", "bpc_1"}},
	{"AllowedPromotionCodes", []string{"", "promo_1"}, []string{"SPRING"}},
	{"AllowedCoupons", []string{"", "STAY20", "Z4OV52SU,20-off"}, []string{"a b", ",a"}},
	{"ReservedConcurrency", []string{"", "0", "100"}, []string{"-1", "many"}},
	{"ProvisionedConcurrency", []string{"", "1", "20"}, []string{"0", "many"}},
	{"DomainName", []string{"", "billing.example.com"},
		[]string{"https://billing.example.com", "Billing.example.com", "billing.example.com/", "localhost"}},
	{"CertificateArn", []string{"", "arn:aws-us-gov:acm:us-gov-west-1:123456789012:certificate/1-a"},
		[]string{"1-a", "arn:aws:iam::123456789012:server-certificate/x"}},
	{"HostedZoneId", []string{"", "Z0123456789ABCDEFGHIJ"}, []string{"/hostedzone/Z1", "example.com"}},
	{"NotificationTopicArn", []string{"", "arn:aws:sns:eu-west-1:123456789012:alarms"},
		[]string{"alarms", "arn:aws:sqs:eu-west-1:123456789012:alarms"}},
	{"VpcSubnetIds", []string{"", "subnet-0a", "subnet-0a,subnet-0b"}, []string{"vpc-0a", "subnet-0a, subnet-0b"}},
	{"VpcSecurityGroupIds", []string{"", "sg-0a"}, []string{"sg-", "subnet-0a"}},
	{"PermissionsBoundaryArn", []string{"", "arn:aws:iam::123456789012:policy/team/boundary"},
		[]string{"boundary", "arn:aws:iam::123456789012:role/x"}},
	{"RolePath", []string{"/", "/billing/"}, []string{"", "billing", "/billing"}},
	{"DefaultConfiguration", []string{"", "bpc_1"}, []string{"bpc_", "bpc_1,bpc_2", "pm_1"}},
	{"DefaultOnBehalfOf", []string{"", "acct_1"}, []string{"acct_", "acct_1,acct_2", "cus_1"}},
	{"NoAccountUrl", []string{"", "https://example.com/pricing?from=billing", "http://127.0.0.1:3000/"},
		[]string{"/pricing", "http://example.com", "https://a@b/"}},
	{"StripeAccount", []string{"", "acct_1Abc", "acct_test_1"}, []string{"acct_", "cus_1", "acct_1,acct_2"}},
	{"CustomersKey", []string{"user_id", "pk", "a.b:c-d"}, []string{"", "user id", "user#id"}},
	{"CustomersAttribute", []string{"customer_id", "billing.customer_id"}, []string{"", "a b", "a,b"}},
	{"JwtUserClaim", []string{"sub", "https://example.com/org_id"}, []string{"", "two claims"}},
	{"PreviousPortalVersion", []string{"", "7", "120"}, []string{"$LATEST", "-1", "live"}},
	{"AwsEndpointUrlDynamodb", []string{"", "https://vpce-1.dynamodb.eu-west-1.vpce.amazonaws.com",
		"http://host.docker.internal:8080/aws/dynamodb"}, []string{"dynamodb", "https://a@b", "https://a/?q"}},
}

// alike lists parameters that take the same values as another parameter of template.yaml. Whether
// the value may be empty can differ.
var alike = map[string]map[string]string{
	"template.yaml": {
		"CustomersKmsKeyArn": "StripeSecretKmsKeyArn", "WebhookSecretKmsKeyArn": "StripeSecretKmsKeyArn",
		"LogsKmsKeyArn":                  "StripeSecretKmsKeyArn",
		"PreviousStripeSecretKmsKeyArn":  "StripeSecretKmsKeyArn",
		"PreviousWebhookSecretKmsKeyArn": "StripeSecretKmsKeyArn",
		"PreviousCustomersKmsKeyArn":     "StripeSecretKmsKeyArn",
		"WebhookSecretId":                "StripeSecretId", "PreviousStripeSecretId": "StripeSecretId",
		"PreviousWebhookSecretId": "StripeSecretId",
		"PreviousCustomersTable":  "CustomersTable", "PreviousCustomersKeyFormat": "CustomersKeyFormat",
		"PreviousWebhookVersion":     "PreviousPortalVersion",
		"WebhookReservedConcurrency": "ReservedConcurrency", "WebhookProvisionedConcurrency": "ProvisionedConcurrency",
		"AwsEndpointUrlSecretsManager": "AwsEndpointUrlDynamodb",
	},
	"infra/edge.yaml": {
		"DomainName": "DomainName", "OriginDomainName": "DomainName", "CertificateArn": "CertificateArn",
		"ClientCertificateArn": "CertificateArn",
		"HostedZoneId":         "HostedZoneId", "BasePath": "BasePath", "LogsKmsKeyArn": "StripeSecretKmsKeyArn",
	},
	"infra/deployer.yaml": {
		"DomainName": "DomainName", "HostedZoneId": "HostedZoneId",
		"CustomersKmsKeyArn": "CustomersKmsKeyArn", "RolePath": "RolePath",
		"PermissionsBoundaryArn": "PermissionsBoundaryArn",
	},
}

// whole returns a pattern without its anchors and without the part that allows an empty value.
func whole(pattern string) string {
	inner := strings.TrimSuffix(strings.TrimPrefix(pattern, "^"), "$")
	if rest, ok := strings.CutSuffix(inner, ")?"); ok {
		inner = strings.TrimPrefix(rest, "(")
	}
	return strings.TrimSuffix(strings.TrimPrefix(inner, "("), ")")
}

func TestParameterPatterns(t *testing.T) {
	parameters := read(t).parameters
	spaced := []string{"CustomersKeyFormat", "CustomersSortKey", "JwtRequiredClaim"}
	checked := map[string]bool{}
	for _, test := range examples {
		checked[test.parameter] = true
		pattern := parameters[test.parameter].pattern
		if pattern == nil {
			t.Errorf("template.yaml: %s has no AllowedPattern", test.parameter)
			continue
		}
		refused := append([]string{"\n", " "}, test.refused...)
		for _, value := range test.accepted {
			for _, partition := range []string{"arn:aws:", "arn:aws-cn:", "arn:aws-us-gov:"} {
				if value := strings.Replace(value, "arn:aws:", partition, 1); !pattern.MatchString(value) {
					t.Errorf("template.yaml: the pattern of %s must accept %q", test.parameter, value)
				}
			}
			refused = append(refused, value+"\n", " "+value)
			if !slices.Contains(spaced, test.parameter) {
				refused = append(refused, value+" ")
			}
		}
		for _, value := range refused {
			isSpace := strings.TrimSpace(value) != value
			if pattern.MatchString(value) &&
				!(isSpace && (test.parameter == "JwtJwks" || slices.Contains(spaced, test.parameter))) {
				t.Errorf("template.yaml: the pattern of %s must reject %q", test.parameter, value)
			}
		}
	}
	for name, p := range parameters {
		_, isAlike := alike["template.yaml"][name]
		if p.pattern != nil && checked[name] == isAlike {
			t.Errorf("template_test.go: add the parameter either to examples or to alike:\n\t{%q, []string{%q},  "+
				"[]string{\"refused\"}},", name, p.value)
		}
		if p.pattern != nil && p.hasDefault && !p.pattern.MatchString(p.value) {
			t.Errorf("template.yaml: the pattern of %s rejects its default %q", name, p.value)
		}
	}
}

func TestAlikeParametersHaveTheSamePattern(t *testing.T) {
	of := read(t).parameters
	for file, pairs := range alike {
		parsed := readFile(t, file).parameters
		for name, other := range pairs {
			p := parsed[name]
			if p.pattern == nil {
				t.Errorf("%s: %s has no AllowedPattern", file, name)
				continue
			}
			got := p.pattern.String()
			if file == "infra/edge.yaml" {
				// the only Region of CloudFront certificates
				got = strings.ReplaceAll(got, ":us-east-1:", ":[a-z0-9-]+:")
			}
			if whole(got) != whole(of[other].pattern.String()) {
				t.Errorf("%s: the pattern of %s is %s, but that of %s in template.yaml is %s", file, name, got,
					other, of[other].pattern)
			}
			if p.pattern.MatchString(p.value) != p.hasDefault {
				t.Errorf("%s: the pattern of %s rejects its default %q, or accepts an empty value without having a "+
					"default", file, name, p.value)
			}
		}
		for name, p := range parsed {
			if _, ok := pairs[name]; file != "template.yaml" && p.pattern != nil && !ok && name != "StackName" {
				t.Errorf("template_test.go: alike has no entry for the parameter of %s: %s", file, name)
			}
		}
	}
}

// The functions must accept every value that the template accepts. JwtJwks is left out, because a
// pattern cannot check whether a key set has keys.
func TestFunctionsAcceptWhatThePatternsAccept(t *testing.T) {
	// With these variables, the most values of the other variables are valid.
	others := map[string]string{"JWT_JWKS_URL": "https://issuer.example/jwks.json", "CUSTOMERS_SORT_KEY": "sk={user}"}
	for _, example := range examples {
		if example.parameter == "JwtJwks" {
			continue
		}
		for function, assemble := range functions {
			for _, value := range example.accepted {
				_, err := assemble(t.Context(), func(name string) string {
					if configure.ParameterName(name) == example.parameter && value != "" {
						return value
					}
					return others[name]
				}, io.Discard)
				var environment *app.EnvironmentError
				if !errors.As(err, &environment) {
					t.Fatal("the function accepted an environment without a Region")
				}
				for _, line := range environment.Wrong {
					name, _, _ := strings.Cut(line, " ")
					if configure.ParameterName(name) == example.parameter && value != "" {
						t.Errorf("%s rejects %q, which template.yaml accepts: %s", function, value, line)
					}
				}
			}
		}
	}
}

func TestTestsBuildLikeTheDeployment(t *testing.T) {
	text, err := os.ReadFile("../../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	flags := strings.Join(runtimeapi.BuildFlags("$(TAGS)"), " ")
	for _, want := range []string{
		"BUILD = CGO_ENABLED=0 GOOS=linux GOARCH=$(LAMBDA_GOARCH) go build " + strings.Replace(flags, "-s -w",
			"'-s -w'", 1) + " -o $(ARTIFACTS_DIR)/bootstrap ",
		"TAGS  := " + runtimeapi.Tags + "\n", "LAMBDA_GOARCH ?= arm64\n",
	} {
		if !strings.Contains(string(text), strings.TrimRight(want, " ")) {
			t.Errorf("Makefile has no %q, which local/internal/runtimeapi uses", want)
		}
	}
}

// Go initializes every package that it links, so the webhook must not depend on packages of the
// portal.
func TestWebhookDoesNotLinkThePortal(t *testing.T) {
	requireParts(t, "functions/webhook", "functions/internal/webhook",
		"go-jose", "stripe-go", "functions/internal/auth", "functions/internal/billing", "functions/internal/params",
		"functions/internal/portal")
}

// The first page of `go run ./local` waits until all these packages are built.
func TestDevserverDoesNotLinkOperatorCommands(t *testing.T) {
	const aws = "aws-sdk-go-v2/"
	requireParts(t, "local", "local/internal/devserver", "local/internal/operator", aws+"config",
		aws+"service/cloudformation", aws+"service/codedeploy",
		aws+"service/lambda", aws+"service/signin", aws+"service/sso", aws+"service/sts")
}

// requireParts fails if a program does not link own, or links one of others.
func requireParts(t *testing.T, program, own string, others ...string) {
	t.Helper()
	list, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", runtimeapi.Tags,
		"billingportal/"+program).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range others {
		if strings.Contains(string(list), part) {
			t.Errorf("%s links %s", program, part)
		}
	}
	if !strings.Contains(string(list), own+"\n") {
		t.Errorf("%s does not link %s: %s", program, own, list)
	}
}
