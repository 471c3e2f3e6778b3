package customers

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Table says which DynamoDB table, key and attribute hold a user's customer.
type Table struct {
	Name      string // or ARN
	Key       string // attribute that is the partition key, a string
	KeyFormat string // value of the key, with {user} once; "" means {user}
	SortKey   string // attribute that is the sort key, a string; "" if the table has none
	SortValue string // value of the sort key, which may contain {user}
	Attribute string // attribute with the customer's ID; dots lead into maps
}

// placeholder stands for the user in a format.
const placeholder = "{user}"

// The longest values of keys, in bytes.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
const maxKeySize, maxSortKeySize = 2048, 1024

// keyOf returns the key of an item: a user's, or a customer's own. It returns false if the key is
// too long for DynamoDB: then no such item exists.
func (t Table) keyOf(user string) (map[string]types.AttributeValue, bool) {
	format := t.KeyFormat
	if format == "" {
		format = placeholder
	}
	value := strings.Replace(format, placeholder, user, 1)
	key := map[string]types.AttributeValue{t.Key: &types.AttributeValueMemberS{Value: value}}
	if t.SortKey == "" {
		return key, len(value) <= maxKeySize
	}
	sort := strings.Replace(t.SortValue, placeholder, user, 1)
	key[t.SortKey] = &types.AttributeValueMemberS{Value: sort}
	return key, len(value) <= maxKeySize && len(sort) <= maxSortKeySize
}

// Holds reports whether the table can have an item for this user.
func (t Table) Holds(user string) bool {
	_, ok := t.keyOf(user)
	return ok && user != ""
}

// path returns the path to the attribute with the customer's ID: the names of the maps around it,
// then its own.
func (t Table) path() []string { return strings.Split(t.Attribute, ".") }

// idPattern matches a Stripe customer ID. The length limit is not part of the pattern, because it
// would be compiled into that many steps at every start.
var idPattern = regexp.MustCompile(`^cus_[A-Za-z0-9_]+$`)

const maxIDLength = 255

// IsID reports whether s has the format of a Stripe customer ID.
func IsID(s string) bool { return len(s) <= maxIDLength && idPattern.MatchString(s) }

// A place is the point at which the path to an item's customer ends.
type place struct {
	id    string               // "" means no customer
	depth int                  // of the first member that is not a map, or of the attribute itself
	value types.AttributeValue // the value at that depth; nil means no value
}

// find looks for the customer of an item. NULL, a missing value and an empty string mean no
// customer. Any other value than a customer ID is someone else's data.
func (t Table) find(item map[string]types.AttributeValue) (place, error) {
	path := t.path()
	members := item
	for depth, name := range path {
		value, present := members[name]
		if !present {
			return place{depth: depth}, nil
		}
		switch attribute := value.(type) {
		case *types.AttributeValueMemberNULL:
			return place{depth: depth, value: value}, nil
		case *types.AttributeValueMemberM:
			members = attribute.Value
		case *types.AttributeValueMemberS:
			isLast := depth == len(path)-1
			if !isLast || attribute.Value != "" && !IsID(attribute.Value) {
				return place{}, ErrMalformed
			}
			return place{id: attribute.Value, depth: depth, value: value}, nil
		default:
			return place{}, ErrMalformed
		}
	}
	return place{}, ErrMalformed // a map at the end of the path
}

// An expression collects the names and values of a DynamoDB expression. It replaces every name with
// a placeholder, because names may be reserved words or contain dots.
type expression struct {
	names  map[string]string
	values map[string]types.AttributeValue
}

func newExpression() *expression {
	return &expression{names: map[string]string{}, values: map[string]types.AttributeValue{}}
}

// path returns the placeholder of a path of names.
func (e *expression) path(names ...string) string {
	said := make([]string, len(names))
	for i, name := range names {
		said[i] = e.name(name)
	}
	return strings.Join(said, ".")
}

func (e *expression) name(name string) string {
	for said, known := range e.names {
		if known == name {
			return said
		}
	}
	said := fmt.Sprintf("#n%d", len(e.names))
	e.names[said] = name
	return said
}

func (e *expression) value(value types.AttributeValue) string {
	said := fmt.Sprintf(":v%d", len(e.values))
	e.values[said] = value
	return said
}

func (t Table) name() *string { return aws.String(t.Name) }
