package runtimeapi

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Tags are the build tags of a deployment: without net/rpc of aws-lambda-go, and without HTTP/2,
// which the clients do not use.
const Tags = "lambda.norpc,nethttpomithttp2"

// BuildFlags returns the flags of `go build` for a deployment, with these tags.
func BuildFlags(tags string) []string {
	return []string{"-trimpath", "-buildvcs=false", "-tags", tags, "-ldflags", "-s -w"}
}

// Compile builds the main package with this import path like the template does, but with these tags
// and for this machine. It returns the path of the binary, which is in the cache directory of the
// user: one for each package, tags and checkout. The next Compile replaces it; processes that run
// the old binary continue.
func Compile(ctx context.Context, pkg, tags string) (path string, err error) {
	return compile(ctx, pkg, BuildFlags(tags), "CGO_ENABLED=0")
}

func compile(ctx context.Context, pkg string, flags []string, env ...string) (path string, err error) {
	root, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("runtimeapi: go env: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "billingportal")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	fresh, err := os.MkdirTemp(dir, "fresh-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(fresh)

	key := sha256.Sum256([]byte(string(root) + pkg + strings.Join(flags, " ")))
	path = filepath.Join(dir, fmt.Sprintf("bootstrap-%x", key[:8]))
	binary := filepath.Join(fresh, "bootstrap")
	_ = os.Link(path, binary) // go build does not link again if the binary is up to date
	cmd := exec.CommandContext(ctx, "go",
		slices.Concat([]string{"build"}, flags, []string{"-o", binary, pkg})...)
	cmd.Env = slices.Concat(os.Environ(), []string{"GOOS=" + runtime.GOOS, "GOARCH=" + runtime.GOARCH}, env)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("runtimeapi: go build %s: %w\n%s", pkg, err, strings.TrimSpace(string(out)))
	}
	return path, os.Rename(binary, path)
}

// TB is the part of testing.TB that Build uses.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

// built caches the binaries of a test process: linking takes seconds, and all tests use the same
// bootstrap.
var built sync.Map // import path -> func() (string, error)

// Build builds a main package for tests, once per package and test process. With the build tag
// integration it builds like [Compile] with [Tags]. Without the tag it uses the flags of `go test`:
// other flags would compile every dependency a second time, which takes minutes on a fresh machine.
func Build(t TB, pkg string) string {
	t.Helper()
	compile, _ := built.LoadOrStore(pkg, sync.OnceValues(func() (string, error) {
		return compileForTests(pkg)
	}))
	path, err := compile.(func() (string, error))()
	if err != nil {
		t.Fatalf("%v", err)
	}
	return path
}
