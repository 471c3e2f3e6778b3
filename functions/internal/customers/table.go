package customers

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Table says where in a DynamoDB table a user's customer is. The zero values of its formats are the
// plain ones.
type Table struct {
	Name      string // or ARN
	Key       string // attribute that is the partition key, a string
	KeyFormat string // its value, with {user} once; "" is {user}
	SortKey   string // attribute that is the sort key, a string; "" where the table has none
	SortValue string // its value, perhaps with {user}
	Attribute string // that holds the customer's ID; dots lead into maps
}

// placeholder stands for the user in a format.
const placeholder = "{user}"

// The longest values of keys, in bytes.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
const maxKeySize, maxSortKeySize = 2048, 1024

// keyOf returns the key of the item of a user, or of a customer of their own; false where it is
// longer than keys can be, so that no such item exists.
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

// Holds reports whether the table can have an item of a user.
func (t Table) Holds(user string) bool {
	_, ok := t.keyOf(user)
	return ok && user != ""
}

// path is the way to the attribute with the customer's ID: itself, or the maps around it first.
func (t Table) path() []string { return strings.Split(t.Attribute, ".") }

// idPattern is the form of a Stripe customer ID, which has at most maxIDLength
// characters. The bound is not in the pattern: it would be compiled into as many
// steps at every start.
var idPattern = regexp.MustCompile(`^cus_[A-Za-z0-9_]+$`)

const maxIDLength = 255

// IsID reports whether a text has the form of a Stripe customer ID.
func IsID(s string) bool { return len(s) <= maxIDLength && idPattern.MatchString(s) }

// place is what an item has along the path to its customer.
type place struct {
	id    string               // "": none
	depth int                  // of the first member that is no map, or of the attribute itself
	value types.AttributeValue // what is at that depth; nil: nothing
}

// find looks for the customer of an item. NULL, nothing and an empty text are no customer; anything
// else that is no customer's ID is somebody else's data.
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

// expression collects the names and values of an expression. Names are never written into one as
// they are: they may be reserved words, and have dots.
type expression struct {
	names  map[string]string
	values map[string]types.AttributeValue
}

func newExpression() *expression {
	return &expression{names: map[string]string{}, values: map[string]types.AttributeValue{}}
}

// path returns how an expression says a path of names.
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
