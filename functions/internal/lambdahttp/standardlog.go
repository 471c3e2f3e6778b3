package lambdahttp

import (
	"bytes"
	"io"
)

// StandardLog returns the writer for package log in a function. It passes lines on to w, without
// the upstream text that net/http quotes: net/http logs the beginning of an unsolicited answer,
// which may repeat a key. If an answer is longer than announced, the rest may contain the session's
// URL.
func StandardLog(w io.Writer) io.Writer { return standardLog{w} }

type standardLog struct{ next io.Writer }

// unsolicited is net/http's message (Transport, readLoopPeekFailLocked). The quoted answer follows
// it.
const unsolicited = "Unsolicited response received on idle HTTP channel"

// Write implements io.Writer. Package log calls it once for each message.
func (l standardLog) Write(line []byte) (int, error) {
	if i := bytes.Index(line, []byte(unsolicited)); i >= 0 {
		_, err := io.WriteString(l.next, string(line[:i])+unsolicited+"\n")
		return len(line), err
	}
	return l.next.Write(line)
}
