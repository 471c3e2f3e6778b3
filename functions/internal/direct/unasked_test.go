package direct

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// listen serves connections one by one with a function, over TLS if it is asked to.
func listen(t *testing.T, secure bool, serve func(c net.Conn, r *bufio.Reader)) (url string, transport *Transport) {
	t.Helper()
	s := &server{Server: httptest.NewUnstartedServer(nil)} // for its certificate
	if secure {
		s.StartTLS()
		t.Cleanup(s.Close)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	url = "http://" + listener.Addr().String()
	if secure {
		url = "https://" + listener.Addr().String()
		listener = tls.NewListener(listener, &tls.Config{Certificates: s.TLS.Certificates, MinVersion: tls.VersionTLS12})
	}
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				serve(c, bufio.NewReader(c))
			}()
		}
	}()
	return url, s.transport(t)
}

// read takes a request off a connection, and returns its body.
func read(r *bufio.Reader) (string, error) {
	request, err := http.ReadRequest(r)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(request.Body)
	return string(body), err
}

const head = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"

// What comes behind an answer, or between two, is nobody's: each request gets
// what the server has said to it.
func TestNoRequestGetsWhatItDidNotAskFor(t *testing.T) {
	const poison = head + "poisoned"
	for name, serve := range map[string]func(c net.Conn, answer string){
		"in the same piece": func(c net.Conn, answer string) { _, _ = io.WriteString(c, answer+poison) },
		"in the next piece": func(c net.Conn, answer string) { _, _ = io.WriteString(c, answer); _, _ = io.WriteString(c, poison) },
		"behind its first byte": func(c net.Conn, answer string) {
			_, _ = io.WriteString(c, answer+poison[:1])
			_, _ = io.WriteString(c, poison[1:])
		},
		"a while later": func(c net.Conn, answer string) {
			_, _ = io.WriteString(c, answer)
			time.Sleep(20 * time.Millisecond)
			_, _ = io.WriteString(c, poison)
		},
		"with the end of the connection": func(c net.Conn, answer string) {
			_, _ = io.WriteString(c, answer+"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n")
			_ = c.Close()
		},
	} {
		for _, secure := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", TLS"}[secure], func(t *testing.T) {
				t.Parallel()
				said := make(chan struct{})
				url, transport := listen(t, secure, func(c net.Conn, r *bufio.Reader) {
					for {
						question, err := read(r)
						if err != nil {
							return
						}
						serve(c, head+question)
						said <- struct{}{}
					}
				})
				for _, question := range []string{"question", "other, 1", "other, 2"} {
					if got := post(t, transport, url, question); got != question {
						t.Fatalf("%q was answered %q", question, got)
					}
					<-said // all that there is
				}
			})
		}
	}
}
