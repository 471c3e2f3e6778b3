package app

import (
	"os"
	"runtime"
	"strings"
	"testing"
)

func TestTheProcessIsTunedUnlessTheEnvironmentDoes(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for name, test := range map[string]struct {
		environment map[string]string
		threads     int
	}{
		"by itself":          {nil, 1},
		"by the environment": {map[string]string{"GOMAXPROCS": "3"}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PATH", "/usr/bin")
			runtime.GOMAXPROCS(3)
			if err := tune(func(variable string) string { return test.environment[variable] }); err != nil {
				t.Fatal(err)
			}
			if got := runtime.GOMAXPROCS(0); got != test.threads {
				t.Errorf("GOMAXPROCS = %d", got)
			}
			if path, found := os.LookupEnv("PATH"); found {
				t.Errorf("PATH = %q", path)
			}
		})
	}
}

func TestOutsideLambdaServeSaysWhatIsMissing(t *testing.T) {
	err := Serve(t.Context(), func(string) string { return "" }, nil)
	if err == nil || !strings.Contains(err.Error(), "AWS_LAMBDA_RUNTIME_API") {
		t.Errorf("err = %v", err)
	}
}
