package runtimeapi

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// readUsage reads the usage of a running process. Its CPU-time clock counts nanoseconds, while
// /proc/<pid>/stat counts hundredths of a second, which is more than a request takes.
func readUsage(pid int) (Usage, error) {
	// The ID of the clock is that of clock_getcpuclockid(3): the inverted PID and CPUCLOCK_SCHED.
	const cpuClockSched = 2
	clock := uint32(^pid)<<3 | cpuClockSched
	var ts syscall.Timespec
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(clock),
		uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
		return Usage{}, fmt.Errorf("runtimeapi: CPU-time clock of process %d: %w", pid, errno)
	}

	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Usage{}, err
	}
	_, line, ok := strings.Cut(string(status), "VmHWM:")
	if !ok {
		return Usage{}, fmt.Errorf("runtimeapi: process %d has exited", pid)
	}
	kB, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	peak, err := strconv.ParseInt(kB, 10, 64)
	if err != nil {
		return Usage{}, fmt.Errorf("runtimeapi: VmHWM of process %d: %w", pid, err)
	}
	return Usage{CPU: time.Duration(ts.Nano()), PeakRSS: peak * 1024}, nil
}
