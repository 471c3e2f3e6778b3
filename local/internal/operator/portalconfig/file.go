package portalconfig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// File has the configurations that the operator wants.
type File struct {
	Path           string
	Configurations []Configuration
	schemas        schemas
}

// Configuration is a configuration of the file.
type Configuration struct {
	Name string
	// parameters are strings, booleans, int64, lists ([]any) and objects (map[string]any); ""
	// unsets a parameter.
	parameters map[string]any
	// lines has the line of each parameter, by its name in Stripe's requests. The line of "" is the
	// line of the configuration.
	lines map[string]int
}

// maxFile limits the file, in bytes. No real file is nearly as large.
const maxFile = 1 << 20

// Read reads a file and checks it. The error names each fault with its line and parameter.
func Read(path string) (*File, error) {
	opened, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return nil, fmt.Errorf("the file of portal configurations: %w", err)
	}
	defer func() { _ = opened.Close() }()
	text, err := io.ReadAll(io.LimitReader(opened, maxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the file of portal configurations: %w", err)
	case len(text) > maxFile:
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	return parse(path, text)
}

func parse(path string, text []byte) (*File, error) {
	known, err := loadSchemas()
	if err != nil {
		return nil, err
	}
	var document, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(asYAML(text)))
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%s is empty", path)
	case err != nil:
		return nil, fmt.Errorf("%s is neither YAML nor JSON: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))
	case !errors.Is(decoder.Decode(&second), io.EOF):
		return nil, fmt.Errorf("%s has more than one document, or text after it: keep all configurations in one",
			path)
	}
	r := &reader{file: &File{Path: path, schemas: known}}
	r.configurations(document.Content[0])
	return r.file, r.err()
}

// asYAML returns JSON as YAML. JSON is YAML except for two escapes: \/, and surrogates for
// characters with more than four hexadecimal digits (RFC 8259, section 7). In JSON, a backslash
// occurs only in strings.
func asYAML(text []byte) []byte {
	if !json.Valid(bytes.TrimPrefix(text, []byte("\ufeff"))) {
		return text
	}
	var result []byte
	for i := 0; i < len(text); i++ {
		escape := text[i:min(i+12, len(text))]
		switch {
		case text[i] != '\\':
			result = append(result, text[i])
		case text[i+1] == '/':
			result = append(result, '/')
			i++
		case surrogates.Match(escape):
			var pair [2]uint16
			_, _ = fmt.Sscanf(string(escape), `\u%04x\u%04x`, &pair[0], &pair[1])
			result = fmt.Appendf(result, `\U%08X`, utf16.DecodeRune(rune(pair[0]), rune(pair[1])))
			i += len(escape) - 1
		default:
			result = append(result, text[i], text[i+1])
			i++
		}
	}
	return result
}

var surrogates = regexp.MustCompile(`^\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}$`)

// reader collects the configurations of a file, and the faults in it.
type reader struct {
	file   *File
	in     *Configuration
	faults []fault
}

type fault struct {
	line int
	text string
}

func (r *reader) fault(line int, parameter, format string, args ...any) {
	r.faults = append(r.faults, fault{line, r.file.at(line, r.in, parameter) + fmt.Sprintf(format, args...)})
}

// at returns the beginning of a message about a parameter. configuration may be nil.
func (f *File) at(line int, configuration *Configuration, parameter string) string {
	text := fmt.Sprintf("%s:%d: ", filepath.Base(f.Path), line)
	if configuration != nil {
		text += strconv.Quote(configuration.Name) + ": "
	}
	if parameter != "" {
		text += dotted(parameter) + ": "
	}
	return text
}

func (r *reader) err() error {
	if len(r.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(r.faults, func(a, b fault) int { return a.line - b.line })
	lines := []string{"the file of portal configurations cannot be used:"}
	for _, f := range r.faults {
		lines = append(lines, "  "+f.text)
	}
	return errors.New(strings.Join(lines, "\n"))
}

func (r *reader) configurations(root *yaml.Node) {
	if root.Kind != yaml.MappingNode || len(root.Content) == 0 {
		r.fault(root.Line, "", "must have configurations, each under a name of your choice")
		return
	}
	for _, pair := range r.pairs(root, "", 0) {
		r.in = &Configuration{Name: pair.key.Value, lines: map[string]int{}}
		switch {
		case r.file.schemas.update.Properties[pair.key.Value] != nil:
			r.fault(pair.key.Line, "", "this is a Stripe parameter, not a name: indent it below a name of your choice")
		case !isName(pair.key.Value):
			r.fault(pair.key.Line, "",
				"not a name: it must have 1 to 100 printable characters, without white space around them")
		default:
			if parameters, ok := r.value(pair.value, r.file.schemas.update, "").(map[string]any); ok {
				r.in.parameters = parameters
				r.in.lines[""] = pair.key.Line
				r.file.Configurations = append(r.file.Configurations, *r.in)
			}
		}
		r.in = nil
	}
}

func isName(name string) bool {
	return name != "" && utf8.RuneCountInString(name) <= 100 && strings.TrimSpace(name) == name &&
		!strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsPrint(c) })
}
