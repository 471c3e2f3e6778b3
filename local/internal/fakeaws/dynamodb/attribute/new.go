package attribute

import (
	"fmt"
	"strconv"
)

// New converts a Go value to an attribute value.
func New(value any) (Value, error) {
	switch v := value.(type) {
	case nil:
		return Value{"NULL", true}, nil
	case string:
		return Value{"S", v}, nil
	case bool:
		return Value{"BOOL", v}, nil
	case int:
		return Value{"N", strconv.Itoa(v)}, nil
	case float64:
		number, err := normalizeNumber(strconv.FormatFloat(v, 'g', -1, 64))
		return Value{"N", number}, err
	case []any:
		list := make([]Value, 0, len(v))
		for _, element := range v {
			a, err := New(element)
			if err != nil {
				return Value{}, err
			}
			list = append(list, a)
		}
		return Value{"L", list}, nil
	case map[string]any:
		members := make(map[string]Value, len(v))
		for name, member := range v {
			a, err := New(member)
			if err != nil {
				return Value{}, err
			}
			members[name] = a
		}
		return Value{"M", members}, nil
	default:
		return Value{}, fmt.Errorf("no attribute type for %T", value)
	}
}
