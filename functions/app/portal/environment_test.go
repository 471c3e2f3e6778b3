package portal

import (
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"billingportal/functions/app/internal/config"
	"billingportal/functions/app/internal/config/configtest"
	"billingportal/functions/internal/auth"
	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/params"
	"billingportal/functions/internal/upstream"
)

// A key set of one public key, and one without any.
const (
	jwks = `{"keys":[{"use":"sig","kty":"EC","kid":"k","crv":"P-256","alg":"ES256",` +
		`"x":"WXmBl_SosSfyE7hrn4-RkgZbxuetmecuvoDvhe7UPe4","y":"hdUz_JEfVcVWtHmQqED02WCajlQkEgaX8u0Y5TtlCG8"}]}`
	emptyJWKS = `{"keys":[]}`
)

// secretText is a secret that was put into the wrong variable.
const secretText = "MARKERx7Q"

func TestDefaults(t *testing.T) {
	got, err := ReadConfig(configtest.Portal.Get)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Customers:         customers.Table{Name: "customers", Key: "user_id", Attribute: "customer_id"},
		StripeSecretID:    "billing-portal/stripe",
		StripeSecretField: "api_key",
		StripeAPIBase:     "https://api.stripe.com",
		PortalHosts:       []string{"billing.stripe.com"},
		Tokens: Tokens{Rules: auth.Config{Issuer: "https://issuer.example.com/",
			Audiences: []string{"billing-portal"}, UserClaim: "sub"}},
		Policy: params.Policy{
			AllowedOrigins:   []params.Origin{"https://app.example.com"},
			DefaultReturnURL: "https://app.example.com/account",
			AllowedFlows: []string{"payment_method_update", "subscription_cancel", "subscription_update",
				"subscription_update_confirm"},
		},
		Common: config.Common{
			LogLevel: slog.LevelInfo,
			AWS: config.AWS{AWS: upstream.AWS{Region: "eu-central-1", AccessKeyID: "AKIDEXAMPLE",
				SecretAccessKey: "secret"}},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("config = %+v\nwant     %+v", got, want)
	}
}

func TestEveryVariableIsRead(t *testing.T) {
	got, err := ReadConfig(configtest.Portal.With(configtest.Env{
		"AWS_SESSION_TOKEN":                "session",
		"AWS_LAMBDA_FUNCTION_NAME":         "portal",
		"AWS_ENDPOINT_URL_DYNAMODB":        "http://127.0.0.1:8080/aws/dynamodb",
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": "https://vpce-1.secretsmanager.eu-central-1.vpce.amazonaws.com",
		"CUSTOMERS_TABLE":                  "arn:aws:dynamodb:eu-central-1:123456789012:table/users",
		"CUSTOMERS_KEY":                    "pk",
		"CUSTOMERS_KEY_FORMAT":             "USER#{user}",
		"CUSTOMERS_SORT_KEY":               "sk=BILLING",
		"CUSTOMERS_ATTRIBUTE":              "billing.customer",
		"STRIPE_SECRET_ID": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:billing-portal/" +
			"stripe-AbCdEf",
		"STRIPE_SECRET_FIELD":     "STRIPE_SECRET_KEY",
		"STRIPE_LIVEMODE":         "true",
		"STRIPE_API_BASE":         "http://127.0.0.1:8080/stripe/",
		"PORTAL_HOSTS":            "billing.stripe.com, 127.0.0.1:8080",
		"JWT_ISSUER_ALIASES":      "acme.com, urn:example:tenant",
		"JWT_AUDIENCE":            " a ,https://b.example/",
		"JWT_JWKS":                jwks,
		"JWT_USER_CLAIM":          "org_id",
		"JWT_REQUIRED_SCOPE":      "billing:manage",
		"JWT_REQUIRED_CLAIM":      "https://example.com/roles=admin|owner",
		"SESSION_COOKIE":          "__Host-session",
		"ALLOWED_ORIGINS":         "https://APP.example.com:443,http://localhost:3000",
		"DEFAULT_RETURN_URL":      "http://localhost:3000/account",
		"ALLOWED_CONFIGURATIONS":  "bpc_1,bpc_2",
		"DEFAULT_CONFIGURATION":   "bpc_3",
		"ALLOWED_ACCOUNTS":        "acct_1",
		"DEFAULT_ON_BEHALF_OF":    "acct_2",
		"ALLOWED_FLOWS":           "subscription_cancel,payment_method_update",
		"ALLOWED_COUPONS":         "STAY20",
		"ALLOWED_PROMOTION_CODES": "promo_1",
		"NO_ACCOUNT_URL":          "https://example.com/pricing",
		"BASE_PATH":               "/api/v1",
		"RELEASE":                 "v1.2.3",
		"LOG_LEVEL":               "error",
	}).Get)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Customers: customers.Table{
			Name: "arn:aws:dynamodb:eu-central-1:123456789012:table/users",
			Key:  "pk", KeyFormat: "USER#{user}", SortKey: "sk", SortValue: "BILLING",
			Attribute: "billing.customer",
		},
		StripeSecretID:    "arn:aws:secretsmanager:eu-central-1:123456789012:secret:billing-portal/stripe-AbCdEf",
		StripeSecretField: "STRIPE_SECRET_KEY",
		StripeAPIBase:     "http://127.0.0.1:8080/stripe",
		PortalHosts:       []string{"billing.stripe.com", "127.0.0.1:8080"},
		Tokens: Tokens{JWKS: jwks, Rules: auth.Config{
			Issuer: "https://issuer.example.com/", Aliases: []string{"acme.com", "urn:example:tenant"},
			Audiences: []string{"a", "https://b.example/"}, UserClaim: "org_id",
			RequiredScope: "billing:manage",
			RequiredClaim: auth.RequiredClaim{Name: "https://example.com/roles", Values: []string{"admin", "owner"}},
		}},
		SessionCookie: "__Host-session",
		NoAccountURL:  "https://example.com/pricing",
		Policy: params.Policy{
			AllowedOrigins:        []params.Origin{"https://app.example.com", "http://localhost:3000"},
			DefaultReturnURL:      "http://localhost:3000/account",
			AllowedConfigurations: []string{"bpc_1", "bpc_2"},
			DefaultConfiguration:  "bpc_3",
			AllowedAccounts:       []string{"acct_1"},
			DefaultOnBehalfOf:     "acct_2",
			AllowedFlows:          []string{"subscription_cancel", "payment_method_update"},
			AllowedCoupons:        []string{"STAY20"},
			AllowedPromotionCodes: []string{"promo_1"},
		},
		Common: config.Common{
			Livemode: true,
			BasePath: "/api/v1",
			LogLevel: slog.LevelError,
			Function: "portal",
			Release:  "v1.2.3",
			AWS: config.AWS{
				AWS: upstream.AWS{Region: "eu-central-1", AccessKeyID: "AKIDEXAMPLE",
					SecretAccessKey: "secret", SessionToken: "session"},
				DynamoDBEndpoint:       "http://127.0.0.1:8080/aws/dynamodb",
				SecretsManagerEndpoint: "https://vpce-1.secretsmanager.eu-central-1.vpce.amazonaws.com",
			},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("config = %+v\nwant     %+v", got, want)
	}
}

// wrong has invalid values of each variable. Required variables must not be empty either.
var wrong = map[string][]string{
	"AWS_REGION":            {"", "eu central", "eu-central-1.evil.example/#", "EU-CENTRAL-1"},
	"AWS_ACCESS_KEY_ID":     {"", " "},
	"AWS_SECRET_ACCESS_KEY": {""},
	"AWS_ENDPOINT_URL": {"http://dynamodb.example", "example.com", "https://", "https://a@b.example",
		"https://a.example/?x"},
	"AWS_ENDPOINT_URL_DYNAMODB":           {"http://169.254.169.254", "ftp://127.0.0.1", " "},
	"AWS_ENDPOINT_URL_SECRETS_MANAGER":    {"http://secretsmanager.example", "https://a.example/#x", "https://%zz"},
	"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": {"yes", "1"},
	"CUSTOMERS_TABLE":                     {"", "a b", "https://x.example"},
	"CUSTOMERS_KEY":                       {"a b", "a,b"},
	"CUSTOMERS_KEY_FORMAT":                {"USER", "{user}{user}", "{User}", "{user", "{tenant}#{user}", "a\tb{user}"},
	"CUSTOMERS_SORT_KEY": {"sk", "sk=", "=BILLING", "user_id=BILLING", "sk={user}{user}",
		"sk={tenant}", "s k=x", "sk=a\tb"},
	"CUSTOMERS_ATTRIBUTE": {"a b", "a,b", ".a", "a.", "a..b", "user_id", "user_id.a", "billing_portal",
		"billing_portal.x", "billing_portal_users"},
	"STRIPE_SECRET_ID":    {"", "a b", "a,b"},
	"STRIPE_SECRET_FIELD": {"a b", "a\"b"},
	"STRIPE_LIVEMODE":     {"", "yes", "TRUE", "1"},
	"STRIPE_API_BASE": {"http://api.stripe.com", "api.stripe.com", "https://user@api.stripe.com",
		"https://api.stripe.com?", "https://api.stripe.com/#", "https://:443", "https:api.stripe.com"},
	"PORTAL_HOSTS": {"https://billing.stripe.com", "billing.stripe.com/p", "a,,b", "a b",
		"BILLING.STRIPE.COM", "user@billing.stripe.com", "billing.stripe.com,", "*"},
	"JWT_ISSUER": {"", "http://issuer.example.com", "issuer", "https://issuer.example.com/?a=b",
		"https://issuer.example.com/#a", "https://user@issuer.example.com", "https://169.254.169.254/",
		"https://metadata.google.internal/", "https://issuer.example.com/a,https://issuer.example.com/b",
		"ftp://issuer.example.com", "urn:example:issuer", "https://[::1"},
	"JWT_ISSUER_ALIASES": {"alias", "http://alias.example", "https://alias.example/?a=b",
		"https://user@alias.example", "https://169.254.169.254/", "https://alias.example,",
		"https://issuer.example.com/", "https://alias.example,https://alias.example",
		"https://a.example,https://b.example,https://c.example,https://d.example,https://e.example",
		"https://alias example", "https://*.example", "https://alias.example/{tenantid}/v2.0",
		"https://alias.example/}", "https://alias.example/\tx"},
	"JWT_AUDIENCE": {"", "a,,b", "a b"},
	"JWT_JWKS_URL": {"http://issuer.example.com/jwks.json", "jwks.json", "https://169.254.169.254/latest",
		"https://[fd00:ec2::254]/", "https://user@issuer.example.com/"},
	"JWT_JWKS":           {"x", emptyJWKS, `{"keys":[{"kty":"oct","k":"` + secretText + `"}]}`, `[]`},
	"JWT_USER_CLAIM":     {"a b"},
	"JWT_REQUIRED_SCOPE": {"a b", `"`, "a\tb"},
	"JWT_REQUIRED_CLAIM": {"role", "role=", "=admin", "role=admin|", "role=|admin"},
	"SESSION_COOKIE":     {"a b", "a;b", "a=b", "a,b"},
	"ALLOWED_ORIGINS": {"", "https://app.example.com/path", "http://app.example.com", "app.example.com", "*",
		"null", "https://*.example.com,", "https://app.example.com,,https://b.example"},
	"DEFAULT_RETURN_URL": {"", "https://other.example.com/", "http://app.example.com/", "/account",
		"javascript:alert(1)", "https://app.example.com@evil.example/", `https://app.example.com\@evil.example/`},
	"ALLOWED_CONFIGURATIONS": {"a b", "a,,b"},
	"DEFAULT_CONFIGURATION":  {"a b", "a,b"},
	"ALLOWED_ACCOUNTS":       {"a,,b"},
	"DEFAULT_ON_BEHALF_OF":   {"a,b"},
	"ALLOWED_FLOWS": {"subscription_delete", "subscription_cancel,", "SUBSCRIPTION_CANCEL",
		"x|subscription_cancel"},
	"ALLOWED_COUPONS":         {"a b"},
	"ALLOWED_PROMOTION_CODES": {",a"},
	"NO_ACCOUNT_URL":          {"http://example.com/pricing", "/pricing", "//example.com", "javascript:alert(1)"},
	"BASE_PATH": {"v1", "/v1/", "/", "//v1", "/v1?x", "/v1#x", "/v 1",
		"https://example.com/v1", "/{proxy+}"},
	"LOG_LEVEL": {"INFO", "trace", "0"},
}

func TestEachWrongVariableIsNamedAlone(t *testing.T) {
	for name, values := range wrong {
		for _, value := range values {
			t.Run(name+"="+value, func(t *testing.T) {
				_, err := ReadConfig(configtest.Portal.With(configtest.Env{name: value}).Get)
				configtest.RequireWrong(t, err, name)
				if strings.Contains(err.Error(), secretText) {
					t.Errorf("the error repeats the value: %v", err)
				}
			})
		}
	}
}

func TestOneErrorNamesEveryWrongVariableAndNoValue(t *testing.T) {
	all := configtest.Env{}
	for name := range wrong {
		all[name] = "<" + secretText + ">,,"
	}
	delete(all, "JWT_JWKS_URL") // excludes JWT_JWKS
	delete(all, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
	all["JWT_REQUIRED_SCOPE"] = secretText + " " + secretText
	all["AWS_ACCESS_KEY_ID"], all["AWS_SECRET_ACCESS_KEY"] = "", ""
	_, err := ReadConfig(all.Get)
	configtest.RequireWrong(t, err, slices.Sorted(maps.Keys(all))...)
	if strings.Contains(err.Error(), secretText) {
		t.Errorf("the error repeats a value: %v", err)
	}
}

func TestTheCustomerIsNotInTheSortKey(t *testing.T) {
	_, err := ReadConfig(configtest.Portal.With(configtest.Env{"CUSTOMERS_SORT_KEY": "sk=BILLING",
		"CUSTOMERS_ATTRIBUTE": "sk"}).Get)
	configtest.RequireWrong(t, err, "CUSTOMERS_ATTRIBUTE")
}

func TestAnEmptyEnvironmentNamesWhatIsRequired(t *testing.T) {
	_, err := ReadConfig(configtest.Env{}.Get)
	configtest.RequireWrong(t, err, slices.Sorted(maps.Keys(configtest.Portal))...)
}

func TestEmptyVariablesCountAsAbsent(t *testing.T) {
	empty := maps.Clone(configtest.Portal)
	for name := range wrong {
		if _, required := configtest.Portal[name]; !required {
			empty[name] = ""
		}
	}
	got, err := ReadConfig(empty.Get)
	if err != nil {
		t.Fatal(err)
	}
	want, err := ReadConfig(configtest.Portal.Get)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("config = %+v, want %+v", got, want)
	}
}

// RFC 7519, section 2: a StringOrURI is any text, but must be a URI if it has a colon. Tokens
// repeat the issuer exactly, so it is never normalized.
func TestIssuersAreAnyTextIfTheKeysAreKnown(t *testing.T) {
	accepted := []string{
		"acme.com", "issuer", "my-project-id", "Bücher", "http://adfs.example.com/adfs/services/trust",
		"https://issuer.example.com/?tenant=1#x", "urn:example:issuer",
		"acme.com:8443", "mailto:issuer@example.com", "https://user@issuer.example.com", "https://169.254.169.254/",
		"*", "https://[::1]:8080/",
	}
	refused := []string{
		"acme com", "acme.com,acme.org", "a\tb", "a\u00a0b", "acme\u200b.com", "\ufeffacme.com", "a\x7fb", "1:2",
		":issuer", "https://issuer.example.com:port", "https://bücher.example/",
		"https://issuer.example.com/{tenantid}/v2.0", "https://issuer.example.com/a|b", "a:\x80",
	}
	for source, keys := range map[string]configtest.Env{"inline": {"JWT_JWKS": jwks},
		"an address": {"JWT_JWKS_URL": "https://keys.example.com/jwks.json"}} {
		for _, issuer := range accepted {
			got, err := ReadConfig(configtest.Portal.With(keys).With(configtest.Env{"JWT_ISSUER": issuer}).Get)
			if err != nil || got.Tokens.Rules.Issuer != issuer {
				t.Errorf("%s: %q = %q, %v", source, issuer, got.Tokens.Rules.Issuer, err)
			}
			if issuer == "*" {
				continue
			}
			got, err = ReadConfig(configtest.Portal.With(keys).With(configtest.Env{"JWT_ISSUER_ALIASES": issuer}).Get)
			if err != nil || !slices.Equal(got.Tokens.Rules.Aliases, []string{issuer}) {
				t.Errorf("%s: alias %q = %q, %v", source, issuer, got.Tokens.Rules.Aliases, err)
			}
		}
		for _, issuer := range refused {
			t.Run(source+" "+issuer, func(t *testing.T) {
				_, err := ReadConfig(configtest.Portal.With(keys).With(configtest.Env{"JWT_ISSUER": issuer}).Get)
				configtest.RequireWrong(t, err, "JWT_ISSUER")
				if strings.Contains(issuer, ",") {
					return
				}
				_, err = ReadConfig(configtest.Portal.With(keys).With(configtest.Env{"JWT_ISSUER_ALIASES": issuer}).Get)
				configtest.RequireWrong(t, err, "JWT_ISSUER_ALIASES")
			})
		}
	}
}

func TestAnIssuerThatIsNotAURLNeedsKeys(t *testing.T) {
	_, err := ReadConfig(configtest.Portal.With(configtest.Env{"JWT_ISSUER": "acme.com",
		"JWT_ISSUER_ALIASES": "acme.org"}).Get)
	configtest.RequireWrong(t, err, "JWT_ISSUER", "JWT_ISSUER_ALIASES")
	if strings.Count(err.Error(), "unless JWT_JWKS_URL or JWT_JWKS is set") != 2 {
		t.Errorf("err = %v", err)
	}
	// Unusable keys still count as keys, so the error is not about the issuer.
	_, err = ReadConfig(configtest.Portal.With(configtest.Env{"JWT_ISSUER": "acme.com", "JWT_JWKS": emptyJWKS}).Get)
	configtest.RequireWrong(t, err, "JWT_JWKS")
}

func TestAliases(t *testing.T) {
	const three = "https://a.example,https://issuer.example.com,https://ISSUER.example.com/"
	for name, test := range map[string]struct {
		env  configtest.Env
		want []string // nil if the origins are refused
	}{
		"four": {configtest.Env{
			"JWT_ISSUER_ALIASES": three + ",https://b.example",
		}, []string{"https://a.example", "https://issuer.example.com",
			"https://ISSUER.example.com/", "https://b.example"}},
		"spaces around commas": {configtest.Env{
			"JWT_ISSUER_ALIASES": " https://a.example , https://b.example ",
		}, []string{"https://a.example", "https://b.example"}},
		"five": {configtest.Env{"JWT_ISSUER_ALIASES": three +
			",https://b.example,https://c.example"}, nil},
		"five with keys": {configtest.Env{"JWT_ISSUER_ALIASES": "a,b,c,d,e", "JWT_JWKS": jwks}, nil},
		"JWT_ISSUER, with keys": {configtest.Env{"JWT_ISSUER_ALIASES": "a,https://issuer.example.com/",
			"JWT_JWKS": jwks}, nil},
		"twice, not next to each other": {configtest.Env{"JWT_ISSUER_ALIASES": "a,b,a", "JWT_JWKS": jwks}, nil},
		"a pattern, with keys":          {configtest.Env{"JWT_ISSUER_ALIASES": "*.acme.com", "JWT_JWKS": jwks}, nil},
		"a placeholder, with keys":      {configtest.Env{"JWT_ISSUER_ALIASES": "{tenant}", "JWT_JWKS": jwks}, nil},
		"half a placeholder, with keys": {configtest.Env{"JWT_ISSUER_ALIASES": "tenant}", "JWT_JWKS": jwks}, nil},
		"loopback": {configtest.Env{"JWT_ISSUER_ALIASES": "http://127.0.0.1:8080/oidc"},
			[]string{"http://127.0.0.1:8080/oidc"}},
		"loopback in live mode": {configtest.Env{"JWT_ISSUER_ALIASES": "http://127.0.0.1:8080/oidc",
			"STRIPE_LIVEMODE": "true"}, nil},
		"the second in live mode": {configtest.Env{"JWT_ISSUER_ALIASES": "https://a.example,http://[::1]/",
			"STRIPE_LIVEMODE": "true"}, nil},
		"https of localhost in live mode": {configtest.Env{"JWT_ISSUER_ALIASES": "https://LOCALHOST/oidc",
			"STRIPE_LIVEMODE": "true"}, nil},
		"a name below localhost": {configtest.Env{"JWT_ISSUER_ALIASES": "https://a.localhost./oidc",
			"STRIPE_LIVEMODE": "true"}, nil},
		"loopback in live mode, with keys": {configtest.Env{"JWT_ISSUER_ALIASES": "localhost:8080", "JWT_JWKS": jwks,
			"STRIPE_LIVEMODE": "true"}, nil},
		"like loopback in live mode": {configtest.Env{"JWT_ISSUER_ALIASES": "https://notlocalhost/," +
			"https://localhost.example", "STRIPE_LIVEMODE": "true"},
			[]string{"https://notlocalhost/", "https://localhost.example"}},
		"no authority in live mode": {configtest.Env{"JWT_ISSUER_ALIASES": "urn:example:localhost", "JWT_JWKS": jwks,
			"STRIPE_LIVEMODE": "true"}, []string{"urn:example:localhost"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReadConfig(configtest.Portal.With(test.env).Get)
			if !slices.Equal(got.Tokens.Rules.Aliases, test.want) || (err == nil) != (test.want != nil) {
				t.Errorf("aliases = %q, %v", got.Tokens.Rules.Aliases, err)
			}
			if err != nil {
				configtest.RequireWrong(t, err, "JWT_ISSUER_ALIASES")
			}
		})
	}
}

func TestKeysAreInlineOrFetchedNotBoth(t *testing.T) {
	_, err := ReadConfig(configtest.Portal.With(configtest.Env{"JWT_JWKS": jwks,
		"JWT_JWKS_URL": "https://issuer.example.com/jwks.json"}).Get)
	configtest.RequireWrong(t, err, "JWT_JWKS")
}

// https://docs.AWS.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
func TestAWSEndpointsAsTheSDKReadsThem(t *testing.T) {
	const all, own, other = "http://127.0.0.1:1", "http://127.0.0.1:2", "http://localhost:3"
	for name, test := range map[string]struct {
		env                      configtest.Env
		dynamoDB, secretsManager string
	}{
		"none":              {configtest.Env{}, "", ""},
		"one for all":       {configtest.Env{"AWS_ENDPOINT_URL": all}, all, all},
		"one for a service": {configtest.Env{"AWS_ENDPOINT_URL_DYNAMODB": own}, own, ""},
		"a service's own comes first": {configtest.Env{"AWS_ENDPOINT_URL": all,
			"AWS_ENDPOINT_URL_SECRETS_MANAGER": own}, all, own},
		"each its own": {configtest.Env{"AWS_ENDPOINT_URL_DYNAMODB": other,
			"AWS_ENDPOINT_URL_SECRETS_MANAGER": own}, other, own},
		"ignored": {configtest.Env{"AWS_ENDPOINT_URL": all, "AWS_ENDPOINT_URL_DYNAMODB": own,
			"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, "", ""},
		"ignored, in capitals": {configtest.Env{"AWS_ENDPOINT_URL": all,
			"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "TRUE"}, "", ""},
		"not ignored": {configtest.Env{"AWS_ENDPOINT_URL": all,
			"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "False"}, all, all},
		"a container on a developer's machine": {configtest.Env{
			"AWS_ENDPOINT_URL": "http://host.docker.internal:8080/aws",
		},
			"http://host.docker.internal:8080/aws", "http://host.docker.internal:8080/aws"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReadConfig(configtest.Portal.With(test.env).Get)
			if err != nil {
				t.Fatal(err)
			}
			if got.AWS.DynamoDBEndpoint != test.dynamoDB || got.AWS.SecretsManagerEndpoint != test.secretsManager {
				t.Errorf("endpoints = %q, %q", got.AWS.DynamoDBEndpoint, got.AWS.SecretsManagerEndpoint)
			}
		})
	}
}
