package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const codesFile = "functions/internal/problem/codes.go"

// A code is one of the table of error codes.
type code struct {
	constant, value string
	status          int
	comment         string // what the caller should do; several codes in a row may share one
}

// readCodes reads the constants of type Code, with their comments, and the map definitions.
func readCodes(root string, texts texts) ([]code, error) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, codesFile), nil, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var codes []code
	statuses := map[string]int{}
	var problems []error
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		switch value := spec.Values[0].(type) {
		case *ast.BasicLit:
			if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Code" {
				return true
			}
			c := code{constant: spec.Names[0].Name, comment: strings.Join(strings.Fields(spec.Doc.Text()), " ")}
			c.value, _ = strconv.Unquote(value.Value)
			if c.comment == "" && len(codes) > 0 {
				c.comment = codes[len(codes)-1].comment
			}
			codes = append(codes, c)
		case *ast.CompositeLit:
			if spec.Names[0].Name != "definitions" {
				return true
			}
			for _, element := range value.Elts {
				row := element.(*ast.KeyValueExpr)
				cells := row.Value.(*ast.CompositeLit).Elts
				name := row.Key.(*ast.Ident).Name
				status, ok := cells[0].(*ast.BasicLit)
				if !ok {
					problems = append(problems, fmt.Errorf("%s: the status of %s is not a number", codesFile, name))
					continue
				}
				statuses[name], _ = strconv.Atoi(status.Value)
				for _, cell := range cells {
					if key, ok := cell.(*ast.SelectorExpr); ok && texts.texts[english][key.Sel.Name] == "" {
						problems = append(problems, fmt.Errorf("%s: en.txt lacks the key %s", codesFile, key.Sel.Name))
					}
				}
			}
		}
		return true
	})
	for i, c := range codes {
		codes[i].status = statuses[c.constant]
		if c.comment == "" || statuses[c.constant] == 0 {
			problems = append(problems, fmt.Errorf("%s: %s has no comment or no definition", codesFile, c.constant))
		}
	}
	return codes, errors.Join(problems...)
}

// The sources of the answers of the two functions. Both refuse events that are not requests.
var (
	webhookSources = []string{"functions/internal/webhook/*.go", "functions/app/internal/config/deps.go"}
	portalSources  = []string{"functions/internal/portal/*.go", "functions/internal/params/*.go", webhookSources[1]}
	useOfCode      = regexp.MustCompile(`\bproblem\.(\w+)`)
)

// codesIn are the codes that the sources of a function name.
func codesIn(root string, patterns []string, codes []code) ([]code, error) {
	named := map[string]bool{}
	for _, pattern := range patterns {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			source, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			for _, match := range useOfCode.FindAllStringSubmatch(string(source), -1) {
				named[match[1]] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(codes), func(c code) bool { return !named[c.constant] }), nil
}

// byStatus groups codes, in the order of the table.
func byStatus(codes []code) map[int][]string {
	groups := map[int][]string{}
	for _, c := range codes {
		groups[c.status] = append(groups[c.status], c.value)
	}
	return groups
}

// requireContract refuses a table that lacks a code of the document, or has it with another status:
// callers know them.
func requireContract(document map[string]int, codes []code) error {
	var problems []error
	for value, status := range document {
		if !slices.ContainsFunc(codes, func(c code) bool { return c.value == value && c.status == status }) {
			problems = append(problems, fmt.Errorf("callers know the code %s with the status %d: it cannot change", value, status))
		}
	}
	return errors.Join(problems...)
}

const errorHeader = "| status | code | what to do |\n"

// errorTable is README's: a row for the codes that share a comment.
func errorTable(codes []code) string {
	var table strings.Builder
	table.WriteString(errorHeader + "|---|---|---|\n")
	for len(codes) > 0 {
		comment, n := codes[0].comment, 0
		var statuses, names []string
		for ; n < len(codes) && codes[n].comment == comment; n++ {
			names = append(names, "`"+codes[n].value+"`")
			if status := strconv.Itoa(codes[n].status); !slices.Contains(statuses, status) {
				statuses = append(statuses, status)
			}
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", strings.Join(statuses, ", "), strings.Join(names, ", "), comment)
		codes = codes[n:]
	}
	return table.String()
}
