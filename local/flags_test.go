package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"billingportal/local/internal/commandline/commandtest"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
)

func TestEveryFlagHasAnEffect(t *testing.T) {
	tests := map[string]commandtest.FlagTest{}
	for _, more := range []map[string]commandtest.FlagTest{serveFlags(t), tokenFlags(t), otherFlags(t)} {
		maps.Copy(tests, more)
	}
	commandtest.RequireEffects(t, newCommand().Commands, tests)
}

func TestNoFlagIsBlank(t *testing.T) { commandtest.RequireNoBlanks(t, newCommand) }

// serving runs the command serve until the test ends. It returns the address and the greeting.
func serving(t *testing.T, errOut io.Writer, arguments ...string) (origin, greeting string) {
	t.Helper()
	return devservertest.Greeting(t, func(ctx context.Context, stdout io.Writer) error {
		command := newCommand()
		command.Writer, command.ErrWriter = stdout, errOut
		return command.Run(ctx, append([]string{"local"}, arguments...))
	})
}

// press sends the request of the button with a token.
func press(t *testing.T, origin, token string) {
	t.Helper()
	devservertest.Send(t, http.MethodPost, origin+"/billing/portal", "", devservertest.Bearer(token))
}

func serveFlags(t *testing.T) map[string]commandtest.FlagTest {
	t.Helper()
	addresses := [2]string{devservertest.FreeAddress(t), devservertest.FreeAddress(t)}
	flags := map[string]commandtest.FlagTest{
		"serve --listen": {addresses, [2]string{"is at http://" + addresses[0] + "\n",
			"is at http://" + addresses[1] + "\n"}, func(t *testing.T, value string) string {
			_, greeting := serving(t, io.Discard, "serve", "--listen", value)
			return greeting
		}},
		"serve --container-listen": {[2]string{"", addresses[1]},
			[2]string{"Stripe is a stand-in", "Containers reach the stand-ins at http://" + addresses[1]},
			func(t *testing.T, value string) string {
				_, greeting := serving(t, io.Discard,
					append(commandtest.Option("--container-listen", value), "--listen", "127.0.0.1:0")...)
				return greeting
			}},
		"serve --everyone": {[2]string{"alice", "cus_DemoErin"}, [2]string{
			`"customer_id":"cus_DemoAlice"`, `"customer_id":"cus_DemoErin"`,
		}, func(t *testing.T, value string) string {
			issuer := devservertest.Provider(t)
			token, err := issuer.Token("auth0|17", map[string]any{"aud": "api"}, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			var logs devservertest.LogBuffer
			origin, _ := serving(t, &logs, "--everyone", value, "--listen", "127.0.0.1:0")
			press(t, origin, token)
			return logs.String()
		}},
		"serve --customer": {[2]string{
			"alice=cus_DemoDave", "alice=cus_DemoErin",
		}, [2]string{`"customer_id":"cus_DemoDave"`, `"customer_id":"cus_DemoErin"`},
			func(t *testing.T, value string) string {
				t.Setenv("JWT_ISSUER", "")
				t.Setenv("JWT_AUDIENCE", "")
				var logs devservertest.LogBuffer
				origin, _ := serving(t, &logs, "--customer", value, "--listen", "127.0.0.1:0")
				token, _, err := run(t, "token", "--url", origin)
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

func tokenFlags(t *testing.T) map[string]commandtest.FlagTest {
	t.Helper()
	one, _ := devservertest.Serve(t, devserver.Options{Listen: "127.0.0.1:0"})
	other, _ := devservertest.Serve(t, devserver.Options{Listen: "127.0.0.1:0"})
	claim := func(flag string, show func(claims map[string]any) any) func(*testing.T, string) string {
		return func(t *testing.T, value string) string {
			arguments := []string{"token", flag, value}
			if flag != "--url" {
				arguments = append(arguments, "--url", one)
			}
			token, _, err := run(t, arguments...)
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
	return map[string]commandtest.FlagTest{
		"token --user": {[2]string{"alice", "bob"}, [2]string{"alice", "bob"},
			claim("--user", func(claims map[string]any) any { return claims["sub"] })},
		"token --claims": {[2]string{`{"scope":"x"}`, `{"scope":"y"}`}, [2]string{"x", "y"},
			claim("--claims", func(claims map[string]any) any { return claims["scope"] })},
		"token --ttl": {[2]string{"5m", "2h"}, [2]string{"300", "7200"}, claim("--ttl", seconds)},
		"token --url": {[2]string{one, other}, [2]string{one + devserver.IssuerPath, other + devserver.IssuerPath},
			claim("--url", func(claims map[string]any) any { return claims["iss"] })},
	}
}

func otherFlags(t *testing.T) map[string]commandtest.FlagTest {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	failure := func(arguments ...string) func(*testing.T, string) string {
		return func(t *testing.T, value string) string {
			t.Chdir(root)
			output, _, err := run(t, append(arguments, value)...)
			if output != "" {
				t.Errorf("it prints %s", output)
			}
			return commandtest.Said(err)
		}
	}
	folders := [2]string{t.TempDir(), t.TempDir()}
	return map[string]commandtest.FlagTest{
		"events --dir": {folders, [2]string{folders[0] + "/portal.json", folders[1] + "/portal.json"},
			func(t *testing.T, value string) string {
				t.Chdir(root)
				for _, folder := range folders {
					_ = os.Remove(folder + "/portal.json") // of the other value
				}
				if _, _, err := run(t, "events", "--dir", value); err != nil {
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
		"invoke --event": {[2]string{"one.json", "other.json"}, [2]string{"open one.json: ", "open other.json: "},
			failure("invoke", "--event")},
		"invoke --env-vars": {[2]string{"one.json", "other.json"}, [2]string{"open one.json: ", "open other.json: "},
			failure("invoke", "-e", "events/portal.json", "--env-vars")},
		"invoke --function": {[2]string{"One", "Other"}, [2]string{`there is no function "One" in`,
			`there is no function "Other" in`}, failure("invoke", "-e", "events/portal.json", "--function")},
	}
}
