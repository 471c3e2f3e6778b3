package lambdahttp

import (
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/core"
)

// responseWriter keeps the adapter's writer to net/http's rules: left alone, its last WriteHeader
// wins, headers count even after it, and an answer that was never begun is an error.
type responseWriter struct {
	header   http.Header // the handler's
	fallback int         // status of an answer that is never begun
	adapter  *core.ProxyResponseWriterV2
	started  bool
	noBody   bool
}

func newResponseWriter() *responseWriter {
	return &responseWriter{header: make(http.Header), fallback: http.StatusOK, adapter: core.NewProxyResponseWriterV2()}
}

func (w *responseWriter) Header() http.Header { return w.header }

// WriteHeader begins the answer. Informational ones (1xx) have no place in a Lambda answer and are
// dropped.
func (w *responseWriter) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic("invalid WriteHeader code") // as net/http does
	}
	if w.started || status < 200 {
		return
	}
	w.started = true
	w.noBody = status == http.StatusNoContent || status == http.StatusNotModified
	for name, values := range w.header.Clone() {
		if len(values) > 0 {
			w.adapter.Header()[name] = values
		}
	}
	w.adapter.WriteHeader(status)
}

func (w *responseWriter) Write(p []byte) (int, error) {
	if !w.started {
		w.WriteHeader(http.StatusOK)
	}
	if w.noBody {
		return 0, http.ErrBodyNotAllowed
	}
	return w.adapter.Write(p)
}

// response is the answer in payload format 2.0: Set-Cookie in cookies, a body that is not UTF-8 in
// base64.
func (w *responseWriter) response() (events.APIGatewayV2HTTPResponse, error) {
	if !w.started {
		w.WriteHeader(w.fallback)
	}
	return w.adapter.GetProxyResponse()
}
