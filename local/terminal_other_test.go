//go:build !linux

package main

import "billingportal/local/internal/commandline/commandtest"

func terminalFlags() map[string]commandtest.FlagTest { return nil }
