//go:build integration

package runtimeapi

import "context"

func compileForTests(pkg string) (path string, err error) {
	return Compile(context.Background(), pkg, Tags)
}
