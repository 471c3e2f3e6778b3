// Package strictjson reads JSON objects in which every name occurs once. Two readers can
// see two values in an object with a duplicate name (RFC 8259, section 4), and an attacker
// can make use of that.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a JWT's header or payload, or of a key. Real ones need
// four levels.
const maxDepth = 32

// Why data was refused, beside a [DuplicateError].
var (
	ErrSyntax    = errors.New("not JSON")
	ErrNotObject = errors.New("not a JSON object")
	ErrText      = errors.New("not valid Unicode")
	ErrTooDeep   = errors.New("nested too deep")
)

// A DuplicateError is about an object with two members of one name. Its text is fixed,
// so that it can be logged.
type DuplicateError struct{ Name string }

func (*DuplicateError) Error() string { return "duplicate member" }

// An Object holds the members of a JSON object by their exact names: unlike with struct
// tags, "SUB" never stands in for "sub".
type Object map[string]json.RawMessage

// ParseObject reads one JSON object and nothing else. It refuses what two parsers may read
// in different ways: a name that occurs twice in an object, at any level (RFC 7515,
// section 4, and RFC 7519, section 4, allow refusing it), text that is not UTF-8, and half
// surrogate pairs, which Go would turn into one character, so that two users became one
// (RFC 8259, sections 4 and 8).
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

// members reads an object whose values are strict.
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

// Object returns the members of the object called name; none if it is no object.
func (o Object) Object(name string) Object {
	raw := o[name]
	if len(raw) == 0 || raw[0] != '{' {
		return nil
	}
	members, _ := (&Reader{data: raw}).members() // read once before, with o
	return members
}

// Text returns the string called name, and whether it is one.
func (o Object) Text(name string) (string, bool) { return Text(o[name]) }

// Texts returns the array called name if it has strings alone.
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

// IsSet says whether there is a member called name that is not null.
func (o Object) IsSet(name string) bool { return o.Has(name) && o[name][0] != 'n' }

// Has says whether there is a member called name.
func (o Object) Has(name string) bool {
	_, ok := o[name]
	return ok
}

// Text returns what a string of JSON says, and whether raw is one.
func Text(raw json.RawMessage) (string, bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	return unquote(raw), true
}

// Elements returns the elements of an array, and whether raw is one.
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
