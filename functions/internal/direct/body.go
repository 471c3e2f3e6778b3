package direct

import (
	"context"
	"errors"
	"io"
	"sync"
)

// body is an answer's. Its end, or the reader's loss of interest, decides what
// becomes of the connection.
type body struct {
	io.ReadCloser
	ctx    context.Context //nolint:containedctx // why the connection fails, if it does
	finish func(whole bool)
	once   sync.Once
	failed error
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.failed != nil {
		return 0, b.failed
	}
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF):
		b.failed = io.EOF
		b.end(true)
	default:
		b.failed = because(b.ctx, err)
		b.end(false)
	}
	return n, b.failed
}

// Close gives up what has not been read, and with it the connection. It may be
// called while another goroutine reads.
func (b *body) Close() error {
	b.end(false)
	return nil
}

func (b *body) end(whole bool) { b.once.Do(func() { b.finish(whole) }) }
