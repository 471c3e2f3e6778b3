package operator

import (
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

	"github.com/urfave/cli/v3"

	"billingportal/local/internal/commandline/commandtest"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
	"billingportal/local/internal/fakestripe/account"
)

func TestEveryFlagHasAnEffect(t *testing.T) {
	tests := map[string]commandtest.FlagTest{}
	for _, more := range []map[string]commandtest.FlagTest{importFlags(t), doctorFlags(t), portalConfigFlags(t)} {
		maps.Copy(tests, more)
	}
	// which has its own test
	commands := slices.DeleteFunc(NewCommand(os.Getenv).Commands,
		func(c *cli.Command) bool { return c.Name == "configure" })
	commandtest.RequireEffects(t, commands, tests)
}

func TestNoFlagIsBlank(t *testing.T) {
	t.Parallel()
	commandtest.RequireNoBlanks(t, func() *cli.Command { return NewCommand(os.Getenv) })
}

// run runs a command with the variables of the process, and returns its standard output and
// standard error.
func run(t *testing.T, arguments ...string) (output, errOut string, err error) {
	t.Helper()
	return commandtest.Run(t, NewCommand(os.Getenv), arguments...)
}

// existing returns the names of the files in a folder.
func existing(t *testing.T, folder string) string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		// because they name users and customers
		if info, err := entry.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", entry.Name(), info.Mode(), err)
		}
		names = append(names, entry.Name())
	}
	return fmt.Sprint(names)
}

func importFlags(t *testing.T) map[string]commandtest.FlagTest {
	t.Helper()
	one, other := file(t, "u1,cus_1\n"), file(t, "u2,cus_2\n")
	shared := file(t, "u1,cus_1\nu2,cus_1\n")
	many := file(t, lines(60, "u#,cus_#"))
	c := startCompany(t)
	enter := func(t *testing.T, n int) *company {
		t.Helper()
		c.enter(t, n)
		return c
	}
	mappingsOf := func(n int, flag string, more ...string) func(*testing.T, string) string {
		return func(t *testing.T, value string) string {
			c := enter(t, n)
			_, _ = c.run(t, append(commandtest.Option(flag, value), more...)...)
			return fmt.Sprint(c.mappings(t))
		}
	}
	filesOf := func(flag string, more ...string) func(*testing.T, string) string {
		return func(t *testing.T, value string) string {
			c, folder := enter(t, 1), t.TempDir()
			if output, err := c.run(t, append(more, flag, filepath.Join(folder, value))...); err != nil {
				t.Fatalf("%v: %s", err, output)
			}
			return existing(t, folder)
		}
	}
	// Five requests to Stripe: pages of one customer each, or a page and four customers.
	rateOf := func(more ...string) func(*testing.T, string) string {
		return func(t *testing.T, value string) string {
			c := enter(t, 0)
			isVerification := slices.Contains(more, "--verify")
			for i := range 4 {
				if isVerification {
					c.put(t, fmt.Sprintf("u%d", i), fmt.Sprintf("cus_Other%d", i))
				}
			}
			var pages atomic.Int32
			c.before = func(w http.ResponseWriter, r *http.Request) bool {
				if isVerification || r.URL.Path != devserver.StripePath+"/v1/customers" {
					return false
				}
				n := pages.Add(1)
				_, _ = fmt.Fprintf(w, `{"object":"list","data":[{"id":"cus_%d"}],"has_more":%t}`, n, n < 5)
				return true
			}
			_, _, took, _ := c.timed(t, append(more, "--rate", value)...)
			return took.Round(10 * time.Millisecond).String()
		}
	}
	return map[string]commandtest.FlagTest{
		"import --csv": {[2]string{one, other}, [2]string{"map[u1:cus_1]", "map[u2:cus_2]"},
			mappingsOf(0, "--csv")},
		"import --shared": {[2]string{"", "yes"}, [2]string{"map[]", "map[u1:cus_1 u2:cus_1]"},
			mappingsOf(0, "--shared", "--csv", shared)},
		"import --dry-run": {[2]string{"", "yes"}, [2]string{"map[u0:cus_0]", "map[]"}, mappingsOf(1, "--dry-run")},
		"import --state":   {[2]string{"one", "other"}, [2]string{"[one]", "[other]"}, filesOf("--state")},
		"import --report":  {[2]string{"one", "other"}, [2]string{"[one]", "[other]"}, filesOf("--report")},
		"import --out": {[2]string{"one", "other"}, [2]string{"[one]", "[other]"},
			filesOf("--out", "--format", "dynamodb-json")},
		"import --out, gzipped": {[2]string{"items.json", "items.gz"}, [2]string{`{"Item":`, "\x1f\x8b"},
			func(t *testing.T, value string) string {
				c, path := enter(t, 1), filepath.Join(t.TempDir(), value)
				if output, err := c.run(t, "--format", "dynamodb-json", "--out", path); err != nil {
					t.Fatalf("%v: %s", err, output)
				}
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				return string(text)
			}},
		"import --format": {[2]string{"", "dynamodb-json"}, [2]string{"map[u0:cus_0] []", "map[] [items]"},
			func(t *testing.T, value string) string {
				c, folder := enter(t, 1), t.TempDir()
				arguments := commandtest.Option("--format", value)
				if value != "" {
					arguments = append(arguments, "--out", filepath.Join(folder, "items"))
				}
				if output, err := c.run(t, arguments...); err != nil {
					t.Fatalf("%v: %s", err, output)
				}
				return fmt.Sprint(c.mappings(t), " ", existing(t, folder))
			}},
		"import --propose": {[2]string{file(t, "a,u0@example.com\n"), file(t, "b,u0@example.com\n")},
			[2]string{"\na,cus_0,", "\nb,cus_0,"}, func(t *testing.T, value string) string {
				c, path := enter(t, 1), filepath.Join(t.TempDir(), "proposal.csv")
				if output, err := c.run(t, "--propose", value, "--out", path); err != nil {
					t.Fatalf("%v: %s", err, output)
				}
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				return string(text)
			}},
		"import --endpoint-url": {[2]string{"one", "other"}, [2]string{"map[u1:cus_1] map[]", "map[] map[u1:cus_1]"},
			func(t *testing.T, value string) string {
				two := map[string]*company{"one": newCompany(t, 0), "other": newCompany(t, 0)}
				if output, err := two["one"].run(t, "--csv", one, "--endpoint-url",
					two[value].Origin+devserver.DynamoDBPath); err != nil {
					t.Fatalf("%v: %s", err, output)
				}
				return fmt.Sprint(two["one"].mappings(t), " ", two["other"].mappings(t))
			}},
		"import --rate": {[2]string{"2", "20"}, [2]string{"2s", "200ms"}, rateOf()},
		"import --rate, of --propose": {[2]string{"2", "20"}, [2]string{"2s", "200ms"},
			rateOf("--propose", file(t, "a,b@c\n"), "--out", filepath.Join(t.TempDir(), "proposal"))},
		"import --rate, of --format": {[2]string{"2", "20"}, [2]string{"2s", "200ms"},
			rateOf("--format", "dynamodb-json", "--out", filepath.Join(t.TempDir(), "items"))},
		"import --rate, of --verify": {[2]string{"2", "20"}, [2]string{"2s", "200ms"}, rateOf("--verify")},
		"import --write-capacity": {[2]string{"10", "100"}, [2]string{"11.8s", "1.1s"},
			func(t *testing.T, value string) string {
				_, _, took, err := enter(t, 0).timed(t, "--csv", many, "--write-capacity", value)
				return fmt.Sprint(took.Round(10*time.Millisecond), err)
			}},
		"import --write-capacity, of --fix": {[2]string{"10", "100"}, [2]string{"11.8s", "1.1s"},
			func(t *testing.T, value string) string {
				c := enter(t, 0)
				for i := range 60 {
					c.put(t, fmt.Sprintf("u%d", i), fmt.Sprintf("cus_%d", i))
				}
				c.Stripe.Change(func(d *account.Data) {
					for i := range 60 {
						d.Customers = append(d.Customers, account.Customer{ID: fmt.Sprintf("cus_%d", i),
							User: fmt.Sprintf("heir%d", i), Created: time.Unix(1, 0)})
					}
				})
				_, _, took, err := c.timed(t, "--verify", "--fix", "--write-capacity", value)
				return fmt.Sprint(took.Round(10*time.Millisecond), err)
			}},
		"import --verify": {[2]string{"", "yes"}, [2]string{"1 imported", "1 looked at"},
			func(t *testing.T, value string) string {
				c := enter(t, 1)
				c.put(t, "u0", "cus_0")
				output, _ := c.run(t, commandtest.Option("--verify", value)...)
				return output
			}},
		"import --fix": {[2]string{"", "yes"}, [2]string{"map[former:cus_0]", "map[u0:cus_0]"},
			func(t *testing.T, value string) string {
				c := enter(t, 1)
				c.put(t, "former", "cus_0")
				_, _ = c.run(t, append(commandtest.Option("--fix", value), "--verify")...)
				return fmt.Sprint(c.mappings(t))
			}},
	}
}

func doctorFlags(t *testing.T) map[string]commandtest.FlagTest {
	t.Helper()
	aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</`+
			`Code><Message>Stack does not exist</Message></Error></ErrorResponse>`)
	}))
	t.Cleanup(aws.Close)
	missing := func(arguments ...string) func(*testing.T, string) string {
		return func(t *testing.T, value string) string {
			awsAlone(t, map[string]string{"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "SECRET",
				"AWS_REGION": "eu-west-3", "AWS_ENDPOINT_URL_CLOUDFORMATION": aws.URL})
			_, _, err := run(t, append(arguments, value)...)
			return commandtest.Said(err)
		}
	}
	ofStandIns := func(t *testing.T, more ...string) string {
		for _, name := range []string{"CUSTOMERS_TABLE", "STRIPE_SECRET_ID", "JWT_ISSUER", "JWT_AUDIENCE",
			"STRIPE_EVENT_SOURCE"} {
			t.Setenv(name, "")
		}
		output, _, err := run(t, append([]string{"doctor"}, more...)...)
		if err != nil {
			t.Error(err)
		}
		return output
	}
	solo, team := filepath.Join(t.TempDir(), "portal.json"), filepath.Join(t.TempDir(), "portal.json")
	for path, name := range map[string]string{solo: "solo", team: "team"} {
		if err := os.WriteFile(path, []byte(`{"`+name+`": {"name": "x"}}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return map[string]commandtest.FlagTest{
		"doctor --stack": {[2]string{"one", "other"}, [2]string{
			"there is no stack one in the Region eu-west-3", "there is no stack other in the Region eu-west-3",
		}, missing("doctor", "--stack")},
		"doctor --region": {[2]string{"ap-south-1", "us-east-2"},
			[2]string{"there is no stack one in the Region ap-south-1",
				"there is no stack one in the Region us-east-2"}, missing("doctor", "--stack", "one", "--region")},
		"doctor --portal-config": {[2]string{solo, team}, [2]string{
			`portal configuration "solo" of the file`, `portal configuration "team" of the file`,
		}, func(t *testing.T, value string) string { return ofStandIns(t, "--portal-config", value) }},
		"doctor --json": {[2]string{"", "yes"}, [2]string{"0 warnings, 0 problems\n", "[\n  {\n    \"name\": \""},
			func(t *testing.T, value string) string {
				return ofStandIns(t, commandtest.Option("--json", value)...)
			}},
	}
}

func portalConfigFlags(t *testing.T) map[string]commandtest.FlagTest {
	t.Helper()
	// applied returns the requests that were posted, and the content of the files that the command
	// may write.
	applied := func(flags func(s *testAccount, value string) []string) func(*testing.T, string) string {
		return func(t *testing.T, value string) string {
			s := newTestAccount(t, false)
			t.Chdir(t.TempDir())
			s.write(t, "solo: {features: {invoice_history: {enabled: true}}}\nteam: {features: {invoice_history: "+
				"{enabled: true}}}\n")
			if output, errOut, err := commandtest.Run(t, s.command(),
				append([]string{"portal-config", "apply", s.file}, flags(s, value)...)...); err != nil {
				t.Fatalf("%v\n%s%s", err, output, errOut)
			}
			var written []string
			for _, path := range devservertest.Files(t, ".") {
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				written = append(written, path+"\n"+string(text))
			}
			text := fmt.Sprintf("%d posted, files %q", len(s.written()), written)
			for _, name := range []string{"solo", "team"} {
				for _, line := range regexp.MustCompile(`bpc_\w+`).FindAllString(text, -1) {
					if strings.Contains(s.stored(t, line), `"portal_config_name":"`+name+`"`) {
						text = strings.ReplaceAll(text, line, name)
					}
				}
			}
			return text
		}
	}
	both := `AllowedConfigurations = \"solo,team\"\n`
	return map[string]commandtest.FlagTest{
		"portal-config apply --dry-run": {[2]string{"", "yes"}, [2]string{"2 posted, files [", "0 posted, files []"},
			applied(func(_ *testAccount, value string) []string { return commandtest.Option("--dry-run", value) })},
		"portal-config apply --write": {[2]string{".deploy/one.toml", ".deploy/other.toml"},
			[2]string{`[".deploy/one.toml\n` + both + `"]`, `[".deploy/other.toml\n` + both + `"]`},
			applied(func(_ *testAccount, value string) []string { return commandtest.Option("--write", value) })},
		"portal-config apply --no-write": {[2]string{"", "yes"},
			[2]string{`2 posted, files [".deploy/default.toml\n` + both + `"]`, "2 posted, files []"},
			applied(func(_ *testAccount, value string) []string { return commandtest.Option("--no-write", value) })},
		"portal-config apply --default": {[2]string{"solo", "team"},
			[2]string{`DefaultConfiguration = \"solo\"\n`, `DefaultConfiguration = \"team\"\n`},
			applied(func(_ *testAccount, value string) []string { return commandtest.Option("--default", value) })},
	}
}
