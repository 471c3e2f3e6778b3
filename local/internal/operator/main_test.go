package operator

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain gives the AWS SDK the credentials of the stand-ins. The SDK reads the variables of the
// process, which parallel tests cannot change.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "eu-central-1",
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	// Garbage collection took a fifth of the time, although the heap stays small.
	debug.SetGCPercent(400)
	m.Run()
}
