package main

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

const (
	codesFile   = "functions/internal/problem/codes.go"
	openAPIFile = "infra/openapi.yaml"
	apiFile     = "infra/API.md"
)

// A code is a row of the table of error codes. Consecutive codes can share a comment, which says
// what the caller should do.
type code struct{ value, status, comment string }

var (
	constant = regexp.MustCompile(`(?m)^((?:\t// .+\n)*)\t(\w+) +Code = "([a-z-]+)"$`)
	// anyConstant matches a constant of any layout.
	anyConstant = regexp.MustCompile(`\bCode\s*=|\bCode\("`)
	definition  = regexp.MustCompile(`(?m)^\t(\w+): +\{(\d+), language\.(\w+), language\.(\w+),`)
	// problemSchema matches the schema of the problems with one status in the OpenAPI document.
	problemSchema = regexp.MustCompile(`(?m)^    (Webhook)?\w*Problem:\n(?:.+\n){4}` +
		`            status: \{const: (\d+)\}\n            code: \{enum: \[(.+)\]\}\n`)
	codeList   = regexp.MustCompile(`(    ProblemCode:\n.+\n.+\n)(?:        - .+\n)+`)
	errorTable = regexp.MustCompile(`(\| status \| code \| what to do \|\n.+\n)(?:\|.+\n)+`)
)

// readCodes returns the table of codes.
func readCodes(root fs.FS, texts texts) ([]code, error) {
	source, err := fs.ReadFile(root, codesFile)
	if err != nil {
		return nil, err
	}
	codes, err := parseCodes(string(source), texts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", codesFile, err)
	}
	return codes, nil
}

// codeFiles returns the documents that list the codes.
func codeFiles(root fs.FS, codes []code) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, path := range []string{openAPIFile, apiFile} {
		content, err := fs.ReadFile(root, path)
		if err != nil {
			return nil, err
		}
		files[path] = content
	}
	var err error
	if files[openAPIFile], err = openAPI(string(files[openAPIFile]), codes); err != nil {
		return nil, fmt.Errorf("%s: %w", openAPIFile, err)
	}
	files[apiFile] = errorTable.ReplaceAll(files[apiFile], []byte("${1}"+errorRows(codes)))
	return files, nil
}

// parseCodes reads the constants and definitions of the codes.
func parseCodes(source string, texts texts) ([]code, error) {
	var problems []error
	statuses := map[string]string{}
	for _, match := range definition.FindAllStringSubmatch(source, -1) {
		statuses[match[1]] = match[2]
		for _, key := range match[3:] {
			if texts.texts[english][key] == "" {
				problems = append(problems, fmt.Errorf("en.txt lacks the key %s", key))
			}
		}
	}
	var codes []code
	comment := ""
	for _, match := range constant.FindAllStringSubmatch(source, -1) {
		if match[1] != "" {
			comment = strings.Join(strings.Fields(strings.ReplaceAll(match[1], "\t//", "")), " ")
		}
		if statuses[match[2]] == "" {
			problems = append(problems, fmt.Errorf("%s has no definition", match[2]))
		}
		codes = append(codes, code{match[3], statuses[match[2]], comment})
	}
	if named := len(anyConstant.FindAllString(source, -1)); named != len(codes) {
		problems = append(problems, fmt.Errorf("%d codes, but only %d are on lines of their own with a value", named,
			len(codes)))
	}
	return codes, errors.Join(problems...)
}

// openAPI lists each code under its status. A new code belongs to the portal: codes that only the
// webhook returns are in its own schemas. A code that is in the document cannot be removed or get
// another status, because callers rely on it.
func openAPI(document string, codes []code) ([]byte, error) {
	var problems []error
	ofPortal, ofWebhook := map[string]bool{}, map[string]bool{}
	schemas := map[string]bool{}
	for _, match := range problemSchema.FindAllStringSubmatch(document, -1) {
		for value := range strings.SplitSeq(match[3], ", ") {
			ofPortal[value] = ofPortal[value] || match[1] == ""
			ofWebhook[value] = ofWebhook[value] || match[1] != ""
			if !slices.ContainsFunc(codes, func(c code) bool { return c.value == value && c.status == match[2] }) {
				problems = append(problems, fmt.Errorf("callers know %s with the status %s", value, match[2]))
			}
		}
		schemas[match[2]] = true
	}
	all, byStatus := "", map[string][]string{}
	for _, c := range codes {
		all += "        - " + c.value + "\n"
		if ofPortal[c.value] || !ofWebhook[c.value] {
			byStatus[c.status] = append(byStatus[c.status], c.value)
		}
		if !schemas[c.status] {
			problems = append(problems, fmt.Errorf("no schema has the status %s of %s", c.status, c.value))
		}
	}
	document = codeList.ReplaceAllString(document, "${1}"+all)
	document = problemSchema.ReplaceAllStringFunc(document, func(schema string) string {
		match := problemSchema.FindStringSubmatch(schema)
		if match[1] != "" {
			return schema
		}
		return strings.Replace(schema, match[3], strings.Join(byStatus[match[2]], ", "), 1)
	})
	return []byte(document), errors.Join(problems...)
}

// errorRows returns the rows of the table of errors in infra/API.md. Codes that share a comment
// share a row.
func errorRows(codes []code) string {
	rows := ""
	for len(codes) > 0 {
		comment := codes[0].comment
		var statuses, names []string
		for len(codes) > 0 && codes[0].comment == comment {
			statuses, names = append(statuses, codes[0].status), append(names, "`"+codes[0].value+"`")
			codes = codes[1:]
		}
		statuses = slices.Compact(statuses)
		rows += fmt.Sprintf("| %s | %s | %s |\n", strings.Join(statuses, ", "), strings.Join(names, ", "), comment)
	}
	return rows
}
