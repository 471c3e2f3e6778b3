package params

import (
	"errors"

	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/problem"
	"billingportal/functions/internal/strictjson"
)

// jsonSpace is the white space of JSON (RFC 8259, section 2).
const jsonSpace = " \t\r\n"

var errMalformedJSON = &problem.Problem{Code: problem.InvalidRequest, Detail: "The JSON is malformed."}

// parseJSON reads a JSON object whose members have distinct names. Clients without parameters may
// send null or an empty list, which is how PHP encodes an empty array.
func parseJSON(body string) (node, error) {
	r, err := strictjson.NewReader([]byte(body))
	if err != nil {
		return node{}, errMalformedJSON
	}
	root, err := (&jsonReader{Reader: r}).value("", 0)
	switch {
	case err != nil:
		return node{}, err
	case root.isAbsent():
		return node{kind: object}, nil
	case root.kind != object:
		return node{}, &problem.Problem{Code: problem.InvalidRequest, Detail: "The JSON is not an object."}
	}
	return root, nil
}

// isAbsent reports whether a value counts as absent if an object is expected.
func (n node) isAbsent() bool { return n.kind == null || n.kind == list && len(n.items) == 0 }

// A jsonReader builds nodes from JSON.
type jsonReader struct {
	*strictjson.Reader
	values int // members and elements so far
}

// value reads the next value. name is the name of its parameter, and depth the number of parts of
// that name.
func (r *jsonReader) value(name string, depth int) (node, error) {
	if depth > maxDepth {
		return node{}, errTooDeep
	}
	if depth > 0 {
		if r.values++; r.values > maxNames {
			return node{}, errTooManyNames
		}
	}
	switch r.Next() {
	case '{':
		return r.object(name, depth)
	case '[':
		return r.list(name, depth)
	case '"':
		s, _ := strictjson.Text(r.Raw())
		return node{kind: text, text: s}, nil
	}
	switch raw := string(r.Raw()); raw {
	case "null":
		return node{kind: null}, nil
	case "true", "false":
		return node{kind: other}, nil
	default:
		return node{kind: number, text: raw}, nil
	}
}

// object leaves out null members, because many clients send null for an absent value.
func (r *jsonReader) object(name string, depth int) (node, error) {
	result := node{kind: object, members: map[string]node{}}
	err := r.Object(func(member string) error {
		value, err := r.value(billing.Join(name, member), depth+1)
		if err == nil && value.kind != null {
			result.members[member] = value
		}
		return err
	})
	var duplicate *strictjson.DuplicateError
	if errors.As(err, &duplicate) {
		err = invalid(billing.Join(name, duplicate.Name), "The parameter is given more than once.")
	}
	return result, err
}

func (r *jsonReader) list(name string, depth int) (node, error) {
	result := node{kind: list}
	err := r.Array(func() error {
		item, err := r.value(name, depth+1)
		result.items = append(result.items, item)
		return err
	})
	return result, err
}
