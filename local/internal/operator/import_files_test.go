package operator

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"billingportal/local/internal/commandline/commandtest"
	"billingportal/local/internal/fakestripe/account"
)

// file writes a file for a command, and returns its path.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// mappings returns the customers of all users in the table.
func (c *company) mappings(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for user, text := range items(t, c.client, c.table) {
		var item struct {
			Customer string `json:"customer_id"`
		}
		if err := json.Unmarshal([]byte(text), &item); err != nil {
			t.Fatal(err)
		}
		if item.Customer != "" {
			found[user] = item.Customer
		}
	}
	return found
}

// claimedAt returns the times at which users claimed their customers.
func (c *company) claimedAt(t *testing.T) map[string]int64 {
	t.Helper()
	found := map[string]int64{}
	for user, text := range items(t, c.client, c.table) {
		var item struct {
			Facts map[string]struct{ Metadata int64 } `json:"billing_portal"`
		}
		if err := json.Unmarshal([]byte(text), &item); err != nil {
			t.Fatal(err)
		}
		for _, facts := range item.Facts {
			found[user] = facts.Metadata
		}
	}
	return found
}

// reported returns the rows of a report by kind. Each row has line, user, customer and detail.
func reported(t *testing.T, path string) map[string][][]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][][]string{}
	for _, row := range rows[1:] {
		found[row[0]] = append(found[row[0]], row[1:])
	}
	return found
}

// lineNumbers returns the line numbers of report rows.
func lineNumbers(rows [][]string) []string {
	var numbers []string
	for _, row := range rows {
		numbers = append(numbers, row[0])
	}
	return numbers
}

func utf16With(order binary.AppendByteOrder, text string) string {
	var encoded []byte
	for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
		encoded = order.AppendUint16(encoded, unit)
	}
	return string(encoded)
}

func TestImportOfFilesAsPeopleHaveThem(t *testing.T) {
	t.Parallel()
	c := startCompany(t)
	const stripes = "id,Description,Email,Name,Created (UTC),Delinquent,Plan,Status,Total Spend,Payment " +
		"Count,user_id (metadata),tag (metadata)\r\n"
	both := map[string]string{"jörg": "cus_1", "u,2": "cus_2"}
	plain := map[string]string{"u1": "cus_1", "u2": "cus_2"}
	for name, test := range map[string]struct {
		text string
		want map[string]string
	}{
		"commas": {"user_id,customer_id\njörg,cus_1\n\"u,2\",cus_2\n",
			both},
		"semicolons, as Excel writes them": {"user_id;customer_id\r\njörg;cus_1\r\nu,2;cus_2\r\n",
			both},
		"semicolons without a header": {"u1;cus_1\r\nu2;cus_2;\r\n", plain},
		"tabs":                        {"customer_id\tuser_id\ncus_1\tjörg\ncus_2\tu,2\n", both},
		"tabs without a header":       {"jörg\tcus_1\t\nu,2\tcus_2\t", both},
		"a hint for spreadsheets":     {"sep=;\r\nu1;cus_1\r\nu2;cus_2\r\n", plain},
		"a byte order mark": {"\ufeffuser_id,customer_id\nu1,cus_1\nu2,cus_2\n",
			plain},
		"UTF-16, little endian, with tabs": {utf16With(binary.LittleEndian,
			"user_id\tcustomer_id\r\njörg\tcus_1\r\nu,2\tcus_2\r\n"), both},
		"UTF-16, big endian": {utf16With(binary.BigEndian,
			"jörg,cus_1\n\"u,2\",cus_2\n"), both},
		"lines that end with CR":            {"user_id,customer_id\ru1,cus_1\ru2,cus_2\r", plain},
		"lines that end with CR, no header": {"u1,cus_1\ru2,cus_2", plain},
		"lines that end in different ways": {"user_id,customer_id\r\nu1,cus_1\ru2,cus_2\n\r\n",
			plain},
		"fields of several lines": {"note,user_id,customer_id\n\"a\r\nb,c\n\n\"\"d\"\"\"," +
			"u1,cus_1\n\"x\ry\",u2,cus_2\n", plain},
		"spaces around fields": {"user_id, customer_id\n u1 , cus_1\n \"u2\", " +
			"\"cus_2\" \n", plain},
		"users without a customer": {"user_id,customer_id\nu1,cus_1\nx,\ny,NULL\nz,\\N\nv," +
			"null\nu2,cus_2\n", plain},
		"Stripe's own export": {stripes +
			"cus_1,\"A, of\nB\",a@example.com,A,2024-05-01 12:00,false,,,0.00,0,u1,x\r\ncus_2,,,,2024-05-02 " +
			"12:00,,,,,,u2,\r\ncus_3,,,,2024-05-02 12:00,,,,,,,\r\n", plain},
		"Stripe's own export, few columns": {"user_id (metadata);id\nu1;cus_1\nu2;cus_2\n", plain},
		"a proposal, of which a person has filled in a line": {"user_id,customer_id,claimed_at,match\nu1,cus_1,," +
			"unique\nu2,cus_2,,unique\nu3,cus_3,,several\nu4,cus_4,,none\nu5,cus_5,,\n", plain},
		"lines far longer than their fields": {"user_id,customer_id,note\nu1,cus_1," + strings.Repeat("x", 60_000) +
			"\nu2,cus_2,y\n", plain},
	} {
		t.Run(name, func(t *testing.T) {
			c.enter(t, 0)
			output, err := c.run(t, "--csv", file(t, test.text))
			if got := c.mappings(t); err != nil || !maps.Equal(got, test.want) {
				t.Errorf("%v: %v, want %v\n%s", err, got, test.want, output)
			}
			if want := fmt.Sprintf("%d imported (0 known before), 0 conflicts, 0 malformed,",
				len(test.want)); !strings.HasPrefix(output, want) {
				t.Errorf("%s", output)
			}
		})
	}
}

func TestTimesOfClaims(t *testing.T) {
	t.Parallel()
	c := startCompany(t)
	const noon = 1714564800 // 2024-05-01 12:00:00 UTC
	for cell, want := range map[string]int64{
		"": 0, "NULL": 0, `\N`: 0, "1714564800": noon, "1714564800.25": noon,
		"2024-05-01T12:00:00Z": noon, "2024-05-01t14:00:00.123456789+02:00": noon,
		"2024-05-01 12:00:00": noon, "2024-05-01 12:00": noon, "2024-05-01 12:00:00.123": noon,
		"2024-05-01 12:00:00 UTC": noon,
		"2024-05-01 14:00:00+02":  noon, "2024-05-01 14:00:00.5+0200": noon, "2024-05-01 06:30:00 -05:30": noon,
		"2024-05-01": noon - 12*3600,
	} {
		c.enter(t, 0)
		if output, err := c.run(t, "--csv", file(t,
			"user_id,customer_id,claimed_at\nu1,cus_1,"+cell+"\n")); err != nil || c.claimedAt(t)["u1"] != want {
			t.Errorf("%q: %v, %v, want %d: %s", cell, err, c.claimedAt(t), want, output)
		}
	}
	for cell, reason := range map[string]string{
		"1714564800000": "milliseconds", "2999-01-01 00:00:00": "in the future", "-1": "not a time: write seconds",
		"01.05.2024": "not a time: write seconds", "2024-13-01": "not a time: write seconds",
		"1,71456E+09": "not a time: write seconds", "2024-05-01 25:00:00": "not a time: write seconds",
		"1969-12-31": "not a time: write seconds", "1.71E+09": "not a time: write seconds",
	} {
		c.enter(t, 0)
		output, err := c.run(t, "--csv", file(t, "user_id;customer_id;claimed_at\nu1;cus_1;"+cell+"\n"))
		if err == nil || !strings.Contains(output, "First malformed: line 2, user \"u1\": claimed_at is") ||
			!strings.Contains(output, reason) {
			t.Errorf("%q: %v: %s", cell, err, output)
		}
	}
}

// An ID that a spreadsheet has changed is refused.
func TestIDsChangedBySpreadsheetsAreRefused(t *testing.T) {
	t.Parallel()
	c := startCompany(t)
	lines := []string{
		"user_id;customer_id", "1.23457E+17;cus_1", "1,23457E+17;cus_2", "1E+17;cus_3", "-1,5E-10;cus_4",
		"1.23456789012346E+017;cus_5",
		"#NAME?;cus_6", "#######;cus_7", "u8;1.2E+10", "12e4;cus_9", "E+17;cus_10", "NULL;cus_11", "cus_12;cus_12",
		"\ufffdx;cus_13", "1.23456789012346E17;cus_14",
	}
	c.enter(t, 0)
	report := filepath.Join(t.TempDir(), "report.csv")
	output, err := c.run(t, "--csv", file(t, strings.Join(lines, "\n")), "--report", report)
	if want := map[string]string{"12e4": "cus_9", "E+17": "cus_10"}; err == nil || !maps.Equal(c.mappings(t), want) {
		t.Errorf("%v: %v: %s", err, c.mappings(t), output)
	}
	if got, want := lineNumbers(reported(t, report)["malformed"]),
		[]string{"2", "3", "4", "5", "6", "7", "8", "9", "12", "13", "14", "15"}; !slices.Equal(got, want) {
		t.Errorf("malformed lines %v, want %v", got, want)
	}
	// If a comma separates the fields, a comma in a number splits the number.
	c.enter(t, 0)
	if output, err := c.run(t, "--csv", file(t, "customer_id,user_id\ncus_1,1,23457E+17\n")); err == nil ||
		len(c.mappings(t)) != 0 {
		t.Errorf("%v: %v: %s", err, c.mappings(t), output)
	}
}

// A header that lacks a needed column is refused: columns that are read by position would have
// another meaning.
func TestHeadersThatLackAColumnAreRefused(t *testing.T) {
	t.Parallel()
	c := startCompany(t)
	for header, reason := range map[string]string{
		"email,customer_id":                           "lacks a column",
		"user_id,email":                               "lacks a column",
		"id,Email,Created (UTC)":                      `"user_id (metadata)"`,
		"id,USER_ID (metadata)":                       `"user_id (metadata)"`, // another key of the metadata
		"user_id,customer_id,user_id":                 "two columns with the name user_id",
		"user_id (metadata),id,claimed_at,claimed_at": "two columns with the name claimed_at",
	} {
		c.enter(t, 0)
		output, err := c.run(t, "--csv", file(t, header+"\nu1,cus_1,cus_1\n"))
		if err == nil || !strings.Contains(err.Error(), reason) || len(c.mappings(t)) != 0 {
			t.Errorf("%s: %v, %v: %s", header, err, c.mappings(t), output)
		}
	}
	c.enter(t, 0)
	if output, err := c.run(t, "--propose", file(t, "id,email\nu1,u1@example.com\nuser_id,email\n"), "--out",
		filepath.Join(t.TempDir(), "proposal.csv")); err == nil || !strings.Contains(err.Error(), "user_id,email") {
		t.Errorf("users: %v: %s", err, output)
	}
}

// A quotation mark in the wrong place loses only its own line, whatever follows.
func TestAMisplacedQuotationMarkLosesOneLine(t *testing.T) {
	t.Parallel()
	c := startCompany(t)
	for name, test := range map[string]struct {
		text string
		want map[string]string
		line string
	}{
		"an open one at the end": {"u1,cus_1\nu2,\"cus_2", map[string]string{"u1": "cus_1"}, "2"},
		"one before quoted fields": {"u1,\"cus_1\n\"u2\",\"cus_2\"\n\"u3\",cus_3\n",
			map[string]string{"u2": "cus_2", "u3": "cus_3"}, "1"},
		"one that the next line closes": {"\"u1,cus_1\nu2,cus_2\",x\nu3,cus_3\n",
			map[string]string{"u3": "cus_3"}, "1"},
		"one within a field": {"u1,cus_1,,5\" disk\nu2,cus_2,,x\n", map[string]string{"u2": "cus_2"}, "1"},
		"an open one before a long file": {"u1,\"cus_1\n" + strings.Repeat("x,\n", 50_000) + "u2,cus_2\n",
			map[string]string{"u2": "cus_2"}, "1"},
	} {
		t.Run(name, func(t *testing.T) {
			c.enter(t, 0)
			report := filepath.Join(t.TempDir(), "report.csv")
			output, err := c.run(t, "--csv", file(t, test.text), "--report", report)
			if err == nil || !maps.Equal(c.mappings(t), test.want) ||
				!slices.Contains(lineNumbers(reported(t, report)["malformed"]), test.line) {
				t.Errorf("%v: %v, %v: %s", err, c.mappings(t), reported(t, report), output)
			}
		})
	}
}

// isFormulaCell reports whether a spreadsheet reads a cell as a formula, with any separator of
// cells.
func isFormulaCell(cell string) bool {
	for _, part := range strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune(",;\t\r\n", r) }) {
		if strings.ContainsAny(part[:1], "=+-@\t\r") || strings.HasPrefix(part, "＝") {
			return true
		}
	}
	return strings.HasPrefix(cell, "\t") || strings.HasPrefix(cell, "\r")
}

// No cell that is written is a formula. The import of a proposal still finds the users whose IDs
// look like a formula.
func TestNoFormulaIsWritten(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 0)
	users := []string{"=1+1", "+4912345", "-NabC_d", "@team", "＝x", "'-quoted", "a;=1+1", "plain"}
	var text strings.Builder
	text.WriteString("user_id,email\n")
	c.Stripe.Change(func(d *account.Data) {
		for i, user := range users {
			email := fmt.Sprintf("+u%d@example.com", i)
			d.Customers = append(d.Customers,
				account.Customer{ID: fmt.Sprintf("cus_%d", i), Email: email, Created: time.Unix(1714564800, 0)})
			fmt.Fprintf(&text, "%s,%s\n", user, email)
		}
	})
	folder := t.TempDir()
	proposal, report := filepath.Join(folder, "proposal.csv"), filepath.Join(folder, "report.csv")
	output, err := c.run(t, "--propose", file(t, text.String()), "--out", proposal, "--report", report)
	if err != nil || !strings.HasPrefix(output, "7 unique, 0 several, 0 none, 1 malformed") {
		t.Errorf("%v: %s", err, output)
	}
	if output, err := c.run(t, "--csv", proposal); err != nil {
		t.Errorf("%v: %s", err, output)
	}
	want := map[string]string{"=1+1": "cus_0", "+4912345": "cus_1", "-NabC_d": "cus_2", "@team": "cus_3", "＝x": "cus_4",
		"'-quoted": "cus_5", "plain": "cus_7"}
	if got := c.mappings(t); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	// The report of an import names such users too.
	conflicts := filepath.Join(folder, "conflicts.csv")
	if output, err := c.run(t, "--csv", file(t, "=2+2,cus_A\n@x,cus_A\na;=1,cus_A\n-y,cus-B\n"), "--report",
		conflicts); err == nil {
		t.Errorf("%s", output)
	}
	for _, path := range []string{proposal, report, conflicts} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil || len(rows) < 2 {
			t.Errorf("%s: %d rows, %v", path, len(rows), err)
		}
		for _, row := range rows {
			for _, cell := range row {
				if isFormulaCell(cell) {
					t.Errorf("%s has the cell %q", path, cell)
				}
			}
		}
	}
}

// A file from standard input is read only once.
func TestImportFromStandardInput(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 0)
	output, _, err := commandtest.RunWith(t.Context(), strings.NewReader("u1;cus_1\ru2;cus_1\ru3;cus_3\r"),
		c.command(), c.arguments("--csv", "-")...)
	if err == nil || !maps.Equal(c.mappings(t), map[string]string{"u3": "cus_3"}) {
		t.Errorf("%v: %v: %s", err, c.mappings(t), output)
	}
}
