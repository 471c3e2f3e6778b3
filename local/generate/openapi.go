package main

import (
	_ "embed" // the descriptions
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const openAPIFile = "infra/openapi.yaml"

//go:embed answers.yaml
var answersFile []byte

// An answer is a response that is a problem.
type answer struct {
	status      int
	codes       []string
	Name        string    `yaml:"name"`
	Description yaml.Node `yaml:"description"` // folded, or of one line
	schema      string
}

// openAPI fills the regions of the document.
func openAPI(root string, codes []code) ([]byte, error) {
	content, err := os.ReadFile(filepath.Join(root, openAPIFile))
	if err != nil {
		return nil, err
	}
	documented, err := documentedCodes(content)
	if err != nil {
		return nil, err
	}
	if err := requireContract(documented, codes); err != nil {
		return nil, err
	}
	portal, webhook, err := answersOf(root, codes)
	if err != nil {
		return nil, err
	}
	var responses, schemas strings.Builder
	schemas.WriteString("    ProblemCode:\n      type: string\n      enum:\n")
	for _, c := range codes {
		schemas.WriteString("        - " + c.value + "\n")
	}
	written := map[string]bool{}
	for _, a := range slices.Concat(portal, webhook) {
		if !written[a.Name] {
			responses.WriteString(a.response())
		}
		if !written[a.schema] {
			schemas.WriteString(a.schemaText())
		}
		written[a.Name], written[a.schema] = true, true
	}
	text := string(content)
	for name, body := range map[string]string{
		"problems of the portal": references(portal), "problems of the webhook": references(webhook),
		"responses": responses.String()[1:], "schemas": schemas.String(),
	} {
		if text, err = replaceRegion(text, name, body); err != nil {
			return nil, fmt.Errorf("%s: %w", openAPIFile, err)
		}
	}
	return []byte(text), nil
}

// answersOf are the problems of the two functions. The webhook's are those that its sources name. The
// portal's are all others, and those that its own sources name.
func answersOf(root string, codes []code) (portal, webhook []answer, err error) {
	var named map[string]map[int]answer
	if err := yaml.Unmarshal(answersFile, &named); err != nil {
		return nil, nil, err
	}
	ofWebhook, err := codesIn(root, webhookSources, codes)
	if err != nil {
		return nil, nil, err
	}
	ofPortal, err := codesIn(root, portalSources, codes)
	if err != nil {
		return nil, nil, err
	}
	ofPortal = slices.DeleteFunc(slices.Clone(codes), func(c code) bool {
		return slices.Contains(ofWebhook, c) && !slices.Contains(ofPortal, c)
	})
	shared := map[int]answer{}
	for _, status := range slices.Sorted(maps.Keys(byStatus(ofPortal))) {
		a, ok := named["portal"][status]
		if !ok {
			a = unnamed(status, codes)
		}
		a.status, a.codes, a.schema = status, byStatus(ofPortal)[status], a.Name+"Problem"
		shared[status] = a
		portal = append(portal, a)
	}
	for _, status := range slices.Sorted(maps.Keys(byStatus(ofWebhook))) {
		a, isNamed := named["webhook"][status]
		list := byStatus(ofWebhook)[status]
		isSame := slices.Equal(list, shared[status].codes)
		switch {
		case !isNamed && isSame:
			a = shared[status]
		case !isNamed:
			a = unnamed(status, codes)
			a.Name = "Webhook" + a.Name
		}
		a.status, a.codes, a.schema = status, list, a.Name+"Problem"
		if isSame {
			a.schema = shared[status].schema
		}
		webhook = append(webhook, a)
	}
	return portal, webhook, nil
}

// unnamed is the answer of a status that answers.yaml lacks.
func unnamed(status int, codes []code) answer {
	a := answer{Name: strings.ReplaceAll(http.StatusText(status), " ", ""), Description: yaml.Node{Style: yaml.FoldedStyle}}
	for _, c := range codes {
		if c.status == status {
			a.Description.Value += fmt.Sprintf("`%s`: %s. ", c.value, c.comment)
		}
	}
	return a
}

func references(answers []answer) string {
	var text strings.Builder
	for _, a := range answers {
		fmt.Fprintf(&text, "        '%d':\n          $ref: '#/components/responses/%s'\n", a.status, a.Name)
	}
	return text.String()
}

// headers are those of a status, besides those that every problem has.
var headers = map[int][2]string{
	http.StatusUnauthorized:       {"WWW-Authenticate", "WWWAuthenticate"},
	http.StatusForbidden:          {"WWW-Authenticate", "WWWAuthenticateScope"},
	http.StatusMethodNotAllowed:   {"Allow", "Allow"},
	http.StatusServiceUnavailable: {"Retry-After", "RetryAfter"},
}

func (a answer) response() string {
	var text strings.Builder
	description := a.Description.Value
	if a.Description.Style == yaml.FoldedStyle {
		description = ">-\n" + folded(description)
	}
	fmt.Fprintf(&text, "\n    %s:\n      description: %s\n      headers:\n", a.Name, description)
	header := func(name, component string) {
		fmt.Fprintf(&text, "        %s: {$ref: '#/components/headers/%s'}\n", name, component)
	}
	header("Cache-Control", "CacheControl")
	header("Referrer-Policy", "ReferrerPolicy")
	header("X-Content-Type-Options", "XContentTypeOptions")
	if further, ok := headers[a.status]; ok {
		header(further[0], further[1])
	}
	header("Content-Security-Policy", "ContentSecurityPolicy")
	text.WriteString("      content:\n")
	for _, content := range [][2]string{{"application/problem+json", a.schema}, {"text/html", "ProblemPage"}} {
		fmt.Fprintf(&text, "        %s: {schema: {$ref: '#/components/schemas/%s'}}\n", content[0], content[1])
	}
	return text.String()
}

func (a answer) schemaText() string {
	return fmt.Sprintf(`
    %s:
      allOf:
        - $ref: '#/components/schemas/Problem'
        - type: object
          properties:
            status: {const: %d}
            code: {enum: [%s]}
`, a.schema, a.status, strings.Join(a.codes, ", "))
}

// folded is a text as the lines of a folded YAML scalar.
func folded(text string) string {
	lines := []string{""}
	for word := range strings.FieldsSeq(text) {
		last := len(lines) - 1
		if len(lines[last])+len(word) > 116 {
			lines = append(lines, "")
			last++
		}
		lines[last] = strings.TrimPrefix(lines[last]+" "+word, " ")
	}
	return "        " + strings.Join(lines, "\n        ")
}

// documentedCodes are the codes of the document with their statuses.
func documentedCodes(content []byte) (map[string]int, error) {
	var document struct {
		Components struct {
			Schemas map[string]struct {
				AllOf []struct {
					Properties struct {
						Status struct {
							Const int `yaml:"const"`
						} `yaml:"status"`
						Code struct {
							Enum []string `yaml:"enum"`
						} `yaml:"code"`
					} `yaml:"properties"`
				} `yaml:"allOf"`
			} `yaml:"schemas"`
		} `yaml:"components"`
	}
	if err := yaml.Unmarshal(content, &document); err != nil {
		return nil, fmt.Errorf("%s: %w", openAPIFile, err)
	}
	codes := map[string]int{}
	for _, schema := range document.Components.Schemas {
		for _, part := range schema.AllOf {
			for _, value := range part.Properties.Code.Enum {
				codes[value] = part.Properties.Status.Const
			}
		}
	}
	return codes, nil
}
