package main

import (
	"context"
	"errors"
	"net"
	"regexp"
	"strings"
	"testing"
)

// busy returns an address on which the test listens.
func busy(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

// If a port is in use, the error has the whole command with a free port, ready to paste.
func TestABusyPortIsReplaced(t *testing.T) {
	t.Setenv("JWT_ISSUER", "")
	address := busy(t)
	for arguments, want := range map[string]string{
		"--json --listen " + address: `go run ./local --json --listen (127\.0\.0\.1:\d+)$`,
		"serve --customer alice=cus_1 --listen " + address: `go run ./local serve --customer alice=cus_1 ` +
			`--listen (127\.0\.0\.1:\d+)$`,
		"serve --listen 127.0.0.1:0 --container-listen " + address: `go run ./local serve ` +
			`--listen 127\.0\.0\.1:0 --container-listen (127\.0\.0\.1:\d+)$`,
	} {
		_, _, err := run(t, strings.Fields(arguments)...)
		if err == nil || !strings.HasPrefix(err.Error(), "another program serves on "+address+", ") {
			t.Fatalf("%s: %v", arguments, err)
		}
		found := regexp.MustCompile(want).FindStringSubmatch(err.Error())
		if found == nil {
			t.Fatalf("%s: %v, want %s", arguments, err, want)
		}
		listener, err := net.Listen("tcp", found[1])
		if err != nil {
			t.Errorf("%s: %s is not free: %v", arguments, found[1], err)
			continue
		}
		_ = listener.Close()
	}
}

// Other errors of serve stay unchanged.
func TestOnlyABusyPortIsReplaced(t *testing.T) {
	t.Parallel()
	for _, err := range []error{nil, context.Canceled,
		&net.OpError{Op: "listen", Err: errors.New("permission denied")}} {
		if got := nameFreePort(newCommand(), err); !errors.Is(got, err) {
			t.Errorf("%v became %v", err, got)
		}
	}
	if _, ok := freeAddress("here"); ok {
		t.Error("an address without a port has a free port")
	}
}
