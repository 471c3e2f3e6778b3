package preflight

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/upstream"
)

// alias points to the version that serves callers.
const alias = "live"

// UsersKept compares the new version's table with the live version's. If its key changes,
// CloudFormation replaces the table with an empty one, and no user would have a billing account.
func UsersKept(client DynamoDB, table customers.Table, liveClient DynamoDB, live customers.Table) Check {
	return Check{Name: "live version's table", Run: func(ctx context.Context) Finding {
		if table.Name == live.Name && table.Key == live.Key && table.SortKey == live.SortKey {
			return sameItems(ctx, client, table, live)
		}
		empty, err := isEmpty(ctx, client, table.Name)
		switch {
		case err != nil && err.Reason.IsDenied():
			return warning("dynamodb:Scan is denied on the new table, so it is unknown whether the table is empty",
				"Grant dynamodb:Scan to enable this check.")
		case err != nil:
			return fromAWS(err, "table")
		case !empty:
			return ok("the new version uses another table, which has items")
		}
		const advice = `Move the items first: infra/README.md, "Another table or key". If the live table is empty ` +
			`too, deploy with make deploy, which lets this role read that table.`
		switch empty, err := isEmpty(ctx, liveClient, live.Name); {
		case err != nil && err.Timeout:
			return late(err.Error())
		case err != nil:
			return problem("the new table "+shown(table)+" is empty, and the live version's table "+shown(live)+
				" cannot be read: "+err.Error(), advice)
		case !empty:
			return problem("the new table "+shown(table)+" is empty, and the live version uses "+shown(live)+
				": every user would be without a billing account", advice)
		}
		return ok("the new version uses another table, and both are empty")
	}}
}

// enough is the number of items without the new form that makes a sample a problem. With fewer, the
// rest of a large table may have it.
const enough = 7

// sameItems reports a new key format or attribute that no item has. The live version finds users
// with its settings, but the new version would find none.
func sameItems(ctx context.Context, client DynamoDB, table, live customers.Table) Finding {
	if table == live {
		return ok("it is the same table")
	}
	items, err := sample(ctx, client, table.Name)
	if err != nil {
		return ok("it is the same table; its items were not checked") // the sample of the mapping says why
	}
	served, kept := 0, 0
	for _, item := range items {
		if entry, err := live.EntryOf(item); err == nil && entry.User != "" && entry.Customer != "" {
			served++
		}
		if entry, err := table.EntryOf(item); err == nil && entry.User != "" && entry.Customer != "" {
			kept++
		}
	}
	if kept > 0 || served == 0 {
		return ok("it is the same table")
	}
	detail := fmt.Sprintf("the live version finds a customer in %d of %d items, the new version in 0",
		served, len(items))
	const advice = "Compare CUSTOMERS_KEY_FORMAT, CUSTOMERS_SORT_KEY and CUSTOMERS_ATTRIBUTE with the items. If you " +
		"meant to change them, write the items in the new form first."
	if served < enough {
		return warning(detail, advice)
	}
	return problem(detail, advice)
}

func shown(table customers.Table) string {
	key := table.Key
	if table.SortKey != "" {
		key += ", " + table.SortKey
	}
	return table.Name + " (" + key + ")"
}

// isEmpty reports whether a table has no items. It reads at most one, because AWS charges for the
// items that a scan reads.
func isEmpty(ctx context.Context, client DynamoDB, table string) (bool, *upstream.Error) {
	page, err := client.Scan(ctx, &dynamodb.ScanInput{TableName: aws.String(table), Limit: aws.Int32(1)})
	if err != nil {
		return false, upstream.FromAWS(upstream.DynamoDB, err)
	}
	return len(page.Items) == 0, nil
}

// live returns the environment of the portal version that serves now, or nil before the first
// version. It returns a finding if the environment cannot be read.
func (h *Hook) live(ctx context.Context) (map[string]string, *Finding) {
	function := h.Portal[:max(strings.LastIndexByte(h.Portal, ':'), 0)]
	if function == "" {
		return nil, nil
	}
	output, err := h.Lambda.GetFunctionConfiguration(ctx,
		&lambda.GetFunctionConfigurationInput{FunctionName: aws.String(function + ":" + alias)})
	var missing *lambdatypes.ResourceNotFoundException
	switch {
	case errors.As(err, &missing):
		return nil, nil
	case err != nil:
		finding := named("live version", fromAWS(upstream.FromAWS(upstream.Lambda, err), "function"))
		return nil, &finding
	case output.Environment == nil:
		return nil, nil
	}
	return output.Environment.Variables, nil
}
