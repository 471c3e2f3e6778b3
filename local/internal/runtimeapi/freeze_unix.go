//go:build unix

package runtimeapi

import "syscall"

// Freeze stops the process in whatever it does, as Lambda does between invocations, until
// [Process.Thaw]. Its clocks go on, unlike some of those of a frozen environment.
func (p *Process) Freeze() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw lets a frozen process go on.
func (p *Process) Thaw() error { return p.cmd.Process.Signal(syscall.SIGCONT) }
