// Package integrationtest starts the programs that integration tests need: DynamoDB Local and
// OpenID providers. `make tools` installs them.
package integrationtest

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// DynamoDBLocal starts the real DynamoDB Local on a free port of the loopback interface and returns
// its endpoint. It needs a JDK; a JRE is not enough.
func DynamoDBLocal(t testing.TB) string {
	t.Helper()
	jars := tools("dynamodb-local")
	if found, err := filepath.Glob(filepath.Join(jars, "DynamoDBLocal-*.jar")); err != nil || len(found) == 0 {
		t.Fatal("DynamoDB Local is not installed; run: make tools")
	}
	return start(t, "java", "-Djava.library.path="+jars+":"+filepath.Join(jars, "native-libs"),
		"-cp", filepath.Join(jars, "*"), filepath.Join(folder(), "testdata", "DynamoDBLocal.java"))
}

// OpenIDProvider starts an OpenID provider that runs in Node, such as oidc-provider, and returns
// its issuer. name is its npm package.
func OpenIDProvider(t testing.TB, name string) string {
	t.Helper()
	installed := tools("npm")
	if _, err := os.Stat(filepath.Join(installed, "node_modules", name, "package.json")); err != nil {
		t.Fatalf("%s is not installed; run: make tools", name)
	}
	return start(t, "node", filepath.Join(folder(), "testdata", "providers", "serve.mjs"), installed, name)
}

// start starts a program and returns the first line that it prints. The program ends when its
// standard input is closed. So it ends with the test, and also if this process is killed.
func start(t testing.TB, name string, arguments ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	program := exec.CommandContext(ctx, name, arguments...) //nolint:gosec // chosen above
	program.Env = append(os.Environ(), "DDB_LOCAL_TELEMETRY=0")
	var stderr strings.Builder
	program.Stderr = &stderr
	stdin, err := program.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatalf("%v; run: make tools", err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		if err := program.Wait(); err != nil {
			t.Errorf("%s ended with %v: %s", name, err, stderr.String())
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("%s did not start: %v: %s", name, err, stderr.String())
	}
	return strings.TrimSpace(line)
}

func tools(name string) string { return filepath.Join(folder(), "..", "..", ".tools", name) }

func folder() string {
	_, source, _, _ := runtime.Caller(0)
	return filepath.Dir(source)
}
