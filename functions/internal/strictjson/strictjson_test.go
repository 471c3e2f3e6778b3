package strictjson

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func nested(levels int) string {
	return `{"a":` + strings.Repeat("[", levels-1) + strings.Repeat("]", levels-1) + "}"
}

func TestParseObject(t *testing.T) {
	duplicate := &DuplicateError{Name: "a"}
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"an object":                     {` { "a" : 1 , "b" : [ { "a" : 2 }, { "a" : 3 } ] } `, nil},
		"an empty object":               {"{}", nil},
		"nothing":                       {"", ErrNotObject},
		"an array":                      {"[]", ErrNotObject},
		"a string":                      {`"a"`, ErrNotObject},
		"an object without its end":     {`{"a":1`, ErrNotObject},
		"two objects":                   {"{}{}", ErrNotObject},
		"a name twice":                  {`{"a":1,"b":2,"a":1}`, duplicate},
		"a name twice, once escaped":    {`{"a":1,"\u0061":2}`, duplicate},
		"a name twice in an object":     {`{"b":{"a":1,"a":2}}`, duplicate},
		"a name twice in an array":      {`{"b":[[{"a":1,"a":2}]]}`, duplicate},
		"a name at two levels":          {`{"a":{"a":1},"b":{"a":2}}`, nil},
		"names that differ in case":     {`{"a":1,"A":2}`, nil},
		"32 levels":                     {nested(32), nil},
		"33 levels":                     {nested(33), ErrTooDeep},
		"not UTF-8":                     {"{\"a\":\"\xff\"}", ErrText},
		"a pair of surrogates":          {`{"a":"\ud83d\ude00"}`, nil},
		"a high surrogate alone":        {`{"a":"\ud83d"}`, ErrText},
		"a high surrogate, then text":   {`{"a":"\ud83dx"}`, ErrText},
		"two high surrogates":           {`{"a":"\uDBFF\uDBFF"}`, ErrText},
		"a low surrogate alone":         {`{"\uDFFF":1}`, ErrText},
		"an escaped backslash before u": {`{"a":"\\ud83d"}`, nil},
		"escapes around the surrogates": {`{"a":"\ud7ff\ue000"}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := ParseObject([]byte(c.text))
			if !reflect.DeepEqual(err, c.want) && !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if (o == nil) != (err != nil) {
				t.Errorf("got both %v and %v, or neither", o, err)
			}
		})
	}
}

func TestMembers(t *testing.T) {
	o, err := ParseObject([]byte(`{"text":"a\"\u00e9","null":null,"number":-1.50,"texts":["a", ` +
		`"b"],"mixed":["a",1],"none":[],` +
		`"object":{"a":{"b":true},"list":[{"x":"]}"}, 12]}}`))
	if err != nil {
		t.Fatal(err)
	}
	inner := o.Object("object")
	elements, isArray := Elements(inner["list"])
	for name, c := range map[string]struct{ got, want any }{
		"a string":           {pair(o.Text("text")), pair(`a"é`, true)},
		"null as a string":   {pair(o.Text("null")), pair("", false)},
		"absent as a string": {pair(o.Text("absent")), pair("", false)},
		"strings":            {pair(o.Texts("texts")), pair([]string{"a", "b"}, true)},
		"an empty array":     {pair(o.Texts("none")), pair([]string(nil), true)},
		"with a number":      {pair(o.Texts("mixed")), pair([]string(nil), false)},
		"a string as array":  {pair(o.Texts("text")), pair([]string(nil), false)},
		"an object":          {string(inner["a"]), `{"b":true}`},
		"a number as object": {o.Object("number"), Object(nil)},
		"absent as object":   {o.Object("absent"), Object(nil)},
		"elements": {pair(elements, isArray),
			pair([]json.RawMessage{[]byte(`{"x":"]}"}`), []byte("12")}, true)},
		"a number":           {string(o["number"]), "-1.50"},
		"has null":           {o.Has("null"), true},
		"null is not set":    {o.IsSet("null"), false},
		"a number is set":    {o.IsSet("number"), true},
		"has no absent":      {o.Has("absent"), false},
		"absent is not set":  {o.IsSet("absent"), false},
		"another case":       {o.Has("TEXT"), false},
		"an object as array": {pair(Elements(o["object"])), pair([]json.RawMessage(nil), false)},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s: got %v, want %v", name, c.got, c.want)
		}
	}
}

func pair(a, b any) [2]any { return [2]any{a, b} }

func TestReader(t *testing.T) {
	if _, err := NewReader([]byte("{]")); !errors.Is(err, ErrSyntax) {
		t.Errorf("got %v, want ErrSyntax", err)
	}
	errStop := errors.New("stop")
	for text, want := range map[string]error{
		`{"a":[1,{"b":2,"b":3}],"c":null}`: nil, // Raw does not look inside
		`{"a":1,"c":2,"c":3}`:              &DuplicateError{Name: "c"},
		`{"a":1,"stop":1,"stop":1}`:        errStop,
	} {
		r, err := NewReader([]byte(text))
		if err != nil || r.Next() != '{' {
			t.Fatal(err)
		}
		err = r.Object(func(name string) error {
			if name == "stop" {
				return errStop
			}
			r.Raw()
			return nil
		})
		if !reflect.DeepEqual(err, want) {
			t.Errorf("%s: got %v, want %v", text, err, want)
		}
	}
	r, err := NewReader([]byte(" 12"))
	if err != nil || string(r.Raw()) != "12" {
		t.Errorf("a number alone: %v", err)
	}
}

// FuzzReader compares the values that a Reader reads with those of encoding/json.
func FuzzReader(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		var want any
		r, err := NewReader(data)
		if (err == nil) != (json.Unmarshal(data, &want) == nil) {
			return // a number that float64 cannot hold
		}
		if err != nil {
			return
		}
		got, err := tree(r)
		var duplicate *DuplicateError
		if !errors.As(err, &duplicate) && !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	})
}

func tree(r *Reader) (value any, err error) {
	switch r.Next() {
	case '{':
		members := map[string]any{}
		err = r.Object(func(name string) (err error) {
			members[name], err = tree(r)
			return err
		})
		return members, err
	case '[':
		list := []any{}
		err = r.Array(func() error {
			item, err := tree(r)
			list = append(list, item)
			return err
		})
		return list, err
	}
	err = json.Unmarshal(r.Raw(), &value)
	return value, err
}
