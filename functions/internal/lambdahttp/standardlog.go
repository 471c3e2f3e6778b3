package lambdahttp

import (
	"bytes"
	"io"
)

// StandardLog returns what package log may write to in a function: w, less what
// net/http quotes there. It prints the beginning of an answer that nobody awaits,
// which is an upstream's text: it can repeat a key, or be the session's URL where
// an answer is longer than it announced.
func StandardLog(w io.Writer) io.Writer { return standardLog{w} }

type standardLog struct{ next io.Writer }

// unsolicited is net/http's text (Transport, readLoopPeekFailLocked). The answer
// follows.
const unsolicited = "Unsolicited response received on idle HTTP channel"

// Write implements io.Writer. Package log writes a line at a time.
func (l standardLog) Write(line []byte) (int, error) {
	if i := bytes.Index(line, []byte(unsolicited)); i >= 0 {
		_, err := io.WriteString(l.next, string(line[:i])+unsolicited+"\n")
		return len(line), err
	}
	return l.next.Write(line)
}
