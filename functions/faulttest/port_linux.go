package faulttest

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// holdPort reserves a loopback port until vacate, so that no other program gets it while the server
// does not listen. Its socket is bound but does not listen, so connections to it are refused. It
// shares the port with listenOn by SO_REUSEPORT. With SO_REUSEADDR, which every Go listener has,
// the kernel could give the port to any of them.
func holdPort() (address string, vacate func(), err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", nil, err
	}
	vacate = func() { _ = unix.Close(fd) }
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		vacate()
		return "", nil, err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: netip.MustParseAddr("127.0.0.1").As4()}); err != nil {
		vacate()
		return "", nil, err
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		vacate()
		return "", nil, err
	}
	port := bound.(*unix.SockaddrInet4).Port
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), vacate, nil
}

// listenOn listens on a port that holdPort has reserved.
func listenOn(address string) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failure error
		err := c.Control(func(fd uintptr) {
			failure = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		})
		if err != nil {
			return err
		}
		return failure
	}}
	return config.Listen(context.Background(), "tcp", address)
}
