package direct

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// destination is where a connection leads.
type destination struct{ scheme, address string }

// conn is a connection. It is used by one request at a time.
type conn struct {
	net.Conn
	to        destination
	reader    *bufio.Reader
	writer    *bufio.Writer
	left      int64     // what may be read before the answer's body; -1: no limit
	idleSince time.Time // by the wall clock
}

func newConn(to destination, opened net.Conn) *conn {
	c := &conn{Conn: opened, to: to, left: -1}
	c.reader, c.writer = bufio.NewReader(c), bufio.NewWriter(opened)
	return c
}

// Read implements io.Reader, within the limit for a header.
func (c *conn) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, errHeaderTooLarge
	}
	if c.left > 0 && int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.Conn.Read(p)
	if c.left > 0 {
		c.left -= int64(n)
	}
	return n, err
}

// unreadPatience is how long unread bytes have to prove that they are TLS's own.
const unreadPatience = time.Millisecond

// isIdle reports whether a connection is as its last answer left it: open, and
// nothing has come since. What has come would be taken for the answer to the next
// request, which is somebody else's: a client MUST NOT (RFC 9112, section 9.2).
//
// Bytes may be waiting in three places: here, in the TLS layer, and in the kernel,
// where they can also be session tickets of TLS 1.3 that nobody has read yet. To
// read is the only way to tell.
func (c *conn) isIdle() bool {
	open, unread := look(c.Conn)
	if !open {
		return false
	}
	until := time.Unix(1, 0)
	if unread {
		until = time.Now().Add(unreadPatience)
	}
	if c.SetReadDeadline(until) != nil {
		return false
	}
	_, err := c.reader.Peek(1)
	return errors.Is(err, os.ErrDeadlineExceeded) && c.SetReadDeadline(time.Time{}) == nil
}

// exchange sends a request and reads its answer up to the body.
func (c *conn) exchange(r *http.Request) (*http.Response, error) {
	if err := r.Write(c.writer); err != nil {
		return nil, err
	}
	if err := c.writer.Flush(); err != nil {
		return nil, err
	}
	c.left = maxHeaderSize
	defer func() { c.left = -1 }()
	for range maxInterim {
		response, err := http.ReadResponse(c.reader, r)
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
		if response.StatusCode >= http.StatusOK {
			return response, nil
		}
		if response.StatusCode == http.StatusSwitchingProtocols {
			break
		}
	}
	return nil, errInterim
}
