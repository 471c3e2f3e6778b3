package lambdahttp_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"billingportal/functions/internal/lambdahttp"

	"github.com/aws/aws-lambda-go/events"
)

// BenchmarkInvoke measures the cost of the adapter for a request that is answered with a redirect.
func BenchmarkInvoke(b *testing.B) {
	payload := event(b, func(ev *events.APIGatewayV2HTTPRequest) {
		ev.Headers["authorization"] = "Bearer " + strings.Repeat("a", 900)
		ev.Body, ev.IsBase64Encoded = "bG9jYWxlPWRl", true
	})
	h := lambdahttp.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Location", "https://billing.example/p/session/x")
		w.WriteHeader(http.StatusSeeOther)
	}), func(_ http.ResponseWriter, _ *http.Request, err error) { b.Error(err) }, "", maxBody)
	b.ReportAllocs()
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		if _, err := h.Invoke(context.Background(), payload); err != nil {
			b.Fatal(err)
		}
	}
}
