package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/urfave/cli/v3"

	"billingportal/functions/app"
	"billingportal/local/internal/importer"
	"billingportal/local/internal/loopback"
)

func importCommand() *cli.Command {
	return &cli.Command{
		Name:  "import",
		Usage: "bring the customers that you have into the table",
		Description: "Reads every Stripe customer whose metadata names a user, or a file, and writes who belongs to whom into the table of this\n" +
			"environment (CUSTOMERS_TABLE and so on), as the webhook would have. Live events may come in meanwhile, and an import may run twice.\n\n" +
			"  CUSTOMERS_TABLE=… STRIPE_SECRET_ID=… go run ./local import --dry-run\n" +
			"  CUSTOMERS_TABLE=… STRIPE_SECRET_ID=… go run ./local import --state import.state --report import.csv\n" +
			"  CUSTOMERS_TABLE=… go run ./local import --csv users.csv\n\n" +
			"Customers whom nothing but an e-mail address ties to a user: --propose writes a file for you to read, and to import with --csv.\n" +
			"After events were missed: --verify looks every mapping up at Stripe, and with --fix corrects what it finds.\n\n" +
			"AWS is reached with your own configuration and credentials; Stripe with STRIPE_SECRET_KEY, or the secret that STRIPE_SECRET_ID\n" +
			"names; with STRIPE_LIVEMODE set, a key of the other mode is refused. A run that was cut off goes on with the same command. The exit\n" +
			"status is 1 where something was not imported.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "csv", Usage: "read user_id,customer_id[,claimed_at] from `FILE` in place of Stripe; - is standard input"},
			&cli.BoolFlag{Name: "dry-run", Usage: "read and count, and write nothing"},
			&cli.StringFlag{Name: "state", Usage: "keep in `FILE` what was done, so that a run that was cut off can go on"},
			&cli.StringFlag{Name: "report", Usage: "write conflicts, malformed lines and deleted customers to `FILE`, as CSV"},
			&cli.IntFlag{Name: "rate", Value: 20, Usage: "at most so many reads of Stripe a second"},
			&cli.IntFlag{Name: "write-capacity", Value: 500, Usage: "at most so many write units of DynamoDB a second"},
			&cli.StringFlag{Name: "endpoint-url", Usage: "`URL` of DynamoDB, such as DynamoDB Local's"},
			&cli.StringFlag{Name: "format", Usage: "with dynamodb-json: write what DynamoDB's import from S3 takes, and no table"},
			&cli.StringFlag{Name: "propose", Usage: "read user_id,email from `FILE`, and propose a customer for each user"},
			&cli.StringFlag{Name: "out", Usage: "`FILE` for --propose and --format; gzipped where its name ends in .gz"},
			&cli.BoolFlag{Name: "verify", Usage: "look every mapping of the table up at Stripe"},
			&cli.BoolFlag{Name: "fix", Usage: "with --verify: correct what is wrong"},
		},
		Action: runImport,
	}
}

func runImport(ctx context.Context, cmd *cli.Command) error {
	if err := checkImportFlags(cmd); err != nil {
		return err
	}
	j := &importJob{cmd: cmd, out: cmd.Root().Writer}
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
		return j.propose(ctx)
	case cmd.Bool("verify"):
		return j.verify(ctx)
	case cmd.String("format") != "":
		return j.items(ctx)
	}
	return j.run(ctx)
}

func checkImportFlags(cmd *cli.Command) error {
	format := cmd.String("format")
	needsOut := format != "" || cmd.String("propose") != ""
	switch {
	case format != "" && format != "dynamodb-json":
		return errors.New("--format is dynamodb-json, or left out")
	case needsOut != (cmd.String("out") != ""):
		return errors.New("--out goes with --propose or --format, and they with it")
	case cmd.Bool("fix") && !cmd.Bool("verify"):
		return errors.New("--fix goes with --verify")
	case cmd.Int("rate") < 1 || cmd.Int("write-capacity") < 1:
		return errors.New("--rate and --write-capacity are at least 1")
	}
	return nil
}

// importJob is one run of the command.
type importJob struct {
	cmd    *cli.Command
	out    io.Writer
	report *importer.Report
}

// run imports into the table.
func (j *importJob) run(ctx context.Context) error {
	table, metadataKey, err := app.ReadMappingTable(os.Getenv)
	if err != nil {
		return err //nolint:wrapcheck // it names the variables
	}
	source, size, err := j.source(ctx, metadataKey)
	if err != nil {
		return err
	}
	run := &importer.Import{
		Source: source, WriteCapacity: j.cmd.Int("write-capacity"), StateFile: j.cmd.String("state"),
		Report: j.report, Progress: j.progress(size),
		Target: strings.TrimSpace(fmt.Sprintf("%+v %s", table, j.cmd.String("endpoint-url"))),
	}
	if !j.cmd.Bool("dry-run") {
		client, err := j.dynamoDB(ctx)
		if err != nil {
			return err
		}
		run.Writer = &app.MappingWriter{Client: client, Table: table}
	}
	start := time.Now()
	counts, err := run.Run(ctx)
	verb := "imported"
	if run.Writer == nil {
		verb = "would be imported"
	}
	fmt.Fprintf(j.out, "%d %s (%d known before), %d conflicts, %d malformed, %d of deleted customers, %d skipped, %d ended by later events, %d released before, in %s\n",
		counts.Imported, verb, counts.Known, counts.Conflicts, counts.Rejected, counts.Deleted, counts.Skipped, counts.Superseded, counts.Released, time.Since(start).Round(time.Second))
	if run.WasDone {
		fmt.Fprintf(j.out, "%s says that all of this was done before; nothing was read. Remove it to import anew.\n", run.StateFile)
	}
	switch {
	case err != nil && run.StateFile != "":
		return fmt.Errorf("cut off; the same command goes on from here: %w", err)
	case err != nil:
		return err
	case counts.NotImported() > 0:
		return fmt.Errorf("%d were not imported%s", counts.NotImported(), j.seeReport())
	}
	return nil
}

func (j *importJob) seeReport() string {
	if path := j.cmd.String("report"); path != "" {
		return "; see " + path
	}
	return "; --report FILE says which"
}

// source is what is imported from, and the size of a file.
func (j *importJob) source(ctx context.Context, metadataKey string) (importer.Source, int64, error) {
	switch path := j.cmd.String("csv"); path {
	case "":
		account, err := j.stripe(ctx)
		if err != nil {
			return nil, 0, err
		}
		return &importer.FromStripe{Reader: account, Limiter: importer.NewLimiter(j.cmd.Int("rate")), MetadataKey: metadataKey}, 0, nil
	case "-":
		return &importer.FromCSV{Path: path, Input: j.cmd.Root().Reader}, 0, nil
	default:
		file, err := os.Open(path) //nolint:gosec // whoever runs the command says which
		if err != nil {
			return nil, 0, err
		}
		info, err := file.Stat()
		if err != nil {
			return nil, 0, err
		}
		version := fmt.Sprintf("(%d bytes of %s)", info.Size(), info.ModTime().UTC().Format(time.RFC3339Nano))
		return &importer.FromCSV{Path: path, Version: version, File: file}, info.Size(), nil
	}
}

// items writes a file for DynamoDB's import from S3.
func (j *importJob) items(ctx context.Context) (err error) {
	table, metadataKey, err := app.ReadMappingTable(func(name string) string {
		// The table's name is not in the file.
		return orDefault(os.Getenv(name), map[string]string{"CUSTOMERS_TABLE": "none"}[name])
	})
	if err != nil {
		return err //nolint:wrapcheck // it names the variables
	}
	source, size, err := j.source(ctx, metadataKey)
	if err != nil {
		return err
	}
	out, closeOut, err := j.create()
	if err != nil {
		return err
	}
	items := &importer.Items{Source: source, Table: table, Report: j.report, Progress: j.progress(size)}
	counts, err := items.Write(ctx, out)
	if err := errors.Join(err, closeOut()); err != nil {
		return err
	}
	fmt.Fprintf(j.out, "%d written, %d malformed, %d skipped\n", counts.Imported, counts.Rejected, counts.Skipped)
	if counts.NotImported() > 0 {
		return fmt.Errorf("%d were not written%s", counts.NotImported(), j.seeReport())
	}
	return nil
}

// propose writes a proposal, and no table.
func (j *importJob) propose(ctx context.Context) error {
	account, err := j.stripe(ctx)
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
	proposal := &importer.Proposal{Reader: account, Limiter: importer.NewLimiter(j.cmd.Int("rate")), Report: j.report, Progress: j.progress(0)}
	matches, err := proposal.Write(ctx, users, out)
	if err := errors.Join(err, closeOut()); err != nil {
		return err
	}
	fmt.Fprintf(j.out, "%d unique, %d several, %d none, %d malformed lines\nNothing was imported. Read %s, take out what you do not believe, and import it with --csv.\n",
		matches.Unique, matches.Several, matches.None, matches.Malformed, j.cmd.String("out"))
	return nil
}

func (j *importJob) verify(ctx context.Context) error {
	table, metadataKey, err := app.ReadMappingTable(os.Getenv)
	if err != nil {
		return err //nolint:wrapcheck // it names the variables
	}
	account, err := j.stripe(ctx)
	if err != nil {
		return err
	}
	client, err := j.dynamoDB(ctx)
	if err != nil {
		return err
	}
	verification := &importer.Verification{
		Table: table, Scanner: client, Reader: account, Limiter: importer.NewLimiter(j.cmd.Int("rate")), MetadataKey: metadataKey,
		Report: j.report, Progress: j.progress(0), Now: time.Now(),
	}
	if j.cmd.Bool("fix") {
		verification.Fix = &app.MappingWriter{Client: client, Table: table}
	}
	verified, err := verification.Run(ctx)
	fmt.Fprintf(j.out, "%d looked at: %d of deleted customers, %d of customers who name another user, %d of customers who do not exist, %d malformed; %d corrected\n",
		verified.Looked, verified.Deleted, verified.Renamed, verified.Missing, verified.Malformed, verified.Fixed)
	if err == nil && verified.Wrong() > verified.Fixed {
		return fmt.Errorf("%d are not as Stripe says%s", verified.Wrong()-verified.Fixed, j.seeReport())
	}
	return err
}

// create opens the file of --out, gzipped where its name says so.
func (j *importJob) create() (io.Writer, func() error, error) {
	path := j.cmd.String("out")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) //nolint:gosec // whoever runs the command says which
	if err != nil {
		return nil, nil, err
	}
	if !strings.HasSuffix(path, ".gz") {
		return file, file.Close, nil
	}
	zipped := gzip.NewWriter(file)
	return zipped, func() error { return errors.Join(zipped.Close(), file.Close()) }, nil
}

func (j *importJob) progress(size int64) importer.Progress {
	if w := j.cmd.Root().ErrWriter; isTerminal(w) {
		return importer.Bar(w, size)
	}
	return importer.Lines(j.cmd.Root().ErrWriter, size)
}

// dynamoDB is a client of the environment's AWS configuration. It waits for a table that throttles.
func (j *importJob) dynamoDB(ctx context.Context) (*dynamodb.Client, error) {
	endpoint := j.cmd.String("endpoint-url")
	// The SDK keeps ten connections, and would dial anew for most requests of as many writers.
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.MaxIdleConnsPerHost = importer.Writers })
	cfg, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(client), config.WithRetryer(func() aws.Retryer {
		return retry.NewAdaptiveMode(func(o *retry.AdaptiveModeOptions) {
			o.StandardOptions = append(o.StandardOptions, func(o *retry.StandardOptions) { o.MaxAttempts = 10 })
		})
	}))
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %w", err)
	}
	if u, err := url.Parse(endpoint); err == nil && endpoint != "" && loopback.IsHost(u.Host) {
		if _, err := cfg.Credentials.Retrieve(ctx); err != nil { // DynamoDB Local takes any
			cfg.Credentials = credentials.NewStaticCredentialsProvider("local", "local", "")
		}
		cfg.Region = orDefault(cfg.Region, "eu-central-1")
	}
	return dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) {
		if endpoint != "" {
			o.BaseEndpoint = aws.String(endpoint)
		}
	}), nil
}

// stripe reads the account of STRIPE_SECRET_KEY, or of the secret that STRIPE_SECRET_ID names.
func (j *importJob) stripe(ctx context.Context) (*app.StripeAccount, error) {
	key := strings.TrimSpace(os.Getenv("STRIPE_SECRET_KEY"))
	if id := os.Getenv("STRIPE_SECRET_ID"); key == "" && id != "" {
		cfg, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return nil, fmt.Errorf("AWS configuration: %w", err)
		}
		output, err := secretsmanager.NewFromConfig(cfg).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(id)})
		if err != nil {
			return nil, fmt.Errorf("read the secret of STRIPE_SECRET_ID: %w", err)
		}
		key = aws.ToString(output.SecretString)
	}
	if key == "" {
		return nil, errors.New("set STRIPE_SECRET_ID, or STRIPE_SECRET_KEY to a key that may read customers")
	}
	return app.NewStripeAccount(os.Getenv, key) //nolint:wrapcheck // it says what is wrong with the key
}
