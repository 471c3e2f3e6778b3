package upstream

import (
	"errors"
	"io"
	"net/http"
)

// maxAnswerSize bounds what is read of an answer, in bytes. The largest that AWS
// sends here are 400 KB (an item) and 64 KB (a secret).
const maxAnswerSize = 1 << 20

// Transport is what stands between the SDK and the network.
//
// It holds answers to what every answer of AWS is: a document, and not a large
// one. The SDK reads an endless answer to its end, and takes an empty one for a
// result without members, so that a user's item would be missing and not unknown.
//
// It also keeps a connection alive whose answer comes fast. Once the head of the
// answer is there, the SDK closes the request's body, and a closed body of its own
// (smithy-go, internal/io/safe.go) answers WriteTo with io.EOF. If net/http is
// about to look for the end of the body just then, it takes that for a failed
// write and closes the connection under the answer. Read has no such flaw.
type Transport struct{ Next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r = r.WithContext(r.Context()) // a copy: the request is the caller's
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	response, err := t.Next.RoundTrip(r)
	if err == nil {
		response.Body = &boundedBody{ReadCloser: response.Body}
	}
	return response, err
}

var errTooLarge = errors.New("upstream: answer too large")

type boundedBody struct {
	io.ReadCloser
	read int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	switch {
	case b.read > maxAnswerSize:
		return n, errTooLarge
	case b.read == 0 && errors.Is(err, io.EOF):
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}
