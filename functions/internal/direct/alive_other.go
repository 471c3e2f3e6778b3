//go:build !linux

package direct

import "net"

// look does not know.
func look(net.Conn) (open, unread bool) { return true, true }
