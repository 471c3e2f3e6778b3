package configtest

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Log records the log of a function.
type Log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Reset empties the log.
func (l *Log) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Reset()
}

// Lines returns the lines since the last Reset.
func (l *Log) Lines(t *testing.T) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for text := range strings.Lines(l.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("a line is not JSON: %q", text)
		}
		lines = append(lines, line)
	}
	return lines
}

// Requests returns the lines of requests.
func (l *Log) Requests(t *testing.T) []map[string]any {
	t.Helper()
	return slices.DeleteFunc(l.Lines(t), func(line map[string]any) bool { return line["msg"] != "request" })
}
