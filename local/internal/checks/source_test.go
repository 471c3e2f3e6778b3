package checks

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// source is a Go file of a package that this package cannot import.
type source struct {
	t    *testing.T
	file *ast.File
}

func parseSource(t *testing.T, path string) source {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return source{t, file}
}

// value returns the value of a variable or constant.
func (s source) value(name string) ast.Expr {
	s.t.Helper()
	var found ast.Expr
	ast.Inspect(s.file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 && spec.Names[0].Name == name {
			found = spec.Values[0]
		}
		return found == nil
	})
	if found == nil {
		s.t.Fatalf("the source file has no variable or constant %s", name)
	}
	return found
}

// elements returns the elements of a composite literal.
func (s source) elements(name string) []ast.Expr {
	s.t.Helper()
	literal, ok := s.value(name).(*ast.CompositeLit)
	if !ok || len(literal.Elts) == 0 {
		s.t.Fatalf("%s is not a list or map", name)
	}
	return literal.Elts
}

// strings returns the elements of a list of strings.
func (s source) strings(name string) []string {
	s.t.Helper()
	var values []string
	for _, element := range s.elements(name) {
		values = append(values, s.literal(element))
	}
	return values
}

// literal returns the value of a string or number, or of a constant.
func (s source) literal(e ast.Expr) string {
	s.t.Helper()
	if name, ok := e.(*ast.Ident); ok {
		e = s.value(name.Name)
	}
	literal, ok := e.(*ast.BasicLit)
	if !ok {
		s.t.Fatalf("%T is not a literal", e)
	}
	if text, err := strconv.Unquote(literal.Value); err == nil {
		return text
	}
	return literal.Value
}

// jsonNames returns the JSON names of the fields of a struct.
func (s source) jsonNames(name string) []string {
	s.t.Helper()
	var names []string
	ast.Inspect(s.file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != name {
			return true
		}
		for _, field := range spec.Type.(*ast.StructType).Fields.List {
			tag := reflect.StructTag(s.literal(field.Tag)).Get("json")
			jsonName, _, _ := strings.Cut(tag, ",")
			names = append(names, jsonName)
		}
		return false
	})
	if names == nil {
		s.t.Fatalf("the source file has no struct %s", name)
	}
	return names
}

// readText returns the text of a file of the repository.
func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(root + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
