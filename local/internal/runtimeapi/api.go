package runtimeapi

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// invocation is an event that a function is processing.
type invocation struct {
	id       string
	payload  []byte
	deadline time.Time
	done     chan outcome // buffered, so that sending never blocks
}

type outcome struct{ response, functionError []byte }

func newInvocation(payload []byte, deadline time.Time) *invocation {
	var b [16]byte
	rand.Read(b[:])                             // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // version 4 (RFC 9562, section 5.4)
	id := fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	return &invocation{id: id, payload: payload, deadline: deadline, done: make(chan outcome, 1)}
}

// traceID returns a trace header in the X-Ray format. Its random part comes from the ID.
func (inv *invocation) traceID() string {
	root, parent := inv.id[24:]+inv.id[24:], inv.id[:8]+inv.id[:8]
	return fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=0", time.Now().Unix(), root, parent)
}

// api is the Runtime API of one process
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
type api struct {
	http.Handler
	next chan *invocation // unbuffered: after a send the function has it

	mu      sync.Mutex
	idle    chan struct{} // closed while the function waits in /next
	current *invocation   // handed over, but without a response
	initDoc []byte
	reached Times
}

func newAPI() *api {
	mux := http.NewServeMux()
	a := &api{Handler: mux, next: make(chan *invocation), idle: make(chan struct{})}
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", a.serveNext)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", a.serveResponse)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", a.serveError)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", a.serveInitError)
	return a
}

func (a *api) serveNext(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	if a.current != nil || isClosed(a.idle) {
		a.mu.Unlock()
		reply(w, http.StatusForbidden,
			errorDocument("InvalidStateTransition",
				"the previous request for an invocation is still open, or its invocation has no response"))
		return
	}
	if a.reached.FirstNext.IsZero() {
		a.reached.FirstNext = time.Now()
	}
	close(a.idle)
	a.mu.Unlock()

	var inv *invocation
	select {
	case inv = <-a.next:
	case <-r.Context().Done(): // the process is gone
	}
	a.mu.Lock()
	a.idle = make(chan struct{})
	a.current = inv
	if inv == nil {
		a.mu.Unlock()
		return
	}
	a.reached.Dispatched = time.Now()
	a.mu.Unlock()

	header := w.Header()
	header.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
	header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
	header.Set("Lambda-Runtime-Invoked-Function-Arn", functionARN)
	header.Set("Lambda-Runtime-Trace-Id", inv.traceID())
	reply(w, http.StatusOK, inv.payload)
}

func (a *api) serveResponse(w http.ResponseWriter, r *http.Request) {
	a.serveAnswer(w, r, func(body []byte) outcome { return outcome{response: body} })
}

func (a *api) serveError(w http.ResponseWriter, r *http.Request) {
	a.serveAnswer(w, r, func(body []byte) outcome { return outcome{functionError: body} })
}

func (a *api) serveAnswer(w http.ResponseWriter, r *http.Request, outcomeOf func([]byte) outcome) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	if tooLarge := new(http.MaxBytesError); err != nil && !errors.As(err, &tooLarge) {
		return // the process is gone
	}
	a.mu.Lock()
	inv := a.current
	if inv == nil || inv.id != r.PathValue("id") {
		a.mu.Unlock()
		reply(w, http.StatusBadRequest, errorDocument("InvalidRequestID", "this is not the current invocation"))
		return
	}
	a.current = nil
	a.reached.Answered = time.Now()
	a.mu.Unlock()

	if err != nil {
		inv.done <- outcome{functionError: errorDocument("Function.ResponseSizeTooLarge",
			"Response payload size exceeded maximum allowed payload size (%d bytes).", maxPayload)}
		reply(w, http.StatusRequestEntityTooLarge, errorDocument("RequestEntityTooLarge",
			"Exceeded maximum allowed payload size (%d bytes).", maxPayload))
		return
	}
	inv.done <- outcomeOf(body)
	accept(w)
}

func (a *api) serveInitError(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	if err != nil {
		return
	}
	a.mu.Lock()
	a.initDoc = body
	a.mu.Unlock()
	accept(w)
}

func (a *api) ready() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.idle
}

func (a *api) initError() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.initDoc
}

func (a *api) times() Times {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.reached
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func accept(w http.ResponseWriter) { reply(w, http.StatusAccepted, []byte(`{"status":"OK"}`)) }

func reply(w http.ResponseWriter, status int, doc []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(doc)))
	w.WriteHeader(status)
	_, _ = w.Write(doc) // fails only if the process is gone
}

// errorDocument returns an error in the format of Lambda and its Runtime API.
func errorDocument(errorType, format string, args ...any) []byte {
	doc, _ := json.Marshal(struct { // two strings can always be encoded
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{errorType, fmt.Sprintf(format, args...)})
	return doc
}
