//go:build !linux

package runtimeapi

import "errors"

func readUsage(int) (Usage, error) {
	return Usage{}, errors.New("runtimeapi: Usage is supported only on Linux")
}
