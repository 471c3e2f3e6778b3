package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"github.com/urfave/cli/v3"

	"billingportal/local/internal/commandline"
)

// wsaAddressInUse is the error of Windows for an address that is in use. Package syscall has no
// name for it.
//
// https://learn.microsoft.com/en-us/windows/win32/winsock/windows-sockets-error-codes-2
const wsaAddressInUse = syscall.Errno(10048)

// nameFreePort replaces the error of serve if an address is in use: the new error has the command
// with a free port, ready to paste.
func nameFreePort(cmd *cli.Command, err error) error {
	var failed *net.OpError
	if !errors.As(err, &failed) || failed.Op != "listen" ||
		!errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, wsaAddressInUse) {
		return err
	}
	flag, address := "listen", failed.Addr.String()
	if asked := cmd.String("container-listen"); asked == address && cmd.String("listen") != address {
		flag = "container-listen"
	}
	free, ok := freeAddress(address)
	if !ok {
		return err
	}
	return fmt.Errorf("another program serves on %s, perhaps another go run ./local. Stop it, or use a free port:\n  "+
		"%s",
		address, commandline.Again(cmd, []string{flag}, "--"+flag, free))
}

// freeAddress returns an address of the same host on which nothing listens now: one of the next
// ports, or else the one that the system chooses.
func freeAddress(address string) (string, bool) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", false
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return "", false
	}
	candidates := make([]string, 0, 11)
	for next := number + 1; next <= min(number+10, 65535); next++ {
		candidates = append(candidates, strconv.Itoa(next))
	}
	for _, candidate := range append(candidates, "0") {
		listener, err := net.Listen("tcp", net.JoinHostPort(host, candidate))
		if err == nil {
			free := listener.Addr().String()
			return free, listener.Close() == nil
		}
	}
	return "", false
}
