//go:build unix

package rawio_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"billingportal/functions/internal/rawio"

	"golang.org/x/net/nettest"
)

// pair returns both ends of a TCP connection, as package net made them.
func pair() (a, b net.Conn, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer listener.Close()
	if a, err = net.Dial("tcp", listener.Addr().String()); err != nil {
		return nil, nil, err
	}
	if b, err = listener.Accept(); err != nil {
		_ = a.Close()
		return nil, nil, err
	}
	return a, b, nil
}

func TestConnIsAConn(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		a, b, err := pair()
		if err != nil {
			return nil, nil, nil, err
		}
		return rawio.Conn(a), rawio.Conn(b), func() { _, _ = a.Close(), b.Close() }, nil
	})
}

// More than both kernels' buffers hold, so that Write has to wait in the middle.
func TestConnWritesAll(t *testing.T) {
	a, b, err := pair()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	go func() {
		defer a.Close()
		if n, err := rawio.Conn(a).Write(sent); n != len(sent) || err != nil {
			t.Errorf("Write = %d, %v", n, err)
		}
	}()
	time.Sleep(10 * time.Millisecond)
	received, err := io.ReadAll(rawio.Conn(b))
	if err != nil || !bytes.Equal(received, sent) {
		t.Errorf("%d of %d bytes, %v", len(received), len(sent), err)
	}
}

// What net/http and crypto/tls ask of an error.
func TestErrorsOfConnAreThoseOfPackageNet(t *testing.T) {
	for name, wrap := range map[string]func(net.Conn) net.Conn{"net": func(c net.Conn) net.Conn { return c }, "rawio": rawio.Conn} {
		t.Run(name, func(t *testing.T) {
			a, b, err := pair()
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			if err := b.(*net.TCPConn).SetLinger(0); err != nil { // Close resets
				t.Fatal(err)
			}
			conn := wrap(a)
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			_, err = conn.Read(make([]byte, 1))
			var operation *net.OpError
			if !errors.Is(err, syscall.ECONNRESET) || !errors.As(err, &operation) || operation.Op != "read" || operation.Timeout() {
				t.Errorf("Read: %v", err)
			}
			_, err = conn.Write([]byte("x"))
			if !errors.Is(err, syscall.EPIPE) || !errors.As(err, &operation) || operation.Op != "write" {
				t.Errorf("Write: %v", err)
			}
			if err := conn.SetReadDeadline(time.Unix(1, 0)); err != nil {
				t.Fatal(err)
			}
			_, err = conn.Read(make([]byte, 1))
			if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &operation) || operation.Op != "read" || !operation.Timeout() {
				t.Errorf("Read after the deadline: %v", err)
			}
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
			_, err = conn.Write([]byte("x"))
			if !errors.Is(err, net.ErrClosed) || !errors.As(err, &operation) || operation.Op != "write" {
				t.Errorf("Write after Close: %v", err)
			}
		})
	}
}

func TestOnlyTCPIsMadeRaw(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if rawio.Conn(a) != a {
		t.Error("a pipe was wrapped")
	}
}

func TestWriterOfAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := rawio.Writer(file, os.Stderr)
	lines := []string{"short\n", "", strings.Repeat("x", 4096), strings.Repeat("longer than a pipe takes at once ", 1000) + "\n"}
	for _, line := range lines {
		if n, err := io.WriteString(w, line); n != len(line) || err != nil {
			t.Errorf("Write = %d, %v", n, err)
		}
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "x"); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if written, err := os.ReadFile(path); err != nil || string(written) != strings.Join(lines, "") {
		t.Errorf("%d bytes, %v", len(written), err)
	}
}

// isReader makes this test binary a process that reads its descriptor 3.
const isReader = "RAWIO_TEST_READER"

func TestMain(m *testing.M) {
	if os.Getenv(isReader) == "" {
		os.Exit(m.Run())
	}
	told := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(told)
	}()
	code := 0
	select {
	case <-told: // that standard input has ended
	case <-time.After(10 * time.Second): // the writer held everything up
		code = 1
	}
	_, _ = io.Copy(os.Stdout, os.NewFile(3, "pipe"))
	os.Exit(code)
}

// A reader that is slow must not stop other goroutines, although there is but one thread for them.
func TestWriterWaitsForASlowReader(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var ends [2]int
	if err := syscall.Pipe(ends[:]); err != nil { // one that blocks, as a process inherits it
		t.Fatal(err)
	}
	syscall.CloseOnExec(ends[1])
	pipe, file := os.NewFile(uintptr(ends[0]), "reader"), os.NewFile(uintptr(ends[1]), "writer")
	reader := exec.CommandContext(t.Context(), os.Args[0])
	reader.Env, reader.ExtraFiles = append(os.Environ(), isReader+"=1"), []*os.File{pipe}
	received := filepath.Join(t.TempDir(), "received")
	var err error
	if reader.Stdout, err = os.Create(received); err != nil { // a file, which asks nothing of this process
		t.Fatal(err)
	}
	tell, err := reader.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := reader.Start(); err != nil {
		t.Fatal(err)
	}
	_ = pipe.Close()

	w, line := rawio.Writer(file, os.Stderr), strings.Repeat("x", 1000)+"\n"
	const lines = 300 // a pipe holds 64
	written := make(chan struct{})
	go func() {
		defer close(written)
		defer file.Close()
		for range lines {
			if n, err := io.WriteString(w, line); n != len(line) || err != nil {
				t.Errorf("Write = %d, %v", n, err)
			}
		}
	}()
	time.Sleep(10 * time.Millisecond)
	_ = tell.Close()
	<-written
	if err := reader.Wait(); err != nil {
		t.Error("this goroutine had to wait for the reader: ", err)
	}
	if text, err := os.ReadFile(received); err != nil || string(text) != strings.Repeat(line, lines) {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

func TestWriterReportsThatNobodyReads(t *testing.T) {
	reader, file, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(rawio.Writer(file, os.Stderr), "line\n"); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("err = %v", err)
	}
}
