// Package dynamodblocal starts the real DynamoDB Local for tests, to which package dynamodb is
// held.
package dynamodblocal

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

// Start starts it on a port of its own of the loopback interface and returns its endpoint. It needs a JDK, and the jars that
// `make tools` installs. It ends with the test, and with this process even if that is killed, since it ends when its standard
// input does.
func Start(t testing.TB) string {
	t.Helper()
	_, source, _, _ := runtime.Caller(0)
	folder := filepath.Dir(source)
	jars := filepath.Join(folder, "..", "..", "..", "..", "..", ".tools", "dynamodb-local")
	if found, err := filepath.Glob(filepath.Join(jars, "DynamoDBLocal-*.jar")); err != nil || len(found) == 0 {
		t.Fatal("DynamoDB Local is not installed; run: make tools")
	}

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	java := exec.CommandContext(ctx, "java",
		"-Djava.library.path="+jars+":"+filepath.Join(jars, "native-libs"),
		"-cp", filepath.Join(jars, "*"),
		filepath.Join(folder, "testdata", "DynamoDBLocal.java"))
	java.Env = append(os.Environ(), "DDB_LOCAL_TELEMETRY=0")
	var stderr strings.Builder
	java.Stderr = &stderr
	stdin, err := java.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := java.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := java.Start(); err != nil {
		t.Fatalf("starting DynamoDB Local: %v", err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		if err := java.Wait(); err != nil {
			t.Errorf("DynamoDB Local ended with %v: %s", err, stderr.String())
		}
	})

	endpoint, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("DynamoDB Local did not start, for which it needs a JDK and not just a JRE: %v: %s", err, stderr.String())
	}
	return strings.TrimSpace(endpoint)
}
