package lambdahttp

import (
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/core"
)

// responseWriter makes the adapter's writer follow net/http's rules. Without it, the last
// WriteHeader wins, headers may be set after it, and a handler that writes nothing causes an error.
type responseWriter struct {
	header   http.Header // set by the handler
	fallback int         // the status if the handler writes nothing
	adapter  *core.ProxyResponseWriterV2
	started  bool
	noBody   bool
}

func newResponseWriter() *responseWriter {
	return &responseWriter{header: make(http.Header), fallback: http.StatusOK, adapter: core.NewProxyResponseWriterV2()}
}

func (w *responseWriter) Header() http.Header { return w.header }

// WriteHeader begins the answer. It ignores informational statuses (1xx), which a Lambda answer
// cannot carry.
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

// response returns the answer in payload format 2.0: Set-Cookie values as cookies, and a body that
// is not UTF-8 as base64.
func (w *responseWriter) response() (events.APIGatewayV2HTTPResponse, error) {
	if !w.started {
		w.WriteHeader(w.fallback)
	}
	return w.adapter.GetProxyResponse()
}
