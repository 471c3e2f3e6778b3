package auth

import (
	"bytes"
	"encoding/json"
)

// A reader goes through JSON that encoding/json has found valid, and so has only
// to tell where each value ends. It sees every name, where encoding/json keeps
// the last of two; going through json.Decoder's tokens for that took more than
// all the rest of a refusal.
type reader struct {
	data []byte
	pos  int
}

// next moves to the next character that is not between two values.
func (r *reader) next() byte {
	for {
		switch c := r.data[r.pos]; c {
		case ' ', '\t', '\r', '\n', ',', ':':
			r.pos++
		default:
			return c
		}
	}
}

// value returns the next value as it is written. It and what is in it may be
// nested depth levels deep.
func (r *reader) value(depth int) (json.RawMessage, error) {
	var err error
	first := r.next()
	start := r.pos
	switch {
	case first == '"':
		r.text()
	case first != '{' && first != '[': // a number, true, false or null
		r.pos += bytes.IndexAny(r.data[r.pos:], ",]} \t\r\n")
	case depth == 0:
		err = errTooDeep
	case first == '{':
		_, err = r.object(depth)
	default:
		err = r.array(depth)
	}
	return r.data[start:r.pos], err
}

func (r *reader) object(depth int) (object, error) {
	members := object{}
	r.pos++
	for r.next() != '}' {
		name := unquote(r.text())
		if members.has(name) {
			return nil, errDuplicate
		}
		value, err := r.value(depth - 1)
		if err != nil {
			return nil, err
		}
		members[name] = value
	}
	r.pos++
	return members, nil
}

func (r *reader) array(depth int) error {
	r.pos++
	for r.next() != ']' {
		if _, err := r.value(depth - 1); err != nil {
			return err
		}
	}
	r.pos++
	return nil
}

// text returns the string at the current position, in its quotes.
func (r *reader) text() json.RawMessage {
	start := r.pos
	for r.pos++; r.data[r.pos] != '"'; r.pos++ {
		if r.data[r.pos] == '\\' {
			r.pos++
		}
	}
	r.pos++
	return r.data[start:r.pos]
}

// unquote returns what a string says.
func unquote(raw json.RawMessage) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	var s string
	_ = json.Unmarshal(raw, &s) // cannot fail: raw is a valid string
	return s
}
