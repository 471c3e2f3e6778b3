package direct

import (
	"net"
	"syscall"
)

// isAlive reports whether the other side has neither closed nor reset a
// connection, as far as the kernel has heard. Reading could not tell: over TLS
// 1.3 there may be session tickets that nobody has read yet.
func isAlive(c net.Conn) bool {
	if secured, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = secured.NetConn()
	}
	system, ok := c.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := system.SyscallConn()
	if err != nil {
		return false
	}
	established := false
	err = raw.Control(func(fd uintptr) {
		// The first byte of struct tcp_info (linux/tcp.h) is the state of the connection.
		const tcpEstablished = 1
		info, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_INFO)
		established = err == nil && info&0xff == tcpEstablished
	})
	return err == nil && established
}
