package network

import (
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// alarm wakes a goroutine on time. In an idle process, the Go runtime rounds waits up to a whole
// millisecond, which is half of a round trip within a region. A timer file descriptor of the kernel
// is more precise.
type alarm struct{ timer *os.File }

func newAlarm() (alarm, error) {
	const clockMonotonic = 1
	fd, _, errno := syscall.Syscall(syscall.SYS_TIMERFD_CREATE, clockMonotonic, syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if errno != 0 {
		return alarm{}, fmt.Errorf("network: timerfd_create: %w", errno)
	}
	return alarm{os.NewFile(fd, "timer")}, nil
}

func (a alarm) sleepUntil(due time.Time) {
	wait := time.Until(due)
	if wait <= 0 {
		return
	}
	setting := struct{ interval, value syscall.Timespec }{value: syscall.NsecToTimespec(int64(wait))}
	raw, err := a.timer.SyscallConn()
	if err != nil {
		return // closed
	}
	_ = raw.Control(func(fd uintptr) {
		_, _, _ = syscall.Syscall6(syscall.SYS_TIMERFD_SETTIME, fd, 0, uintptr(unsafe.Pointer(&setting)), 0, 0, 0)
	})
	var expirations [8]byte
	_, _ = a.timer.Read(expirations[:])
}

func (a alarm) stop() { _ = a.timer.Close() }
