//go:build !linux

package faulttest

import "net"

// holdPort finds a free loopback port. Another program could get it while the server does not
// listen.
func holdPort() (address string, vacate func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	return listener.Addr().String(), func() {}, listener.Close()
}

func listenOn(address string) (net.Listener, error) { return net.Listen("tcp", address) }
