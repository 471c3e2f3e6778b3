package network

import (
	"bufio"
	"io"
	"net"
	"testing"
	"time"
)

func TestArrival(t *testing.T) {
	const roundTrip = 20 * time.Millisecond
	start := time.Now()
	after := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	for name, test := range map[string]struct{ now, last, want time.Time }{
		"the first flight includes the TCP handshake":               {start, time.Time{}, after(40)},
		"a later flight takes one round trip":                       {after(100), after(40), after(120)},
		"a flight sent right after another arrives with it":         {after(1), after(40), after(40)},
		"a flight sent while another is in flight arrives after it": {after(30), after(40), after(50)},
	} {
		if got := arrival(test.now, test.last, roundTrip); !got.Equal(test.want) {
			t.Errorf("%s: %v after the start, want %v", name, got.Sub(start), test.want.Sub(start))
		}
	}
}

// A delayed connection loses nothing: the response and the end of the connection arrive in order,
// and not too early.
func TestConnectionFromAfar(t *testing.T) {
	const roundTrip = 10 * time.Millisecond
	local, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	distant := Distant(local, roundTrip)
	defer distant.Close()
	go func() {
		server, err := distant.Accept()
		if err != nil {
			return
		}
		defer server.Close()
		lines := bufio.NewReader(server)
		for {
			line, err := lines.ReadString('\n')
			if err != nil || line == "end\n" {
				return
			}
			_, _ = io.WriteString(server, "re: ")
			_, _ = io.WriteString(server, line)
		}
	}()

	client, err := net.Dial("tcp", local.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	answers := bufio.NewReader(client)
	for _, turn := range []struct {
		question   string
		roundTrips time.Duration
	}{{"a\n", 2}, {"b\n", 1}, {"c\n", 1}} {
		start := time.Now()
		_, _ = io.WriteString(client, turn.question)
		answer, err := answers.ReadString('\n')
		if err != nil || answer != "re: "+turn.question {
			t.Fatalf("the response to %q is %q, %v", turn.question, answer, err)
		}
		if took := time.Since(start); took < turn.roundTrips*roundTrip {
			t.Errorf("%q was answered after %v, before %d round trips", turn.question, took, turn.roundTrips)
		}
	}
	_, _ = io.WriteString(client, "end\n")
	if rest, err := io.ReadAll(answers); err != nil || len(rest) != 0 {
		t.Errorf("after the last response the server sent %q, %v; want the end of the connection", rest, err)
	}
	if got := distant.Accepted(); got != 1 {
		t.Errorf("Accepted returned %d connections", got)
	}
}
