package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	readmeFile   = "README.md"
	expectedFile = ".ci/template/expected.yaml"
)

// A parameter is one of template.yaml.
type parameter struct {
	name     string
	Type     string   `yaml:"Type"`
	Default  *string  `yaml:"Default"`
	Allowed  []string `yaml:"AllowedValues"`
	Meaning  string   `yaml:"Description"`
	variable string   // of a function's environment; "" if none is set to the parameter
}

var setVariable = regexp.MustCompile(`(?m)^ +([A-Z][A-Z0-9_]*): !Ref (\w+)$`)

// readParameters reads template.yaml in the order of its parameters.
func readParameters(root string) ([]parameter, error) {
	text, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	if err != nil {
		return nil, err
	}
	var template struct {
		Parameters yaml.Node `yaml:"Parameters"`
	}
	if err := yaml.Unmarshal(text, &template); err != nil {
		return nil, fmt.Errorf("template.yaml: %w", err)
	}
	variables := map[string]string{}
	for _, match := range setVariable.FindAllStringSubmatch(string(text), -1) {
		variables[match[2]] = match[1]
	}
	var parameters []parameter
	for i := 0; i < len(template.Parameters.Content); i += 2 {
		name := template.Parameters.Content[i].Value
		p := parameter{name: name, variable: variables[name]}
		if err := template.Parameters.Content[i+1].Decode(&p); err != nil {
			return nil, fmt.Errorf("template.yaml: %s: %w", name, err)
		}
		parameters = append(parameters, p)
	}
	return parameters, nil
}

// readme fills the table of errors, and adds a row for each variable that the table of variables lacks.
func readme(root string, codes []code, parameters []parameter) ([]byte, error) {
	content, err := os.ReadFile(filepath.Join(root, readmeFile))
	if err != nil {
		return nil, err
	}
	before, _, after, err := cutTable(string(content), errorHeader)
	if err != nil {
		return nil, err
	}
	before, table, after, err := cutTable(before+errorTable(codes)+after, "| variable | meaning | default |\n")
	if err != nil {
		return nil, err
	}
	for _, p := range parameters {
		if p.variable != "" && !strings.Contains(table, "`"+p.variable+"`") {
			table += p.row()
		}
	}
	return []byte(before + table + after), nil
}

// cutTable cuts README at the table with a header.
func cutTable(text, header string) (before, table, after string, err error) {
	before, table, ok := strings.Cut(text, header)
	if !ok {
		return "", "", "", fmt.Errorf("%s has no table %q", readmeFile, header)
	}
	table, after, ok = strings.Cut(header+table, "|\n\n")
	if !ok {
		return "", "", "", fmt.Errorf("%s: the table %q has no end", readmeFile, header)
	}
	return before, table + "|\n", "\n" + after, nil
}

// row is a variable's row of the table, with the template's words.
func (p parameter) row() string {
	is := "required"
	if p.Default != nil && *p.Default == "" {
		is = "none"
	} else if p.Default != nil {
		is = "`" + *p.Default + "`"
	}
	meaning := strings.TrimSuffix(strings.TrimSpace(p.Meaning), ".")
	if len(p.Allowed) > 0 {
		meaning += ": `" + strings.Join(p.Allowed, "`, `") + "`"
	}
	return fmt.Sprintf("| `%s` | %s | %s |\n", p.variable, strings.ReplaceAll(meaning, "|", `\|`), is)
}

// expected adds the parameters that the tests of the template have no entry for. A changed parameter
// needs a changed entry, which is for a person to make.
func expected(root string, parameters []parameter) ([]byte, error) {
	content, err := os.ReadFile(filepath.Join(root, expectedFile))
	if err != nil {
		return nil, err
	}
	var known map[string]struct {
		Parameters map[string]any `yaml:"parameters"`
	}
	if err := yaml.Unmarshal(content, &known); err != nil {
		return nil, fmt.Errorf("%s: %w", expectedFile, err)
	}
	entries := ""
	for _, p := range parameters {
		if _, isKnown := known["template.yaml"].Parameters[p.name]; !isKnown && !p.isPlain() {
			entries += p.entry()
		}
	}
	const section = "\n  parameters:\n" // that of template.yaml is the first
	before, after, ok := strings.Cut(string(content), section)
	if !ok {
		return nil, fmt.Errorf("%s has no parameters", expectedFile)
	}
	return []byte(before + section + entries + after), nil
}

// isPlain reports whether the tests expect the parameter to be an option without an entry.
func (p parameter) isPlain() bool {
	return p.Type == "String" && p.Default != nil && *p.Default == "" && len(p.Allowed) == 0
}

func (p parameter) entry() string {
	entry := fmt.Sprintf("    %s: {Type: %s", p.name, p.Type)
	if p.Default != nil {
		entry += ", Default: '" + strings.ReplaceAll(*p.Default, "'", "''") + "'"
	}
	if len(p.Allowed) > 0 {
		entry += ", AllowedValues: ['" + strings.Join(p.Allowed, "', '") + "']"
	}
	return entry + "}\n"
}
