package app

import (
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

func TestServeSetsTheRuntimeUnlessTheEnvironmentDoes(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no invocation", http.StatusGone)
	}))
	defer server.Close()
	threads, garbage := runtime.GOMAXPROCS(0), debug.SetGCPercent(100)
	defer func() {
		runtime.GOMAXPROCS(threads)
		debug.SetGCPercent(garbage)
	}()

	for name, test := range map[string]struct {
		environment      map[string]string
		threads, garbage int
	}{
		"by itself":          {nil, 1, 50},
		"by the environment": {map[string]string{"GOMAXPROCS": "3", "GOGC": "100"}, 3, 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PATH", "/usr/bin")
			runtime.GOMAXPROCS(3)
			debug.SetGCPercent(100)
			err := Serve(t.Context(), func(variable string) string {
				if variable == "AWS_LAMBDA_RUNTIME_API" {
					return strings.TrimPrefix(server.URL, "http://")
				}
				return test.environment[variable]
			}, nil)
			if err == nil || !strings.Contains(err.Error(), "410") {
				t.Errorf("err = %v", err)
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
