package lambdahttp

import (
	"os"
	"runtime"
	"runtime/debug"
	"testing"
)

func TestTheProcessIsTunedUnlessTheEnvironmentDoes(t *testing.T) {
	threads, garbage := runtime.GOMAXPROCS(0), debug.SetGCPercent(100)
	defer func() {
		runtime.GOMAXPROCS(threads)
		debug.SetGCPercent(garbage)
	}()
	for name, test := range map[string]struct {
		environment      map[string]string
		threads, garbage int
	}{
		"by itself":          {nil, 1, 70},
		"by the environment": {map[string]string{"GOMAXPROCS": "3", "GOGC": "100"}, 3, 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PATH", "/usr/bin")
			runtime.GOMAXPROCS(3)
			debug.SetGCPercent(100)
			if err := tune(func(variable string) string { return test.environment[variable] }); err != nil {
				t.Fatal(err)
			}
			if got := runtime.GOMAXPROCS(0); got != test.threads {
				t.Errorf("GOMAXPROCS = %d", got)
			}
			if got := debug.SetGCPercent(100); got != test.garbage {
				t.Errorf("GOGC = %d", got)
			}
			if path, found := os.LookupEnv("PATH"); found {
				t.Errorf("PATH = %q", path)
			}
		})
	}
}
