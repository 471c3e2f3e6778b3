package runtimeapi

import "time"

// Usage is what a process has used since it was created, by the kernel's accounts.
type Usage struct {
	CPU     time.Duration // user and system time of all its threads
	PeakRSS int64         // most memory that was resident at a time, in bytes
}

// Usage reads the kernel's accounts. Of a process that has exited the CPU time is final, the peak
// memory is that of the latest reading, of which [Process.Stop] takes one: what the kernel keeps
// (ru_maxrss) is not less than the caller's own.
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
