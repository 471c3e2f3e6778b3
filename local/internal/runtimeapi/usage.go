package runtimeapi

import "time"

// Usage is the CPU time and memory that a process has used since it was created, according to the
// kernel.
type Usage struct {
	CPU     time.Duration // user and system time of all threads
	PeakRSS int64         // peak resident memory, in bytes
}

// Usage returns the usage so far. After the process has exited, the CPU time is final, and the peak
// memory is that of the latest reading before the exit ([Process.Stop] takes one). The kernel's
// value for exited children (ru_maxrss) is useless here, because it is never less than the memory
// of the caller.
func (p *Process) Usage() (Usage, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if isClosed(p.exited) {
		p.last.CPU = p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
		return p.last, nil
	}
	usage, err := readUsage(p.cmd.Process.Pid)
	if err != nil {
		return p.last, err
	}
	p.last = usage
	return usage, nil
}
