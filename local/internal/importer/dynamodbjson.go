package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"billingportal/functions/app"
	"billingportal/local/internal/spill"
)

// Items writes what DynamoDB's import from S3 takes in DynamoDB JSON: an item a line. Each key is there once, so the claims are
// sorted on disk first.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataImport.Format.html
type Items struct {
	Source   Source
	Table    app.MappingTable
	Report   *Report
	Progress Progress
}

// Write reads the whole source.
func (d *Items) Write(ctx context.Context, out io.Writer) (counts Counts, err error) {
	sorter, err := spill.New()
	if err != nil {
		return counts, err
	}
	defer func() { err = errors.Join(err, sorter.Close()) }()
	if err := d.Report.resume(0); err != nil {
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
			if err := d.encode(encoder, group); err != nil {
				return counts, err
			}
			group = itemGroup{id: id}
		}
		group.add(rest)
	}
	if err := d.encode(encoder, group); err != nil {
		return counts, err
	}
	_, err = d.Report.flush()
	return counts, err
}

func (d *Items) read(ctx context.Context, sorter *spill.Sorter, counts *Counts) error {
	d.Progress.Start(0)
	defer d.Progress.Stop()
	for from := (Position{}); !from.End; {
		var batch Batch
		err := (&Import{}).again(ctx, func() (err error) {
			batch, err = d.Source.Next(ctx, from)
			return err
		})
		if err != nil {
			return err
		}
		for _, claim := range batch.Claims {
			counts.Imported++
			if err := sorter.Add(claim.User + separator + claim.Customer + separator + strconv.FormatInt(claim.At, 10)); err != nil {
				return err
			}
			if err := sorter.Add(claim.Customer + separator + separator + claim.User); err != nil {
				return err
			}
		}
		for _, rejected := range batch.Rejected {
			counts.Rejected++
			d.Report.add("malformed", rejected.Line, rejected.User, "", rejected.Reason)
		}
		counts.Skipped += int64(batch.Skipped)
		d.Progress.Read(len(batch.Claims)+len(batch.Rejected)+batch.Skipped, batch.Next.Offset)
		from = batch.Next
	}
	return nil
}

// itemGroup is all that is known of one key: of a user, or of a customer whom users claim.
type itemGroup struct {
	id    string
	state app.MappingState
	users []string
}

func (g *itemGroup) add(rest string) {
	customer, last, _ := strings.Cut(rest, separator)
	if customer == "" {
		if len(g.users) == 0 || g.users[len(g.users)-1] != last { // they are sorted
			g.users = append(g.users, last)
		}
		return
	}
	at, _ := strconv.ParseInt(last, 10, 64) // written above
	g.state = g.state.Join(app.MappingState{customer: {Metadata: app.MappingAt(at)}})
}

func (d *Items) encode(encoder *json.Encoder, g itemGroup) error {
	if g.id == "" {
		return nil
	}
	item := d.Table.NewItem(g.id, g.state)
	if len(g.users) > 0 {
		for name, value := range d.Table.NewCustomersItem(g.id, g.users) {
			item[name] = value
		}
	}
	document, err := inJSON(item)
	if err != nil {
		return err
	}
	return encoder.Encode(map[string]any{"Item": document})
}

// inJSON is an item as DynamoDB writes it.
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
