package faulty

import (
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// holdPort takes a loopback port that no other program gets until vacate, also while nobody listens on it: a socket
// that is bound and does not listen refuses connections, and leaves the port to a listener with SO_REUSEADDR, which
// every listener of Go's has.
func holdPort() (address string, vacate func(), err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", nil, err
	}
	vacate = func() { _ = syscall.Close(fd) }
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		vacate()
		return "", nil, err
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: netip.MustParseAddr("127.0.0.1").As4()}); err != nil {
		vacate()
		return "", nil, err
	}
	bound, err := syscall.Getsockname(fd)
	if err != nil {
		vacate()
		return "", nil, err
	}
	port := bound.(*syscall.SockaddrInet4).Port
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), vacate, nil
}
