package strictjson

import (
	"bytes"
	"encoding/json"
)

// A Reader reads through one JSON value. It refuses a second member of the same name; encoding/json
// would keep the last one.
type Reader struct {
	// data is valid JSON, so the reader can skip values without checking them. json.Decoder's
	// tokens would take longer than all other checks of a JWT.
	data []byte
	pos  int
}

// NewReader returns a reader of data, which must be one JSON value. Otherwise the error is
// ErrSyntax.
func NewReader(data []byte) (*Reader, error) {
	if !json.Valid(data) {
		return nil, ErrSyntax
	}
	return &Reader{data: data}, nil
}

// Next returns the first character of the next value, which shows the value's type. After the last
// value of an object or array it returns '}' or ']'.
func (r *Reader) Next() byte {
	for {
		switch c := r.data[r.pos]; c {
		case ' ', '\t', '\r', '\n', ',', ':':
			r.pos++
		default:
			return c
		}
	}
}

// Object reads an object. It calls member with each name, and member must read the value. The error
// is member's or a [*DuplicateError]. Next must have returned '{'.
func (r *Reader) Object(member func(name string) error) error {
	seen := map[string]bool{}
	for r.pos++; r.Next() != '}'; {
		name := unquote(r.Raw())
		if seen[name] {
			return &DuplicateError{Name: name}
		}
		seen[name] = true
		if err := member(name); err != nil {
			return err
		}
	}
	r.pos++
	return nil
}

// Array reads an array. It calls element before each value, and element must read the value. The
// error is element's. Next must have returned '['.
func (r *Reader) Array(element func() error) error {
	for r.pos++; r.Next() != ']'; {
		if err := element(); err != nil {
			return err
		}
	}
	r.pos++
	return nil
}

// Raw reads a value and returns its text. It does not look for duplicate members inside.
func (r *Reader) Raw() json.RawMessage {
	r.Next()
	start, depth := r.pos, 0
	for {
		switch r.Next() {
		case '"':
			r.skipString()
		case '{', '[':
			depth++
			r.pos++
		case '}', ']':
			depth--
			r.pos++
		default:
			r.skipLiteral()
		}
		if depth == 0 {
			return r.data[start:r.pos]
		}
	}
}

func (r *Reader) skipString() {
	for r.pos++; r.data[r.pos] != '"'; r.pos++ {
		if r.data[r.pos] == '\\' {
			r.pos++
		}
	}
	r.pos++
}

// skipLiteral skips a number, true, false or null.
func (r *Reader) skipLiteral() {
	length := bytes.IndexAny(r.data[r.pos:], ",]} \t\r\n")
	if length < 0 {
		length = len(r.data) - r.pos
	}
	r.pos += length
}

// strict reads a value. It refuses duplicate members at every level, and objects and arrays that
// are nested deeper than depth.
func (r *Reader) strict(depth int) (json.RawMessage, error) {
	var err error
	first := r.Next()
	start := r.pos
	switch {
	case first != '{' && first != '[':
		r.Raw()
	case depth == 0:
		err = ErrTooDeep
	case first == '{':
		err = r.Object(func(string) error {
			_, err := r.strict(depth - 1)
			return err
		})
	default:
		err = r.Array(func() error {
			_, err := r.strict(depth - 1)
			return err
		})
	}
	return r.data[start:r.pos], err
}
