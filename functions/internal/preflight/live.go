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

// alias names the version that serves callers.
const alias = "live"

// UsersKept compares the table with the one that callers are served from. A changed key makes
// CloudFormation replace the table by an empty one, and every user would be without an account.
func UsersKept(client DynamoDB, table customers.Table, liveClient DynamoDB, live customers.Table) Check {
	return Check{Name: "live version's table", Run: func(ctx context.Context) Finding {
		if table.Name == live.Name && table.Key == live.Key && table.SortKey == live.SortKey {
			return sameItems(ctx, client, table, live)
		}
		empty, err := isEmpty(ctx, client, table.Name)
		switch {
		case err != nil && isDenied(err):
			return warning("the new table may not be scanned from here, so it is unknown whether it is empty",
				"Grant dynamodb:Scan to enable this check.")
		case err != nil:
			return fromAWS(err, "table")
		case !empty:
			return ok("another one, and the new one has items")
		}
		const advice = `Move the items first: infra/README.md, "Another table or key". If the live table is empty ` +
			`too, deploy with make deploy, which lets this role read it.`
		switch empty, err := isEmpty(ctx, liveClient, live.Name); {
		case err != nil && err.Timeout:
			return late(err.Error())
		case err != nil:
			return problem("the new table "+shown(table)+" is empty, and the live version's, "+shown(live)+
				", cannot be read: "+err.Error(), advice)
		case !empty:
			return problem("the new table "+shown(table)+" is empty, and the live version uses "+shown(live)+
				": each user would be without an account", advice)
		}
		return ok("another one, and both are empty")
	}}
}

// enough items must lack the new form before a sample is a problem: the rest of a large table may
// have it.
const enough = 7

// sameItems reports a new key format or attribute that no item has: the live version finds users,
// and the new one would find none.
func sameItems(ctx context.Context, client DynamoDB, table, live customers.Table) Finding {
	if table == live {
		return ok("it is the same")
	}
	items, err := sample(ctx, client, table.Name)
	if err != nil {
		return ok("it is the same; its items were not looked at") // the sample of the mapping says why
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
		return ok("it is the same")
	}
	detail := fmt.Sprintf("the live version finds a customer in %d of %d items, and the new one in none",
		served, len(items))
	const advice = "Compare CUSTOMERS_KEY_FORMAT, CUSTOMERS_SORT_KEY and CUSTOMERS_ATTRIBUTE with the items, and " +
		"write the items in the new form first."
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

// isEmpty reports whether a table has no item.
func isEmpty(ctx context.Context, client DynamoDB, table string) (bool, *upstream.Error) {
	page, err := client.Scan(ctx, &dynamodb.ScanInput{TableName: aws.String(table), Limit: aws.Int32(1)})
	if err != nil {
		return false, upstream.FromAWS("dynamodb", err)
	}
	return len(page.Items) == 0, nil
}

// live reads the environment of the portal version that serves now. It is nil before the first
// version.
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
		finding := named("live version", fromAWS(upstream.FromAWS("lambda", err), "function"))
		return nil, &finding
	case output.Environment == nil:
		return nil, nil
	}
	return output.Environment.Variables, nil
}
