package webhook

import (
	"encoding/json"
	"errors"

	"billingportal/functions/internal/strictjson"
)

// object has the members of a JSON object by their exact names. With struct tags, encoding/json
// would ignore case and use the last of several members, so that "PAYMENT_LINK":null would override
// payment_link.
type object map[string]json.RawMessage

var errNoObject = errors.New("webhook: not a JSON object")

// parseObject reads one JSON object. It refuses a name that occurs twice at the top level.
func parseObject(raw []byte) (object, error) {
	members := object{}
	return members, eachMember(raw, func(name string, value json.RawMessage) error {
		members[name] = value
		return nil
	})
}

// eachMember calls f for the members of a JSON object in order, until f returns an error.
func eachMember(raw []byte, f func(name string, value json.RawMessage) error) error {
	r, err := strictjson.NewReader(raw)
	if err != nil || r.Next() != '{' {
		return errNoObject
	}
	return r.Object(func(name string) error { return f(name, r.Raw()) })
}

// text returns the member called name, and whether it is a string.
func (o object) text(name string) (string, bool) {
	var s string
	raw := o[name]
	isText := len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &s) == nil
	return s, isText
}

// isNull reports whether a member is absent or null.
func (o object) isNull(name string) bool {
	raw := o[name]
	return len(raw) == 0 || string(raw) == "null"
}

// isEmpty reports whether a member is absent, null or an empty string.
func (o object) isEmpty(name string) bool { return o.isNull(name) || string(o[name]) == `""` }
