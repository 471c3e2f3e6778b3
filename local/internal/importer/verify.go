package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/time/rate"

	"billingportal/functions/app"
)

// Scanner reads a table page by page.
type Scanner interface {
	Scan(ctx context.Context, input *dynamodb.ScanInput, options ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
}

// Verification looks every mapping up at Stripe, after events were missed.
type Verification struct {
	Table       app.MappingTable
	Scanner     Scanner
	Reader      Reader
	Limiter     *rate.Limiter
	MetadataKey string
	Fix         Writer // nil: report alone
	Report      *Report
	Progress    Progress
	Now         time.Time // of the corrections
}

// Verified counts what was found.
type Verified struct {
	Looked, Deleted, Renamed, Missing, Malformed, Fixed int64
}

// Wrong is how many mappings are not what Stripe says.
func (v Verified) Wrong() int64 { return v.Deleted + v.Renamed + v.Missing + v.Malformed }

// Run reads the whole table.
func (v *Verification) Run(ctx context.Context) (verified Verified, err error) {
	v.Progress.Start(0)
	defer v.Progress.Stop()
	if err := v.Report.resume(0); err != nil {
		return verified, err
	}
	var from map[string]types.AttributeValue
	for {
		page, err := v.Scanner.Scan(ctx, &dynamodb.ScanInput{TableName: aws.String(v.Table.Name), ConsistentRead: aws.Bool(true), ExclusiveStartKey: from})
		if err != nil {
			return verified, fmt.Errorf("read the table: %w", err)
		}
		for _, item := range page.Items {
			if err := v.look(ctx, item, &verified); err != nil {
				return verified, err
			}
		}
		if _, err := v.Report.flush(); err != nil {
			return verified, err
		}
		if from = page.LastEvaluatedKey; from == nil {
			return verified, nil
		}
	}
}

func (v *Verification) look(ctx context.Context, item map[string]types.AttributeValue, verified *Verified) error {
	entry, err := v.Table.EntryOf(item)
	v.Progress.Read(1, 0)
	switch {
	case entry.User == "" || err == nil && entry.Customer == "":
		return nil
	case err != nil:
		verified.Malformed++
		v.Report.add("malformed", 0, entry.User, "", err.Error())
		return nil
	}
	verified.Looked++
	found, err := v.customer(ctx, entry.Customer)
	var refusal *app.StripeRefusal
	switch {
	case errors.As(err, &refusal) && refusal.IsMissing:
		// Stripe keeps what was deleted. What it never had may be of the other mode: that is not for a program to decide.
		verified.Missing++
		v.Report.add("missing", 0, entry.User, entry.Customer, "Stripe has no such customer in this mode; it is left as it is")
		return nil
	case err != nil:
		return err
	case found.Deleted:
		verified.Deleted++
		v.Report.add("deleted", 0, entry.User, entry.Customer, "the customer was deleted at Stripe")
		return v.fix(ctx, verified, app.MappingChange{Deleted: entry.Customer, Facts: []app.MappingFact{
			{User: entry.User, Customer: entry.Customer, Facts: app.MappingFacts{Deleted: true}},
		}})
	}
	named := found.Metadata[v.MetadataKey]
	if named == "" || named == entry.User || !app.IsUserID(named) {
		return nil
	}
	verified.Renamed++
	v.Report.add("renamed", 0, entry.User, entry.Customer, fmt.Sprintf("the customer's metadata names the user %q", named))
	at := app.MappingAt(v.Now.Unix())
	return v.fix(ctx, verified, app.MappingChange{Facts: []app.MappingFact{
		{User: entry.User, Customer: entry.Customer, Facts: app.MappingFacts{Released: at}},
		{User: named, Customer: entry.Customer, Facts: app.MappingFacts{Metadata: at}},
	}})
}

func (v *Verification) customer(ctx context.Context, id string) (found customer, err error) {
	err = (&Import{}).again(ctx, func() error {
		if err := v.Limiter.Wait(ctx); err != nil {
			return err
		}
		document, err := v.Reader.Read(ctx, "/v1/customers/"+url.PathEscape(id), nil)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(document, &found); err != nil {
			return errList
		}
		if found.isOfOtherMode(v.Reader) {
			return errMode
		}
		return nil
	})
	return found, err
}

// fix corrects a mapping as the missed event would have. An item that holds something else is left alone, and keeps no other from
// being corrected.
func (v *Verification) fix(ctx context.Context, verified *Verified, change app.MappingChange) error {
	if v.Fix == nil {
		return nil
	}
	fact := change.Facts[0]
	err := (&Import{}).again(ctx, func() error {
		_, err := v.Fix.Apply(ctx, change)
		return err
	})
	switch {
	case errors.Is(err, app.ErrMappingMalformed), errors.Is(err, app.ErrMappingFacts):
		verified.Malformed++
		v.Report.add("failed", 0, fact.User, fact.Customer, err.Error())
		return nil
	case err != nil:
		return fmt.Errorf("correct the mapping of user %q: %w", fact.User, err)
	}
	verified.Fixed++
	return nil
}
