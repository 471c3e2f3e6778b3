package operator

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain gives the AWS SDK credentials of the stand-ins. It reads the environment of the process,
// which tests that run in parallel cannot change.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "eu-central-1",
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	// A fifth of the time went to collecting garbage, of a heap that stays small.
	debug.SetGCPercent(400)
	m.Run()
}
