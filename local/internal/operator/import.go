package operator

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/urfave/cli/v3"

	"billingportal/functions/app/operator"
	"billingportal/local/internal/commandline"
	"billingportal/local/internal/operator/importer"
)

func importCommand(getenv func(string) string) *cli.Command {
	return &cli.Command{
		Name:  "import",
		Usage: "Write your existing customers into the table",
		Description: "EXAMPLES:\n" +
			"   export CUSTOMERS_TABLE=… STRIPE_SECRET_ID=… STRIPE_LIVEMODE=true\n" +
			"   go run ./local import --dry-run                          count, and write nothing\n" +
			"   go run ./local import --state import.state --report import.csv\n" +
			"   go run ./local import --csv users.csv                    from a file instead of Stripe\n" +
			"   go run ./local import --propose users.csv --out new.csv  find customers by e-mail address\n" +
			"   go run ./local import --verify                           compare the table with Stripe\n\n" +
			"It reads every Stripe customer whose metadata names a user, or a file, and writes the mapping of users " +
			"to customers\ninto the table of the environment, as the webhook does. Live events may arrive at the " +
			"same time, and an import may run\ntwice. With --state, the same command continues a run that was " +
			"interrupted.\n\n" +
			"If only an e-mail address connects customers and users, --propose writes a file for you to read and to " +
			"import with --csv.\nAfter missed events, --verify compares every mapping with Stripe, and --fix " +
			"corrects the wrong ones.\n\n" +
			"A line is not imported if another user has its customer, unless --shared says that users share " +
			"customers on purpose.\n\n" +
			"It reaches AWS with your own configuration and credentials. It reaches Stripe with STRIPE_SECRET_KEY, " +
			"or " +
			"with the secret\nthat STRIPE_SECRET_ID names. If STRIPE_LIVEMODE is set, it refuses a key of the other " +
			"mode. The exit status is 1 if\nsomething was not imported.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "csv", Usage: "read user_id,customer_id[,claimed_at], or Stripe's export of " +
				"customers, from `FILE` instead of Stripe; - is standard input"},
			&cli.BoolFlag{Name: "shared",
				Usage: "allow several users for one customer: users share customers on purpose"},
			&cli.BoolFlag{Name: "dry-run", Usage: "read and count, and write nothing"},
			&cli.StringFlag{Name: "state",
				Usage: "keep the progress in `FILE`, so that the same command continues an interrupted run"},
			&cli.StringFlag{Name: "report",
				Usage: "write conflicts, malformed lines and deleted customers to `FILE`, as CSV"},
			&cli.IntFlag{Name: "rate", Value: 20, Usage: "the maximum of reads from Stripe per second"},
			&cli.IntFlag{Name: "write-capacity", Value: 500,
				Usage: "the maximum of DynamoDB write units per second"},
			&cli.StringFlag{Name: "endpoint-url", Usage: "the `URL` of DynamoDB, for example of DynamoDB Local"},
			&cli.StringFlag{Name: "format",
				Usage: "dynamodb-json writes a file for DynamoDB's import from S3 instead of the table; needs --out"},
			&cli.StringFlag{Name: "propose",
				Usage: "read user_id,email from `FILE`, and propose a customer for each user; needs --out"},
			&cli.StringFlag{Name: "out",
				Usage: "write --propose or --format to `FILE`; compressed if its name ends in .gz"},
			&cli.BoolFlag{Name: "verify", Usage: "compare every mapping in the table with Stripe"},
			&cli.BoolFlag{Name: "fix", Usage: "with --verify: correct the mappings that are wrong"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error { return runImport(ctx, getenv, cmd) },
	}
}

func runImport(ctx context.Context, getenv func(string) string, cmd *cli.Command) error {
	if err := checkImportFlags(cmd); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	j := &importJob{getenv: getenv, cmd: cmd, out: cmd.Root().Writer, end: cancel}
	var err error
	if report := cmd.String("report"); report != "" {
		if j.report, err = importer.OpenReport(report); err != nil {
			return err
		}
	} else {
		j.report = &importer.Report{}
	}
	defer func() { _ = j.report.Close() }()
	switch {
	case cmd.String("propose") != "":
		err = j.propose(ctx)
	case cmd.Bool("verify"):
		err = j.verify(ctx)
	case cmd.String("format") != "":
		err = j.items(ctx)
	default:
		err = j.run(ctx)
	}
	var login *awsFault
	if errors.As(context.Cause(ctx), &login) {
		return login // the cause of err
	}
	if operator.IsExpired(err) { // of credentials that the SDK does not renew
		return expiredSignIn(j.sources)
	}
	return err
}

func checkImportFlags(cmd *cli.Command) error {
	format := cmd.String("format")
	var modes []string
	for _, flag := range []string{"csv", "propose", "verify"} {
		if cmd.IsSet(flag) {
			modes = append(modes, "--"+flag)
		}
	}
	needsOut := format != "" || cmd.String("propose") != ""
	switch {
	case len(modes) > 1:
		return fmt.Errorf("%s exclude each other: use one of them", strings.Join(modes, " and "))
	case format != "" && format != "dynamodb-json":
		return errors.New("the only --format is dynamodb-json; without it, the import writes into the table")
	case format != "" && (cmd.Bool("verify") || cmd.String("propose") != ""):
		return errors.New("--format is for an import: remove --verify and --propose")
	case needsOut != (cmd.String("out") != ""):
		return errors.New("--out needs --propose or --format, and each of these needs --out")
	case cmd.Bool("fix") && !cmd.Bool("verify"):
		return errors.New("--fix needs --verify")
	case cmd.Bool("shared") && cmd.String("propose") != "":
		return errors.New("--shared is for the import of a proposal, not for --propose")
	case cmd.String("state") != "" && needsOut:
		return errors.New("--state is for an import into the table, or for --verify")
	case cmd.Int("rate") < 1 || cmd.Int("write-capacity") < 1:
		return errors.New("--rate and --write-capacity must be at least 1")
	}
	return checkImportFiles(cmd)
}

// checkImportFiles refuses to write one file over another.
func checkImportFiles(cmd *cli.Command) error {
	flags := []string{"csv", "propose", "out", "report", "state"}
	for i, one := range flags {
		for _, other := range flags[i+1:] {
			if isSameFile(cmd.String(one), cmd.String(other)) {
				return fmt.Errorf("--%s and --%s are the same file: name two files", one, other)
			}
		}
	}
	return nil
}

func isSameFile(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	if errA != nil || errB != nil {
		return filepath.Clean(a) == filepath.Clean(b)
	}
	return os.SameFile(infoA, infoB) && infoA.Mode().IsRegular() // and not /dev/null
}

// importJob is one run of the command.
type importJob struct {
	getenv func(string) string
	cmd    *cli.Command
	out    io.Writer
	report *importer.Report
	// end ends the run for a reason that another try does not change.
	end     context.CancelCauseFunc
	sources []aws.CredentialSource // of the AWS credentials for the table
}

// next prints the next step after a run that succeeded.
func (j *importJob) next(format string, values ...any) { commandline.Next(j.cmd, format, values...) }

// mapping reads the variables of the table. If there is no table, the error also says whether the
// Stripe key is missing, so that one error names all variables to set.
func (j *importJob) mapping() (operator.Mapping, error) {
	mapping, err := operator.ReadMapping(j.getenv)
	if err == nil || strings.TrimSpace(j.getenv("CUSTOMERS_TABLE")) != "" {
		return mapping, err // it names the variables
	}
	advice := "Set CUSTOMERS_TABLE (the stack's output CustomersTableName)"
	hasKey := strings.TrimSpace(j.getenv("STRIPE_SECRET_KEY")) != "" || j.getenv("STRIPE_SECRET_ID") != ""
	if j.cmd.String("csv") == "" && !hasKey {
		advice += ", and STRIPE_SECRET_ID or STRIPE_SECRET_KEY"
	}
	return mapping, fmt.Errorf("%w\n%s: see infra/CUSTOMERS.md, \"Set the variables\"", err, advice)
}

// run imports into the table.
func (j *importJob) run(ctx context.Context) error {
	mapping, err := j.mapping()
	if err != nil {
		return err
	}
	isDry := j.cmd.Bool("dry-run")
	client, err := j.dynamoDB(ctx, mapping)
	if err != nil && isDry && j.cmd.String("csv") != "" {
		fmt.Fprintf(j.out, "The table was not read, so conflicts with it are not counted: %v\n", err)
		client, err = nil, nil
	}
	if err != nil {
		return err
	}
	var owners *importer.Owners
	if client != nil && !j.cmd.Bool("shared") {
		owners = &importer.Owners{Mapping: mapping, Scanner: client}
	}
	source, closeSource, err := j.source(ctx, mapping.MetadataKey, owners)
	if err != nil {
		return err
	}
	defer closeSource()
	run := &importer.Import{
		Source: source, Mapping: mapping, WriteCapacity: j.cmd.Int("write-capacity"), StateFile: j.cmd.String("state"),
		Report: j.report, Progress: j.progress(),
		Target: strings.TrimSpace(fmt.Sprintf("%s %s shared=%t", mapping,
			j.cmd.String("endpoint-url"), j.cmd.Bool("shared"))),
	}
	if j.cmd.String("csv") == "" {
		run.Owners = owners
	}
	if !isDry {
		run.Writer = mapping.Writer(client)
	}
	start := time.Now()
	counts, err := run.Run(ctx)
	if isAboutState(err) {
		return err
	}
	verb := "imported"
	if isDry {
		verb = "would be imported"
	}
	fmt.Fprintf(j.out, "%d %s (%d known before), %d conflicts, %d malformed, %d of deleted customers, %d skipped, %d "+
		"ended by later events, %d released before, in %s\n",
		counts.Imported, verb, counts.Known, counts.Conflicts+counts.Contested, counts.Rejected, counts.Deleted,
		counts.Skipped, counts.Superseded, counts.Released, time.Since(start).Round(time.Second))
	j.printFirstRefused()
	if run.WasDone {
		fmt.Fprintf(j.out,
			"%s says that all of this was done before; nothing was read. Remove it to import again.\n", run.StateFile)
	}
	switch {
	case err != nil && run.StateFile != "" && !isDry:
		return fmt.Errorf("interrupted; run the same command again to continue from here: %w", err)
	case err != nil:
		return err
	case counts.NotImported() > 0:
		return fmt.Errorf("%s%s", j.notImported(counts.NotImported()), j.remedy(counts.NotImported()))
	case isDry && j.cmd.String("csv") != "-": // the standard input was read to its end
		j.next("with the same variables, write them into the table:\n  %s",
			commandline.Again(j.cmd, []string{"dry-run"}))
	case !isDry && !run.WasDone:
		j.next("check the deployment that reads this table: go run ./local doctor --stack billing-portal")
	}
	return nil
}

// isAboutState reports whether the state file belongs to another run: this run did nothing, and the
// same command would not continue.
func isAboutState(err error) bool {
	var unusable *importer.StateError
	return errors.As(err, &unusable)
}

func (j *importJob) printFirstRefused() {
	for _, first := range j.report.FirstRefused() {
		fmt.Fprintln(j.out, first)
	}
}

// counted returns a number with the word for one or for several.
func counted(n int64, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", several)
}

// notImported says how much a run did not import, or how much a dry run found that cannot be.
func (j *importJob) notImported(n int64) string {
	switch {
	case !j.cmd.Bool("dry-run"):
		return counted(n, "was not imported", "were not imported")
	case j.cmd.String("csv") == "":
		return fmt.Sprint(n, " would not be imported")
	}
	return counted(n, "line would not be imported", "lines would not be imported")
}

// remedy continues an error about n lines that were not imported.
func (j *importJob) remedy(n int64) string {
	list := j.listOf(n)
	if state := j.cmd.String("state"); state != "" && !j.cmd.Bool("dry-run") { // it says that this run is done
		list += "; remove " + state
	}
	return list + "; correct " + them(n) + ", then run the same command again"
}

// listOf says where n lines or mappings are listed.
func (j *importJob) listOf(n int64) string {
	if path := j.cmd.String("report"); path != "" {
		return ": " + path + " lists " + them(n)
	}
	return ": add --report FILE to list " + them(n)
}

func them(n int64) string {
	if n == 1 {
		return "it"
	}
	return "them"
}

// source opens Stripe or a file. A file is compared with owners, unless owners is nil.
func (j *importJob) source(ctx context.Context, metadataKey string,
	owners *importer.Owners) (importer.Source, func(), error) {
	path := j.cmd.String("csv")
	if path == "" {
		account, err := stripeAccount(ctx, j.getenv, j.end, "read customers", "")
		if err != nil {
			return nil, nil, err
		}
		return &importer.FromStripe{Reader: account, Limiter: importer.NewLimiter(j.cmd.Int("rate")),
			MetadataKey: metadataKey}, func() {}, nil
	}
	source := &importer.FromCSV{Path: path, MetadataKey: metadataKey, IsShared: j.cmd.Bool("shared"), Owners: owners}
	if path == "-" {
		source.File = j.cmd.Root().Reader
		return source, func() { _ = source.Close() }, nil
	}
	file, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	source.File = file
	source.Version = fmt.Sprintf("(%d bytes of %s)", info.Size(), info.ModTime().UTC().Format(time.RFC3339Nano))
	return source, func() { _ = errors.Join(source.Close(), file.Close()) }, nil // temporary, and only read
}

// items writes a file for DynamoDB's import from S3.
func (j *importJob) items(ctx context.Context) (err error) {
	mapping, err := operator.ReadMapping(func(name string) string {
		// The table's name is not in the file.
		if value := j.getenv(name); value != "" || name != "CUSTOMERS_TABLE" {
			return value
		}
		return "none"
	})
	if err != nil {
		return err // it names the variables
	}
	source, closeSource, err := j.source(ctx, mapping.MetadataKey, nil)
	if err != nil {
		return err
	}
	defer closeSource()
	file, closeFile, err := j.create()
	if err != nil {
		return err
	}
	items := &importer.Items{Source: source, Mapping: mapping, Report: j.report, Progress: j.progress()}
	counts, err := items.Write(ctx, file)
	if err := errors.Join(err, closeFile()); err != nil {
		return err
	}
	fmt.Fprintf(j.out, "%d written, %d conflicts, %d malformed, %d skipped\n", counts.Imported,
		counts.Conflicts+counts.Contested, counts.Rejected, counts.Skipped)
	j.printFirstRefused()
	if counts.NotImported() > 0 {
		return fmt.Errorf("%s%s", counted(counts.NotImported(), "was not written", "were not written"),
			j.remedy(counts.NotImported()))
	}
	out := commandline.Quote(j.cmd.String("out"))
	j.next("aws s3 cp %s s3://BUCKET/, then import it into a new table with aws dynamodb import-table", out)
	return nil
}

// propose writes a proposal, and no table.
func (j *importJob) propose(ctx context.Context) error {
	account, err := stripeAccount(ctx, j.getenv, j.end, "read customers", "")
	if err != nil {
		return err
	}
	users, err := os.Open(j.cmd.String("propose"))
	if err != nil {
		return err
	}
	defer func() { _ = users.Close() }() // it is only read
	out, closeOut, err := j.create()
	if err != nil {
		return err
	}
	proposal := &importer.Proposal{Reader: account, Limiter: importer.NewLimiter(j.cmd.Int("rate")),
		Report: j.report, Progress: j.progress()}
	matches, err := proposal.Write(ctx, users, out)
	if err := errors.Join(err, closeOut()); err != nil {
		return err
	}
	fmt.Fprintf(j.out, "%d unique, %d several, %d none, %s\nNothing was imported. Read %s, remove "+
		"the lines that you do not trust, and import it with --csv.\n",
		matches.Unique, matches.Several, matches.None,
		counted(matches.Malformed, "malformed line", "malformed lines"), j.cmd.String("out"))
	j.printFirstRefused()
	j.next("after you have read it, go run ./local import --dry-run --csv %s", commandline.Quote(j.cmd.String("out")))
	return nil
}

func (j *importJob) verify(ctx context.Context) error {
	mapping, err := j.mapping()
	if err != nil {
		return err
	}
	client, err := j.dynamoDB(ctx, mapping)
	if err != nil {
		return err
	}
	account, err := stripeAccount(ctx, j.getenv, j.end, "read customers", "")
	if err != nil {
		return err
	}
	run := &importer.Verification{
		Owners: &importer.Owners{Mapping: mapping, Scanner: client}, Reader: account,
		Limiter:     importer.NewLimiter(j.cmd.Int("rate")),
		MetadataKey: mapping.MetadataKey, IsShared: j.cmd.Bool("shared"), WriteCapacity: j.cmd.Int("write-capacity"),
		StateFile: j.cmd.String("state"),
		Target:    strings.TrimSpace(fmt.Sprintf("%s %s", mapping, j.cmd.String("endpoint-url"))),
		Report:    j.report, Progress: j.progress(), Now: time.Now,
	}
	if j.cmd.Bool("fix") && !j.cmd.Bool("dry-run") {
		run.Fix = mapping.Writer(client)
	}
	verified, err := run.Run(ctx)
	if isAboutState(err) {
		return err
	}
	fmt.Fprintf(j.out, "%d looked at: %d of deleted customers, %d of customers who name another user, %d of "+
		"customers who do not exist, %d malformed; %d corrected\n",
		verified.Looked, verified.Deleted, verified.Renamed, verified.Missing, verified.Malformed, verified.Fixed)
	if verified.Shared > 0 {
		fmt.Fprintf(j.out, "%s a customer that another user has too (--shared allows that)\n",
			counted(verified.Shared, "has", "have"))
	}
	if verified.LeftOut > 0 {
		fmt.Fprintf(j.out, "%s had no room in the item of a user with more than 100 customers\n",
			counted(verified.LeftOut, "customer", "customers"))
	}
	j.printFirstRefused()
	if run.WasDone {
		fmt.Fprintf(j.out,
			"%s says that all of this was done before; nothing was read. Remove it to verify again.\n", run.StateFile)
	}
	switch {
	case err != nil && run.StateFile != "":
		return fmt.Errorf("interrupted; run the same command again to continue from here: %w", err)
	case err != nil:
		return err
	case verified.Wrong() > verified.Fixed:
		return fmt.Errorf("%s from Stripe%s", counted(verified.Wrong()-verified.Fixed, "mapping differs",
			"mappings differ"), j.correction(run, verified))
	case !run.WasDone:
		j.next("import the claims of missed events, if there were any, with the same variables:\n  %s",
			commandline.Again(j.cmd, []string{"verify", "fix", "dry-run", "state", "report"}))
	}
	return nil
}

// correction continues an error about mappings that differ from Stripe.
func (j *importJob) correction(run *importer.Verification, verified importer.Verified) string {
	wrong := verified.Wrong() - verified.Fixed
	list := j.listOf(wrong)
	if run.Fix != nil || verified.Correctable() == 0 {
		return list + ", for you to decide"
	}
	which := them(wrong)
	if wrong > 1 {
		which = fmt.Sprintf("%d of them", verified.Correctable())
	}
	return fmt.Sprintf("%s; correct %s with the same variables:\n  %s --fix", list, which,
		commandline.Again(j.cmd, []string{"dry-run", "fix", "state"})) // a state is of one kind of run
}

// create opens the file of --out. It compresses the file if its name ends in .gz.
func (j *importJob) create() (io.Writer, func() error, error) {
	path := j.cmd.String("out")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) //nolint:gosec // the operator names it
	if err != nil {
		return nil, nil, err
	}
	if !strings.HasSuffix(path, ".gz") {
		return file, file.Close, nil
	}
	zipped := gzip.NewWriter(file)
	return zipped, func() error { return errors.Join(zipped.Close(), file.Close()) }, nil
}

func (j *importJob) progress() importer.Progress {
	if w := j.cmd.Root().ErrWriter; commandline.IsTerminal(w) {
		return importer.Bar(w)
	}
	return importer.Lines(j.cmd.Root().ErrWriter)
}
