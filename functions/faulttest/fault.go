package faulttest

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"
)

// Fault is one way in which a server can fail. The zero Fault means a healthy server.
//
// There are faults of connections (refused, reset, or with a bad certificate or handshake) and
// faults of answers. Only a fault of answers can be used as an http.Handler, or in When and Either.
type Fault struct {
	refuse      bool
	connect     func(c *conn, says string)
	certificate func(*Authority) *tls.Certificate
	answer      func(w http.ResponseWriter, r *http.Request, s exchange)
}

// exchange has the parts of an answer.
type exchange struct {
	healthy http.Handler
	says    string
}

// healthyAnswer returns the answer that the healthy server would give.
func (s exchange) healthyAnswer(r *http.Request) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	s.healthy.ServeHTTP(recorder, r)
	return recorder
}

// Of returns a handler that answers with a fault of answers instead of with healthy. Its text is
// the [Marker].
func (f Fault) Of(healthy http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { f.answer(w, r, exchange{healthy, Marker}) }
}

// ServeHTTP answers as [Fault.Of] does for a healthy handler that always answers with an object of
// more than 1,000 bytes.
func (f Fault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.Of(Respond(http.StatusOK, "application/json", `{"`+Marker+`":"`+strings.Repeat("x", 1000)+`"}`))(w, r)
}

// Respond returns a handler that answers every request with a status, a content type and a body, as
// [Answer] does.
func Respond(status int, contentType, body string) http.HandlerFunc {
	return Answer(status, map[string]string{"Content-Type": contentType}, body).ServeHTTP
}

// Refused refuses every connection.
func Refused() Fault { return Fault{refuse: true} }

// ResetAtOnce resets every connection before the client sends a request.
func ResetAtOnce() Fault {
	return Fault{connect: func(c *conn, _ string) { reset(c) }}
}

// ResetAfterRequest reads a request and resets its connection.
func ResetAfterRequest() Fault {
	return answering(func(w http.ResponseWriter, r *http.Request, _ exchange) {
		drain(r)
		_, raw := hijack(w)
		reset(raw)
	})
}

// Hang reads a request and never answers.
func Hang() Fault {
	return answering(func(_ http.ResponseWriter, r *http.Request, _ exchange) {
		drain(r)
		<-r.Context().Done()
	})
}

// Drip sends the head of the healthy answer at once, and then one byte of the body every 100 ms.
func Drip() Fault {
	return answering(func(w http.ResponseWriter, r *http.Request, s exchange) {
		answer := s.healthyAnswer(r)
		drain(r)
		copyHead(w, answer)
		for _, b := range answer.Body.Bytes() {
			if _, err := w.Write([]byte{b}); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-time.After(100 * time.Millisecond):
			case <-r.Context().Done():
				return
			}
		}
	})
}

// Answer answers every request with a status, header and body. It replaces %s in the body with the
// server's text ([Config.Says] and the caller's credentials), which needs no escaping in JSON.
func Answer(status int, header map[string]string, body string) Fault {
	return answering(func(w http.ResponseWriter, r *http.Request, s exchange) {
		drain(r)
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, strings.ReplaceAll(body, "%s", s.says))
	})
}

// HTML answers with a page, like a proxy between the caller and the upstream.
func HTML(status int) Fault {
	return Answer(status, map[string]string{"Content-Type": "text/html; charset=utf-8"},
		"<!doctype html><title>%s</title><h1>%s</h1>")
}

// Empty answers without a body.
func Empty(status int) Fault {
	return Answer(status, map[string]string{"Content-Type": "application/json"}, "")
}

// Rewritten sends the healthy answer with a changed body. The status and the header stay the same,
// except for fields that depend on the bytes of the body.
func Rewritten(change func(body []byte, says string) []byte) Fault {
	return answering(func(w http.ResponseWriter, r *http.Request, s exchange) {
		answer := s.healthyAnswer(r)
		body := change(answer.Body.Bytes(), s.says)
		copyHead(w, answer)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body)
	})
}

// HalfJSON sends half of the healthy answer as a complete answer.
func HalfJSON() Fault {
	return Rewritten(func(body []byte, _ string) []byte { return body[:len(body)/2] })
}

// CutShort announces the whole healthy answer, sends nine tenths of it and closes the connection.
func CutShort() Fault {
	return answering(func(w http.ResponseWriter, r *http.Request, s exchange) {
		answer := s.healthyAnswer(r)
		body := answer.Body.Bytes()
		whole, _ := hijack(w)
		writeHead(whole, answer.Code, s.says, len(body))
		_, _ = whole.Write(body[:len(body)*9/10])
		_ = whole.Close()
	})
}

// Trailing sends an unsolicited second answer directly after the healthy one, and keeps the
// connection open. change returns its body from the healthy body.
func Trailing(change func(body []byte, says string) []byte) Fault {
	return answering(func(w http.ResponseWriter, r *http.Request, s exchange) {
		body := s.healthyAnswer(r).Body.Bytes()
		another := change(body, s.says)
		whole, _ := hijack(w)
		var answers bytes.Buffer
		writeHead(&answers, http.StatusOK, s.says, len(body))
		answers.Write(body)
		writeHead(&answers, http.StatusOK, s.says, len(another))
		answers.Write(another)
		_, _ = whole.Write(answers.Bytes())
		_, _ = io.Copy(io.Discard, whole)
		_ = whole.Close()
	})
}

// Large sends ten million bytes of white space before the healthy answer. It stops when the client
// stops reading.
func Large() Fault {
	return answering(func(w http.ResponseWriter, r *http.Request, s exchange) {
		const pieces, size = 100, 100_000
		answer := s.healthyAnswer(r)
		copyHead(w, answer)
		w.Header().Set("Content-Length", strconv.Itoa(pieces*size+answer.Body.Len()))
		w.WriteHeader(answer.Code)
		space := bytes.Repeat([]byte(" "), size)
		for range pieces {
			if _, err := w.Write(space); err != nil {
				return
			}
		}
		_, _ = w.Write(answer.Body.Bytes())
	})
}

// GzipBomb sends 16 KB that decompress to 16 MB of white space.
func GzipBomb() Fault {
	var member bytes.Buffer
	compressor := gzip.NewWriter(&member)
	_, _ = compressor.Write(bytes.Repeat([]byte(" "), 1<<20)) // into a buffer, which cannot fail
	_ = compressor.Close()
	bomb := bytes.Repeat(member.Bytes(), 16) // RFC 1952, section 2.2: members follow each other
	return answering(func(w http.ResponseWriter, r *http.Request, _ exchange) {
		drain(r)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb)
	})
}

// ContentType sends the healthy answer with another content type.
func ContentType(contentType string) Fault { return Header("Content-Type", contentType) }

// Raw sends exactly the bytes that answer returns for the healthy body, and closes the connection.
func Raw(answer func(body, says string) string) Fault {
	return answering(func(w http.ResponseWriter, r *http.Request, s exchange) {
		body := s.healthyAnswer(r).Body.String()
		drain(r)
		whole, _ := hijack(w)
		_, _ = io.WriteString(whole, answer(body, s.says))
		_ = whole.Close()
	})
}

// Garbage answers with bytes that are not HTTP.
func Garbage() Fault {
	return Raw(func(_, says string) string { return "SSH-2.0-" + says + "\r\n" })
}

// DripHead sends one byte of the head of an answer every 100 ms, without end.
func DripHead() Fault {
	return answering(func(w http.ResponseWriter, r *http.Request, _ exchange) {
		drain(r)
		whole, _ := hijack(w)
		defer func() { _ = whole.Close() }()
		for {
			if _, err := io.WriteString(whole, "HTTP/1.1 200 OK\r\nX-Drip: "); err != nil {
				return
			}
			for range 100 {
				if _, err := io.WriteString(whole, "x"); err != nil {
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
		}
	})
}

// HeaderFlood answers with a header of a megabyte.
func HeaderFlood() Fault {
	return answering(func(w http.ResponseWriter, r *http.Request, s exchange) {
		drain(r)
		for i := range 100 {
			w.Header().Set(fmt.Sprintf("X-Flood-%d", i), s.says+strings.Repeat("x", 10_000))
		}
		w.WriteHeader(http.StatusOK)
	})
}

// Redirect redirects the caller to another server. The caller must not send its credentials there.
func Redirect(status int, location string) Fault {
	return answering(func(w http.ResponseWriter, r *http.Request, s exchange) {
		drain(r)
		w.Header().Set("Location", location+"/"+strings.Fields(s.says)[0])
		w.WriteHeader(status)
	})
}

// When answers with a fault of answers if the request meets a condition, or else with the healthy
// answer.
func When(condition func(Request) bool, fault Fault) Fault {
	return Either(condition, fault, healthy())
}

// Either answers with one fault of answers if the request meets a condition, or else with another.
func Either(condition func(Request) bool, yes, no Fault) Fault {
	return answering(func(w http.ResponseWriter, r *http.Request, s exchange) {
		if condition(newRequest(r)) {
			yes.answer(w, r, s)
			return
		}
		no.answer(w, r, s)
	})
}

// healthy returns a fault that gives the healthy answer.
func healthy() Fault {
	return answering(func(w http.ResponseWriter, r *http.Request, s exchange) {
		clear(w.Header())
		s.healthy.ServeHTTP(w, r)
	})
}

// Header sends the healthy answer with another value of a header field.
func Header(name, value string) Fault {
	return answering(func(w http.ResponseWriter, r *http.Request, s exchange) {
		answer := s.healthyAnswer(r)
		copyHead(w, answer)
		w.Header().Set(name, value)
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

// Untrusted presents a certificate of an authority that the client does not trust.
func Untrusted() Fault {
	return Fault{certificate: func(a *Authority) *tls.Certificate { return a.untrusted }}
}

// Expired presents a certificate that expired yesterday.
func Expired() Fault {
	return Fault{certificate: func(a *Authority) *tls.Certificate { return a.expired }}
}

// NoHandshake answers a TLS handshake with plain HTTP.
func NoHandshake() Fault {
	return Fault{connect: func(c *conn, says string) {
		_, _ = fmt.Fprintf(c, "HTTP/1.1 400 %s\r\n\r\n", says)
		_ = c.Close()
	}}
}

// SilentHandshake accepts connections and never sends anything.
func SilentHandshake() Fault {
	return Fault{connect: func(c *conn, _ string) {
		_, _ = io.Copy(io.Discard, c)
		_ = c.Close()
	}}
}

func answering(answer func(w http.ResponseWriter, r *http.Request, s exchange)) Fault {
	return Fault{answer: answer}
}

// drain reads a request to its end. Only then does http.Server notice that the client disconnects.
func drain(r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }

func copyHead(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	// These fields were computed from the bytes of the healthy answer.
	w.Header().Del("Content-Length")
	w.Header().Del("X-Amz-Crc32")
}

func writeHead(w io.Writer, status int, says string, length int) {
	_, _ = fmt.Fprintf(w, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nX-Marker: %s\r\nContent-Length: "+
		"%d\r\n\r\n", status, says, says, length)
}
