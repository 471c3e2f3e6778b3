//go:build !linux

package main

import "errors"

// cpuGroup is there on Linux only.
type cpuGroup struct{}

func newCPUGroup(float64) (*cpuGroup, error) {
	return nil, errors.New("shares of a CPU are set on Linux only")
}

func (*cpuGroup) launcher(string, string) (string, error) { return "", nil }

func (*cpuGroup) remove() {}
