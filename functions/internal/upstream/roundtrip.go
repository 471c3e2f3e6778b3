package upstream

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

// maxAnswerSize bounds what is read of an answer, in bytes. The largest that AWS
// sends here are 64 KB (a secret) and 400 KB (an item), which can take three times
// as much in JSON: a character of four bytes may be written as \ud83d\ude00.
const maxAnswerSize = 2 << 20

// BufferRequests sends requests with a body in one piece; the body should be small.
//
// net/http does so only if it knows that the body is in memory and how long it
// is, which both SDKs hide: the AWS SDK's requests would leave in two pieces,
// stripe-go's in three, each a TLS record and a system call.
//
// It also keeps a connection alive whose answer comes fast. Once the head of the
// answer is there, the AWS SDK closes the request's body, and a closed body of its
// own (smithy-go, internal/io/safe.go) answers WriteTo with io.EOF. If net/http is
// about to look for the end of the body just then, it takes that for a failed
// write and closes the connection under the answer.
type BufferRequests struct{ Next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t BufferRequests) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return t.Next.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	_ = r.Body.Close() // nothing is left to lose
	if err != nil {
		return nil, err
	}
	r = r.WithContext(r.Context()) // a copy: the request is the caller's
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return t.Next.RoundTrip(r)
}

// LimitResponses is what stands between the AWS SDK and the network: [BufferRequests], and more.
//
// It holds answers to what every answer of AWS is: a document, and not a large
// one. The SDK reads an endless answer to its end, and takes an empty one for a
// result without members, so that a user's item would be missing and not unknown.
type LimitResponses struct{ Next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t LimitResponses) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := BufferRequests(t).RoundTrip(r)
	if err == nil {
		response.Body = &limitedBody{ReadCloser: response.Body}
	}
	return response, err
}

var errTooLarge = errors.New("upstream: answer too large")

type limitedBody struct {
	io.ReadCloser
	read int64
}

func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	if b.read > maxAnswerSize {
		return n, errTooLarge
	}
	if b.read == 0 && errors.Is(err, io.EOF) {
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}
