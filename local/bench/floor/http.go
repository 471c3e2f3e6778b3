package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"strconv"
	"strings"
)

// connection speaks HTTP/1.1, one exchange at a time.
type connection struct {
	host   string
	writer io.Writer
	reader *bufio.Reader
	buffer []byte // the request
	header []byte // header of the latest response
}

func newConnection(host string, conn net.Conn) *connection {
	return &connection{host: host, writer: conn, reader: bufio.NewReader(conn)}
}

// newUpstream dials in the background.
func newUpstream(url string) *later[*connection] {
	return newLater(func() *connection {
		host := strings.TrimPrefix(url, "https://")
		return newConnection(host, must(new(tls.Dialer).DialContext(context.Background(), "tcp", host)))
	})
}

// exchange sends a request with these header lines, each of which ends in CRLF, and returns the
// status and body of the response.
func (c *connection) exchange(method, path, header, body string) (int, []byte) {
	b := c.buffer[:0]
	b = append(b, method...)
	b = append(b, ' ')
	b = append(b, path...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, c.host...)
	b = append(b, "\r\n"...)
	b = append(b, header...)
	if method == "POST" {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, int64(len(body)), 10)
		b = append(b, "\r\n"...)
	}
	b = append(b, "\r\n"...)
	b = append(b, body...)
	c.buffer = b
	must(c.writer.Write(b))
	return c.answer()
}

func (c *connection) answer() (status int, body []byte) {
	status = must(strconv.Atoi(strings.Fields(string(must(c.reader.ReadSlice('\n'))))[1]))
	c.header = c.header[:0]
	for {
		line := must(c.reader.ReadSlice('\n'))
		if len(line) == 2 {
			break
		}
		c.header = append(c.header, line...)
	}
	body = make([]byte, must(strconv.Atoi(c.value("Content-Length"))))
	must(io.ReadFull(c.reader, body))
	return status, body
}

// value returns a header of the latest response.
func (c *connection) value(name string) string {
	for line := range bytes.Lines(c.header) {
		if key, value, _ := bytes.Cut(line, []byte(":")); strings.EqualFold(string(key), name) {
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}

// ok is exchange for a request that must succeed.
func (c *connection) ok(method, path, header, body string) []byte {
	status, answer := c.exchange(method, path, header, body)
	if status != 200 {
		log.Fatalf("%s %s: %d", c.host, path, status)
	}
	return answer
}
