package importer

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/time/rate"
)

// State and report name users and customers, so only the owner may read these files. A run that
// fails keeps them.
func TestOnlyTheOwnerCanReadTheFiles(t *testing.T) {
	c := newCloud(t)
	c.reset(t, 1)
	c.write(t, map[string]string{"other": "cus_Other"})
	c.answers("/v1/customers/cus_Other", answer(http.StatusForbidden, "", `{"error":{"type":"invalid_request_error"}}`))
	folder := t.TempDir()
	report, err := OpenReport(filepath.Join(folder, "report.csv"))
	if err != nil {
		t.Fatal(err)
	}
	account, limiter := c.account(t, nil, key), rate.NewLimiter(rate.Inf, 1)
	run := &Import{
		Source: &FromStripe{Reader: account, Limiter: limiter, MetadataKey: "user_id"}, Mapping: mapping,
		Report: report, Progress: silent,
		Writer: mapping.Writer(c.dynamoDB()), WriteCapacity: 1_000_000,
		StateFile: filepath.Join(folder, "import.state"),
	}
	if _, err := run.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	verification := &Verification{
		Owners: &Owners{Mapping: mapping, Scanner: c.dynamoDB()}, Reader: account, Limiter: limiter,
		MetadataKey: "user_id", WriteCapacity: 1_000_000,
		Report: report, Progress: silent, Now: time.Now, StateFile: filepath.Join(folder, "verify.state"),
	}
	if _, err := verification.Run(t.Context()); err == nil {
		t.Fatal("a customer who may not be read is none")
	}
	if err := report.Close(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
		if info, err := entry.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", entry.Name(), info.Mode(), err)
		}
	}
	if got, want := strings.Join(names, " "),
		"import.state report.csv verify.state verify.state.customers"; got != want {
		t.Errorf("files %s, want %s", got, want)
	}
}

// A run that is interrupted after its last read continues with the batches that it has not written.
func TestBatchesThatWereReadAreWrittenLater(t *testing.T) {
	c := newCloud(t)
	c.reset(t, 3)
	state := filepath.Join(t.TempDir(), "import.state")
	refused := answer(http.StatusBadRequest, "", `{"__type":"com.amazon.coral.service#AccessDeniedException"}`)
	c.answers("UpdateItem", refused, refused, refused)
	run := func() (Counts, error) {
		return (&Import{
			Source: &FromStripe{Reader: c.account(t, nil, key), Limiter: rate.NewLimiter(rate.Inf, 1),
				MetadataKey: "user_id"}, Mapping: mapping, Report: &Report{},
			Progress: silent, Writer: mapping.Writer(c.dynamoDB()), WriteCapacity: 1_000_000, StateFile: state,
		}).Run(t.Context())
	}
	if _, err := run(); err == nil {
		t.Fatal("nothing was refused")
	}
	c.answers("UpdateItem")
	if counts, err := run(); err != nil || counts.Imported != 3 || c.count("/v1/customers") != 1 {
		t.Errorf("%+v, %v, %d lists", counts, err, c.count("/v1/customers"))
	}
}

// A state file is replaced as a whole: if a run cannot write the new state, the old one stays.
func TestAStateFileIsNeverPartial(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	if err := save(path, map[string]string{"source": "old"}); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(filepath.Dir(path), ".state.new"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := save(path, map[string]string{"source": "new"}); err == nil {
		t.Error("a state is saved where no new file can be written")
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != `{"source":"old"}` {
		t.Errorf("%s, %v", text, err)
	}
}

// A report has every row, with its line number if it has one. The summary names the first row of
// each kind by line number, apart from notes.
func TestTheReportHasEveryRow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.csv")
	report, err := OpenReport(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := report.resume(0, nil); err != nil {
		t.Fatal(err)
	}
	for _, row := range []Row{
		{Kind: kindLeftOut, User: "u9", Customer: "cus_9", Detail: "no room"},
		{Kind: kindMissing, Customer: "cus_8", Detail: "unknown"},
		{Kind: kindRenamed, User: "=7", Customer: "cus_7", Detail: "names another"},
		{Kind: kindReleased, Line: 6, User: "u6", Customer: "cus_6", Detail: "ceased"},
		{Kind: kindDeleted, Detail: "gone"},
		{Kind: kindConflict, Line: 3, User: "note", Detail: "noted", IsNote: true},
		{Kind: kindConflict, Line: 12, User: "u12", Customer: "cus_1", Detail: "second"},
		{Kind: kindConflict, Line: 4, User: "u4", Customer: "cus_1", Detail: "first"},
		{Kind: kindFailed, Line: 2, User: "u2", Customer: "cus_2", Detail: "too large"},
		{Kind: kindMalformed, Line: 1, Detail: "not UTF-8"},
	} {
		report.add(row)
	}
	if _, _, err := report.flush(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	const want = "kind,line,user_id,customer_id,detail\nleft out,,u9,cus_9,no " +
		"room\nmissing,,,cus_8,unknown\nrenamed,,'=7,cus_7,names another\nreleased,6,u6,cus_6,ceased\n" +
		"deleted,,,,gone\nconflict,3,note,,noted\nconflict,12,u12,cus_1,second\nconflict,4,u4,cus_1,first\nfailed,2," +
		"u2,cus_2,too large\nmalformed,1,,,not UTF-8\n"
	if err != nil || string(text) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, text, want)
	}
	const firsts = `First malformed: line 1: not UTF-8
First failed: line 2, user "u2", customer cus_2: too large
First conflict: line 4, user "u4", customer cus_1: first
First deleted: a customer: gone
First released: line 6, user "u6", customer cus_6: ceased
First renamed: user "=7", customer cus_7: names another
First missing: customer cus_8: unknown
First left out: user "u9", customer cus_9: no room`
	if got := strings.Join(report.FirstRefused(), "\n"); got != firsts {
		t.Errorf("%s\nwant\n%s", got, firsts)
	}
	if err := errors.Join(report.Close(), (&Report{}).Close()); err != nil {
		t.Error(err)
	}
}
