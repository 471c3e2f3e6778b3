package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"billingportal/functions/app/operator"
	"billingportal/local/internal/operator/importer/extsort"
)

// Items writes a file for DynamoDB's import from S3, in DynamoDB JSON with one item per line. Each
// key may occur only once, so the claims are first sorted on disk.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataImport.Format.html
type Items struct {
	Source   Source
	Mapping  operator.Mapping
	Report   *Report
	Progress Progress
}

// Write reads the whole source and writes its items.
func (d *Items) Write(ctx context.Context, out io.Writer) (counts Counts, err error) {
	sorter, err := extsort.New()
	if err != nil {
		return counts, err
	}
	defer func() { err = errors.Join(err, sorter.Close()) }()
	if err := d.Report.resume(0, nil); err != nil {
		return counts, err
	}
	if err := d.read(ctx, sorter, &counts); err != nil {
		return counts, err
	}
	var group itemGroup
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for line, err := range sorter.Sorted() {
		if err != nil {
			return counts, err
		}
		id, rest, _ := strings.Cut(line, separator)
		if id != group.id {
			if err := d.encode(encoder, group, &counts); err != nil {
				return counts, err
			}
			group = itemGroup{id: id}
		}
		group.add(rest)
	}
	if err := d.encode(encoder, group, &counts); err != nil {
		return counts, err
	}
	_, _, err = d.Report.flush()
	return counts, err
}

func (d *Items) read(ctx context.Context, sorter *extsort.Sorter, counts *Counts) error {
	size, err := d.Source.Prepare(ctx, d.Progress)
	if err != nil {
		return err
	}
	d.Progress.Start("read", 0, size)
	defer d.Progress.Stop()
	for from := (Position{}); !from.End; {
		var batch Batch
		err := retry(ctx, func() (err error) {
			batch, err = d.Source.Next(ctx, from)
			return err
		})
		if err != nil {
			return err
		}
		for _, claim := range batch.Claims {
			if err := d.sort(sorter, claim, counts); err != nil {
				return err
			}
		}
		counts.reject(batch.Rejected, d.Report)
		counts.Skipped += int64(batch.Skipped)
		if _, _, err := d.Report.flush(); err != nil {
			return err
		}
		d.Progress.Read(batch.size())
		from = batch.Next
	}
	return nil
}

// sort adds a claim twice: under the user and under the customer.
func (d *Items) sort(sorter *extsort.Sorter, claim Claim, counts *Counts) error {
	if !d.Mapping.Holds(claim.User) {
		counts.Rejected++
		d.Report.add(Row{Kind: kindFailed, Line: claim.Line, User: claim.User, Customer: claim.Customer,
			Detail: errTooLong.Error()})
		return nil
	}
	counts.Imported++
	err := sorter.Add(claim.User + separator + claim.Customer + separator + strconv.FormatInt(claim.At, 10))
	if err != nil {
		return err
	}
	return sorter.Add(claim.Customer + separator + separator + claim.User)
}

// itemGroup has everything about one key: the claims of a user, or the users who claim a customer.
type itemGroup struct {
	id     string
	claims []operator.Fact
	users  []string
}

func (g *itemGroup) add(rest string) {
	customer, last, _ := strings.Cut(rest, separator)
	if customer == "" {
		if len(g.users) == 0 || g.users[len(g.users)-1] != last { // the users are sorted
			g.users = append(g.users, last)
		}
		return
	}
	at, _ := strconv.ParseInt(last, 10, 64) // written above
	g.claims = append(g.claims, operator.Fact{User: g.id, Customer: customer, Metadata: time.Unix(at, 0)})
}

func (d *Items) encode(encoder *json.Encoder, g itemGroup, counts *Counts) error {
	if g.id == "" {
		return nil
	}
	item, entry := d.Mapping.NewItem(g.id, g.claims, g.users)
	if len(entry.Counting) > 1 {
		counts.Conflicts++
		d.Report.add(Row{Kind: kindConflict, User: g.id, Customer: entry.Customer, IsNote: true,
			Detail: fmt.Sprintf("the user has the customers %v; the latest claim counts", entry.Counting)})
	}
	document, err := inJSON(item)
	if err != nil {
		return err
	}
	return encoder.Encode(map[string]any{"Item": document})
}

// inJSON returns an item in DynamoDB JSON.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
func inJSON(item map[string]types.AttributeValue) (map[string]any, error) {
	document := map[string]any{}
	for name, value := range item {
		switch value := value.(type) {
		case *types.AttributeValueMemberS:
			document[name] = map[string]any{"S": value.Value}
		case *types.AttributeValueMemberN:
			document[name] = map[string]any{"N": value.Value}
		case *types.AttributeValueMemberBOOL:
			document[name] = map[string]any{"BOOL": value.Value}
		case *types.AttributeValueMemberSS:
			document[name] = map[string]any{"SS": value.Value}
		case *types.AttributeValueMemberM:
			members, err := inJSON(value.Value)
			if err != nil {
				return nil, err
			}
			document[name] = map[string]any{"M": members}
		default:
			return nil, fmt.Errorf("an item has a value of the type %T", value)
		}
	}
	return document, nil
}
