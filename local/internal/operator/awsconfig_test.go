package operator

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"

	"billingportal/functions/app/operator"
	"billingportal/local/internal/commandline/commandtest"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
)

// awsAlone replaces the developer's AWS environment with an empty one that has no metadata service.
func awsAlone(t *testing.T, variables map[string]string) {
	t.Helper()
	for _, name := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION",
		"AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL",
		"AWS_ENDPOINT_URL_DYNAMODB", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	} {
		t.Setenv(name, "")
		_ = os.Unsetenv(name) // t.Setenv restores it
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(home, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(home, "credentials"))
	t.Setenv("CUSTOMERS_TABLE", "customers")
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://"+devservertest.FreeAddress(t))
	for name, value := range variables {
		t.Setenv(name, value)
	}
}

const sharedConfig = `[profile sso]
sso_start_url = https://example.awsapps.com/start
sso_region = eu-central-1
sso_account_id = 123456789012
sso_role_name = admin
region = eu-central-1
[profile session]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = admin
region = eu-central-1
[sso-session corp]
sso_start_url = https://example.awsapps.com/start
sso_region = eu-central-1
[profile process]
credential_process = false
region = eu-central-1
[profile mfa]
role_arn = arn:aws:iam::123456789012:role/admin
mfa_serial = arn:aws:iam::123456789012:mfa/me
source_profile = source
region = eu-central-1
[profile source]
aws_access_key_id = AKID
aws_secret_access_key = SECRET
`

// A fault in the configuration is reported at once, without another try.
func TestFaultsOfTheAWSConfigurationAreNamed(t *testing.T) {
	keys := map[string]string{"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "SECRET"}
	of := func(maps ...map[string]string) map[string]string {
		all := map[string]string{}
		for _, m := range maps {
			for name, value := range m {
				all[name] = value
			}
		}
		return all
	}
	region := map[string]string{"AWS_REGION": "eu-central-1"}
	for name, test := range map[string]struct {
		variables map[string]string
		want      string
	}{
		"no Region":      {keys, "no AWS Region is set: set AWS_REGION"},
		"no credentials": {region, "you are not signed in to AWS: run aws sso login"},
		"nothing at all": {nil, "you are not signed in to AWS: run aws sso login"},
		"no such profile": {of(region, map[string]string{"AWS_PROFILE": "nix"}),
			`there is no AWS profile "nix"`},
		"an expired login": {map[string]string{"AWS_PROFILE": "sso"},
			"your AWS sign-in has expired: run aws sso login"},
		"an expired session of a login": {map[string]string{"AWS_PROFILE": "session"},
			"your AWS sign-in has expired: run aws sso login"},
		"a process that fails": {map[string]string{"AWS_PROFILE": "process"},
			"the credential_process of your AWS profile failed"},
		"a second factor": {map[string]string{"AWS_PROFILE": "mfa"}, "needs a second factor"},
	} {
		for _, arguments := range [][]string{{"import", "--csv", "-"}, {"import", "--verify"}, {"import"}, {"doctor"},
			{"doctor", "--stack", "billing"}} {
			t.Run(name+strings.Join(arguments, " "), func(t *testing.T) {
				awsAlone(t, test.variables)
				t.Setenv("STRIPE_SECRET_KEY", devserver.DemoKey)
				if err := os.WriteFile(os.Getenv("AWS_CONFIG_FILE"), []byte(sharedConfig), 0o600); err != nil {
					t.Fatal(err)
				}
				begun := time.Now()
				output, err := runAlone(t, arguments...)
				if err == nil || !strings.Contains(err.Error(), test.want) || output != "" {
					t.Errorf("%v: %s", err, output)
				}
				if took := time.Since(begun); took > 5*time.Second {
					t.Errorf("it took %s", took)
				}
			})
		}
	}
}

// Without a sign-in and without a Region, one error names both. Only doctor has the flag --region.
func TestAMissingRegionIsNamedWithTheSignIn(t *testing.T) {
	const region = "set AWS_REGION, for example AWS_REGION=eu-central-1, or region in your AWS profile"
	keys := map[string]string{"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "SECRET"}
	for _, test := range []struct {
		variables  map[string]string
		line, want string
	}{
		{nil, "doctor --stack billing", "; no AWS Region is set: " + region + ", or add --region"},
		{nil, "import", "; no AWS Region is set: " + region},
		{nil, "doctor --stack billing --region eu-central-1", " or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"},
		{keys, "doctor --stack billing", "no AWS Region is set: " + region + ", or add --region"},
		{keys, "import", "no AWS Region is set: " + region},
	} {
		awsAlone(t, test.variables)
		output, err := runAlone(t, strings.Fields(test.line)...)
		if !strings.HasSuffix(commandtest.Said(err), test.want) || output != "" {
			t.Errorf("%s: %v, want %s\n%s", test.line, err, test.want, output)
		}
	}
}

// The metadata service of EC2 is asked last, and never if the operator has switched it off.
func TestTheMetadataServiceCanBeSwitchedOff(t *testing.T) {
	for disabled, want := range map[string]bool{"": true, "false": true, "true": false} {
		var asked atomic.Bool
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Store(true)
			http.NotFound(w, r)
		}))
		awsAlone(t, map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT": server.URL,
			"AWS_EC2_METADATA_DISABLED": disabled})
		if _, err := runAlone(t, "import", "--csv", "-"); err == nil ||
			!strings.Contains(err.Error(), "you are not signed in to AWS: run aws sso login") || asked.Load() != want {
			t.Errorf("AWS_EC2_METADATA_DISABLED=%s: %v, asked %t", disabled, err, asked.Load())
		}
		server.Close()
	}
}

// runAlone runs a command. It returns the output of the whole process, including the SDK's, without
// the first line, which names the target.
func runAlone(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	os.Stderr = write
	defer func() { os.Stderr = stderr }()
	var out bytes.Buffer
	command := NewCommand(os.Getenv)
	command.Writer, command.ErrWriter = &out, &out
	command.Reader = strings.NewReader("u1,cus_1\n")
	failure := command.Run(context.Background(), append([]string{"local"}, arguments...))
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.ReadFrom(read); err != nil {
		t.Fatal(err)
	}
	target, rest, _ := strings.Cut(out.String(), "\n")
	if !strings.HasPrefix(target, arguments[0]+": ") {
		t.Errorf("the target is not said first: %s", &out)
	}
	return rest, failure
}

// Errors of AWS are named by their codes, and faults of the table by their causes.
func TestAnswersOfAWSAreNamed(t *testing.T) {
	const marker = "arn:aws:iam::123456789012:role/admin"
	for code, want := range map[string]string{
		"com.amazon.coral.service#ExpiredTokenException": "your AWS session token has expired: set new",
		"com.amazon.coral.service#RequestExpired": "AWS does not accept the time of your requests (RequestExpired): " +
			"correct the clock",
		"com.amazon.coral.service#UnrecognizedClientException": "AWS does not accept your credentials " +
			"(UnrecognizedClientException): check AWS_PROFILE",
		"com.amazon.coral.service#AccessDeniedException": "the table customers: dynamodb GetItem: " +
			"AccessDeniedException: grant your AWS identity this permission",
		"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException": "the table customers: dynamodb GetItem: " +
			"ResourceNotFoundException: it does not exist in the Region eu-central-1: check its name",
		"com.amazon.coral.validate#ValidationException": "the table customers: its key is not what CUSTOMERS_KEY and " +
			"CUSTOMERS_SORT_KEY say",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"__type":"` + code + `","message":"` + marker + `"}`))
		}))
		awsAlone(t, map[string]string{"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "SECRET",
			"AWS_REGION": "eu-central-1"})
		output, err := runAlone(t, "import", "--csv", "-", "--endpoint-url", server.URL)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(output+err.Error(), marker) {
			t.Errorf("%s: %v: %s", code, err, output)
		}
		server.Close()
	}
	awsAlone(t, map[string]string{"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "SECRET",
		"AWS_REGION": "eu-central-1"})
	if output, err := runAlone(t, "import", "--csv", "-", "--endpoint-url",
		"http://"+devservertest.FreeAddress(t)); err == nil || !strings.Contains(err.Error(), "no connection") {
		t.Errorf("%v: %s", err, output)
	}
	dns := &net.DNSError{Err: "no such host", Name: "dynamodb.eu-cental-1.amazonaws.com", IsNotFound: true}
	if err := describeAWS(operator.DynamoDB, aws.Config{Region: "eu-cental-1"}, dns); !strings.Contains(err.Error(),
		`check the Region "eu-cental-1"`) {
		t.Error(err)
	}
}

// A dry run also reads a file on a machine without AWS credentials, and says that it did not
// compare the file with the table.
func TestADryRunWithoutAWS(t *testing.T) {
	awsAlone(t, nil)
	output, err := runAlone(t, "import", "--csv", "-", "--dry-run")
	if err != nil || !strings.HasPrefix(output, "The table was not read, so conflicts with it "+
		"are not counted: you are not signed in to AWS: ") ||
		!strings.Contains(output, "1 would be imported") {
		t.Errorf("%v: %s", err, output)
	}
}

// Credentials that cannot be renewed end the run. Neither the SDK nor the importer tries again.
func TestExpiredCredentialsEndTheRun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	login := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, &ssocreds.InvalidTokenError{}
	})
	if _, err := (&renewing{login, cancel}).Retrieve(ctx); err == nil {
		t.Error("no error")
	}
	if cause := context.Cause(ctx); cause == nil ||
		!strings.Contains(cause.Error(), "your AWS sign-in has expired: run aws sso login") {
		t.Errorf("the run goes on: %v", cause)
	}
}
