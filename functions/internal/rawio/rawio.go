// Package rawio reads and writes what does not block without telling Go's scheduler.
//
// A system call of package syscall tells the scheduler that its thread may be gone for a while. If the process was idle, as a
// function is that waits for an upstream, that wakes a thread of the runtime (sysmon), which then looks every few dozen
// microseconds whether the call still lasts, until the process is idle again; and when it finds that one does, as a write
// over loopback may, it hands the work to another thread. For a function that serves one request at a time that is a sixth of
// its CPU time.
//
// The price: sysmon is also what interrupts a goroutine that computes without end. Where all that a process does is done this
// way, with GOMAXPROCS at 1, timers and other goroutines wait until the one that runs has to wait itself. So this is for programs
// whose requests are small and bounded, and never compute for long.
//
// It has no effect but on Linux, and none under the race detector, which does not see these calls.
package rawio
