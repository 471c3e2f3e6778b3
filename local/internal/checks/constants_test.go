package checks

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// goPackages reads the constants and lists of packages that this package cannot import.
type goPackages struct {
	t    *testing.T
	read map[string]map[string][]ast.Expr // by folder and name
}

func newGoPackages(t *testing.T) *goPackages {
	return &goPackages{t, map[string]map[string][]ast.Expr{}}
}

var durations = map[string]time.Duration{
	"Nanosecond": time.Nanosecond, "Microsecond": time.Microsecond, "Millisecond": time.Millisecond,
	"Second": time.Second, "Minute": time.Minute, "Hour": time.Hour,
}

// folder returns the folder of a package, from the end of a path: "billing", "internal/portal",
// "local/bench".
func (p *goPackages) folder(name string) string {
	p.t.Helper()
	for _, parent := range []string{"functions/internal/", "functions/", "local/internal/",
		"local/internal/operator/", "local/e2e/", ""} {
		if info, err := os.Stat(root + parent + name); err == nil && info.IsDir() {
			return root + parent + name
		}
	}
	p.t.Fatalf("no folder contains the package %s", name)
	return ""
}

// declared returns the values to which the files of a folder set each name, within functions too.
// Names in tests count only if no other file has them.
func (p *goPackages) declared(folder string) map[string][]ast.Expr {
	p.t.Helper()
	if names, ok := p.read[folder]; ok {
		return names
	}
	paths, err := filepath.Glob(folder + "/*.go")
	if err != nil || len(paths) == 0 {
		p.t.Fatalf("%s: %d files, %v", folder, len(paths), err)
	}
	slices.SortFunc(paths, func(a, b string) int { return strings.Count(a, "_test.go") - strings.Count(b, "_test.go") })
	names := map[string][]ast.Expr{}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			p.t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == len(spec.Names) {
				for i, name := range spec.Names {
					if !strings.HasSuffix(path, "_test.go") || names[name.Name] == nil {
						names[name.Name] = append(names[name.Name], spec.Values[i])
					}
				}
			}
			return true
		})
	}
	p.read[folder] = names
	return names
}

// of returns the value of a constant or the length of a list, and whether it is a time. Times are
// in seconds.
func (p *goPackages) of(pkg, name string) (value float64, isTime bool) {
	p.t.Helper()
	folder := p.folder(pkg)
	found := p.declared(folder)[name]
	if len(found) == 0 {
		p.t.Fatalf("%s has no constant %s", folder, name)
	}
	for i, e := range found {
		v, ofTime := p.eval(folder, e)
		if v.Kind() == constant.String {
			v = constant.MakeFromLiteral(constant.StringVal(v), token.FLOAT, 0)
		}
		number, _ := constant.Float64Val(constant.ToFloat(v))
		if i > 0 && (number != value || ofTime != isTime) {
			p.t.Fatalf("%s has several constants %s with different values", folder, name)
		}
		value, isTime = number, ofTime
	}
	if isTime {
		value /= float64(time.Second)
	}
	return value, isTime
}

func (p *goPackages) eval(folder string, e ast.Expr) (value constant.Value, isTime bool) {
	p.t.Helper()
	switch e := e.(type) {
	case *ast.BasicLit:
		return constant.MakeFromLiteral(e.Value, e.Kind, 0), false
	case *ast.ParenExpr:
		return p.eval(folder, e.X)
	case *ast.CompositeLit:
		return constant.MakeInt64(int64(len(e.Elts))), false
	case *ast.Ident:
		found := p.declared(folder)[e.Name]
		if len(found) != 1 {
			p.t.Fatalf("%s has %d declarations of %s, want 1", folder, len(found), e.Name)
		}
		return p.eval(folder, found[0])
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok && x.Name == "time" && durations[e.Sel.Name] != 0 {
			return constant.MakeInt64(int64(durations[e.Sel.Name])), true
		}
	case *ast.BinaryExpr:
		x, xTime := p.eval(folder, e.X)
		y, yTime := p.eval(folder, e.Y)
		switch {
		case e.Op == token.SHL || e.Op == token.SHR:
			n, _ := constant.Uint64Val(y)
			return constant.Shift(x, e.Op, uint(n)), false
		case e.Op == token.QUO && xTime && yTime:
			return constant.BinaryOp(x, token.QUO_ASSIGN, y), false
		}
		return constant.BinaryOp(x, e.Op, y), xTime || yTime
	}
	p.t.Fatalf("%s: %T is not a constant", folder, e)
	return nil, false
}

// text returns the value of a string constant.
func (p *goPackages) text(pkg, name string) string {
	p.t.Helper()
	found := p.declared(p.folder(pkg))[name]
	if len(found) != 1 {
		p.t.Fatalf("package %s has %d constants %s, want 1", pkg, len(found), name)
	}
	value, _ := p.eval(p.folder(pkg), found[0])
	return constant.StringVal(value)
}

// flag returns the default of a command-line flag, of package flag or urfave/cli.
func (p *goPackages) flag(folder, name string) (value float64, isTime bool) {
	p.t.Helper()
	var found ast.Expr
	isName := func(e ast.Expr) bool {
		literal, ok := e.(*ast.BasicLit)
		return ok && literal.Value == strconv.Quote(name)
	}
	for _, file := range parseFolder(p.t, root+folder) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr: // a DurationVar of package flag, with variable, name, value and usage
				if len(n.Args) == 4 && isName(n.Args[1]) {
					found = n.Args[2]
				}
			case *ast.CompositeLit: // &cli.IntFlag{Name: name, Value: value}
				fields := map[string]ast.Expr{}
				for _, element := range n.Elts {
					if field, ok := element.(*ast.KeyValueExpr); ok {
						if key, ok := field.Key.(*ast.Ident); ok {
							fields[key.Name] = field.Value
						}
					}
				}
				if isName(fields["Name"]) && fields["Value"] != nil {
					found = fields["Value"]
				}
			}
			return true
		})
	}
	if found == nil {
		p.t.Fatalf("%s has no flag %s", folder, name)
	}
	v, isTime := p.eval(root+folder, found)
	value, _ = constant.Float64Val(constant.ToFloat(v))
	if isTime {
		value /= float64(time.Second)
	}
	return value, isTime
}

// typed returns the string constants of a type, in order.
func (p *goPackages) typed(pkg, name string) []string {
	p.t.Helper()
	var values []string
	for _, file := range parseFolder(p.t, p.folder(pkg)) {
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
				if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == name {
					v, _ := p.eval(p.folder(pkg), spec.Values[0])
					values = append(values, constant.StringVal(v))
				}
			}
			return true
		})
	}
	return values
}

// parseFolder parses the files of a package, without its tests.
func parseFolder(t *testing.T, folder string) []*ast.File {
	t.Helper()
	paths, err := filepath.Glob(folder + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, path := range paths {
		if !strings.HasSuffix(path, "_test.go") {
			files = append(files, parseSource(t, path).file)
		}
	}
	return files
}

func TestConstantsAreRead(t *testing.T) {
	folder := t.TempDir()
	const text = `package p
import "time"
const (
	size = 8 << 10
	wait = 1500 * time.Millisecond
	ratio = (1 + size) * 0.5
)
var list = []string{"a", "b"}
func f() { const inner = time.Hour }
`
	if err := os.WriteFile(folder+"/p.go", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := newGoPackages(t)
	p.read[root+"p"] = p.declared(folder)
	for name, want := range map[string]float64{"size": 8192, "wait": 1.5e9, "ratio": 4096.5,
		"list": 2, "inner": 3600e9} {
		value, isTime := p.eval(root+"p", p.declared(folder)[name][0])
		if got, _ := constant.Float64Val(constant.ToFloat(value)); got != want || isTime != (want > 1e6) {
			t.Errorf("%s = %v, %v, want %v", name, got, isTime, want)
		}
	}
}
