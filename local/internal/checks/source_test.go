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

// source is a Go file of a package that cannot be imported from here.
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

// value is what a package-level variable or constant is set to.
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
		s.t.Fatalf("there is no %s", name)
	}
	return found
}

// elements are those of a variable's composite literal.
func (s source) elements(name string) []ast.Expr {
	s.t.Helper()
	literal, ok := s.value(name).(*ast.CompositeLit)
	if !ok || len(literal.Elts) == 0 {
		s.t.Fatalf("%s is no list or map", name)
	}
	return literal.Elts
}

// strings are the elements of a variable's list of strings.
func (s source) strings(name string) []string {
	s.t.Helper()
	var values []string
	for _, element := range s.elements(name) {
		values = append(values, s.literal(element))
	}
	return values
}

// literal is the value of a string or number, or of a constant that has one.
func (s source) literal(e ast.Expr) string {
	s.t.Helper()
	if name, ok := e.(*ast.Ident); ok {
		e = s.value(name.Name)
	}
	literal, ok := e.(*ast.BasicLit)
	if !ok {
		s.t.Fatalf("%T is no literal", e)
	}
	if text, err := strconv.Unquote(literal.Value); err == nil {
		return text
	}
	return literal.Value
}

// jsonNames are those of a struct's fields.
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
		s.t.Fatalf("there is no struct %s", name)
	}
	return names
}

// readText is a file of the repository.
func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(root + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
