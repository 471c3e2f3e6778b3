package direct

import (
	"errors"
	"net"
	"syscall"
)

// look asks the kernel about a connection that nobody reads from: whether the
// other side has neither closed nor reset it, as far as the kernel has heard, and
// whether it has sent anything that nobody has read.
func look(c net.Conn) (open, unread bool) {
	if secured, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = secured.NetConn()
	}
	system, ok := c.(syscall.Conn)
	if !ok {
		return true, true
	}
	raw, err := system.SyscallConn()
	if err != nil {
		return false, false
	}
	err = raw.Control(func(fd uintptr) {
		n, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch {
		case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
			open, unread = true, false
		case err == nil && n > 0:
			open, unread = true, true
		}
	})
	return open && err == nil, unread
}
