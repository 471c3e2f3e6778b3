package app

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// countedConn counts what is written to a connection.
type countedConn struct {
	net.Conn
	writes *atomic.Int32
}

func (c countedConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// A request in pieces costs a TLS record and a system call for each; a connection that is lost after an answer costs the next
// request a TLS handshake. Left alone, the AWS SDK does the one always and the other now and then.
func TestRequestsGoInOnePieceOverOneConnection(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n, err := io.Copy(io.Discard, r.Body); err != nil || n == 0 || n != r.ContentLength {
			t.Errorf("%d bytes of %d, %v", n, r.ContentLength, err)
		}
		_, _ = io.WriteString(w, `{"Item":{}}`)
	}))
	defer server.Close()

	var connections, writes atomic.Int32
	transport := newTransport()
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		connections.Add(1)
		conn, err := dial(ctx, network, address)
		return countedConn{conn, &writes}, err
	}
	defer transport.CloseIdleConnections()

	environment := awsEnvironment{region: "eu-central-1", accessKeyID: "AKIDEXAMPLE", secretKey: "secret"}
	client := dynamodb.NewFromConfig(environment.config(server.URL, transport, dynamoDBTryTimeout, 1))
	const calls = 200
	for range calls {
		_, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{
			TableName: aws.String("customers"), Key: map[string]types.AttributeValue{"user_id": &types.AttributeValueMemberS{Value: "alice"}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if connections.Load() != 1 || writes.Load() != calls {
		t.Errorf("%d connections and %d writes for %d calls", connections.Load(), writes.Load(), calls)
	}
}
