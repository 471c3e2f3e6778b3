//go:build !race

package rawio

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// Conn returns conn with reads and writes of this package, if it is a TCP connection, and else, or for nil, conn. Deadlines and Close are as they were,
// and so is what waits: the runtime's poller.
func Conn(conn net.Conn) net.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return conn
	}
	return &rawConn{tcp, raw}
}

type rawConn struct {
	*net.TCPConn
	raw syscall.RawConn
}

// Read implements io.Reader.
func (c *rawConn) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	var errno syscall.Errno
	err = c.raw.Read(func(fd uintptr) (done bool) {
		n, errno = call(syscall.SYS_READ, fd, p)
		return errno != syscall.EAGAIN
	})
	if err = c.failure("read", err, errno); err == nil && n == 0 {
		err = io.EOF
	}
	return n, err
}

// Write implements io.Writer.
func (c *rawConn) Write(p []byte) (written int, err error) {
	var errno syscall.Errno
	err = c.raw.Write(func(fd uintptr) (done bool) {
		for written < len(p) {
			var n int
			if n, errno = call(syscall.SYS_WRITE, fd, p[written:]); errno != 0 {
				return errno != syscall.EAGAIN
			}
			written += n
		}
		return true
	})
	return written, c.failure("write", err, errno)
}

// failure is what package net says of an operation that ended with an error of its own, such as a deadline's, or of the kernel's.
func (c *rawConn) failure(operation string, err error, errno syscall.Errno) error {
	var known *net.OpError
	switch {
	case errors.As(err, &known):
		known.Op = operation // raw-read or raw-write
	case err == nil && errno != 0:
		err = &net.OpError{Op: operation, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: os.NewSyscallError(operation, errno)}
	}
	return err
}

// maxLine is what a pipe takes whole or not at all, and has room for if it is ready (PIPE_BUF of pipe(7)).
const maxLine = 4096

// Writer returns a writer of short lines, such as a log's, to file, unless that is something other than a pipe or a regular
// file, or what other leads to as well. A line that the kernel would take right now is written by this package, any other by file
// itself: whoever reads the pipe may be slow, and another writer might fill it in between.
func Writer(file, other *os.File) io.Writer {
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() && info.Mode()&os.ModeNamedPipe == 0 {
		return file
	}
	if otherInfo, err := other.Stat(); err == nil && os.SameFile(info, otherInfo) {
		return file
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return file
	}
	return &writer{file, raw}
}

type writer struct {
	file *os.File
	raw  syscall.RawConn
}

// Write implements io.Writer.
func (w *writer) Write(line []byte) (int, error) {
	if len(line) == 0 || len(line) > maxLine {
		return w.file.Write(line)
	}
	written := 0
	_ = w.raw.Write(func(fd uintptr) (done bool) { // what is wrong, file will say
		if isReady(fd) {
			written, _ = call(syscall.SYS_WRITE, fd, line)
		}
		return true
	})
	if written == len(line) {
		return written, nil
	}
	rest, err := w.file.Write(line[written:])
	return written + rest, err
}

// pollFD is struct pollfd of poll(2).
type pollFD struct {
	fd              int32
	events, revents int16
}

const pollOut = 4 // POLLOUT

// isReady reports whether a write would not block.
func isReady(fd uintptr) bool {
	descriptor, now := pollFD{fd: int32(fd), events: pollOut}, syscall.Timespec{} //nolint:gosec // descriptors are ints
	// ppoll, because arm64 has no poll.
	n, _, _ := syscall.RawSyscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&descriptor)), 1, uintptr(unsafe.Pointer(&now)), 0, 0, 0) //nolint:gosec // a system call takes addresses
	return n == 1 && descriptor.revents == pollOut
}

// call makes read(2) or write(2) of a p that is not empty.
func call(trap, fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall(trap, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p))) //nolint:gosec // a system call takes addresses
		switch errno {
		case 0:
			return int(n), 0 //nolint:gosec // at most len(p)
		case syscall.EINTR:
			continue
		}
		return 0, errno
	}
}
