// Package strictjson reads JSON and refuses objects in which a name occurs twice. Two parsers may
// read different values from such an object (RFC 8259, section 4), which attackers can exploit.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// maxDepth limits the nesting of a JWT's header or payload, or of a key. Real ones need four
// levels.
const maxDepth = 32

// The errors, in addition to [DuplicateError].
var (
	ErrSyntax    = errors.New("not JSON")
	ErrNotObject = errors.New("not a JSON object")
	ErrText      = errors.New("not valid Unicode")
	ErrTooDeep   = errors.New("nested too deep")
)

// A DuplicateError reports an object with two members of the same name. Its text is fixed, so that
// it can be logged.
type DuplicateError struct{ Name string }

func (*DuplicateError) Error() string { return "duplicate member" }

// An Object has the members of a JSON object by their exact names. With struct tags, "SUB" would
// also match "sub".
type Object map[string]json.RawMessage

// ParseObject reads data that is exactly one JSON object. It refuses data that two parsers may read
// differently (RFC 8259, sections 4 and 8):
//   - a name that occurs twice in an object, at any level (RFC 7515, section 4, and RFC 7519,
//     section 4, allow refusing it)
//   - text that is not UTF-8
//   - half surrogate pairs: Go replaces each with the same character, so that two different users
//     would become one
func ParseObject(data []byte) (Object, error) {
	if !utf8.Valid(data) {
		return nil, ErrText
	}
	r, err := NewReader(data)
	if err != nil {
		return nil, ErrNotObject
	}
	if hasLoneSurrogate(data) {
		return nil, ErrText
	}
	if r.Next() != '{' {
		return nil, ErrNotObject
	}
	return r.members()
}

// members reads an object and refuses duplicate members at every level.
func (r *Reader) members() (Object, error) {
	o := Object{}
	err := r.Object(func(name string) (err error) {
		o[name], err = r.strict(maxDepth - 1)
		return err
	})
	if err != nil {
		return nil, err
	}
	return o, nil
}

// Object returns the members of the object called name, or nil if the member is not an object.
func (o Object) Object(name string) Object {
	raw := o[name]
	if len(raw) == 0 || raw[0] != '{' {
		return nil
	}
	members, _ := (&Reader{data: raw}).members() // cannot fail: it was checked together with o
	return members
}

// Text returns the string called name, and whether the member is a string.
func (o Object) Text(name string) (string, bool) { return Text(o[name]) }

// Texts returns the array called name, and whether the member is an array of strings.
func (o Object) Texts(name string) ([]string, bool) {
	elements, isArray := Elements(o[name])
	var list []string
	for _, raw := range elements {
		s, isText := Text(raw)
		if !isText {
			return nil, false
		}
		list = append(list, s)
	}
	return list, isArray
}

// IsSet reports whether there is a member called name that is not null.
func (o Object) IsSet(name string) bool { return o.Has(name) && o[name][0] != 'n' }

// Has reports whether there is a member called name.
func (o Object) Has(name string) bool {
	_, ok := o[name]
	return ok
}

// Text decodes a JSON string, and reports whether raw is one.
func Text(raw json.RawMessage) (string, bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	return unquote(raw), true
}

// Elements returns the elements of a JSON array, and whether raw is one.
func Elements(raw json.RawMessage) (elements []json.RawMessage, isArray bool) {
	if len(raw) == 0 || raw[0] != '[' {
		return nil, false
	}
	r := &Reader{data: raw}
	_ = r.Array(func() error {
		elements = append(elements, r.Raw())
		return nil
	})
	return elements, true
}

func unquote(raw json.RawMessage) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	var s string
	_ = json.Unmarshal(raw, &s) // raw is a valid string
	return s
}
