package lambdahttp_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"billingportal/functions/internal/lambdahttp"

	"github.com/aws/aws-lambda-go/events"
)

// FuzzInvoke checks that every payload gets an HTTP answer, and that the handler gets only valid
// requests.
func FuzzInvoke(f *testing.F) {
	f.Add(readFile(f, "testdata/payload-2.0.json"))
	f.Add(readFile(f, "testdata/payload-1.0.json"))
	for _, tc := range refusals {
		if tc.edit != nil {
			f.Add(event(f, tc.edit))
		} else {
			f.Add([]byte(tc.payload))
		}
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		h := lambdahttp.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "" || !strings.HasPrefix(r.URL.Path, "/") || r.URL.Host != "" ||
				len(r.Header["Cookie"]) > 1 {
				t.Errorf("impossible request: %+v", r)
			}
			body, err := io.ReadAll(r.Body)
			if err != nil || int64(len(body)) != r.ContentLength {
				t.Errorf("%d bytes, ContentLength %d: %v", len(body), r.ContentLength, err)
			}
			_, _ = w.Write(body)
		}), func(w http.ResponseWriter, r *http.Request, err error) {
			if r.URL.String() != "/" && !strings.HasPrefix(r.URL.Path, "/") {
				t.Errorf("refused with URL %s", r.URL)
			}
			w.WriteHeader(http.StatusBadRequest)
		}, "/v1", maxBody)
		out, err := h.Invoke(context.Background(), payload)
		if err != nil {
			t.Fatal(err)
		}
		var response events.APIGatewayV2HTTPResponse
		if err := json.Unmarshal(out, &response); err != nil || response.StatusCode != 200 &&
			response.StatusCode != 400 {
			t.Fatalf("%s: %v", out, err)
		}
	})
}
