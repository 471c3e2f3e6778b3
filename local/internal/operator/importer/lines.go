package importer

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// maxLine limits a record, in bytes. The rest of a longer line is skipped.
const maxLine = 64 << 10

// rawLine is a line of the file without its line end.
type rawLine struct {
	number    int64
	text      string
	isTooLong bool // text is only the beginning
}

// lineReader reads lines of any length with little memory. A line ends with LF, CRLF, or only CR,
// which old spreadsheets write.
type lineReader struct {
	r       *bufio.Reader
	number  int64
	afterCR bool
	text    []byte
}

// newLineReader returns a reader of UTF-8, or of the encoding that a byte order mark names. It
// keeps invalid bytes.
func newLineReader(r io.Reader) *lineReader {
	decoded := transform.NewReader(r, unicode.BOMOverride(transform.Nop))
	return &lineReader{r: bufio.NewReaderSize(decoded, maxLine)}
}

// sample returns the beginning of the file.
func (l *lineReader) sample() ([]byte, error) {
	text, err := l.r.Peek(maxLine)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return text, err
}

// next returns a line, or io.EOF after the last one.
func (l *lineReader) next() (rawLine, error) {
	line := rawLine{number: l.number + 1}
	l.text = l.text[:0]
	for {
		next, err := l.r.Peek(1)
		if errors.Is(err, io.EOF) && len(l.text) > 0 {
			return l.finish(line), nil
		}
		if err != nil {
			return rawLine{}, err
		}
		isOfCRLF := l.afterCR && next[0] == '\n'
		l.afterCR = false
		if isOfCRLF {
			_, _ = l.r.Discard(1) // it is buffered, so this cannot fail
			continue
		}
		part, _ := l.r.Peek(l.r.Buffered())
		end := bytes.IndexAny(part, "\r\n")
		taken := part
		if end >= 0 {
			taken = part[:end]
		}
		if room := maxLine - len(l.text); len(taken) > room {
			l.text, line.isTooLong = append(l.text, taken[:room]...), true
		} else {
			l.text = append(l.text, taken...)
		}
		if end < 0 {
			_, _ = l.r.Discard(len(part))
			continue
		}
		l.afterCR = part[end] == '\r'
		_, _ = l.r.Discard(end + 1)
		return l.finish(line), nil
	}
}

func (l *lineReader) finish(line rawLine) rawLine {
	l.number++
	line.text = string(l.text)
	return line
}
