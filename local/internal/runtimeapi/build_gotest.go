//go:build !integration

package runtimeapi

import "context"

func compileForTests(pkg string) (path string, err error) {
	return compile(context.Background(), pkg, []string{"-buildvcs=false", "-ldflags", "-s -w"})
}
