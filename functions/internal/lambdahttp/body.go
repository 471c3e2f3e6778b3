package lambdahttp

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A Lambda function gets bodies of up to 6 MB from callers that it has not authenticated yet.
// Decoding such a body costs fifty times as much as a good request. So the body is cut out of the
// event before the event is decoded, and decoding of the body stops at the handler's limit.

// cutBody returns the payload with an empty body, and the body as a JSON string. If the payload has
// no body, or one that is not a string, cutBody returns it unchanged.
func cutBody(payload []byte) (rest, body []byte) {
	start, end := findBody(payload)
	if start == end {
		return payload, nil
	}
	rest = make([]byte, 0, len(payload)-(end-start)+len(`""`))
	rest = append(append(append(rest, payload[:start]...), `""`...), payload[end:]...)
	return rest, payload[start:end]
}

// findBody returns the bounds of the object's member "body" if that is a string, or else 0, 0. It
// tracks only strings and nesting: the decoder of the rest refuses invalid JSON.
func findBody(p []byte) (start, end int) {
	i := skipSpace(p, 0)
	if !has(p, i, '{') {
		return 0, 0
	}
	for {
		name := skipSpace(p, i+1) // after the brace or a comma
		if !has(p, name, '"') {
			return 0, 0
		}
		nameEnd := endOfString(p, name)
		colon := skipSpace(p, nameEnd)
		if !has(p, colon, ':') {
			return 0, 0
		}
		start = skipSpace(p, colon+1)
		end = endOfValue(p, start)
		if string(p[name:nameEnd]) == `"body"` && has(p, start, '"') {
			return start, end
		}
		if i = skipSpace(p, end); !has(p, i, ',') {
			return 0, 0
		}
	}
}

func has(p []byte, i int, c byte) bool { return i < len(p) && p[i] == c }

func skipSpace(p []byte, i int) int {
	for i < len(p) && (p[i] == ' ' || p[i] == '\t' || p[i] == '\n' || p[i] == '\r') {
		i++
	}
	return i
}

// stretch is the number of bytes to check one by one before a search, because searches are slower
// in text with many quotation marks.
const stretch = 256

// endOfString returns the index after the string that begins at i. A quotation mark ends the string
// unless an odd number of backslashes precedes it.
func endOfString(p []byte, i int) int {
	for i++; i < len(p); {
		for end := min(i+stretch, len(p)); i < end; i++ {
			switch p[i] {
			case '"':
				return i + 1
			case '\\':
				i++
			}
		}
		if i >= len(p) {
			break
		}
		quote := bytes.IndexByte(p[i:], '"')
		if quote < 0 {
			break
		}
		text := p[i : i+quote]
		i += quote + 1
		if backslashes := len(text) - len(bytes.TrimRight(text, `\`)); backslashes%2 == 0 {
			return i
		}
	}
	return len(p)
}

// endOfValue returns the index after the value that begins at i.
func endOfValue(p []byte, i int) int {
	for depth := 0; i < len(p); {
		switch p[i] {
		case '"':
			if i = endOfString(p, i); depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
		if depth < 0 { // the brace that ends the object
			return i
		}
		i++
	}
	return i
}

// decodeBody decodes a JSON string that contains the body or its base64. It returns ErrTooLarge if
// the body has more than most bytes, or ErrBadRequest.
func decodeBody(raw []byte, isBase64 bool, most int) (string, error) {
	if raw == nil {
		return "", nil
	}
	longest := most
	if isBase64 {
		longest = base64.StdEncoding.EncodedLen(most)
	}
	text, err := unescaped(raw[1:max(1, len(raw)-1)], longest)
	switch {
	case err != nil:
		return "", err
	case !isBase64:
		return string(text), nil
	case len(text)/4*3-padding(text) > most:
		return "", ErrTooLarge
	}
	body := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	length, err := base64.StdEncoding.Decode(body, text)
	if err != nil {
		return "", fmt.Errorf("%w: the body is not base64", ErrBadRequest)
	}
	return string(body[:length]), nil
}

// padding returns the number of padding characters at the end of a base64 text (RFC 4648, section
// 4).
func padding(text []byte) int {
	switch {
	case bytes.HasSuffix(text, []byte("==")):
		return 2
	case bytes.HasSuffix(text, []byte("=")):
		return 1
	}
	return 0
}

// unescaped decodes the inside of a JSON string (RFC 8259, section 7). It returns ErrTooLarge as
// soon as the result has more than most bytes, or ErrBadRequest.
func unescaped(inner []byte, most int) ([]byte, error) {
	if bytes.IndexByte(inner, '\\') < 0 {
		if len(inner) > most {
			return nil, ErrTooLarge
		}
		return inner, nil
	}
	text := make([]byte, 0, min(len(inner), most))
	for len(inner) > 0 {
		if c := inner[0]; c != '\\' {
			text, inner = append(text, c), inner[1:]
		} else {
			r, size := unescapedRune(inner)
			if size == 0 {
				return nil, fmt.Errorf("%w: not JSON", ErrBadRequest)
			}
			text, inner = utf8.AppendRune(text, r), inner[size:]
		}
		if len(text) > most {
			return nil, ErrTooLarge
		}
	}
	return text, nil
}

// unescapedRune decodes the escape sequence at the start of a text. size is the length of the
// sequence, or 0 if it is invalid.
func unescapedRune(text []byte) (r rune, size int) {
	if len(text) < 2 {
		return 0, 0
	}
	if text[1] == 'u' {
		r = fourDigits(text)
		if utf16.IsSurrogate(r) {
			if pair := utf16.DecodeRune(r, fourDigits(text[6:])); pair != utf8.RuneError {
				return pair, 12
			}
		}
		if r < 0 {
			return 0, 0
		}
		return r, 6
	}
	if i := strings.IndexByte(`"\/bfnrt`, text[1]); i >= 0 {
		return rune("\"\\/\b\f\n\r\t"[i]), 2
	}
	return 0, 0
}

// fourDigits returns the number in an escape sequence like \u00e9, or -1.
func fourDigits(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	number, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(number) //nolint:gosec // at most 16 bits
}
