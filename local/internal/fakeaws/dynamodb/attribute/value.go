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

// ParseMap reads the attributes of an item, or the members of a map. It returns the errors of
// DynamoDB.
func ParseMap(wire map[string]json.RawMessage) (map[string]Value, error) {
	attributes := make(map[string]Value, len(wire))
	for name, raw := range wire {
		if name == "" {
			return nil, ValidationException("Empty attribute name")
		}
		value, err := Parse(raw)
		if err != nil {
			return nil, err
		}
		attributes[name] = value
	}
	return attributes, nil
}

// Parse reads a value from its wire format. It returns the errors of DynamoDB: a
// SerializationException for another format, and a ValidationException if the value is out of range
// or does not have exactly one type.
func Parse(raw json.RawMessage) (Value, error) {
	var wire struct {
		S    *string
		N    *string
		B    *string
		BOOL *bool
		NULL *bool
		L    *[]json.RawMessage
		M    *map[string]json.RawMessage
		SS   *[]string
		NS   *[]string
		BS   *[]string
	}
	if err := json.Unmarshal(raw, &wire); err != nil {
		return Value{}, serializationException()
	}
	var parsed []Value
	var err error
	add := func(kind string, value any, failure error) {
		parsed = append(parsed, Value{kind, value})
		err = failure
	}
	if wire.S != nil {
		add("S", *wire.S, nil)
	}
	if wire.N != nil {
		number, failure := normalizeNumber(*wire.N)
		add("N", number, failure)
	}
	if wire.B != nil {
		add("B", *wire.B, checkBase64(*wire.B))
	}
	if wire.BOOL != nil {
		add("BOOL", *wire.BOOL, nil)
	}
	if wire.NULL != nil {
		add("NULL", true, checkNull(*wire.NULL))
	}
	for kind, elements := range map[string]*[]string{"SS": wire.SS, "NS": wire.NS, "BS": wire.BS} {
		if elements != nil {
			set, failure := parseSet(kind, *elements)
			add(kind, set, failure)
		}
	}
	if wire.L != nil {
		list, failure := parseList(*wire.L)
		add("L", list, failure)
	}
	if wire.M != nil {
		members, failure := ParseMap(*wire.M)
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

func parseList(wire []json.RawMessage) ([]Value, error) {
	list := make([]Value, 0, len(wire))
	for _, raw := range wire {
		value, err := Parse(raw)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	return list, nil
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
