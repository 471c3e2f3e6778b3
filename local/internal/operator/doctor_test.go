package operator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"billingportal/functions/app/portal"
	"billingportal/functions/app/preflight"
	"billingportal/local/internal/commandline/commandtest"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
	"billingportal/local/internal/fakestripe/account"
	"billingportal/local/internal/gateway"
)

// patient is a deployment for doctor: the stand-ins of a development server, and the variables of
// its functions.
type patient struct {
	*devserver.Server
	portal, webhook map[string]string
	before          atomic.Pointer[interceptor]
}

// interceptor sees each request to an upstream first. It returns true if it has answered the
// request.
type interceptor func(w http.ResponseWriter, r *http.Request) bool

func (p *patient) intercept(before interceptor) { p.before.Store(&before) }

// newPatient returns a deployment without problems.
func newPatient(t *testing.T) *patient {
	t.Helper()
	customers := maps.Clone(devserver.DemoCustomers)
	delete(customers, "carol")
	p := &patient{}
	p.Server = devservertest.StartWith(t, customers, func(l *devserver.Server) http.Handler {
		cloud := devservertest.Handler(t, l, io.Discard)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if before := p.before.Load(); before == nil || !(*before)(w, r) {
				cloud.ServeHTTP(w, r)
			}
		})
	})
	p.portal, p.webhook = p.Environment(p.Origin), p.WebhookEnvironment(p.Origin)
	return p
}

// serves reports whether the portal redirects alice, who has a customer.
func (p *patient) serves(t *testing.T) bool {
	t.Helper()
	function, err := portal.New(t.Context(), devserver.GetenvOf(p.portal), io.Discard)
	if err != nil {
		return false
	}
	claims := map[string]any{}
	if issuer := p.portal["JWT_ISSUER"]; issuer != p.Origin+devserver.IssuerPath {
		claims["iss"] = issuer
	}
	token, err := p.Issuer.Token("alice", claims, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return status(t, function, token) == http.StatusSeeOther
}

func status(t *testing.T, function lambda.Handler, token string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://api.example/billing/portal", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	gateway.New(function, gateway.Config{}).ServeHTTP(w, r)
	return w.Code
}

// doctorWithoutPauses examines a deployment with the stand-in Stripe, which has no rate limit.
func doctorWithoutPauses(ctx context.Context, portal, webhook func(string) string) []preflight.Finding {
	return preflight.Examiner{Pause: noPause}.Doctor(ctx, portal, webhook)
}

// refuseAWS answers these operations of AWS with an error code.
func refuseAWS(code string, operations ...string) func(*patient) {
	return func(p *patient) {
		p.intercept(func(w http.ResponseWriter, r *http.Request) bool {
			target := r.Header.Get("X-Amz-Target")
			if !slices.ContainsFunc(operations, func(o string) bool { return strings.HasSuffix(target, "."+o) }) {
				return false
			}
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"com.amazon.coral.service#`+code+
				`","message":"User: arn:aws:iam::123456789012:user/MARKERx7Q is not authorized"}`)
			return true
		})
	}
}

func stripeData(change func(*account.Data)) func(*patient) {
	return func(p *patient) { p.Stripe.Change(change) }
}

func withhold(permission string) func(*patient) {
	return func(p *patient) { p.Stripe.Withhold(devserver.DemoKey, permission) }
}

func variable(name, value string) func(*patient) {
	return func(p *patient) { p.portal[name] = value }
}

func webhookVariable(name, value string) func(*patient) {
	return func(p *patient) { p.webhook[name] = value }
}

func both(one, two func(*patient)) func(*patient) {
	return func(p *patient) { one(p); two(p) }
}

func secretValue(value string) func(*patient) {
	return func(p *patient) { p.SecretsManager.Put(devserver.StripeSecret, value) }
}

// skewed changes the Date header of an upstream.
func skewed(path string, by time.Duration) func(*patient) {
	return func(p *patient) {
		p.intercept(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasPrefix(r.URL.Path, path) {
				w.Header().Set("Date", time.Now().Add(by).UTC().Format(http.TimeFormat))
			}
			return false
		})
	}
}

// faultCase is a fault, and the finding by which doctor reports it.
type faultCase struct {
	cause        func(*patient)
	name, status string // of the finding
	detail       string // a part of it
	advice       string // a part of it
}

func faultCases() map[string]faultCase {
	return map[string]faultCase{
		"a variable is missing": {variable("JWT_AUDIENCE", ""), "portal's variables", "problem",
			"JWT_AUDIENCE is required", ".deploy/ENV.toml"},
		"a variable is wrong": {variable("STRIPE_LIVEMODE", "perhaps"), "portal's variables", "problem",
			"STRIPE_LIVEMODE must be", "does not start"},
		"the return URL is elsewhere": {variable("DEFAULT_RETURN_URL", "https://other.example/"),
			"portal's variables", "problem", "DEFAULT_RETURN_URL must be on one of ALLOWED_ORIGINS", ""},
		"there is no such secret": {variable("STRIPE_SECRET_ID", "nothing"), "Stripe key's secret",
			"problem", "secretsmanager GetSecretValue: ResourceNotFoundException", "no such secret"},
		"the secret may not be read": {refuseAWS("AccessDeniedException", "GetSecretValue"),
			"Stripe key's secret", "problem", "AccessDeniedException", "Grant this role"},
		"the secret is not a Stripe key": {secretValue("correcthorsebatterystaple"), "Stripe key's secret",
			"problem", "it does not look like a Stripe key", "without a deployment"},
		"the secret is JSON of another name": {secretValue(`{"key":"` + devserver.DemoKey + `"}`),
			"Stripe key's secret", "problem", "STRIPE_SECRET_FIELD names", ""},
		"the key is of the other mode": {variable("STRIPE_LIVEMODE", "true"), "Stripe key's secret", "problem",
			"the key's mode differs from STRIPE_LIVEMODE", ""},
		"the key is an organization's": {secretValue("sk_org_test_" + "0123456789"), "Stripe key's secret",
			"problem", "an organization's key (sk_org_…), which needs a context", "without a deployment"},
		"the key was revoked": {func(p *patient) { _ = p.Stripe.SetKeys("sk_test_" + "another") },
			"Stripe key", "problem", "Stripe refuses it", "within 10 seconds"},
		"the key may not create sessions": {withhold("customer_portal_write"),
			"permission to create portal sessions", "problem", "the key lacks it", "Customer portal: Write"},
		"the key may not read subscriptions": {withhold("subscription_read"), "permission to read subscriptions",
			"problem", "flows about a subscription need it", "Subscriptions: Read"},
		"the key may not read products": {withhold("product_read"), "permission to read products", "warning",
			"see no product names", "Products: Read"},
		"the portal was never set up": {stripeData(func(d *account.Data) {
			d.Configurations = d.Configurations[1:]
		}), "portal settings", "problem", "never saved", "choose Save"},
		"a feature is switched off": {stripeData(func(d *account.Data) { d.Configurations[0].Cancel = false }),
			"flows", "warning", "subscription_cancel, so the API answers 409", "ALLOWED_FLOWS"},
		"the default configuration is gone": {variable("DEFAULT_CONFIGURATION", "bpc_Gone"),
			"portal configuration bpc_Gone", "problem", "no such configuration in this mode", "DEFAULT_CONFIGURATION"},
		"a configuration is inactive": {stripeData(func(d *account.Data) { d.Configurations[1].Inactive = true }),
			"portal configuration bpc_DemoCancelOnly", "problem", "not active", ""},
		"a coupon is gone": {variable("ALLOWED_COUPONS", "GONE"), "coupon GONE", "problem",
			"does not exist in this mode", "ALLOWED_COUPONS"},
		"a coupon has expired": {stripeData(func(d *account.Data) { d.Coupons[0].Expired = true }),
			"coupon STAY20", "problem", "no longer valid", ""},
		"coupons may not be read": {withhold("coupon_read"), "coupon STAY20", "warning",
			"nothing was checked", "The portal itself does not need it"},
		"a promotion code is inactive": {stripeData(func(d *account.Data) { d.PromotionCodes[0].Inactive = true }),
			"promotion code promo_DemoSpring", "problem", "no longer active", ""},
		"an account was disconnected": {stripeData(func(d *account.Data) { d.Connected = nil }),
			"connected account acct_DemoConnect", "problem", "cannot access this account", "connect the account again"},
		"the default account is another's": {variable("DEFAULT_ON_BEHALF_OF", "acct_Foreign"),
			"connected account acct_Foreign", "problem", "cannot access this account", ""},
		"no server for Stripe's API": {variable("STRIPE_API_BASE", "http://127.0.0.1:1"), "Stripe key", "problem",
			"stripe: unavailable", "status.stripe.com"},
		"the issuer has a slash too many": {func(p *patient) { p.portal["JWT_ISSUER"] += "/" }, "issuer's keys",
			"problem", "configuration document of another issuer", "including a slash at its end"},
		"the issuer is down": {variable("JWT_ISSUER", "http://127.0.0.1:1"), "issuer's keys", "problem",
			"connection failed", "go run ./local configure"},
		"the key set is somewhere else": {func(p *patient) { p.portal["JWT_JWKS_URL"] = p.Origin + "/nothing" },
			"issuer's keys", "problem", "key set: ", "JWT_JWKS_URL"},
		"an alias is down": {variable("JWT_ISSUER_ALIASES", "http://127.0.0.1:1"), "keys of the issuer's alias 1",
			"warning", "connection failed", "Compare number 1 of JWT_ISSUER_ALIASES"},
		"an alias is another issuer's": {func(p *patient) {
			p.portal["JWT_ISSUER_ALIASES"] = "http://127.0.0.1:1," + p.Origin + devserver.IssuerPath + "/"
		}, "keys of the issuer's alias 2", "warning", "configuration document of another issuer",
			"including a slash at its end"},
		"an alias repeats the issuer": {func(p *patient) {
			p.portal["JWT_ISSUER_ALIASES"] = p.Origin + devserver.IssuerPath
		}, "portal's variables", "problem", "JWT_ISSUER_ALIASES must not repeat JWT_ISSUER", ""},
		"the issuer is not a URL": {variable("JWT_ISSUER", "acme.com"), "portal's variables", "problem",
			"JWT_ISSUER must be an https URL", ""},
		"there is no such table": {variable("CUSTOMERS_TABLE", "nothing"), "customers table", "problem",
			"ResourceNotFoundException", "no such table"},
		"the table has another key": {variable("CUSTOMERS_KEY", "pk"), "customers table's key", "problem",
			"user_id (HASH), but the configured key is pk (HASH)", "CUSTOMERS_KEY"},
		"the table has no sort key": {variable("CUSTOMERS_SORT_KEY", "sk=BILLING"), "customers table", "problem",
			"the table's key differs from", ""},
		"the table may not be read": {refuseAWS("AccessDeniedException", "GetItem"), "customers table", "problem",
			"dynamodb GetItem: AccessDeniedException", "Grant this role"},
		"the table may not be described": {refuseAWS("AccessDeniedException", "DescribeTable"), "customers table's key",
			"warning", "DescribeTable is denied", "dynamodb:DescribeTable"},
		"buyers name users": {webhookVariable("CLIENT_REFERENCES", "all"), "CLIENT_REFERENCES", "warning",
			"a buyer can change it", "Choose sessions"},
		"the table may not be scanned": {refuseAWS("AccessDeniedException", "Scan"), "a sample of the mapping",
			"warning", "no mapping was checked", "dynamodb:Scan"},
		"the attribute is another": {variable("CUSTOMERS_ATTRIBUTE", "user_id.customer"), "portal's variables",
			"problem", "CUSTOMERS_ATTRIBUTE must not be a key", ""},
		"a customer was deleted": {func(p *patient) {
			_ = p.DynamoDB.Put(devserver.CustomersTable,
				map[string]any{"user_id": "carol", "customer_id": "cus_DemoCarol"})
		}, "a sample of the mapping", "warning", "1 of 4 customers no longer exist", "import --verify"},
		"a user has two customers": {func(p *patient) {
			two := map[string]any{"cus_DemoDave": map[string]any{"metadata": 1},
				"cus_DemoErin": map[string]any{"metadata": 2}}
			_ = p.DynamoDB.Put(devserver.CustomersTable,
				map[string]any{"user_id": "frank", "customer_id": "cus_DemoErin", "billing_portal": two})
		}, "a sample of the mapping", "warning", "1 of 4 users have several customers", "effect conflict"},
		"an item with other content": {func(p *patient) {
			_ = p.DynamoDB.Put(devserver.CustomersTable,
				map[string]any{"user_id": "grace", "customer_id": "grace@example.com"})
		}, "a sample of the mapping", "warning",
			"1 of 4 items have a value that is not a customer ID", "CUSTOMERS_ATTRIBUTE"},
		"the signing secret is an API key": {webhookVariable("WEBHOOK_SECRET_ID", devserver.StripeSecret),
			"signing secrets", "problem", "does not look like a signing secret", "WEBHOOK_SECRET_ID"},
		"there is no signing secret": {webhookVariable("WEBHOOK_SECRET_ID", "nothing"), "signing secrets", "problem",
			"ResourceNotFoundException", ""},
		"a variable of the webhook": {webhookVariable("CLIENT_REFERENCES", "some"), "webhook's variables", "problem",
			"CLIENT_REFERENCES must be", ""},
		"there is no endpoint": {stripeData(func(d *account.Data) { d.Endpoints = nil }), "webhook endpoint",
			"problem", "no endpoint has a URL that ends in /stripe/webhook", "WebhookEndpoint"},
		"the endpoint is disabled": {stripeData(func(d *account.Data) { d.Endpoints[0].Disabled = true }),
			"webhook endpoint", "problem", "it is disabled", "import --verify"},
		"the endpoint lacks a type": {stripeData(func(d *account.Data) {
			d.Endpoints[0].Events = d.Endpoints[0].Events[:2]
		}), "webhook endpoint", "problem", "customer.deleted, checkout.session.completed", "Add these event types"},
		"a destination sends thin events": {stripeData(func(d *account.Data) {
			d.Endpoints = append(d.Endpoints, account.WebhookEndpoint{ID: "ed_test_61Thin", URL: d.Endpoints[0].URL,
				Thin: true, Events: []string{"v1.customer.created"}})
		}), "thin events", "warning", "send thin events, which have no effect: ed_test_61Thin", "snapshot payloads"},
		"destinations may not be read": {withhold("webhook_read"), "thin events", "warning", "nothing was checked",
			"Event destinations: Read"},
		"the event source sends thin events": {func(p *patient) {
			p.webhook["STRIPE_EVENT_SOURCE"] = "aws.partner/stripe.com/we_Demo"
			p.Stripe.Change(func(d *account.Data) { d.Endpoints[0].Thin = true })
		}, "event destination", "problem", "it sends thin events", "snapshot payloads"},
		"another account's events count": {webhookVariable("STRIPE_ACCOUNT", "acct_Other"), "STRIPE_ACCOUNT",
			"problem", "not the account of the Stripe key", "Set STRIPE_ACCOUNT"},
		"the account may not be read": {both(withhold("accounts_kyc_basic_read"),
			webhookVariable("STRIPE_ACCOUNT", "acct_Demo")), "STRIPE_ACCOUNT", "warning", "nothing was compared",
			"Compare STRIPE_ACCOUNT"},
		"the account is an organization": {webhookVariable("STRIPE_ACCOUNT", "org_Demo"),
			"webhook's variables", "problem", "STRIPE_ACCOUNT must be", ""},
		"an organization may have the endpoint": {both(webhookVariable("STRIPE_ACCOUNT", "acct_Demo"),
			stripeData(func(d *account.Data) { d.Endpoints = nil })), "webhook endpoint", "warning",
			"those of its organization", "snapshot payloads"},
		"an organization may have the destination": {both(webhookVariable("STRIPE_ACCOUNT", "acct_Demo"),
			webhookVariable("STRIPE_EVENT_SOURCE", "aws.partner/stripe.com/ed_Gone")), "event destination", "warning",
			"those of its organization", ""},
		"there is no such event source": {webhookVariable("STRIPE_EVENT_SOURCE", "aws.partner/stripe.com/ed_Gone"),
			"event destination", "problem", "no event destination in this mode", ""},
		"this clock is behind": {skewed(devserver.StripePath, time.Minute), "clock", "problem",
			"seconds behind", "clock"},
		"this clock is a little ahead": {skewed("/aws/dynamodb", -12*time.Second), "clock", "warning",
			"seconds ahead", "clock"},
	}
}

// Doctor names each fault and its remedy, and a deployment without a problem serves requests.
func TestDoctorNamesEachFault(t *testing.T) {
	t.Parallel()
	for name, test := range faultCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPatient(t)
			test.cause(p)
			start := time.Now()
			findings := doctorWithoutPauses(t.Context(), devserver.GetenvOf(p.portal), devserver.GetenvOf(p.webhook))
			if took := time.Since(start); took > 15*time.Second {
				t.Errorf("it took %s", took)
			}
			i := slices.IndexFunc(findings, func(f preflight.Finding) bool { return f.Name == test.name })
			if i < 0 {
				t.Fatalf("no finding %q in %+v", test.name, findings)
			}
			if f := findings[i]; string(f.Status) != test.status || !strings.Contains(f.Detail, test.detail) ||
				!strings.Contains(f.Advice, test.advice) {
				t.Errorf("%+v, want %s: %s; %s", f, test.status, test.detail, test.advice)
			}
			text, err := json.Marshal(findings)
			if err != nil || strings.Contains(string(text), "MARKER") ||
				strings.Contains(string(text), devserver.DemoKey) {
				t.Errorf("%v, or it says too much: %s", err, text)
			}
			if !preflight.HasProblem(findings) && !p.serves(t) {
				t.Errorf("doctor has no problem with it, and the portal does not serve: %+v", findings)
			}
		})
	}
}

func TestDoctorFindsNoFaultInAHealthyDeployment(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*patient){
		"the demo":                func(*patient) {},
		"no webhook":              func(p *patient) { p.webhook = nil },
		"a default configuration": variable("DEFAULT_CONFIGURATION", "bpc_DemoDefault"),
		"an event source": func(p *patient) {
			p.webhook["STRIPE_EVENT_SOURCE"] = "aws.partner/stripe.com/we_Demo"
		},
		"no reference counts":      webhookVariable("CLIENT_REFERENCES", "none"),
		"an organization's events": webhookVariable("STRIPE_ACCOUNT", "acct_Demo"),
		"the eleventh endpoint": stripeData(func(d *account.Data) {
			for i := range 10 {
				other := account.WebhookEndpoint{ID: fmt.Sprint("we_Other", i),
					URL: "https://other.example/events", Events: []string{"*"}}
				d.Endpoints = append([]account.WebhookEndpoint{other}, d.Endpoints...)
			}
		}),
		"another app's thin destination": stripeData(func(d *account.Data) {
			d.Endpoints = append(d.Endpoints, account.WebhookEndpoint{ID: "ed_test_61Thin",
				URL: "https://other.example/events", Thin: true, Events: []string{"*"}})
		}),
		"keys in the environment": func(p *patient) {
			keys, _ := json.Marshal(p.Issuer.KeySet())
			p.portal["JWT_JWKS"] = string(keys)
		},
		"a key that may not read subscriptions, without their flows": func(p *patient) {
			p.Stripe.Withhold(devserver.DemoKey, "subscription_read")
			p.portal["ALLOWED_FLOWS"] = "payment_method_update"
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPatient(t)
			change(p)
			for _, finding := range doctorWithoutPauses(t.Context(), devserver.GetenvOf(p.portal),
				devserver.GetenvOf(p.webhook)) {
				if finding.Status != preflight.OK || finding.Advice != "" || finding.Detail == "" {
					t.Errorf("%+v", finding)
				}
			}
			if !p.serves(t) {
				t.Error("it does not serve")
			}
		})
	}
}

// Every request to Stripe waits for its turn, including retries.
func TestDoctorPacesItsRequestsToStripe(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	var requests, pauses, failed atomic.Int32
	p.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, devserver.StripePath) {
			return false
		}
		if requests.Add(1); r.URL.Path == devserver.StripePath+"/v1/coupons/STAY20" && failed.Add(1) == 1 {
			w.WriteHeader(http.StatusInternalServerError)
			return true
		}
		return false
	})
	pause := func(ctx context.Context, _ time.Duration) error {
		pauses.Add(1)
		return ctx.Err()
	}
	findings := preflight.Examiner{Pause: pause}.Doctor(t.Context(), devserver.GetenvOf(p.portal),
		devserver.GetenvOf(p.webhook))
	if preflight.HasProblem(findings) || failed.Load() != 2 || requests.Load() < 15 ||
		pauses.Load() <= requests.Load() {
		t.Errorf("%d requests with %d pauses: %+v", requests.Load(), pauses.Load(), findings)
	}
}

func TestFindingsArePrinted(t *testing.T) {
	t.Parallel()
	findings := []preflight.Finding{
		{Name: "a", Status: preflight.Problem, Detail: "is wrong", Advice: "Mend it."},
		{Name: "b", Status: preflight.OK, Detail: "is well"},
		{Name: "c", Status: preflight.Warning, Detail: "may be wrong", Advice: "Look."},
	}
	var text, document bytes.Buffer
	if err := printFindings(&text, findings, false); err != nil {
		t.Fatal(err)
	}
	want := "ok       b: is well\nWARNING  c: may be wrong\n         Look.\nPROBLEM  a: is wrong\n         Mend " +
		"it.\n3 checks: 1 ok, 1 warning, 1 problem\n"
	if text.String() != want {
		t.Errorf("printed\n%s", &text)
	}
	if err := printFindings(&document, findings, true); err != nil {
		t.Fatal(err)
	}
	var read []map[string]string
	if err := json.Unmarshal(document.Bytes(), &read); err != nil || len(read) != 3 || read[0]["name"] != "a" ||
		read[0]["status"] != "problem" || read[0]["advice"] != "Mend it." ||
		read[1]["advice"] != "" || len(read[1]) != 4 {
		t.Errorf("%v: %s", err, &document)
	}
}

func TestDoctorOfTheStandInsFindsNoFault(t *testing.T) {
	for _, name := range []string{"CUSTOMERS_TABLE", "STRIPE_SECRET_ID", "JWT_ISSUER"} {
		t.Setenv(name, "")
	}
	if output, _, err := run(t, "doctor"); err != nil ||
		!regexp.MustCompile(`(\d+) checks: \d+ ok, 0 warnings, 0 problems\n$`).MatchString(output) {
		t.Errorf("%v\n%s", err, output)
	}
	var findings []preflight.Finding
	if output, _, err := run(t, "doctor", "--json"); err != nil || json.Unmarshal([]byte(output), &findings) != nil ||
		len(findings) < 20 {
		t.Errorf("standard output is not only a JSON array: %v\n%s", err, output)
	}
}

// stackResources returns one of two pages of a CloudFormation list of resources, with a function
// that is no longer in the stack. domain is the status of the API's domain.
func stackResources(token, domain string) string {
	member := func(logical, physical, kind, status string) string {
		return "<member><LogicalResourceId>" + logical + "</LogicalResourceId><PhysicalResourceId>" + physical +
			"</PhysicalResourceId><ResourceType>" + kind + "</ResourceType><ResourceStatus>" + status +
			"</ResourceStatus></member>"
	}
	page := "<StackResourceSummaries>" +
		strings.Repeat(member("Version", "arn", "AWS::Lambda::Version", "DELETE_SKIPPED"), 100) +
		member("PortalFunction", "stack-portal", "AWS::Lambda::Function", "UPDATE_COMPLETE") +
		"</StackResourceSummaries><NextToken>2</NextToken>"
	if token == "2" {
		page = "<StackResourceSummaries>" + member("WebhookFunction", "stack-webhook",
			"AWS::Lambda::Function", "CREATE_COMPLETE") +
			member("WebhookFunction", "stack-webhook-before", "AWS::Lambda::Function", "DELETE_COMPLETE") +
			member("PortalDomain", "billing.example.com", "AWS::ApiGatewayV2::DomainName", domain) +
			"</StackResourceSummaries>"
	}
	return `<ListStackResourcesResponse ` +
		`xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><ListStackResourcesResult>` +
		page + `</ListStackResourcesResult></ListStackResourcesResponse>`
}

// Doctor checks the functions of a stack with their variables in AWS, and with the operator's
// credentials.
func TestDoctorOfAStack(t *testing.T) {
	awsAlone(t, temporary)
	p := newPatient(t)
	seen := signatures{not: p.Credentials.AccessKeyID}
	domain := "CREATE_COMPLETE"
	p.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		seen.note(r)
		return false
	})
	aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.note(r)
		switch {
		case strings.Contains(r.URL.Path, "/functions/stack-portal/configuration") &&
			r.URL.Query().Get("Qualifier") == "live":
			_ = json.NewEncoder(w).Encode(map[string]any{"Environment": map[string]any{"Variables": p.portal}})
		case strings.Contains(r.URL.Path, "/functions/stack-webhook/configuration") &&
			r.URL.Query().Get("Qualifier") == "":
			_ = json.NewEncoder(w).Encode(map[string]any{"Environment": map[string]any{"Variables": p.webhook}})
		case strings.Contains(r.URL.Path, "/functions/"):
			w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"Type":"User","Message":"Cannot find alias arn"}`)
		default:
			w.Header().Set("Content-Type", "text/xml")
			_, _ = io.WriteString(w, stackResources(r.FormValue("NextToken"), domain))
		}
	}))
	t.Cleanup(aws.Close)
	t.Setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", aws.URL)
	t.Setenv("AWS_ENDPOINT_URL_LAMBDA", aws.URL)
	for _, finding := range examined(t, "billing", "ap-south-1") {
		if finding.Status != preflight.OK {
			t.Errorf("%+v", finding)
		}
	}
	seen.require(t, "ap-south-1", "cloudformation", "lambda", "dynamodb", "secretsmanager")
	domain = "DELETE_COMPLETE"
	for path, want := range map[string]string{"": "warning", "/v1": "ok"} {
		p.portal["BASE_PATH"] = path
		if got := sessionCookie(examined(t, "billing", "")); got != want {
			t.Errorf("without a domain, and with BASE_PATH=%s: %s, want %s", path, got, want)
		}
	}
	delete(p.portal, "SESSION_COOKIE")
	if got := sessionCookie(examined(t, "billing", "")); got != "" {
		t.Errorf("without a cookie: %s", got)
	}
	p.Stripe.Change(func(d *account.Data) { d.Endpoints = nil })
	if findings := examined(t, "billing", ""); !slices.ContainsFunc(findings, func(f preflight.Finding) bool {
		return f.Name == "webhook endpoint" && f.Status == preflight.Problem
	}) {
		t.Errorf("%+v", findings)
	}
}

// sessionCookie returns the status of the finding about the session cookie, or "" without one.
func sessionCookie(findings []preflight.Finding) string {
	for _, finding := range findings {
		if finding.Name == "session cookie" {
			return string(finding.Status)
		}
	}
	return ""
}

// examined returns the findings of the command, made without pauses because the stand-in Stripe has
// no rate limit.
func examined(t *testing.T, stack, region string) []preflight.Finding {
	t.Helper()
	e := examination{getenv: os.Getenv, examiner: preflight.Examiner{Pause: noPause}, stack: stack, region: region,
		said: io.Discard}
	findings, err := e.run(t.Context())
	if err != nil || len(findings) < 10 {
		t.Fatalf("%v: %+v", err, findings)
	}
	return findings
}

// The exit status is 1 for a problem, and 0 for only warnings.
func TestDoctorFailsForAProblem(t *testing.T) {
	file := filepath.Join(t.TempDir(), "portal.json")
	if err := os.WriteFile(file, []byte(`{"team": {"name": "x"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, asJSON := range []string{"", "yes"} {
		awsAlone(t, temporary)
		t.Setenv("CUSTOMERS_TABLE", "")
		t.Setenv("JWT_AUDIENCE", "")
		output, _, err := run(t,
			append([]string{"doctor", "--portal-config", file}, commandtest.Option("--json", asJSON)...)...)
		if err != nil || !strings.Contains(output, "Stripe has no configuration with this name in this mode") {
			t.Errorf("a warning: %v\n%s", err, output)
		}
		t.Setenv("JWT_AUDIENCE", "api") // the only variable that is set
		output, _, err = run(t, append([]string{"doctor"}, commandtest.Option("--json", asJSON)...)...)
		if !strings.HasPrefix(commandtest.Said(err), "1 problem: fix \"portal's variables\" as its advice says, ") ||
			!strings.Contains(output, "JWT_ISSUER is required") {
			t.Errorf("a problem: %v\n%s", err, output)
		}
	}
}

// Doctor checks the environment's deployment with the operator's credentials. It checks the webhook
// if the variables name a signing secret or an event bus.
func TestDoctorOfTheEnvironment(t *testing.T) {
	for name, test := range map[string]struct {
		webhook map[string]string
		checks  string // of the webhook
	}{
		"no webhook": {nil, ""},
		"signing secrets": {map[string]string{"WEBHOOK_SECRET_ID": devserver.WebhookSecret},
			"signing secrets, webhook endpoint"},
		"a bus": {map[string]string{"STRIPE_EVENT_SOURCE": "aws.partner/stripe.com/we_Demo"}, "event destination"},
	} {
		t.Run(name, func(t *testing.T) {
			awsAlone(t, nil)
			p := newPatient(t)
			seen := signatures{not: p.Credentials.AccessKeyID}
			p.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
				seen.note(r)
				return false
			})
			for _, variables := range []map[string]string{p.portal, temporary, test.webhook} {
				for name, value := range variables {
					t.Setenv(name, value)
				}
			}
			var checks []string
			findings := examined(t, "", "")
			for _, finding := range findings {
				if slices.Contains([]string{"signing secrets", "webhook endpoint", "event destination"}, finding.Name) {
					checks = append(checks, finding.Name)
				}
			}
			if got := sessionCookie(findings); got != "warning" { // no variable names a domain
				t.Errorf("a session cookie: %s", got)
			}
			if got := strings.Join(checks, ", "); got != test.checks {
				t.Errorf("checks %q, want %q: %+v", got, test.checks, findings)
			}
			seen.require(t, "eu-west-3", "dynamodb", "secretsmanager")
		})
	}
}
