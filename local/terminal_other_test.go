//go:build !linux

package main

func terminalFlags() map[string]flagTest { return nil }
