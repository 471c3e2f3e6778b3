package upstream

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

// maxAnswerSize limits the size of an answer in bytes. The largest values that AWS sends here are
// 64 KB (a secret) and 400 KB (an item). They may take three times as much in JSON, because
// a character of four bytes can be written as \ud83d\ude00.
const maxAnswerSize = 2 << 20

// BufferRequests sends a request with a body in one piece. The body should be small.
//
// net/http does this only if it knows that the body is in memory and how long it is. Both SDKs hide
// that: net/http would send the AWS SDK's requests in two pieces and stripe-go's in three, each
// with a TLS record and a system call of its own.
//
// It also keeps connections alive if the answer comes fast. When the head of the answer has
// arrived, the AWS SDK closes the request's body. The SDK's type for bodies (smithy-go,
// internal/io/safe.go) then answers WriteTo with io.EOF. If net/http looks for the end of the body
// at that moment, it takes the io.EOF for a failed write and closes the connection during the
// answer.
type BufferRequests struct{ Next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t BufferRequests) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return t.Next.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	_ = r.Body.Close() // it has been read, so an error does not matter
	if err != nil {
		return nil, err
	}
	r = r.WithContext(r.Context()) // a copy, because a RoundTripper must not change the request
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return t.Next.RoundTrip(r)
}

// LimitResponses is the transport between the AWS SDK and the network. In addition to
// [BufferRequests], it refuses an answer that is empty or too large.
//
// Without it, the SDK would read an endless answer to its end. It would also take an empty answer
// for a result without members, so that a user's item would seem to be missing although it is
// unknown.
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
