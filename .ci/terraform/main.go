// Terraform evaluates Terraform files and prints the resources of each file as a line of JSON. It
// supports the functions that the recipe in infra/README.md calls. Terraform itself would need its
// AWS provider from its own registry.
//
//	go -C .ci/terraform run . FILE...
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

var functions = map[string]function.Function{
	"jsonencode": stdlib.JSONEncodeFunc,
	"merge":      stdlib.MergeFunc,
	"substr":     stdlib.SubstrFunc,
	"sha256": function.New(&function.Spec{
		Params: []function.Parameter{{Name: "text", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(arguments []cty.Value, _ cty.Type) (cty.Value, error) {
			digest := sha256.Sum256([]byte(arguments[0].AsString()))
			return cty.StringVal(hex.EncodeToString(digest[:])), nil
		},
	}),
}

func main() {
	for _, path := range os.Args[1:] {
		if err := run(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func run(path string) error {
	file, diagnostics := hclparse.NewParser().ParseHCLFile(path)
	if diagnostics.HasErrors() {
		return diagnostics
	}
	context := &hcl.EvalContext{Functions: functions, Variables: map[string]cty.Value{}}
	resources := map[string]any{}
	for _, block := range file.Body.(*hclsyntax.Body).Blocks {
		switch block.Type {
		case "locals":
			values, err := evaluate(block.Body, context)
			if err != nil {
				return err
			}
			context.Variables["local"] = cty.ObjectVal(values)
		case "resource":
			resource, err := tree(block.Body, context)
			if err != nil {
				return err
			}
			resources[block.Labels[0]+"."+block.Labels[1]] = resource
		}
	}
	return json.NewEncoder(os.Stdout).Encode(resources)
}

func evaluate(body *hclsyntax.Body, context *hcl.EvalContext) (map[string]cty.Value, error) {
	values := map[string]cty.Value{}
	for name, attribute := range body.Attributes {
		value, diagnostics := attribute.Expr.Value(context)
		if diagnostics.HasErrors() {
			return nil, diagnostics
		}
		values[name] = value
	}
	return values, nil
}

// tree returns the attributes of a block by name, and its inner blocks by type.
func tree(body *hclsyntax.Body, context *hcl.EvalContext) (map[string]any, error) {
	values, err := evaluate(body, context)
	if err != nil {
		return nil, err
	}
	members := map[string]any{}
	for name, value := range values {
		members[name] = ctyjson.SimpleJSONValue{Value: value}
	}
	for _, block := range body.Blocks {
		if members[block.Type], err = tree(block.Body, context); err != nil {
			return nil, err
		}
	}
	return members, nil
}
