package customers

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Entry is the content of an item, for tools that read the whole table.
type Entry struct {
	User     string // "" if the key does not have the table's format
	Customer string // "" means no customer
	State    State
	// IsCustomers reports that the item is a customer's own: it has users who claim the customer,
	// or the mark of a deletion, and no facts.
	IsCustomers bool
}

// EntryOf reads an item. Its errors are [ErrMalformed] and [ErrMalformedFacts]; the entry then
// still has the user.
func (t Table) EntryOf(item map[string]types.AttributeValue) (Entry, error) {
	entry := Entry{User: t.userOf(item)}
	_, hasUsers := item[usersAttribute]
	_, hasMark := item[deletedAttribute]
	found, err := t.read(item)
	if err != nil {
		return entry, err
	}
	entry.State, entry.Customer = found.state, found.customer.id
	entry.IsCustomers = (hasUsers || hasMark) && len(found.state) == 0
	return entry, nil
}

// NewItem returns a user's item with only a state, trimmed to the size that an item may have.
func (t Table) NewItem(user string, state State) map[string]types.AttributeValue {
	state = state.trimmed()
	item, _ := t.keyOf(user)
	if len(state) > 0 {
		item[FactsAttribute] = state.encode(nil)
	}
	if customer := state.Customer(); customer != "" {
		path := t.path()
		item[path[0]] = wrapped(path[1:], customer)
	}
	return item
}

// NewCustomersItem returns a customer's own item, with as many of the users who claim it as the
// item may have. Every claim needs this item, because a deletion finds its users there.
func (t Table) NewCustomersItem(customer string, users []string) map[string]types.AttributeValue {
	item, _ := t.keyOf(customer)
	item[usersAttribute] = &types.AttributeValueMemberSS{Value: firstUsers(users)}
	return item
}

// userOf returns the user in an item's key, without the formats around it.
func (t Table) userOf(item map[string]types.AttributeValue) string {
	for _, part := range []struct{ name, format string }{{t.Key, t.KeyFormat}, {t.SortKey, t.SortValue}} {
		format := part.format
		if part.name == t.Key && format == "" {
			format = placeholder
		}
		before, after, names := strings.Cut(format, placeholder)
		value, ok := item[part.name].(*types.AttributeValueMemberS)
		if !names || !ok {
			continue
		}
		if user, ok := strings.CutPrefix(value.Value, before); ok {
			if user, ok := strings.CutSuffix(user, after); ok && t.isKeyOf(item, user) {
				return user
			}
		}
	}
	return ""
}

// isKeyOf reports whether an item has the key of a user.
func (t Table) isKeyOf(item map[string]types.AttributeValue, user string) bool {
	key, ok := t.keyOf(user)
	for name, value := range key {
		want, _ := value.(*types.AttributeValueMemberS)
		has, isText := item[name].(*types.AttributeValueMemberS)
		ok = ok && isText && has.Value == want.Value
	}
	return ok && user != ""
}
