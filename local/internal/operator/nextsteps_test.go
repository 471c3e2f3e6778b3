package operator

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	"github.com/urfave/cli/v3"

	"billingportal/functions/app/operator"
	"billingportal/functions/app/preflight"
	"billingportal/local/internal/commandline/commandtest"
	"billingportal/local/internal/devserver"
)

// withAction replaces the action of a command, so that only the common part of all commands runs.
func withAction(root *cli.Command, name string, action func()) *cli.Command {
	root.Command(name).Action = func(context.Context, *cli.Command) error {
		action()
		return nil
	}
	return root
}

// Doctor ends with the next step. After a problem, the error has it.
func TestDoctorNamesTheNextStep(t *testing.T) {
	ok := preflight.Finding{Name: "a", Status: preflight.OK, Detail: "is well"}
	warning := preflight.Finding{Name: "b", Status: preflight.Warning, Detail: "may be wrong"}
	problem := preflight.Finding{Name: "c", Status: preflight.Problem, Detail: "is wrong"}
	expired := preflight.Finding{Name: "d", Status: preflight.Problem,
		Failure: operator.AWSFailure(operator.SecretsManager, &smithy.GenericAPIError{Code: "ExpiredTokenException"})}
	environment := []aws.CredentialSource{aws.CredentialSourceEnvVars}
	for name, test := range map[string]struct {
		e        examination
		findings []preflight.Finding
		next     string // on standard error
		failure  string // how the error begins
	}{
		"the stand-ins":   {examination{}, []preflight.Finding{ok}, "go run ./local doctor --stack billing-portal", ""},
		"a healthy stack": {examination{stack: "x"}, []preflight.Finding{ok}, "nothing to fix.", ""},
		"a warning": {examination{stack: "x"}, []preflight.Finding{ok, warning},
			"read the advice of each warning", ""},
		"one problem": {examination{}, []preflight.Finding{ok, warning, problem}, "",
			`1 problem: fix "c" as its advice says, then run again:` + "\n  go run ./local doctor --json"},
		"two problems": {examination{}, []preflight.Finding{problem, problem}, "", `2 problems: fix "c" first, `},
		"an expired session token": {examination{sources: environment}, []preflight.Finding{problem, expired}, "",
			"your AWS session token has expired: set new values of AWS_ACCESS_KEY_ID, "},
		"the expired credentials of a stand-in": {examination{}, []preflight.Finding{expired},
			"", `1 problem: fix "d" `},
	} {
		t.Run(name, func(t *testing.T) {
			test.e.getenv = func(string) string { return "" }
			var failure error
			root := NewCommand(test.e.getenv)
			command := root.Command("doctor")
			_, errOut, err := commandtest.Run(t, withAction(root, "doctor", func() {
				failure = test.e.conclude(command, test.findings)
			}), "doctor", "--json")
			if err != nil || !strings.HasPrefix(commandtest.Said(failure), test.failure) ||
				(failure == nil) != (test.failure == "") {
				t.Errorf("%v, %v, want %s", err, failure, test.failure)
			}
			if _, next, _ := strings.Cut(errOut, "Next: "); !strings.Contains(next, test.next) ||
				(next == "") != (test.next == "") {
				t.Errorf("said %q, want %q", errOut, test.next)
			}
		})
	}
}

// A dry run ends with the command that imports, ready to paste.
func TestADryRunNamesTheCommandThatImports(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 3)
	users := filepath.Join(t.TempDir(), "my users.csv")
	if err := os.WriteFile(users, []byte("u1,cus_1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, errOut, err := commandtest.Run(t, c.command(), c.arguments("--csv", users, "--dry-run", "--shared")...)
	want := "Next: with the same variables, write them into the table:\n  go run ./local import --csv '" + users +
		"' --shared --rate 1000 --write-capacity 100000 --endpoint-url " + c.Origin + devserver.DynamoDBPath + "\n"
	if err != nil || !strings.HasSuffix(errOut, want) {
		t.Errorf("%v: %s, want %s", err, errOut, want)
	}
}

// The state file of a finished run is removed before the corrected lines are imported.
func TestTheStateOfARunWithRefusedLinesIsRemoved(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 3)
	users := file(t, "u1,cus_1\nmalformed\n")
	for arguments, want := range map[string]string{
		"": "1 was not imported: add --report FILE to list it; correct it, then run the same command again",
		" --state STATE": "1 was not imported: add --report FILE to list it; remove STATE; correct it, then run the " +
			"same command again",
		" --state STATE --dry-run": "1 line would not be imported: add --report FILE to list it; correct it, then " +
			"run " +
			"the same command again",
	} {
		state := filepath.Join(t.TempDir(), "s")
		_, err := c.run(t, strings.Fields("--csv "+users+strings.ReplaceAll(arguments, "STATE", state))...)
		if got := strings.ReplaceAll(commandtest.Said(err), state, "STATE"); got != want {
			t.Errorf("%q: %s, want %s", arguments, got, want)
		}
	}
}

// After an applied file, the next step is the deployment of the same environment.
func TestPortalConfigNamesTheDeployment(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		".deploy/prod.toml": "make deploy ENV=prod", "/work/.deploy/default.toml": "make deploy ENV=default",
		"":           "copy the parameters into .deploy/prod.toml, then run\n  make deploy ENV=prod",
		"other.toml": "copy the parameters into .deploy/prod.toml, then run\n  make deploy ENV=prod",
	} {
		if got := nextDeployment(path); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
	s := newTestAccount(t, false)
	s.write(t, "solo:\n  features:\n    invoice_history: {enabled: true}\n")
	if output := s.mustApply(t, "--dry-run", "--no-write"); !strings.Contains(output,
		"Next: with the same variables, apply the file:\n  go run ./local portal-config apply "+
			s.file+" --no-write\n") {
		t.Error(output)
	}
	if output := s.mustApply(t, "--no-write"); !strings.HasSuffix(output, "make deploy ENV=prod\n") {
		t.Error(output)
	}
}

// The target is known without a request: from flags, variables and the AWS configuration.
func TestTargetsNameTableRegionAndMode(t *testing.T) {
	for name, test := range map[string]struct {
		variables map[string]string
		arguments string
		want      string
	}{
		"live mode by the variable": {map[string]string{"STRIPE_LIVEMODE": "true", "STRIPE_SECRET_ID": "secret"},
			"import", "import: the table of the environment: CUSTOMERS_TABLE=customers in eu-west-3; Stripe live " +
				"mode\n"},
		"test mode by the key": {map[string]string{"STRIPE_SECRET_KEY": "rk_test_" + "0123456789"}, "import --verify",
			"import: the table of the environment: CUSTOMERS_TABLE=customers in eu-west-3; Stripe test mode\n"},
		"a mode that only the secret has": {map[string]string{"STRIPE_SECRET_ID": "billing/stripe"}, "import",
			"CUSTOMERS_TABLE=customers in eu-west-3; Stripe mode not known yet: the key is in the secret of " +
				"STRIPE_SECRET_ID\n"},
		"a key in place of the secret's name": {map[string]string{"STRIPE_SECRET_ID": "sk_live_" + "planted"}, "import",
			"Stripe mode not known yet: the key is in the secret of STRIPE_SECRET_ID\n"},
		"a file without a name": {nil, "import --format dynamodb-json",
			"import: the file of --out, from the environment's Stripe key: no Stripe key; no table\n"},
		"a file for S3": {nil, "import --format dynamodb-json --out x.json",
			"import: the file x.json, from the environment's Stripe key: no Stripe key; no table\n"},
		"no Region":  {map[string]string{"AWS_REGION": ""}, "import --csv x", "customers (no AWS Region is set)\n"},
		"a stack":    {nil, "doctor --stack mine", "doctor: the stack mine in eu-west-3\n"},
		"its Region": {nil, "doctor --stack mine --region x", "doctor: the stack mine in x\n"},
		"an account": {map[string]string{"STRIPE_ACCOUNT": "acct_1", "STRIPE_LIVEMODE": "false"}, "doctor",
			"doctor: the environment: CUSTOMERS_TABLE=customers in eu-west-3; Stripe test mode, account acct_1\n"},
	} {
		t.Run(name, func(t *testing.T) {
			awsAlone(t, temporary)
			for _, name := range []string{"STRIPE_LIVEMODE", "STRIPE_SECRET_ID", "STRIPE_SECRET_KEY", "STRIPE_ACCOUNT",
				"STRIPE_API_BASE"} {
				t.Setenv(name, "")
			}
			for name, value := range test.variables {
				t.Setenv(name, value)
			}
			root := withAction(NewCommand(os.Getenv), strings.Fields(test.arguments)[0], func() {})
			if _, errOut, err := commandtest.Run(t, root, strings.Fields(test.arguments)...); err != nil ||
				!strings.HasSuffix(errOut, test.want) || strings.Count(errOut, "\n") != 1 {
				t.Errorf("%v: %q, want %q", err, errOut, test.want)
			}
		})
	}
}

// An expired session token is reported in our words, with the remedy for its source.
func TestAnExpiredSessionTokenIsNamed(t *testing.T) {
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		if r.Header.Get("X-Amz-Target") == "" { // CloudFormation's protocol is XML
			_, _ = io.WriteString(w, `<ErrorResponse><Error><Code>ExpiredToken</Code></Error></ErrorResponse>`)
			return
		}
		_, _ = io.WriteString(w, `{"__type":"ExpiredTokenException","message":"MARKERx7Q"}`)
	}))
	t.Cleanup(refuses.Close)
	for _, arguments := range []string{"doctor --stack mine", "import --csv -", "import --verify",
		"import --propose x --out y",
		"portal-config apply portal.yaml"} {
		awsAlone(t, temporary)
		t.Chdir(t.TempDir())
		if err := os.WriteFile("portal.yaml", []byte("solo:\n  name: x\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("STRIPE_SECRET_ID", "billing-portal/stripe")
		t.Setenv("STRIPE_SECRET_KEY", "")
		t.Setenv("AWS_ENDPOINT_URL", refuses.URL)
		t.Setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", refuses.URL)
		_, _, err := run(t, strings.Fields(arguments)...)
		if said := commandtest.Said(err); !strings.Contains(said,
			"your AWS session token has expired: set new values of "+
				"AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN") || strings.Contains(said, "MARKER") ||
			strings.Contains(said, "operation error") {
			t.Errorf("%s: %v", arguments, err)
		}
	}
}

// A session token that expires while an import writes ends the import with the same words.
func TestASessionTokenThatExpiresDuringAnImport(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 0)
	c.before = func(w http.ResponseWriter, r *http.Request) bool {
		isWrite := strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".UpdateItem")
		if isWrite {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w,
				`{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"MARKERx7Q"}`)
		}
		return isWrite
	}
	_, errOut, err := commandtest.Run(t, c.command(), c.arguments("--csv", file(t, "u1,cus_1\n"))...)
	if said := commandtest.Said(err); !strings.HasPrefix(said, "your AWS ") ||
		!strings.Contains(said, "has expired: ") ||
		strings.Contains(said+errOut, "MARKER") {
		t.Errorf("%v: %s", err, errOut)
	}
}

// The table and the mode of a stack are printed before the checks.
func TestDoctorNamesTheTableOfAStack(t *testing.T) {
	awsAlone(t, temporary)
	var said strings.Builder
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/functions/") {
			_, _ = io.WriteString(w,
				`{"Environment":{"Variables":{"CUSTOMERS_TABLE":"mapping","STRIPE_LIVEMODE":"true"}}}`)
			return
		}
		w.Header().Set("Content-Type", "text/xml")
		_, _ = io.WriteString(w, stackResources(r.FormValue("NextToken"), "CREATE_COMPLETE"))
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", server.URL)
	t.Setenv("AWS_ENDPOINT_URL_LAMBDA", server.URL)
	e := examination{getenv: os.Getenv, examiner: preflight.Examiner{Pause: noPause}, stack: "mine", said: &said}
	if _, err := e.run(t.Context()); err != nil ||
		said.String() != "doctor: the stack has CUSTOMERS_TABLE=mapping in eu-west-3; Stripe live mode\n" {
		t.Errorf("%v: %q", err, &said)
	}
}

// If the session token of the operator has expired, doctor's error says so, instead of the findings
// that follow from it.
func TestDoctorNamesAnExpiredSessionToken(t *testing.T) {
	awsAlone(t, nil)
	p := newPatient(t)
	refuseAWS("ExpiredTokenException", "GetSecretValue", "GetItem", "DescribeTable", "Scan")(p)
	for _, variables := range []map[string]string{p.portal, temporary} {
		for name, value := range variables {
			t.Setenv(name, value)
		}
	}
	output, _, err := run(t, "doctor")
	if !strings.HasPrefix(commandtest.Said(err), "your AWS session token has expired: set new values of ") ||
		strings.Contains(output+commandtest.Said(err), "MARKER") {
		t.Errorf("%v\n%s", err, output)
	}
}
