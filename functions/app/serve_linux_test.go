//go:build !race

package app

import (
	"net"
	"net/http"
	"testing"
)

func TestConnectionsCostTheSchedulerLittle(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	shared := http.DefaultTransport.(*http.Transport)
	defer func(before *http.Transport) { shared.DialContext = before.DialContext }(shared.Clone())
	tuneRuntimeAPI()
	for name, transport := range map[string]*http.Transport{"an upstream's": newTransport().Transport, "the Runtime API's": shared} {
		conn, err := transport.DialContext(t.Context(), "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, bare := conn.(*net.TCPConn); bare {
			t.Errorf("%s is package net's own", name)
		}
		_ = conn.Close()
	}
}
