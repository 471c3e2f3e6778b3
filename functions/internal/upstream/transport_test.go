package upstream

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// countedConn counts the writes to a connection.
type countedConn struct {
	net.Conn
	writes *atomic.Int32
}

func (c countedConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// Without BufferRequests, the AWS SDK always sends requests in pieces, each of which costs a TLS
// record and a system call. It also sometimes loses the connection after an answer, which costs the
// next request a TLS handshake.
func TestRequestsGoInOnePieceOverOneConnection(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n, err := io.Copy(io.Discard, r.Body); err != nil || n == 0 || n != r.ContentLength {
			t.Errorf("%d bytes of %d, %v", n, r.ContentLength, err)
		}
		_, _ = io.WriteString(w, `{"Item":{}}`)
	}))
	defer server.Close()

	var connections, writes atomic.Int32
	transport := NewTransport()
	dial := transport.pool.DialContext
	transport.pool.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		connections.Add(1)
		conn, err := dial(ctx, network, address)
		return countedConn{conn, &writes}, err
	}
	defer transport.CloseIdleConnections()

	role := AWS{Region: "eu-central-1", AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
	client := dynamodb.NewFromConfig(role.Config(server.URL, transport, time.Second, 1))
	const calls = 200
	for range calls {
		_, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{
			TableName: aws.String("customers"),
			Key:       map[string]types.AttributeValue{"user_id": &types.AttributeValueMemberS{Value: "alice"}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if connections.Load() != 1 || writes.Load() != calls {
		t.Errorf("%d connections and %d writes for %d calls", connections.Load(), writes.Load(), calls)
	}
}

// A connection that died during a freeze looks like one that works. A request over it would wait
// until its time runs out.
func TestAConnectionThatWasIdleDuringAFreezeIsNotUsed(t *testing.T) {
	for name, test := range map[string]struct {
		pause       time.Duration
		connections int32
	}{
		"50 s":                    {50 * time.Second, 2},
		"hours":                   {5 * time.Hour, 2},
		"a little less than 50 s": {50*time.Second - time.Nanosecond, 1},
		"no pause":                {0, 1},
		"the clock was set back":  {-time.Second, 2},
	} {
		t.Run(name, func(t *testing.T) {
			server := newListener(t, "http")
			transport := server.transport(t)
			now := time.Now()
			transport.dialer.now = func() time.Time { return now }
			requireAnswer(t, transport, server.URL)
			now = now.Add(test.pause)
			requireAnswer(t, transport, server.URL)
			requireAnswer(t, transport, server.URL)
			server.await(t, test.connections, test.connections-1)
		})
	}
}
