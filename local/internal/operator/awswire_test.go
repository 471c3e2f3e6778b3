package operator

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"billingportal/local/internal/commandline/commandtest"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
)

// signatures collects the identities that AWS sees in requests: the service, the Region, the key
// and the session token.
type signatures struct {
	not  string // a key of another program, whose requests do not count
	mu   sync.Mutex
	seen map[string]bool
}

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
var credentialScope = regexp.MustCompile(`Credential=(\w+)/\d{8}/([\w-]+)/(\w+)/aws4_request, SignedHeaders=([\w;-]+),`)

// note records a request if it is a request to AWS.
func (s *signatures) note(r *http.Request) {
	scope := credentialScope.FindStringSubmatch(r.Header.Get("Authorization"))
	if len(scope) == 0 || scope[1] == s.not {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = map[string]bool{}
	}
	signed := "token is not signed"
	if slices.Contains(strings.Split(scope[4], ";"), "x-amz-security-token") {
		signed = "signed"
	}
	s.seen[fmt.Sprintf("%s in %s as %s with %s, %s", scope[3], scope[2], scope[1],
		r.Header.Get("X-Amz-Security-Token"), signed)] = true
}

// require fails unless exactly these services got requests, all with the operator's credentials.
func (s *signatures) require(t *testing.T, region string, services ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	want := map[string]bool{}
	for _, service := range services {
		want[service+" in "+region+" as AKIDEXAMPLE with TOKEN, signed"] = true
	}
	if !maps.Equal(s.seen, want) {
		t.Errorf("AWS saw %q, want %q", slices.Sorted(maps.Keys(s.seen)), slices.Sorted(maps.Keys(want)))
	}
}

// temporary are the credentials of a role or a sign-in. AWS refuses their key without the session
// token.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_use-resources.html
var temporary = map[string]string{"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "SECRET",
	"AWS_SESSION_TOKEN": "TOKEN", "AWS_REGION": "eu-west-3"}

// Commands reach AWS with the operator's credentials, in the operator's Region.
func TestCommandsReachAWSAsTheOperator(t *testing.T) {
	c := startCompany(t)
	for name, test := range map[string]struct {
		variables map[string]string
		arguments []string
		services  []string
	}{
		"import":           {nil, []string{"import"}, []string{"dynamodb"}},
		"import of a file": {nil, []string{"import", "--csv", file(t, "u1,cus_1\n")}, []string{"dynamodb"}},
		"import with a secret": {map[string]string{"STRIPE_SECRET_KEY": "",
			"STRIPE_SECRET_ID": devserver.StripeSecret}, []string{"import"}, []string{"dynamodb", "secretsmanager"}},
		"import with a blank key": {map[string]string{"STRIPE_SECRET_KEY": " \n",
			"STRIPE_SECRET_ID": devserver.StripeSecret}, []string{"import"}, []string{"dynamodb", "secretsmanager"}},
		"import with both": {map[string]string{"STRIPE_SECRET_ID": devserver.StripeSecret},
			[]string{"import"}, []string{"dynamodb"}},
		"import with a line end": {map[string]string{"STRIPE_SECRET_KEY": " " + devserver.DemoKey + "\n"},
			[]string{"import"}, []string{"dynamodb"}},
		"verification and fixing": {nil, []string{"import", "--verify", "--fix"}, []string{"dynamodb"}},
		"portal-config": {map[string]string{"STRIPE_SECRET_KEY": "", "STRIPE_SECRET_ID": devserver.StripeSecret},
			[]string{"portal-config", "apply", file(t, "solo: {features: {invoice_history: {enabled: true}}}\n"),
				"--dry-run", "--no-write"}, []string{"secretsmanager"}},
	} {
		t.Run(name, func(t *testing.T) {
			awsAlone(t, nil)
			c.enter(t, 1)
			devservertest.SetOperatorEnvironment(t, c.Server, c.table)
			var seen signatures
			c.before = func(_ http.ResponseWriter, r *http.Request) bool {
				seen.note(r)
				return false
			}
			t.Setenv("AWS_ENDPOINT_URL_DYNAMODB", c.Origin+devserver.DynamoDBPath)
			t.Setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", c.Origin+devserver.SecretsManagerPath)
			for _, variables := range []map[string]string{temporary, test.variables} {
				for name, value := range variables {
					t.Setenv(name, value)
				}
			}
			if output, errOut, err := run(t, test.arguments...); err != nil {
				t.Errorf("%v\n%s%s", err, output, errOut)
			}
			seen.require(t, "eu-west-3", test.services...)
		})
	}
}

// A stand-in of AWS on this machine needs neither credentials nor a Region.
func TestAStandInNeedsNoCredentials(t *testing.T) {
	c := newCompany(t, 1)
	devservertest.SetOperatorEnvironment(t, c.Server, c.table)
	awsAlone(t, map[string]string{"CUSTOMERS_TABLE": c.table, "STRIPE_SECRET_KEY": "",
		"STRIPE_SECRET_ID": devserver.StripeSecret})
	for service, path := range map[string]string{"DYNAMODB": devserver.DynamoDBPath,
		"SECRETS_MANAGER": devserver.SecretsManagerPath} {
		t.Setenv("AWS_ENDPOINT_URL_"+service, c.Origin+path)
	}
	if output, errOut, err := run(t, "import"); err != nil || !strings.HasPrefix(output, "1 imported") {
		t.Errorf("%v\n%s%s", err, output, errOut)
	}
}

// A temporary failure of the table is retried for much longer than the SDK retries; a permanent
// failure is not retried. The first request fails soon, to show quickly whether there is a table.
func TestATableThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	c := startCompany(t)
	for operation, test := range map[string]struct {
		status        int
		code, failure string
		tries         int
	}{
		"GetItem of a table that fails": {500, "InternalServerError",
			"the table customers-#: dynamodb GetItem: InternalServerError", 3},
		"GetItem of a table that is gone": {400, "ResourceNotFoundException",
			"the table customers-#: dynamodb GetItem: ResourceNotFoundException: it does not exist in the Region " +
				"eu-central-1: check its name and AWS_REGION", 1},
		"UpdateItem of a table that fails": {500, "InternalServerError",
			`write the claim of user "u1": write the facts: dynamodb UpdateItem: InternalServerError`, 8 * 10},
		"UpdateItem of a table that is gone": {400, "ResourceNotFoundException",
			`write the claim of user "u1": write the facts: dynamodb UpdateItem: ResourceNotFoundException`, 1},
	} {
		t.Run(operation, func(t *testing.T) {
			c.enter(t, 0)
			var tries atomic.Int32
			name, _, _ := strings.Cut(operation, " ")
			c.before = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+name) {
					return false
				}
				tries.Add(1)
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w,
					`{"__type":"com.amazonaws.dynamodb.v20120810#`+test.code+`","message":"MARKERx7Q"}`)
				return true
			}
			output, _, _, err := c.timed(t, "--csv", file(t, "u1,cus_1\n"))
			if want := strings.ReplaceAll(test.failure, "customers-#", c.table); commandtest.Said(err) != want ||
				int(tries.Load()) != test.tries {
				t.Errorf("%d tries, want %d: %v, want %s\n%s", tries.Load(), test.tries, err, want, output)
			}
		})
	}
}
