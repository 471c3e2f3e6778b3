//go:build !linux

package main

import "fmt"

// cpuGroup is supported only on Linux.
type cpuGroup struct{}

func newCPUGroup(string, float64) (*cpuGroup, error) {
	return nil, fmt.Errorf("%w: control groups are a feature of Linux", errNoCPUGroup)
}

func (*cpuGroup) launcher(string, string) (string, error) { return "", nil }

func (*cpuGroup) remove() {}
