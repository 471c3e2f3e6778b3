package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"billingportal/local/internal/fakestripe/account"
)

// flagTest shows that a flag does something: with two values, a command does two things. The value "" leaves the flag out.
type flagTest struct {
	values, want [2]string
	see          func(t *testing.T, value string) string
}

// Every flag of every command has an effect. A name may have a comma and another use of the flag behind it.
func TestEveryFlagHasAnEffect(t *testing.T) {
	tests := map[string]flagTest{}
	for _, more := range []map[string]flagTest{importFlags(t), serveFlags(t), tokenFlags(t), doctorFlags(t), portalConfigFlags(t), otherFlags(t)} {
		maps.Copy(tests, more)
	}
	registered := map[string]bool{}
	for _, command := range newCommand(os.Stdout).Commands {
		for _, c := range append(slices.Clone(command.Commands), command) {
			for _, flag := range c.Flags {
				name := command.Name
				if c != command {
					name += " " + c.Name
				}
				registered[name+" --"+flag.Names()[0]] = true
			}
		}
	}
	if runtime.GOOS != "linux" { // whose terminals the test knows
		delete(registered, "serve --json")
	}
	for name, test := range tests {
		flag, _, _ := strings.Cut(name, ",")
		if _, isKnown := registered[flag]; !isKnown {
			t.Errorf("there is no %s", flag)
		}
		registered[flag] = false
		t.Run(name, func(t *testing.T) {
			var seen [2]string
			for i, value := range test.values {
				seen[i] = test.see(t, value)
				if !strings.Contains(seen[i], test.want[i]) {
					t.Errorf("with %q: %s, want %s", value, seen[i], test.want[i])
				}
			}
			if seen[0] == seen[1] || test.want[0] == "" || test.want[1] == "" {
				t.Errorf("both values do the same: %s", seen[0])
			}
		})
	}
	for flag, isMissing := range registered {
		if isMissing {
			t.Errorf("%s has no test", flag)
		}
	}
}

// option is a flag with a value; nothing if the value is "".
func option(flag, value string) []string {
	switch value {
	case "":
		return nil
	case "yes": // of a flag without a value
		return []string{flag}
	}
	return []string{flag, value}
}

// separately runs a command, and returns its two outputs.
func separately(t *testing.T, arguments ...string) (output, errOut string, err error) {
	t.Helper()
	var out, other bytes.Buffer
	command := newCommand(os.Stdout)
	command.Reader, command.Writer, command.ErrWriter = strings.NewReader(""), &out, &other
	err = command.Run(t.Context(), append([]string{"local"}, arguments...))
	return out.String(), other.String(), err
}

// existing are the names of the files in a folder.
func existing(t *testing.T, folder string) string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		if info, err := entry.Info(); err != nil || info.Mode().Perm() != 0o600 { // they name users and customers
			t.Errorf("%s: %v, %v", entry.Name(), info.Mode(), err)
		}
		names = append(names, entry.Name())
	}
	return fmt.Sprint(names)
}

func importFlags(t *testing.T) map[string]flagTest {
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
			_, _ = c.run(t, append(option(flag, value), more...)...)
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
				if isVerification || r.URL.Path != stripePath+"/v1/customers" {
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
	return map[string]flagTest{
		"import --csv":     {[2]string{one, other}, [2]string{"map[u1:cus_1]", "map[u2:cus_2]"}, mappingsOf(0, "--csv")},
		"import --shared":  {[2]string{"", "yes"}, [2]string{"map[]", "map[u1:cus_1 u2:cus_1]"}, mappingsOf(0, "--shared", "--csv", shared)},
		"import --dry-run": {[2]string{"", "yes"}, [2]string{"map[u0:cus_0]", "map[]"}, mappingsOf(1, "--dry-run")},
		"import --state":   {[2]string{"one", "other"}, [2]string{"[one]", "[other]"}, filesOf("--state")},
		"import --report":  {[2]string{"one", "other"}, [2]string{"[one]", "[other]"}, filesOf("--report")},
		"import --out":     {[2]string{"one", "other"}, [2]string{"[one]", "[other]"}, filesOf("--out", "--format", "dynamodb-json")},
		"import --out, gzipped": {[2]string{"items.json", "items.gz"}, [2]string{`{"Item":`, "\x1f\x8b"}, func(t *testing.T, value string) string {
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
		"import --format": {[2]string{"", "dynamodb-json"}, [2]string{"map[u0:cus_0] []", "map[] [items]"}, func(t *testing.T, value string) string {
			c, folder := enter(t, 1), t.TempDir()
			arguments := option("--format", value)
			if value != "" {
				arguments = append(arguments, "--out", filepath.Join(folder, "items"))
			}
			if output, err := c.run(t, arguments...); err != nil {
				t.Fatalf("%v: %s", err, output)
			}
			return fmt.Sprint(c.mappings(t), " ", existing(t, folder))
		}},
		"import --propose": {[2]string{file(t, "a,u0@example.com\n"), file(t, "b,u0@example.com\n")}, [2]string{"\na,cus_0,", "\nb,cus_0,"}, func(t *testing.T, value string) string {
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
		"import --endpoint-url": {[2]string{"one", "other"}, [2]string{"map[u1:cus_1] map[]", "map[] map[u1:cus_1]"}, func(t *testing.T, value string) string {
			two := map[string]*company{"one": newCompany(t, 0), "other": newCompany(t, 0)}
			if output, err := two["one"].run(t, "--csv", one, "--endpoint-url", two[value].origin+dynamoDBPath); err != nil {
				t.Fatalf("%v: %s", err, output)
			}
			return fmt.Sprint(two["one"].mappings(t), " ", two["other"].mappings(t))
		}},
		"import --rate":               {[2]string{"2", "20"}, [2]string{"2s", "200ms"}, rateOf()},
		"import --rate, of --propose": {[2]string{"2", "20"}, [2]string{"2s", "200ms"}, rateOf("--propose", file(t, "a,b@c\n"), "--out", filepath.Join(t.TempDir(), "proposal"))},
		"import --rate, of --format":  {[2]string{"2", "20"}, [2]string{"2s", "200ms"}, rateOf("--format", "dynamodb-json", "--out", filepath.Join(t.TempDir(), "items"))},
		"import --rate, of --verify":  {[2]string{"2", "20"}, [2]string{"2s", "200ms"}, rateOf("--verify")},
		"import --write-capacity": {[2]string{"10", "100"}, [2]string{"11.8s", "1.1s"}, func(t *testing.T, value string) string {
			_, _, took, err := enter(t, 0).timed(t, "--csv", many, "--write-capacity", value)
			return fmt.Sprint(took.Round(10*time.Millisecond), err)
		}},
		"import --write-capacity, of --fix": {[2]string{"10", "100"}, [2]string{"11.8s", "1.1s"}, func(t *testing.T, value string) string {
			c := enter(t, 0)
			for i := range 60 {
				c.put(t, fmt.Sprintf("u%d", i), fmt.Sprintf("cus_%d", i))
			}
			c.stripe.Change(func(d *account.Data) {
				for i := range 60 {
					d.Customers = append(d.Customers, account.Customer{ID: fmt.Sprintf("cus_%d", i), User: fmt.Sprintf("heir%d", i), Created: time.Unix(1, 0)})
				}
			})
			_, _, took, err := c.timed(t, "--verify", "--fix", "--write-capacity", value)
			return fmt.Sprint(took.Round(10*time.Millisecond), err)
		}},
		"import --verify": {[2]string{"", "yes"}, [2]string{"1 imported", "1 looked at"}, func(t *testing.T, value string) string {
			c := enter(t, 1)
			c.put(t, "u0", "cus_0")
			output, _ := c.run(t, option("--verify", value)...)
			return output
		}},
		"import --fix": {[2]string{"", "yes"}, [2]string{"map[former:cus_0]", "map[u0:cus_0]"}, func(t *testing.T, value string) string {
			c := enter(t, 1)
			c.put(t, "former", "cus_0")
			_, _ = c.run(t, append(option("--fix", value), "--verify")...)
			return fmt.Sprint(c.mappings(t))
		}},
	}
}

// serving runs the command serve until the test ends, and returns its greeting.
func serving(t *testing.T, errOut io.Writer, arguments ...string) (origin, greeting string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	read, write := io.Pipe()
	command := newCommand(os.Stdout)
	command.Writer, command.ErrWriter = write, errOut
	done := make(chan error, 1)
	go func() {
		err := command.Run(ctx, append([]string{"local"}, arguments...))
		_ = write.CloseWithError(io.EOF)
		done <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	text := make([]byte, 4096)
	n, err := read.Read(text)
	if err != nil {
		t.Fatalf("nothing is served: %v", err)
	}
	greeting = string(text[:n])
	return regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(greeting), greeting
}

// press presses the button with a token.
func press(t *testing.T, origin, token string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, origin+"/billing/portal", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	send(t, request)
}

func serveFlags(t *testing.T) map[string]flagTest {
	t.Helper()
	addresses := [2]string{freeAddress(t), freeAddress(t)}
	flags := map[string]flagTest{
		"serve --listen": {addresses, [2]string{"is at http://" + addresses[0] + "\n", "is at http://" + addresses[1] + "\n"}, func(t *testing.T, value string) string {
			_, greeting := serving(t, io.Discard, "serve", "--listen", value)
			return greeting
		}},
		"serve --container-listen": {[2]string{"", addresses[1]}, [2]string{"Stripe is a stand-in", "Containers reach the stand-ins at http://" + addresses[1]}, func(t *testing.T, value string) string {
			_, greeting := serving(t, io.Discard, append(option("--container-listen", value), "--listen", "127.0.0.1:0")...)
			return greeting
		}},
		"serve --everyone": {[2]string{"alice", "cus_DemoErin"}, [2]string{`"customer_id":"cus_DemoAlice"`, `"customer_id":"cus_DemoErin"`}, func(t *testing.T, value string) string {
			issuer := provider(t)
			token, err := issuer.Token("auth0|17", map[string]any{"aud": "api"}, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			var logs logBuffer
			origin, _ := serving(t, &logs, "--everyone", value, "--listen", "127.0.0.1:0")
			press(t, origin, token)
			return logs.String()
		}},
		"serve --customer": {[2]string{"alice=cus_DemoDave", "alice=cus_DemoErin"}, [2]string{`"customer_id":"cus_DemoDave"`, `"customer_id":"cus_DemoErin"`}, func(t *testing.T, value string) string {
			t.Setenv("JWT_ISSUER", "")
			t.Setenv("JWT_AUDIENCE", "")
			var logs logBuffer
			origin, _ := serving(t, &logs, "--customer", value, "--listen", "127.0.0.1:0")
			token, _, err := separately(t, "token", "--url", origin)
			if err != nil {
				t.Fatal(err)
			}
			press(t, origin, strings.TrimSpace(token))
			return logs.String()
		}},
	}
	maps.Copy(flags, terminalFlags())
	return flags
}

func tokenFlags(t *testing.T) map[string]flagTest {
	t.Helper()
	one, _ := startServe(t, serveOptions{listen: "127.0.0.1:0"})
	other, _ := startServe(t, serveOptions{listen: "127.0.0.1:0"})
	claim := func(flag string, show func(claims map[string]any) any) func(*testing.T, string) string {
		return func(t *testing.T, value string) string {
			arguments := []string{"token", flag, value}
			if flag != "--url" {
				arguments = append(arguments, "--url", one)
			}
			token, _, err := separately(t, arguments...)
			if err != nil {
				t.Fatal(err)
			}
			payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
			var claims map[string]any
			if err != nil || json.Unmarshal(payload, &claims) != nil {
				t.Fatalf("%v: %s", err, payload)
			}
			return fmt.Sprint(show(claims))
		}
	}
	seconds := func(claims map[string]any) any { return claims["exp"].(float64) - claims["iat"].(float64) }
	return map[string]flagTest{
		"token --user":   {[2]string{"alice", "bob"}, [2]string{"alice", "bob"}, claim("--user", func(claims map[string]any) any { return claims["sub"] })},
		"token --claims": {[2]string{`{"scope":"x"}`, `{"scope":"y"}`}, [2]string{"x", "y"}, claim("--claims", func(claims map[string]any) any { return claims["scope"] })},
		"token --ttl":    {[2]string{"5m", "2h"}, [2]string{"300", "7200"}, claim("--ttl", seconds)},
		"token --url":    {[2]string{one, other}, [2]string{one + issuerPath, other + issuerPath}, claim("--url", func(claims map[string]any) any { return claims["iss"] })},
	}
}

func doctorFlags(t *testing.T) map[string]flagTest {
	t.Helper()
	aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack does not exist</Message></Error></ErrorResponse>`)
	}))
	t.Cleanup(aws.Close)
	missing := func(arguments ...string) func(*testing.T, string) string {
		return func(t *testing.T, value string) string {
			awsAlone(t, map[string]string{"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "SECRET", "AWS_REGION": "eu-west-3", "AWS_ENDPOINT_URL_CLOUDFORMATION": aws.URL})
			_, _, err := separately(t, append(arguments, value)...)
			return said(err)
		}
	}
	laptops := func(t *testing.T, more ...string) string {
		for _, name := range []string{"CUSTOMERS_TABLE", "STRIPE_SECRET_ID", "JWT_ISSUER", "JWT_AUDIENCE", "STRIPE_EVENT_SOURCE"} {
			t.Setenv(name, "")
		}
		output, _, err := separately(t, append([]string{"doctor"}, more...)...)
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
	return map[string]flagTest{
		"doctor --stack":         {[2]string{"one", "other"}, [2]string{"there is no stack one in the Region eu-west-3", "there is no stack other in the Region eu-west-3"}, missing("doctor", "--stack")},
		"doctor --region":        {[2]string{"ap-south-1", "us-east-2"}, [2]string{"there is no stack one in the Region ap-south-1", "there is no stack one in the Region us-east-2"}, missing("doctor", "--stack", "one", "--region")},
		"doctor --portal-config": {[2]string{solo, team}, [2]string{`portal configuration "solo" of the file`, `portal configuration "team" of the file`}, func(t *testing.T, value string) string { return laptops(t, "--portal-config", value) }},
		"doctor --json": {[2]string{"", "yes"}, [2]string{"0 warnings, 0 problems\n", "[\n  {\n    \"name\": \""}, func(t *testing.T, value string) string {
			return laptops(t, option("--json", value)...)
		}},
	}
}

func portalConfigFlags(t *testing.T) map[string]flagTest {
	t.Helper()
	// applied says what was posted, and what is in the files that the command may write.
	applied := func(flags func(s *shop, value string) []string) func(*testing.T, string) string {
		return func(t *testing.T, value string) string {
			s := newShop(t, false)
			t.Chdir(t.TempDir())
			s.write(t, "solo: {features: {invoice_history: {enabled: true}}}\nteam: {features: {invoice_history: {enabled: true}}}\n")
			if output, errOut, err := separately(t, append([]string{"portal-config", "apply", s.file}, flags(s, value)...)...); err != nil {
				t.Fatalf("%v\n%s%s", err, output, errOut)
			}
			var written []string
			for _, path := range files(t, ".") {
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
	return map[string]flagTest{
		"portal-config apply --dry-run": {[2]string{"", "yes"}, [2]string{"2 posted, files [", "0 posted, files []"}, applied(func(_ *shop, value string) []string { return option("--dry-run", value) })},
		"portal-config apply --write": {[2]string{".deploy/one.toml", ".deploy/other.toml"}, [2]string{`[".deploy/one.toml\n` + both + `"]`, `[".deploy/other.toml\n` + both + `"]`},
			applied(func(_ *shop, value string) []string { return option("--write", value) })},
		"portal-config apply --no-write": {[2]string{"", "yes"}, [2]string{`2 posted, files [".deploy/default.toml\n` + both + `"]`, "2 posted, files []"},
			applied(func(_ *shop, value string) []string { return option("--no-write", value) })},
		"portal-config apply --default": {[2]string{"solo", "team"}, [2]string{`DefaultConfiguration = \"solo\"\n`, `DefaultConfiguration = \"team\"\n`},
			applied(func(_ *shop, value string) []string { return option("--default", value) })},
	}
}

func otherFlags(t *testing.T) map[string]flagTest {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	failure := func(arguments ...string) func(*testing.T, string) string {
		return func(t *testing.T, value string) string {
			t.Chdir(root)
			output, _, err := separately(t, append(arguments, value)...)
			if output != "" {
				t.Errorf("it prints %s", output)
			}
			return said(err)
		}
	}
	folders := [2]string{t.TempDir(), t.TempDir()}
	return map[string]flagTest{
		"configure --offline": {[2]string{"", "yes"}, [2]string{"true", "false"}, func(t *testing.T, value string) string {
			for _, name := range tokenVariables {
				t.Setenv(name, "")
			}
			var fetched atomic.Bool
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				fetched.Store(true)
				http.NotFound(w, r)
			}))
			defer server.Close()
			command := newCommand(nil)
			command.Reader = strings.NewReader(newSigner(t).sign(t, map[string]any{"iss": server.URL, "aud": "api", "sub": "u"}))
			command.Writer, command.ErrWriter = io.Discard, io.Discard
			_ = command.Run(t.Context(), append([]string{"local", "configure"}, option("--offline", value)...)) // the token may be refused or not
			return fmt.Sprint(fetched.Load())
		}},
		"events --dir": {folders, [2]string{folders[0] + "/portal.json", folders[1] + "/portal.json"}, func(t *testing.T, value string) string {
			t.Chdir(root)
			for _, folder := range folders {
				_ = os.Remove(folder + "/portal.json") // another value's
			}
			if _, _, err := separately(t, "events", "--dir", value); err != nil {
				t.Fatal(err)
			}
			var found []string
			for _, folder := range folders {
				names, err := filepath.Glob(folder + "/portal.json")
				if err != nil {
					t.Fatal(err)
				}
				found = append(found, names...)
			}
			return fmt.Sprint(found)
		}},
		"invoke --event":    {[2]string{"one.json", "other.json"}, [2]string{"open one.json: ", "open other.json: "}, failure("invoke", "--event")},
		"invoke --env-vars": {[2]string{"one.json", "other.json"}, [2]string{"open one.json: ", "open other.json: "}, failure("invoke", "-e", "events/portal.json", "--env-vars")},
		"invoke --function": {[2]string{"One", "Other"}, [2]string{`there is no function "One" in`, `there is no function "Other" in`}, failure("invoke", "-e", "events/portal.json", "--function")},
	}
}
