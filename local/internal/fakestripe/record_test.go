package fakestripe

import (
	"net/http/httptest"
	"testing"
)

func TestRequestsAreRecorded(t *testing.T) {
	s := start(t, Config{})
	s.send(t, "POST", sessions, "customer=cus_None&flow_data[type]=x", "Idempotency-Key", "k1", "Authorization",
		"Bearer sk_test_"+"wrong")
	s.send(t, "GET", "/v1/subscriptions?limit=3", "")
	look(s, "/p/session/none")
	got := s.Requests()
	if len(got) != 2 {
		t.Fatalf("recorded %d requests: %+v", len(got), got)
	}
	if r := got[0]; r.Method != "POST" || r.Path != sessions || r.IdempotencyKey != "k1" ||
		r.Form().Get("flow_data[type]") != "x" || r.Query != "" {
		t.Errorf("the first recorded request is %+v", r)
	}
	if r := got[1]; r.Method != "GET" || r.Path != "/v1/subscriptions" || r.Query != "limit=3" || r.Body != "" {
		t.Errorf("the second recorded request is %+v", r)
	}
	other, err := New(Config{PublicURL: "http://127.0.0.1:8080"})
	if err != nil {
		t.Fatal(err)
	}
	other.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/products", nil))
	if got := len(other.Requests()); got != 0 {
		t.Errorf("%d requests were recorded without Config.Record", got)
	}
}
