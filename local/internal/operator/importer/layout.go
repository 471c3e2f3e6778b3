package importer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The columns of our own files.
const (
	columnUser     = "user_id"
	columnCustomer = "customer_id"
	columnClaimed  = "claimed_at"
	columnMatch    = "match"
	columnEmail    = "email"
)

// The columns of Stripe's export. Each metadata key has its own column.
//
// https://docs.stripe.com/dashboard/basics#exporting-data
const (
	stripeID      = "id"
	stripeCreated = "created (utc)"
	stripeSuffix  = " (metadata)"
)

func isColumn(cell string) bool {
	cell = strings.ToLower(cell)
	return slices.Contains([]string{columnUser, columnCustomer, columnClaimed, columnMatch, columnEmail, stripeID,
		stripeCreated}, cell) ||
		strings.HasSuffix(cell, stripeSuffix)
}

// layout has the positions of the columns; -1 for a missing column.
type layout struct {
	user, customer, claimed, match int
	isStripes                      bool
}

// layoutOf reads the header, if there is one. It refuses a header that lacks a needed column:
// columns that are read by position would have another meaning.
func layoutOf(fields []string, metadataKey string) (found *layout, isHeader bool, err error) {
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = strings.ToLower(field)
	}
	column := func(name string) int { return slices.Index(names, name) }
	for i, name := range names {
		if slices.Contains([]string{columnUser, columnCustomer, columnClaimed, stripeID}, name) &&
			slices.Contains(names[i+1:], name) {
			return nil, false, fmt.Errorf("the header has two columns with the name %s: rename or remove one", name)
		}
	}
	found = &layout{user: column(columnUser), customer: column(columnCustomer), claimed: column(columnClaimed),
		match: column(columnMatch)}
	if found.user >= 0 && found.customer >= 0 {
		return found, true, nil
	}
	if id := column(stripeID); id >= 0 && found.customer < 0 {
		// Metadata keys are case-sensitive.
		user := max(slices.Index(fields, metadataKey+stripeSuffix), slices.Index(fields, metadataKey))
		if user < 0 {
			return nil, false, fmt.Errorf("the header has the column id of Stripe's export, but no column %q: "+
				"export the file with the metadata key that USER_METADATA_KEY names", metadataKey+stripeSuffix)
		}
		return &layout{user: user, customer: id, claimed: column(stripeCreated), match: -1, isStripes: true}, true, nil
	}
	if found.user >= 0 || found.customer >= 0 || found.claimed >= 0 {
		return nil, false, errors.New("the header lacks a column: it must have user_id,customer_id[,claimed_at]")
	}
	return &layout{user: 0, customer: 1, claimed: 2, match: -1}, false, nil
}

func cellOf(fields []string, column int) string {
	if column < 0 || column >= len(fields) {
		return ""
	}
	return fields[column]
}

// claim reads a record. It returns why the record is malformed, or that it has nothing to import.
func (l *layout) claim(records *records, found record) (claim Claim, malformed string, isSkipped bool) {
	claim.Line = found.line
	if found.malformed != "" {
		return claim, found.malformed, false
	}
	user, customer, claimed := cellOf(found.fields, l.user), cellOf(found.fields, l.customer),
		cellOf(found.fields, l.claimed)
	if len(found.rest) > 0 && (len(found.fields) < 2 || strings.Contains(user+customer+claimed, "\n")) {
		records.splitAgain(&found)
		return claim, misquoted, false
	}
	if l.match >= 0 {
		if cellOf(found.fields, l.match) != matchUnique {
			return claim, "", true
		}
		user = activeCell(user)
	}
	if len(found.fields) < 2 {
		claim.User = user
		return claim, "a column is missing: write user_id,customer_id[,claimed_at]", false
	}
	if isEmptyCell(customer) || l.isStripes && isEmptyCell(user) {
		return claim, "", true
	}
	if reason := whyNoUserID(user); reason != "" {
		return claim, reason, false
	}
	if digits(user) && truncatedNumber.MatchString("1,"+cellOf(found.fields, l.user+1)) {
		return claim, replacedUser, false
	}
	claim.User = user
	if reason := whyNoCustomerID(customer); reason != "" {
		return claim, reason, false
	}
	at, reason := parseTime(claimed)
	if reason != "" {
		return claim, reason, false
	}
	claim.Customer, claim.At = customer, at
	return claim, "", false
}

func digits(cell string) bool {
	return cell != "" && strings.Trim(cell, "0123456789") == ""
}
