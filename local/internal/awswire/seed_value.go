package awswire

import (
	"fmt"
	"strconv"
)

// newAttribute makes an attribute of a Go value.
func newAttribute(value any) (attribute, error) {
	switch v := value.(type) {
	case nil:
		return attribute{"NULL", true}, nil
	case string:
		return attribute{"S", v}, nil
	case bool:
		return attribute{"BOOL", v}, nil
	case int:
		return attribute{"N", strconv.Itoa(v)}, nil
	case float64:
		number, err := normalizeNumber(strconv.FormatFloat(v, 'g', -1, 64))
		return attribute{"N", number}, err
	case []any:
		list := make([]attribute, 0, len(v))
		for _, element := range v {
			a, err := newAttribute(element)
			if err != nil {
				return attribute{}, err
			}
			list = append(list, a)
		}
		return attribute{"L", list}, nil
	case map[string]any:
		members := make(map[string]attribute, len(v))
		for name, member := range v {
			a, err := newAttribute(member)
			if err != nil {
				return attribute{}, err
			}
			members[name] = a
		}
		return attribute{"M", members}, nil
	default:
		return attribute{}, fmt.Errorf("no attribute type for %T", value)
	}
}
