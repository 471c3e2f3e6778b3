package portal

import (
	"encoding/json"
	"maps"
	"strings"

	"billingportal/functions/internal/answer"
	"billingportal/functions/internal/billing"
)

// jsonSpace is JSON's white space (RFC 8259, section 2).
const jsonSpace = " \t\r\n"

var errMalformedJSON = &answer.Problem{Code: "invalid-request", Detail: "The JSON is malformed."}

// parseJSON reads a JSON object. Unlike encoding/json it refuses a member that is given twice, because two readers of such a document
// can see two values. null and an empty list are what clients send that have nothing to send: PHP has no other form of an empty object.
func parseJSON(body string) (node, error) {
	if !json.Valid([]byte(body)) {
		return node{}, errMalformedJSON
	}
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.UseNumber()
	root, err := (&jsonReader{decoder: decoder}).value("", 0)
	switch {
	case err != nil:
		return node{}, err
	case root.saysNothing():
		return node{kind: object}, nil
	case root.kind != object:
		return node{}, &answer.Problem{Code: "invalid-request", Detail: "The JSON is not an object."}
	}
	return root, nil
}

// saysNothing reports whether a value in the place of an object is the same as none.
func (n node) saysNothing() bool { return n.kind == null || n.kind == list && len(n.items) == 0 }

// jsonReader makes nodes of tokens.
type jsonReader struct {
	decoder *json.Decoder
	values  int // members and elements so far
}

// value reads the next value; name is that of the parameter it belongs to, and depth how many parts that has.
func (r *jsonReader) value(name string, depth int) (node, error) {
	if depth > maxDepth {
		return node{}, errTooDeep
	}
	if depth > 0 {
		if r.values++; r.values > maxNames {
			return node{}, errTooManyNames
		}
	}
	token, err := r.decoder.Token()
	if err != nil {
		return node{}, errMalformedJSON
	}
	switch token := token.(type) {
	case string:
		return node{kind: text, text: token}, nil
	case json.Number:
		return node{kind: number, text: token.String()}, nil
	case json.Delim:
		if token == '[' {
			return r.list(name, depth)
		}
		return r.object(name, depth)
	case bool:
		return node{kind: other}, nil
	}
	return node{kind: null}, nil
}

// object leaves out members that are null: many clients send null for an absent value.
func (r *jsonReader) object(name string, depth int) (node, error) {
	result := node{kind: object, members: map[string]node{}}
	for r.decoder.More() {
		token, err := r.decoder.Token()
		if err != nil {
			return node{}, errMalformedJSON
		}
		member, _ := token.(string) // a member's name, in JSON that is valid
		path := billing.Join(name, member)
		if _, twice := result.members[member]; twice {
			return node{}, invalid(path, "The parameter is given more than once.")
		}
		if result.members[member], err = r.value(path, depth+1); err != nil {
			return node{}, err
		}
	}
	if _, err := r.decoder.Token(); err != nil {
		return node{}, errMalformedJSON
	}
	maps.DeleteFunc(result.members, func(_ string, member node) bool { return member.kind == null })
	return result, nil
}

func (r *jsonReader) list(name string, depth int) (node, error) {
	result := node{kind: list}
	for r.decoder.More() {
		item, err := r.value(name, depth+1)
		if err != nil {
			return node{}, err
		}
		result.items = append(result.items, item)
	}
	if _, err := r.decoder.Token(); err != nil {
		return node{}, errMalformedJSON
	}
	return result, nil
}
