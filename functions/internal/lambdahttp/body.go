package lambdahttp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// A Lambda function gets bodies of up to 6 MB from anyone, before it knows who they are, and decoding one costs fifty times as much as
// answering a good request. So the body is cut out of the event before the event is decoded, and measured before it is decoded itself.

// cutBody returns the payload with an empty body, and the body as the JSON string that it was. A payload without a body, or with one
// that is not a string, is returned as it is.
func cutBody(payload []byte) (rest, body []byte) {
	start, end := findBody(payload)
	if start == end {
		return payload, nil
	}
	rest = make([]byte, 0, len(payload)-(end-start)+len(`""`))
	rest = append(append(append(rest, payload[:start]...), `""`...), payload[end:]...)
	return rest, payload[start:end]
}

// findBody returns the bounds of the string that is the object's member "body", or 0, 0. It looks for nothing but the ends of strings
// and the nesting: what is not JSON is for the decoder of the rest to refuse.
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

// endOfString returns the index after the string that begins at i. A quotation mark ends it unless an odd number of backslashes is in
// front.
func endOfString(p []byte, i int) int {
	for from := i + 1; ; {
		quote := bytes.IndexByte(p[from:], '"')
		if quote < 0 {
			return len(p)
		}
		quote += from
		backslashes := 0
		for p[quote-1-backslashes] == '\\' { // p[i] is a quotation mark
			backslashes++
		}
		if backslashes%2 == 0 {
			return quote + 1
		}
		from = quote + 1
	}
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

// decodeBody decodes a JSON string, which holds the body or its base64. Its errors are ErrTooLarge if the body has more than most bytes,
// and ErrBadRequest.
func decodeBody(raw []byte, isBase64 bool, most int) (string, error) {
	if raw == nil {
		return "", nil
	}
	inner := raw[1:max(1, len(raw)-1)]
	longest := most
	if isBase64 {
		longest = base64.StdEncoding.EncodedLen(most)
	}
	length := unescapedLength(inner, longest)
	if isBase64 && length <= longest {
		length = length/4*3 - padding(inner)
	}
	if length > most {
		return "", ErrTooLarge
	}

	var body string
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		body = string(inner)
	} else if json.Unmarshal(raw, &body) != nil {
		return "", fmt.Errorf("%w: not JSON", ErrBadRequest)
	}
	if !isBase64 {
		return body, nil
	}
	decoded, err := base64.StdEncoding.DecodeString(body)
	if err != nil {
		return "", fmt.Errorf("%w: the body is not base64", ErrBadRequest)
	}
	return string(decoded), nil
}

// padding returns how many bytes of a whole group at the end of a base64 text stand for nothing (RFC 4648, section 4).
func padding(text []byte) int {
	switch {
	case bytes.HasSuffix(text, []byte("==")):
		return 2
	case bytes.HasSuffix(text, []byte("=")):
		return 1
	}
	return 0
}

// unescapedLength returns how many bytes the inside of a JSON string stands for. It stops counting above most.
func unescapedLength(inner []byte, most int) int {
	length := 0
	for length <= most {
		escape := bytes.IndexByte(inner, '\\')
		if escape < 0 {
			return length + len(inner)
		}
		length += escape
		inner = inner[escape:]
		size, stands := 2, 1 // \n
		if len(inner) >= 6 && inner[1] == 'u' {
			size, stands = 6, lengthInUTF8(inner[2:6])
		}
		length += stands
		inner = inner[min(size, len(inner)):]
	}
	return length
}

// lengthInUTF8 returns the length of the character with the four hexadecimal digits. Half of a surrogate pair is half of four bytes.
func lengthInUTF8(digits []byte) int {
	code, err := strconv.ParseUint(string(digits), 16, 16)
	switch r := rune(code); { //nolint:gosec // of 16 bits
	case err != nil:
		return 1 // not JSON
	case utf16.IsSurrogate(r):
		return 2
	default:
		return utf8.RuneLen(r)
	}
}
