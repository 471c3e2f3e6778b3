package billing

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A new version of stripe-go brings new codes, but errorTypes and errorCodes are written by hand.
func TestErrorTypesAndCodesAreAllThatStripeGoHas(t *testing.T) {
	directory, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/stripe/stripe-go/v79").Output()
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(),
		filepath.Join(strings.TrimSpace(string(directory)), "error.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Type == nil || len(spec.Values) != 1 {
			return true
		}
		kind, isName := spec.Type.(*ast.Ident)
		value, isLiteral := spec.Values[0].(*ast.BasicLit)
		if isName && isLiteral {
			text, _ := strconv.Unquote(value.Value)
			want[kind.Name] = append(want[kind.Name], text)
		}
		return true
	})
	got := map[string][]string{}
	for _, value := range errorTypes {
		got["ErrorType"] = append(got["ErrorType"], string(value))
	}
	for _, value := range errorCodes {
		got["ErrorCode"] = append(got["ErrorCode"], string(value))
	}
	for name, values := range got {
		slices.Sort(values)
		slices.Sort(want[name])
		if len(values) == 0 || !slices.Equal(values, want[name]) {
			t.Errorf("%s: %v\nstripe-go has %v", name, values, want[name])
		}
	}
}
