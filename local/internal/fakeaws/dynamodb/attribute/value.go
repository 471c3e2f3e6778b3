// Package attribute defines the values of DynamoDB items: their types, their wire format and their
// size.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
package attribute

import (
	"encoding/base64"
	"encoding/json"
	"net/http"

	"billingportal/local/internal/fakeaws"
)

// Value is an attribute value. In the wire format it is an object with one member, whose name is
// the type: {"S": "cus_1"}.
type Value struct {
	Kind string // S, N, B, BOOL, NULL, SS, NS, BS, L or M
	// string, bool, []string (sorted), []Value or map[string]Value; B and BS stay in base64
	Content any
}

// MarshalJSON returns the wire format.
func (a Value) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{a.Kind: a.Content})
}

// Scalar reports whether a key can have this type.
func (a Value) Scalar() bool { return a.Kind == "S" || a.Kind == "N" || a.Kind == "B" }

// Text returns the value of a scalar.
func (a Value) Text() string {
	s, _ := a.Content.(string)
	return s
}

// Size returns the approximate size in bytes that DynamoDB counts towards its limits.
func (a Value) Size() int {
	switch value := a.Content.(type) {
	case string:
		if a.Kind == "B" {
			return base64.StdEncoding.DecodedLen(len(value))
		}
		return len(value)
	case []string:
		total := 0
		for _, element := range value {
			total += Value{a.Kind[:1], element}.Size()
		}
		return total
	case []Value:
		total := 3
		for _, element := range value {
			total += 1 + element.Size()
		}
		return total
	case map[string]Value:
		return 3 + len(value) + SizeOf(value)
	default: // BOOL and NULL
		return 1
	}
}

// SizeOf returns the approximate size of an item in bytes, names and values included.
func SizeOf(attributes map[string]Value) int {
	total := 0
	for name, value := range attributes {
		total += len(name) + value.Size()
	}
	return total
}

// ParseMap reads the attributes of an item. It returns the errors of DynamoDB.
func ParseMap(item map[string]json.RawMessage) (map[string]Value, error) {
	members := make(map[string]wire, len(item))
	for name, raw := range item {
		var member wire
		if err := json.Unmarshal(raw, &member); err != nil {
			return nil, serializationException()
		}
		members[name] = member
	}
	return parseMembers(members)
}

// Parse reads a value from its wire format. It returns the errors of DynamoDB: a
// SerializationException for another format, and a ValidationException if the value is out of range
// or does not have exactly one type.
func Parse(raw json.RawMessage) (Value, error) {
	var value wire
	if err := json.Unmarshal(raw, &value); err != nil {
		return Value{}, serializationException()
	}
	return value.parse()
}

// wire is the wire format of a value.
type wire struct {
	S    *string
	N    *string
	B    *string
	BOOL *bool
	NULL *bool
	L    *[]wire
	M    *map[string]wire
	SS   *[]string
	NS   *[]string
	BS   *[]string
}

func (w wire) parse() (Value, error) {
	var parsed []Value
	var err error
	add := func(kind string, value any, failure error) {
		parsed = append(parsed, Value{kind, value})
		err = failure
	}
	if w.S != nil {
		add("S", *w.S, nil)
	}
	if w.N != nil {
		number, failure := normalizeNumber(*w.N)
		add("N", number, failure)
	}
	if w.B != nil {
		add("B", *w.B, checkBase64(*w.B))
	}
	if w.BOOL != nil {
		add("BOOL", *w.BOOL, nil)
	}
	if w.NULL != nil {
		add("NULL", true, checkNull(*w.NULL))
	}
	for kind, elements := range map[string]*[]string{"SS": w.SS, "NS": w.NS, "BS": w.BS} {
		if elements != nil {
			set, failure := parseSet(kind, *elements)
			add(kind, set, failure)
		}
	}
	if w.L != nil {
		list, failure := parseList(*w.L)
		add("L", list, failure)
	}
	if w.M != nil {
		members, failure := parseMembers(*w.M)
		add("M", members, failure)
	}
	switch len(parsed) {
	case 0:
		return Value{},
			ValidationException("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	case 1:
		return parsed[0], err
	default:
		return Value{}, ValidationException("Supplied AttributeValue has more than one datatypes set, must contain " +
			"exactly one of the supported datatypes")
	}
}

func parseList(wires []wire) ([]Value, error) {
	list := make([]Value, 0, len(wires))
	for _, element := range wires {
		value, err := element.parse()
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	return list, nil
}

func parseMembers(wires map[string]wire) (map[string]Value, error) {
	members := make(map[string]Value, len(wires))
	for name, member := range wires {
		if name == "" {
			return nil, ValidationException("Empty attribute name")
		}
		value, err := member.parse()
		if err != nil {
			return nil, err
		}
		members[name] = value
	}
	return members, nil
}

func checkBase64(s string) error {
	if _, err := base64.StdEncoding.Strict().DecodeString(s); err != nil {
		return serializationException()
	}
	return nil
}

func checkNull(value bool) error {
	if !value {
		return ValidationException("One or more parameter values were invalid: Null attribute value types must have " +
			"the value of true")
	}
	return nil
}

// ValidationException returns the error for a request that DynamoDB can read but not execute.
func ValidationException(message string) *fakeaws.Error {
	return &fakeaws.Error{Status: http.StatusBadRequest,
		Code: "com.amazon.coral.validate#ValidationException", Message: message}
}

// serializationException returns the error for a document that does not match the DynamoDB API.
func serializationException() error {
	return &fakeaws.Error{Status: http.StatusBadRequest, Code: "com.amazon.coral.service#SerializationException"}
}
