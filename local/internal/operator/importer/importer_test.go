package importer

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/time/rate"
)

// An import continues after a failure of one item, and ends at any other failure.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html#API_UpdateItem_Errors
func TestAnImportGoesOnAfterOneItem(t *testing.T) {
	c := newCloud(t)
	for kind, goesOn := range map[string]bool{
		"com.amazon.coral.validate#ValidationException":                             true,
		"com.amazonaws.dynamodb.v20120810#ItemCollectionSizeLimitExceededException": true,
		"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException":                false,
		"com.amazon.coral.service#AccessDeniedException":                            false,
	} {
		t.Run(kind, func(t *testing.T) {
			c.reset(t, 3)
			c.before = func(w http.ResponseWriter, asked string, _ int) bool {
				if asked == "UpdateItem" {
					answer(http.StatusBadRequest, "", `{"__type":"`+kind+`"}`)(w, nil)
				}
				return asked == "UpdateItem"
			}
			counts, err := (&Import{
				Source: &FromStripe{Reader: c.account(t, nil, key), Limiter: rate.NewLimiter(rate.Inf, 1),
					MetadataKey: "user_id"}, Mapping: mapping, Report: &Report{},
				Progress: silent, Writer: mapping.Writer(c.dynamoDB()), WriteCapacity: 1_000_000,
			}).Run(t.Context())
			if goesOn && (err != nil || counts != (Counts{Rejected: 3})) || !goesOn &&
				(err == nil || counts != (Counts{})) {
				t.Errorf("%+v, %v", counts, err)
			}
		})
	}
}

// The header and the empty lines of a file are counted as skipped once, however many batches the
// file has.
func TestSkippedLinesAreCountedOnce(t *testing.T) {
	for _, lines := range []int{batchLines / 2, batchLines, 2*batchLines + 1} {
		var text strings.Builder
		text.WriteString("user_id,customer_id\n\n")
		for n := range lines {
			_, _ = fmt.Fprintf(&text, "u%d,cus_%d\n", n, n)
		}
		text.WriteString("u0,cus_0\n") // the same line again
		source := &FromCSV{Path: "users.csv", File: strings.NewReader(text.String())}
		counts, err := (&Import{Source: source, Mapping: mapping, Report: &Report{}, Progress: silent}).Run(t.Context())
		if want := (Counts{Imported: int64(lines), Skipped: 3}); err != nil || counts != want {
			t.Errorf("%d lines: %+v, %v, want %+v", lines, counts, err, want)
		}
		if err := source.Close(); err != nil {
			t.Error(err)
		}
	}
}
