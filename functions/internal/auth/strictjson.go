package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a header, a payload or a key. Real ones need
// four levels.
const maxDepth = 32

var (
	errNotObject = errors.New("not a JSON object")
	errText      = errors.New("not valid Unicode")
	errDuplicate = errors.New("duplicate member")
	errTooDeep   = errors.New("nested too deep")
)

// An object holds the members of a JSON object by their exact names: unlike
// with struct tags, "SUB" never stands in for "sub".
type object map[string]json.RawMessage

// parseObject reads one JSON object and nothing else. Two parsers that disagree
// on what a text says are an attack waiting to happen, so it refuses what they
// disagree on: a name that occurs twice in an object, at any level
// (RFC 7515, section 4, and RFC 7519, section 4, allow refusing it), text that
// is not UTF-8, and half surrogate pairs, which Go would fold into one
// character, so that two users became one (RFC 8259, sections 4 and 8).
func parseObject(data []byte) (object, error) {
	if !utf8.Valid(data) {
		return nil, errText
	}
	if !json.Valid(data) {
		return nil, errNotObject
	}
	if hasLoneSurrogate(data) {
		return nil, errText
	}
	r := reader{data: data}
	if r.next() != '{' {
		return nil, errNotObject
	}
	return r.object(maxDepth)
}

// hasLoneSurrogate looks for a \uD800-\uDFFF escape that is not half of a pair.
// The JSON is known to be valid, so a backslash is always inside a string and
// \u always has four digits.
func hasLoneSurrogate(data []byte) bool {
	for {
		i := bytes.IndexByte(data, '\\')
		if i < 0 {
			return false
		}
		data = data[i:]
		if data[1] != 'u' {
			data = data[2:]
			continue
		}
		switch surrogate(data) {
		case lowSurrogate:
			return true
		case highSurrogate:
			if data = data[6:]; surrogate(data) != lowSurrogate {
				return true
			}
		}
		data = data[6:]
	}
}

const (
	notSurrogate = iota
	highSurrogate
	lowSurrogate
)

// surrogate says which half, if any, the \uXXXX escape at the start of data is.
func surrogate(data []byte) int {
	if len(data) < 6 || data[0] != '\\' || data[1] != 'u' || data[2]|0x20 != 'd' {
		return notSurrogate
	}
	switch data[3] | 0x20 {
	case '8', '9', 'a', 'b':
		return highSurrogate
	case 'c', 'd', 'e', 'f':
		return lowSurrogate
	}
	return notSurrogate
}

// find returns the claim called name: the member of that whole name, such as
// "https://example.com/roles", or else what a path of members joined by dots leads
// to, such as realm_access.roles. Names on the path may have dots themselves; of
// several readings the one whose first name is the longest counts.
func (o object) find(name string) (json.RawMessage, bool) {
	if raw, ok := o[name]; ok {
		return raw, true
	}
	for dot := strings.LastIndexByte(name, '.'); dot > 0; dot = strings.LastIndexByte(name[:dot], '.') {
		if raw, ok := o.members(name[:dot]).find(name[dot+1:]); ok {
			return raw, true
		}
	}
	return nil, false
}

// members returns the members of the object called name; none where it is none.
func (o object) members(name string) object {
	raw := o[name]
	if len(raw) == 0 || raw[0] != '{' {
		return nil
	}
	r := reader{data: raw}
	members, _ := r.object(maxDepth) // read once before, with what is around it
	return members
}

// text returns the string member called name. Null is no string.
func (o object) text(name string) (string, bool) { return text(o[name]) }

func text(raw json.RawMessage) (string, bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	return unquote(raw), true
}

// texts returns the member called name if it is an array of strings alone.
func (o object) texts(name string) ([]string, bool) {
	r := reader{data: o[name], pos: 1}
	if len(r.data) == 0 || r.data[0] != '[' {
		return nil, false
	}
	var list []string
	for r.next() != ']' {
		if r.data[r.pos] != '"' {
			return nil, false
		}
		list = append(list, unquote(r.text()))
	}
	return list, true
}

// textOrTexts returns the member called name if it is a string or an array of
// strings alone.
func (o object) textOrTexts(name string) ([]string, bool) {
	if s, ok := o.text(name); ok {
		return []string{s}, true
	}
	return o.texts(name)
}

// scalars returns the values of a claim that is a string, a boolean, a number or an
// array of these alone. Booleans and numbers keep their JSON text: 1, 1.0 and 1e0
// differ, and long numbers keep all digits.
func scalars(raw json.RawMessage) []string {
	if len(raw) == 0 {
		return nil
	}
	if raw[0] != '[' {
		value, ok := scalar(raw)
		if !ok {
			return nil
		}
		return []string{value}
	}
	r := reader{data: raw, pos: 1}
	var list []string
	for r.next() != ']' {
		item, _ := r.value(maxDepth) // read once before, with what is around it
		value, ok := scalar(item)
		if !ok {
			return nil
		}
		list = append(list, value)
	}
	return list
}

func scalar(raw json.RawMessage) (string, bool) {
	switch raw[0] {
	case '"':
		return unquote(raw), true
	case '{', '[', 'n':
		return "", false
	}
	return string(raw), true
}

// isSet says whether there is a member called name that is not null.
func (o object) isSet(name string) bool { return o.has(name) && o[name][0] != 'n' }

func (o object) has(name string) bool {
	_, ok := o[name]
	return ok
}
