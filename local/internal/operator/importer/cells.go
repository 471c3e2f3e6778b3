package importer

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"billingportal/functions/app/operator"
)

// isEmptyCell reports whether a cell has no value: it is empty, or has the text that databases
// write for NULL.
//
// https://www.postgresql.org/docs/current/sql-copy.html,
// https://dev.mysql.com/doc/refman/8.4/en/load-data.html
func isEmptyCell(cell string) bool {
	return cell == "" || cell == `\N` || strings.EqualFold(cell, "null")
}

var (
	// truncatedNumber matches the form that spreadsheets give a long number, with a point or a
	// comma. The last digits are lost. Programs that read a spreadsheet write 1.23457E17.
	truncatedNumber = regexp.MustCompile(`^[+-]?(?:\d{1,3}(?:[.,]\d+)?[eE][+-]\d+|\d\.\d+[eE]\d+)$`)
	// spreadsheetError matches the text that spreadsheets write for a value that they cannot
	// compute or show.
	spreadsheetError = regexp.MustCompile(`^#(?:#+|N/A|NAME\?|NULL!|NUM!|REF!|VALUE!|DIV/0!)$`)
)

const replacedUser = "a spreadsheet has changed the user ID: export the file again, with this column as text"

// whyNoUserID returns why a cell is not a valid user ID, or "" if it is.
func whyNoUserID(cell string) string {
	switch {
	case isEmptyCell(cell):
		return "the user ID is empty: write the user's ID, or remove the line"
	case truncatedNumber.MatchString(cell), spreadsheetError.MatchString(cell):
		return replacedUser
	case strings.ContainsRune(cell, utf8.RuneError):
		return "the user ID lost characters when the file was converted: export the file again, as UTF-8"
	case operator.IsCustomerID(cell):
		return "the user ID looks like a customer ID: check that the columns are user_id,customer_id, in this order"
	case !operator.IsUserID(cell):
		return "the user ID has more than 255 characters or has control characters: write the ID that your tokens have"
	}
	return ""
}

// whyNoCustomerID returns why a cell is not a valid customer ID, or "" if it is.
func whyNoCustomerID(cell string) string {
	switch {
	case truncatedNumber.MatchString(cell), spreadsheetError.MatchString(cell):
		return "a spreadsheet has changed the customer ID: export the file again, with this column as text"
	case !operator.IsCustomerID(cell):
		return "the customer ID does not look like cus_…: copy it from Stripe"
	}
	return ""
}

// A spreadsheet reads a cell that begins with one of these characters as a formula. In the Japanese
// locale, this includes the wide characters.
//
// https://owasp.org/www-community/attacks/CSV_Injection
const (
	formulaStart = "=+-@\t\r\n＝＋－＠"
	// cellEnd has the characters that may end a cell in a spreadsheet of another locale.
	cellEnd = ",;\t\r\n"
)

// inertCell returns a cell that no spreadsheet reads as a formula. It puts an apostrophe before a
// formula, and before a cell that already looks like an escaped one. It returns "" and false if a
// part of the cell is a formula for a spreadsheet with other separators.
func inertCell(cell string) (string, bool) {
	for i, part := range strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune(cellEnd, r) }) {
		if isFormula(part) && (i > 0 || !strings.HasPrefix(cell, part)) {
			return "", false
		}
	}
	if isFormula(strings.TrimLeft(cell, "'")) {
		return "'" + cell, true
	}
	return cell, true
}

// activeCell removes the apostrophe of [inertCell].
func activeCell(cell string) string {
	if strings.HasPrefix(cell, "'") && isFormula(strings.TrimLeft(cell, "'")) {
		return cell[1:]
	}
	return cell
}

func isFormula(cell string) bool {
	cell = strings.TrimLeft(cell, ` "`)
	first, _ := utf8.DecodeRuneInString(cell)
	return cell != "" && strings.ContainsRune(formulaStart, first)
}

var (
	secondsForm = regexp.MustCompile(`^\d+(?:\.\d+)?$`)
	// timestampForm matches RFC 3339 and SQL's form: a space instead of the T, and the time, its
	// seconds or its zone may be missing.
	timestampForm = regexp.MustCompile(`^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(:\d\d(?:\.\d{1,9})?)?)? ` +
		`?(?:([Zz]|UTC)|([+-]\d\d):?(\d\d)?)?$`)
)

const (
	notATime = "claimed_at is not a time: write seconds since 1970, or a time like 2024-06-03T16:00:00Z or " +
		"2024-06-03 16:00:00"
	inFuture  = "claimed_at is in the future: correct it, or leave it empty"
	inMillis  = "claimed_at is in milliseconds: write seconds"
	maxMillis = 100_000_000_000 // as seconds this is the year 5138
)

// parseTime reads the time of a claim, or returns why it cannot. A claim without a time is older
// than every claim from Stripe. A time without a zone is UTC.
func parseTime(cell string) (seconds int64, malformed string) {
	switch {
	case isEmptyCell(cell):
		return 0, ""
	case secondsForm.MatchString(cell):
		whole, _, _ := strings.Cut(cell, ".")
		number, err := strconv.ParseInt(whole, 10, 64)
		if err != nil {
			return 0, notATime
		}
		seconds = number
	default:
		at, ok := parseTimestamp(cell)
		if !ok {
			return 0, notATime
		}
		seconds = at.Unix()
	}
	switch {
	case seconds < 0:
		return 0, notATime
	case seconds >= maxMillis:
		return 0, inMillis
	case seconds > time.Now().Unix(): // it would take precedence over all later events
		return 0, inFuture
	}
	return seconds, ""
}

func parseTimestamp(cell string) (time.Time, bool) {
	part := timestampForm.FindStringSubmatch(cell)
	if part == nil {
		return time.Time{}, false
	}
	date, clock, second, utc, hours, minutes := part[1], part[2], part[3], part[4], part[5], part[6]
	if clock == "" {
		if utc+hours != "" {
			return time.Time{}, false
		}
		clock = "00:00"
	}
	if second == "" {
		second = ":00"
	}
	zone := "Z"
	if hours != "" {
		if minutes == "" {
			minutes = "00"
		}
		zone = hours + ":" + minutes
	}
	at, err := time.Parse(time.RFC3339, date+"T"+clock+second+zone)
	return at, err == nil
}
