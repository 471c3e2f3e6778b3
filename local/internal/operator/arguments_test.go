package operator

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"billingportal/local/internal/commandline/commandtest"
)

func TestNoArgumentIsIgnored(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"doctor billing-portal", `doctor takes no argument "billing-portal"`},
		{"doctor --json billing-portal", `doctor takes no argument "billing-portal"`},
		{"doctor -- --stack", `doctor takes no argument "--stack"`},
		{"import x", `import takes no argument "x"`},
		{"configure token.txt", `configure takes no argument "token.txt"`},
		{"portal-config portal.yaml", `portal-config takes no argument "portal.yaml"`},
		{"portal-config apply", "name the file: go run ./local portal-config apply FILE"},
		{"portal-config apply a.yaml b.yaml", `portal-config apply takes no argument "b.yaml"`},
		{"portal-config apply a.yaml --write=", "--write is empty"},
		{"portal-config --dry-run apply a.yaml", "flag provided but not defined: -dry-run"},
		{"doctor --portal-config=", "--portal-config is empty"},
		{"doctor --stock billing-portal", "flag provided but not defined: -stock"},
		{"import --every", "flag provided but not defined: -every"},
		{"doctor --stack=", "--stack is empty"},
		{"doctor --region eu-central-1", "--region goes with --stack"},
		{"import --csv=", "--csv is empty"},
	} {
		t.Run(test.line, func(t *testing.T) {
			if output, _, err := run(t, strings.Fields(test.line)...); err == nil ||
				!strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %s\n%s", err, test.want, output)
			}
		})
	}
}

// Without variables, one error names all that an import needs, and the document about them.
func TestAnImportNamesAllMissingVariables(t *testing.T) {
	const begin, end = "the environment is wrong:\nCUSTOMERS_TABLE is required\n" +
		"Set CUSTOMERS_TABLE (the stack's output CustomersTableName)", ": see infra/CUSTOMERS.md, \"Set the variables\""
	const key = ", and STRIPE_SECRET_ID or STRIPE_SECRET_KEY"
	for _, test := range []struct{ line, secret, want string }{
		{"import", "", begin + key + end},
		{"import --dry-run", "", begin + key + end},
		{"import --verify", "", begin + key + end},
		{"import", "billing-portal/stripe", begin + end},
		{"import --csv users.csv", "", begin + end},
	} {
		t.Run(test.line+test.secret, func(t *testing.T) {
			awsAlone(t, temporary)
			for _, name := range []string{"CUSTOMERS_TABLE", "STRIPE_SECRET_KEY"} {
				t.Setenv(name, "")
			}
			t.Setenv("STRIPE_SECRET_ID", test.secret)
			output, _, err := run(t, strings.Fields(test.line)...)
			if commandtest.Said(err) != test.want || output != "" {
				t.Errorf("%q, want %q\n%s", commandtest.Said(err), test.want, output)
			}
		})
	}
}

// The target is printed on standard error, so that JSON on standard output can be piped.
func TestCommandsSayTheirTarget(t *testing.T) {
	for _, name := range []string{"CUSTOMERS_TABLE", "STRIPE_SECRET_ID", "JWT_ISSUER", "JWT_AUDIENCE",
		"STRIPE_EVENT_SOURCE"} {
		t.Setenv(name, "")
	}
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"AccessDeniedException"}`)
	}))
	t.Cleanup(refuses.Close)
	for line, test := range map[string]struct{ variable, want string }{
		"doctor --json": {"", "doctor: the development server's stand-ins, because no variable"},
		"doctor": {"STRIPE_EVENT_SOURCE",
			"doctor: the environment: no table, because CUSTOMERS_TABLE is not set; no Stripe key\n"},
		"import --csv -": {"CUSTOMERS_TABLE",
			"import: the table of the environment: CUSTOMERS_TABLE=example at " + refuses.URL + "\n"},
		"import --propose x --out y": {"",
			"import: the customers of the environment's Stripe key: no Stripe key; no table\n"},
		"configure --offline": {"JWT_ISSUER",
			"configure: a token from standard input, and the JWT_… variables of the environment\n"},
		"configure":                      {"", "configure: a token from standard input\n"},
		"doctor --region x --stack mine": {"", "doctor: the stack mine in x\n"},
		"portal-config apply none.yaml": {"",
			"portal-config: the portal configurations of the environment's Stripe key: no Stripe key\n"},
	} {
		t.Run(line, func(t *testing.T) {
			if test.variable != "" {
				t.Setenv(test.variable, "example")
			}
			t.Setenv("AWS_ENDPOINT_URL", refuses.URL)
			t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
			t.Setenv("AWS_REGION", "eu-central-1")
			output, errOut, _ := run(t, strings.Fields(line)...) // it may fail afterwards
			if !strings.HasPrefix(errOut, strings.Fields(line)[0]+": ") || !strings.Contains(errOut, test.want) {
				t.Errorf("said %q, want %q", errOut, test.want)
			}
			if first, _, _ := strings.Cut(test.want, "\n"); strings.Contains(output, first) {
				t.Errorf("standard output has it too: %s", output)
			}
		})
	}
}
