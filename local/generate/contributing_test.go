package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// copyRepository copies what the generator reads and writes.
func copyRepository(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for _, path := range []string{
		"functions/internal/language", "functions/internal/button", "functions/internal/problem", "functions/internal/webhook",
		"functions/internal/portal", "functions/internal/params", "functions/app/internal/config", "infra",
	} {
		copyFolder(t, folder, path)
	}
	for _, path := range []string{"README.md", "template.yaml", expectedFile} {
		write(t, folder, path, read(t, root, path))
	}
	return folder
}

func copyFolder(t *testing.T, folder, path string) {
	t.Helper()
	if err := os.CopyFS(filepath.Join(folder, path), os.DirFS(filepath.Join(root, path))); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, folder, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(folder, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func write(t *testing.T, folder, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(filepath.Join(folder, path)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, path), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// insert puts a text before a place of a file.
func insert(t *testing.T, folder, path, place, text string) {
	t.Helper()
	before, after, ok := strings.Cut(read(t, folder, path), place)
	if !ok {
		t.Fatalf("%s does not have %q", path, place)
	}
	write(t, folder, path, before+text+place+after)
}

// examples are the indented blocks of a section of "How to add" in CONTRIBUTING.md.
func examples(t *testing.T, title string, want int) []string {
	t.Helper()
	_, section, _ := strings.Cut(read(t, root, ".github/CONTRIBUTING.md"), "\n**"+title+"**")
	section, _, _ = strings.Cut(section, "\n**")
	var blocks []string
	for part := range strings.SplitSeq(section, "\n\n") {
		if block, ok := strings.CutPrefix(part, "    "); ok {
			blocks = append(blocks, strings.TrimRight(strings.ReplaceAll(block, "\n    ", "\n"), "\n")+"\n")
		}
	}
	if len(blocks) != want {
		t.Fatalf("%s: %q", title, blocks)
	}
	return blocks
}

func indented(block string, by int) string {
	margin := strings.Repeat(" ", by)
	return margin + strings.ReplaceAll(strings.TrimSuffix(block, "\n"), "\n", "\n"+margin) + "\n"
}

// requireError fails unless the generator refuses the repository with these words.
func requireError(t *testing.T, folder, words string) {
	t.Helper()
	if err := run(folder); err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("the error is %v, want %q", err, words)
	}
}

func requireText(t *testing.T, folder, path string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(read(t, folder, path), text) {
			t.Errorf("%s lacks %q", path, text)
		}
	}
}

// TestAddACode does what CONTRIBUTING.md says, and looks at each step that is half done.
func TestAddACode(t *testing.T) {
	folder := copyRepository(t)
	code, text := examples(t, "A code of an error.", 2), examples(t, "A text", 1)[0]
	insert(t, folder, codesFile, ")\n\n// A definition is", "\t"+code[0])
	requireError(t, folder, "QuotaReached has no comment or no definition")
	insert(t, folder, codesFile, "\tUpstreamTimeout:", "\t"+code[1])
	requireError(t, folder, "en.txt lacks the key QuotaReached")
	catalogues, err := filepath.Glob(filepath.Join(root, languageFolder, "texts", "*.txt"))
	if err != nil || len(catalogues) < 8 {
		t.Fatal(catalogues, err)
	}
	for i, path := range catalogues {
		path = languageFolder + "texts/" + filepath.Base(path)
		write(t, folder, path, read(t, folder, path)+text)
		if i < len(catalogues)-1 {
			requireError(t, folder, "the key QuotaReached")
		}
	}
	requireStale(t, folder, "README.md", languageFolder+"keys.go", languageFolder+"texts.gz", openAPIFile)
	if err := run(folder); err != nil {
		t.Fatal(err)
	}
	requireStale(t, folder)
	requireText(t, folder, "README.md", "| 402 | `quota-reached` | Ask the operator for a larger quota |\n")
	requireText(t, folder, languageFolder+"keys.go", "\tQuotaReached\n)", `"Quota used up",`)
	requireText(t, folder, openAPIFile,
		"        '402':\n          $ref: '#/components/responses/PaymentRequired'\n", "        - quota-reached\n",
		"    PaymentRequired:\n      description: >-\n        `quota-reached`: Ask the operator for a larger quota.\n",
		"            status: {const: 402}\n            code: {enum: [quota-reached]}\n",
	)

	table := read(t, folder, codesFile)
	write(t, folder, codesFile, strings.Replace(table, "{402,", "{409,", 1))
	requireError(t, folder, "callers know the code quota-reached with the status 402")
	write(t, folder, codesFile, read(t, root, codesFile))
	requireError(t, folder, "callers know the code quota-reached with the status 402")
	write(t, folder, codesFile, strings.Replace(table, "// Ask the operator for a larger quota", "", 1))
	requireStale(t, folder, "README.md", openAPIFile) // it shares the comment of the code before it
	de := languageFolder + "texts/de.txt"
	write(t, folder, de, read(t, folder, de)+"Another\tEtwas anderes\n")
	requireError(t, folder, "de.txt has the key Another, and en.txt has not")
	write(t, folder, de, read(t, root, de)+text+text)
	requireError(t, folder, "not a new key, a tab and a text")
}

// TestAddAVariable does what CONTRIBUTING.md says.
func TestAddAVariable(t *testing.T) {
	folder := copyRepository(t)
	blocks := examples(t, "A variable.", 3)
	insert(t, folder, "template.yaml", "  BasePath:\n", indented(blocks[1], 2))
	requireStale(t, folder, expectedFile)
	insert(t, folder, "template.yaml", "          NO_ACCOUNT_URL: ", indented(blocks[2], 10))
	requireStale(t, folder, expectedFile, "README.md")
	if err := run(folder); err != nil {
		t.Fatal(err)
	}
	requireStale(t, folder)
	requireText(t, folder, "README.md", "\n| `GREETING` | Word that pages begin with | `hello` |\n")
	requireText(t, folder, expectedFile, "    Greeting: {Type: String, Default: 'hello'}\n")
}

// A row has the template's words, and an entry all that the tests of the template compare.
func TestRowsOfVariables(t *testing.T) {
	value := func(text string) *string { return &text }
	for row, p := range map[string]parameter{
		"| `A` | Mode | required |\n":                        {variable: "A", Meaning: "Mode."},
		"| `A` | x\\|y | none |\n":                           {variable: "A", Meaning: "x|y\n", Default: value("")},
		"| `A` | Whose: `none`, `all` | `none` |\n":          {variable: "A", Meaning: "Whose", Default: value("none"), Allowed: []string{"none", "all"}},
		"    A: {Type: String}\n":                            {name: "A", Type: "String"},
		"    A: {Type: Number, Default: '5'}\n":              {name: "A", Type: "Number", Default: value("5")},
		"    A: {Type: String, AllowedValues: ['b', 'c']}\n": {name: "A", Type: "String", Allowed: []string{"b", "c"}},
	} {
		if p.isPlain() || p.row() != row && p.entry() != row {
			t.Errorf("%q, %q, want %q", p.row(), p.entry(), row)
		}
	}
	if p := (parameter{Type: "String", Default: value("")}); !p.isPlain() {
		t.Error("an option needs no entry")
	}
}
