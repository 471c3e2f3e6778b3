package devserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// requestLines prints each request as one line, for a developer at a terminal. The functions write
// their JSON log lines to it before they answer.
type requestLines struct {
	out io.Writer

	mu    sync.Mutex
	lines map[string]logLine // of current requests, by request ID
}

// logLine has the printed parts of a log line.
type logLine struct {
	Time      time.Time
	Level     string
	Message   string `json:"msg"`
	RequestID string `json:"request_id"`
	Code      string
	Customer  string  `json:"customer_id"`
	Effect    string  // of an event
	Event     string  `json:"event_type"`
	Took      float64 `json:"duration_ms"`
	Error     string
	What      string // of a failed fetch
	Reason    string // of a failed fetch
}

// NewRequestLines returns a writer for the functions' log. It prints each request as one line to
// out.
func NewRequestLines(out io.Writer) io.Writer {
	return &requestLines{out: out, lines: map[string]logLine{}}
}

// Write takes log lines of the functions.
func (l *requestLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for text := range bytes.Lines(p) {
		var line logLine
		switch err := json.Unmarshal(text, &line); {
		case err != nil:
			if _, err := l.out.Write(text); err != nil {
				return 0, err
			}
		case line.RequestID != "":
			l.lines[line.RequestID] = line
		default:
			fmt.Fprintf(l.out, "%s  %s\n", line.Time.Local().Format(time.TimeOnly),
				joined(": ", line.Message, line.What, line.Reason, line.Error))
		}
	}
	return len(p), nil
}

// around prints the requests to a handler.
func (l *requestLines) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(recorder, r)
		l.show(r, recorder, start)
	})
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (s *statusRecorder) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

func (l *requestLines) show(r *http.Request, answer *statusRecorder, start time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := answer.Header().Get("Apigw-Requestid")
	line := l.lines[id]
	delete(l.lines, id)
	// The query string is left out, as in every log: it may contain secrets.
	fmt.Fprintf(l.out, "%s  %-7s %s  %d  %s\n", start.Format(time.TimeOnly), r.Method,
		r.URL.EscapedPath(), answer.status,
		joined("  ", line.Event, joined(" ", line.Code, line.Effect), line.Customer,
			fmt.Sprintf("%d ms", time.Since(start).Milliseconds()), line.Error, blocked(r, answer)))
}

// blocked says why a browser hides the answer from the page. The browser does not tell the page.
func blocked(r *http.Request, answer *statusRecorder) string {
	origin := r.Header.Get("Origin")
	isForm := r.Header.Get("Sec-Fetch-Mode") == "navigate"
	if origin == "" || origin == "null" || isForm || answer.Header().Get("Access-Control-Allow-Origin") != "" ||
		strings.HasSuffix(origin, "//"+r.Host) {
		return ""
	}
	return fmt.Sprintf("blocked by the browser: the page's origin %q is not in ALLOWED_ORIGINS", origin)
}

// joined joins the texts that are not empty.
func joined(separator string, texts ...string) string {
	var said []string
	for _, text := range texts {
		if text != "" {
			said = append(said, text)
		}
	}
	return strings.Join(said, separator)
}
