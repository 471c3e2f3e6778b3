package lambdahttp_test

import (
	"bytes"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"billingportal/functions/internal/lambdahttp"
)

func TestStandardLogDropsTextOfUpstreams(t *testing.T) {
	var written bytes.Buffer
	logger := log.New(lambdahttp.StandardLog(&written), "", log.LstdFlags)
	logger.Printf("Unsolicited response received on idle HTTP channel starting with %q; err=%v",
		"HTTP/1.1 500 sk_test_"+"x", nil)
	log.New(lambdahttp.StandardLog(&written), "",
		0).Print("Unsolicited response received on idle HTTP channel starting with \"sk_test_\"")
	logger.Print("the environment is wrong:\nJWT_ISSUER is required")
	lines := strings.SplitAfter(written.String(), "\n")
	if len(lines) != 5 || !strings.HasSuffix(lines[0], " Unsolicited response received on idle HTTP channel\n") ||
		lines[1] != "Unsolicited response received on idle HTTP channel\n" ||
		!strings.HasSuffix(lines[2], " the environment is wrong:\n") || lines[3] != "JWT_ISSUER is required\n" {
		t.Errorf("%q", written.String())
	}
}

// signal sends the first line that is written to it.
type signal struct {
	once sync.Once
	line chan string
}

func (s *signal) Write(line []byte) (int, error) {
	s.once.Do(func() { s.line <- string(line) })
	return len(line), nil
}

// A new version of Go may change the message.
func TestStandardLogKnowsTheMessageOfThisGoVersion(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	const secret = "MARKERx7Q"
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = conn.Read(make([]byte, 4096))
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 "+secret+"\r\n\r\n")
	}()
	said := &signal{line: make(chan string, 1)}
	defer log.SetOutput(log.Writer()) // the argument is evaluated now, so this restores the writer
	log.SetOutput(lambdahttp.StandardLog(said))

	client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	response, err := client.Get("http://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	select {
	case line := <-said.line:
		if !strings.Contains(line, "Unsolicited response") || strings.Contains(line, secret) {
			t.Errorf("%q", line)
		}
	case <-time.After(10 * time.Second):
		t.Error("net/http logged nothing")
	}
}
