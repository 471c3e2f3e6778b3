//go:build unix

package runtimeapi

import "syscall"

// Freeze suspends the process at any point until [Process.Thaw], as Lambda does between
// invocations. All clocks of the process continue, unlike in a frozen Lambda environment, where
// some stop.
func (p *Process) Freeze() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw resumes a frozen process.
func (p *Process) Thaw() error { return p.cmd.Process.Signal(syscall.SIGCONT) }
