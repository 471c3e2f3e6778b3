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

// Tags are the build tags of a deployment: without aws-lambda-go's net/rpc, and without the HTTP/2
// that no client here uses.
const Tags = "lambda.norpc,nethttpomithttp2"

// BuildFlags are those of `go build` for a deployment, with some tags.
func BuildFlags(tags string) []string {
	return []string{"-trimpath", "-buildvcs=false", "-tags", tags, "-ldflags", "-s -w"}
}

// Compile builds the main package of an import path as the template's build does, but with those
// tags and for this machine, and returns the binary's path. It stays in the user's cache directory,
// one for each package, tags and checkout, and is replaced by the next Compile; a process that runs
// the old one goes on.
func Compile(ctx context.Context, pkg, tags string) (path string, err error) {
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

	key := sha256.Sum256([]byte(string(root) + pkg + tags))
	path = filepath.Join(dir, fmt.Sprintf("bootstrap-%x", key[:8]))
	binary := filepath.Join(fresh, "bootstrap")
	_ = os.Link(path, binary) // if it is there and up to date, go build does not link again
	cmd := exec.CommandContext(ctx, "go",
		slices.Concat([]string{"build"}, BuildFlags(tags), []string{"-o", binary, pkg})...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("runtimeapi: go build %s: %w\n%s", pkg, err, strings.TrimSpace(string(out)))
	}
	return path, os.Rename(binary, path)
}

// TB is what Build needs of a testing.TB.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

// built is the state of a test binary: linking takes seconds, and each of its tests wants the same
// bootstrap.
var built sync.Map // import path -> func() (string, error)

// Build is [Compile] with [Tags] for tests, once in the life of a test binary.
func Build(t TB, pkg string) string {
	t.Helper()
	compile, _ := built.LoadOrStore(pkg, sync.OnceValues(func() (string, error) {
		return Compile(context.Background(), pkg, Tags)
	}))
	path, err := compile.(func() (string, error))()
	if err != nil {
		t.Fatalf("%v", err)
	}
	return path
}
