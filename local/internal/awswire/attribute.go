package awswire

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
)

// maxItem is DynamoDB's limit on an item: names and values, in bytes.
const maxItem = 400 * 1024

// attribute is one attribute value. On the wire it is an object whose one
// member names the type: {"S": "cus_1"}.
type attribute struct {
	kind  string // S, N, B, BOOL, NULL, SS, NS, BS, L or M
	value any    // string, bool, []string in order, []attribute or map[string]attribute; B and BS stay in base64
}

func (a attribute) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{a.kind: a.value})
}

// scalar tells whether the type is one that a key may have.
func (a attribute) scalar() bool { return a.kind == "S" || a.kind == "N" || a.kind == "B" }

// text is the value of a scalar.
func (a attribute) text() string {
	s, _ := a.value.(string)
	return s
}

// size approximates what DynamoDB counts towards its limits, in bytes.
func (a attribute) size() int {
	switch value := a.value.(type) {
	case string:
		if a.kind == "B" {
			return base64.StdEncoding.DecodedLen(len(value))
		}
		return len(value)
	case []string:
		total := 0
		for _, element := range value {
			total += attribute{a.kind[:1], element}.size()
		}
		return total
	case []attribute:
		total := 3
		for _, element := range value {
			total += 1 + element.size()
		}
		return total
	case map[string]attribute:
		return 3 + len(value) + sizeOf(value)
	default: // BOOL and NULL
		return 1
	}
}

func sizeOf(attributes map[string]attribute) int {
	total := 0
	for name, value := range attributes {
		total += len(name) + value.size()
	}
	return total
}

func parseAttributes(wire map[string]json.RawMessage) (map[string]attribute, error) {
	attributes := make(map[string]attribute, len(wire))
	for name, raw := range wire {
		if name == "" {
			return nil, invalid("Empty attribute name")
		}
		value, err := parseAttribute(raw)
		if err != nil {
			return nil, err
		}
		attributes[name] = value
	}
	return attributes, nil
}

func parseAttribute(raw json.RawMessage) (attribute, error) {
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
		return attribute{}, errSerialization()
	}
	var parsed []attribute
	var err error
	add := func(kind string, value any, failure error) {
		parsed = append(parsed, attribute{kind, value})
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
		members, failure := parseAttributes(*wire.M)
		add("M", members, failure)
	}
	switch len(parsed) {
	case 0:
		return attribute{}, invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	case 1:
		return parsed[0], err
	default:
		return attribute{}, invalid("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
	}
}

func parseList(wire []json.RawMessage) ([]attribute, error) {
	list := make([]attribute, 0, len(wire))
	for _, raw := range wire {
		value, err := parseAttribute(raw)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	return list, nil
}

func checkBase64(s string) error {
	if _, err := base64.StdEncoding.Strict().DecodeString(s); err != nil {
		return errSerialization()
	}
	return nil
}

func checkNull(value bool) error {
	if !value {
		return invalid("One or more parameter values were invalid: Null attribute value types must have the value of true")
	}
	return nil
}

func errSerialization() error {
	return &apiError{http.StatusBadRequest, dynamoService + "SerializationException", ""}
}
