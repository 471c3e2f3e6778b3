package portal

import (
	"bytes"
	"encoding/json"
	"maps"

	"billingportal/functions/internal/answer"
)

// maxDepth is how deep JSON may nest; Stripe's parameters nest five levels.
const maxDepth = 16

var errMalformedJSON = &answer.Problem{Code: "invalid-request", Detail: "The JSON is malformed."}

// parseJSON reads a JSON object. Unlike encoding/json it refuses a member that
// is given twice, because two readers of such a document can see two values.
func parseJSON(body []byte) (node, error) {
	if !json.Valid(body) {
		return node{}, errMalformedJSON
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	root, err := parseValue(decoder, "", 0)
	if err != nil {
		return node{}, err
	}
	if root.kind != object {
		return node{}, &answer.Problem{Code: "invalid-request", Detail: "The JSON is not an object."}
	}
	return root, nil
}

// parseValue reads the next value; name is that of the parameter it belongs to.
func parseValue(decoder *json.Decoder, name string, depth int) (node, error) {
	if depth > maxDepth {
		return node{}, &answer.Problem{Code: "invalid-request", Detail: "The JSON is nested too deeply."}
	}
	token, err := decoder.Token()
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
			return parseList(decoder, name, depth)
		}
		return parseObject(decoder, name, depth)
	case bool:
		return node{kind: other}, nil
	}
	return node{kind: null}, nil
}

// parseObject leaves members out that are null: many clients send null for what they
// do not mean to send.
func parseObject(decoder *json.Decoder, name string, depth int) (node, error) {
	result := node{kind: object, members: map[string]node{}}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return node{}, errMalformedJSON
		}
		member, _ := token.(string) // a member's name, in JSON that is valid
		path := join(name, member)
		if _, twice := result.members[member]; twice {
			return node{}, invalid(path, "The parameter is given more than once.")
		}
		if result.members[member], err = parseValue(decoder, path, depth+1); err != nil {
			return node{}, err
		}
	}
	if _, err := decoder.Token(); err != nil {
		return node{}, errMalformedJSON
	}
	maps.DeleteFunc(result.members, func(_ string, member node) bool { return member.kind == null })
	return result, nil
}

func parseList(decoder *json.Decoder, name string, depth int) (node, error) {
	result := node{kind: list}
	for decoder.More() {
		item, err := parseValue(decoder, name, depth+1)
		if err != nil {
			return node{}, err
		}
		result.items = append(result.items, item)
	}
	if _, err := decoder.Token(); err != nil {
		return node{}, errMalformedJSON
	}
	return result, nil
}
