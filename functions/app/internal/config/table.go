package config

import (
	"regexp"
	"strings"
	"unicode"

	"billingportal/functions/internal/customers"
)

var (
	tablePattern         = regexp.MustCompile(`^([A-Za-z0-9_.-]+|arn:[A-Za-z0-9:/_.-]+)$`)
	attributePattern     = regexp.MustCompile(`^[^\s,]+$`)
	attributePathPattern = regexp.MustCompile(`^[^\s,.]+(\.[^\s,.]+)*$`)
	metadataKeyPattern   = regexp.MustCompile(`^[^\s\[\]]{1,40}$`)
)

// Customers reads the table, key and attribute of the mapping.
func (e *Environment) Customers() customers.Table {
	t := customers.Table{
		Name: e.Matching("CUSTOMERS_TABLE", Required, tablePattern, "must be the name or ARN of a DynamoDB table"),
		Key: e.Matching("CUSTOMERS_KEY", Default("user_id"), attributePattern,
			"must be the name of an attribute"),
		KeyFormat: e.Optional("CUSTOMERS_KEY_FORMAT"),
		Attribute: e.Matching("CUSTOMERS_ATTRIBUTE", Default("customer_id"), attributePathPattern,
			"must be the name of an attribute, or names of map members joined by dots"),
	}
	if sort, ok := e.Value("CUSTOMERS_SORT_KEY", Optional); ok {
		t.SortKey, t.SortValue, _ = strings.Cut(sort, "=")
		if !attributePattern.MatchString(t.SortKey) || !isFormat(t.SortValue) || t.SortKey == t.Key {
			e.Wrong("CUSTOMERS_SORT_KEY",
				"must be name=value, with another name than CUSTOMERS_KEY and {user} at most once in the value")
		}
	}
	if format, ok := e.Value("CUSTOMERS_KEY_FORMAT", Optional); ok &&
		(!isFormat(format) || !strings.Contains(format+t.SortValue, "{user}")) {
		// If the user's ID is in neither, all users would share one item.
		e.Wrong("CUSTOMERS_KEY_FORMAT",
			"must be text with {user} in it once, or not at all where CUSTOMERS_SORT_KEY has it")
	}
	first, _, _ := strings.Cut(t.Attribute, ".")
	isOurs := first == t.Key || first == t.SortKey || strings.HasPrefix(first, customers.FactsAttribute)
	if !e.IsWrong("CUSTOMERS_ATTRIBUTE") && isOurs {
		e.Wrong("CUSTOMERS_ATTRIBUTE", "must not be a key of the table, or begin with "+customers.FactsAttribute)
	}
	return t
}

// MetadataKey reads the metadata key that has the user's ID at Stripe.
func (e *Environment) MetadataKey() string {
	return e.Matching("USER_METADATA_KEY", Default("user_id"), metadataKeyPattern,
		"must be a key of Stripe's metadata: 1 to 40 characters without brackets")
}

// isFormat reports whether s is a valid format of a key: it may contain {user} once, and no other
// braces.
func isFormat(s string) bool {
	return s != "" && !strings.ContainsFunc(strings.Replace(s, "{user}", "", 1), func(r rune) bool {
		return r == '{' || r == '}' || unicode.IsControl(r)
	})
}
