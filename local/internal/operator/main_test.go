package operator

import (
	"os"
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
	m.Run()
}
