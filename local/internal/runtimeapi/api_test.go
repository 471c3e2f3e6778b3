package runtimeapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A runtime that breaks the protocol gets an error.
func TestProtocol(t *testing.T) {
	api := newAPI()
	server := httptest.NewServer(api)
	defer server.Close()
	const base = "/2018-06-01/runtime/invocation/"

	inv := newInvocation([]byte("{}"), long())
	go func() { api.next <- inv }()

	for _, step := range []struct {
		name, method, path string
		status             int
	}{
		{"a response before any invocation", "POST", base + inv.id + "/response", 400},
		{"the next invocation", "GET", base + "next", 200},
		{"another invocation before the response", "GET", base + "next", 403},
		{"a response to another invocation", "POST", base + "other/response", 400},
		{"an error of another invocation", "POST", base + "other/error", 400},
		{"the response", "POST", base + inv.id + "/response", 202},
		{"the response again", "POST", base + inv.id + "/response", 400},
		{"an error after the response", "POST", base + inv.id + "/error", 400},
		{"another API", "GET", "/2020-01-01/extension/event/next", 404},
		{"another method", "POST", base + "next", 405},
	} {
		req, err := http.NewRequest(step.method, server.URL+step.path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != step.status {
			t.Errorf("%s: %d, want %d", step.name, resp.StatusCode, step.status)
		}
		if id := resp.Header.Get("Lambda-Runtime-Aws-Request-Id"); step.status == 200 && id != inv.id {
			t.Errorf("%s: the request ID is %q", step.name, id)
		}
	}
	if out := <-inv.done; string(out.response) != "{}" || out.functionError != nil {
		t.Errorf("the invocation ended with %+v", out)
	}
}
