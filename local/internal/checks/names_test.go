package checks

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// repository holds the names in the sources of the repository.
type repository struct {
	words map[string]bool     // words of all files except pages and tests
	tests map[string][]string // test functions, with their folders
	files map[string]bool     // paths from the root
	bases map[string]bool     // last elements of the paths
}

var (
	word     = regexp.MustCompile(`[A-Za-z_][\w-]*`)
	testName = regexp.MustCompile(`(?m)^(?:func|    def) ((?:Test|Fuzz|test_)\w+)\(`)
)

func readRepository(t *testing.T) *repository {
	t.Helper()
	r := &repository{map[string]bool{}, map[string][]string{}, map[string]bool{}, map[string]bool{}}
	WalkSource(t, root, func(path, text string) {
		for name := path; name != "."; name = filepath.ToSlash(filepath.Dir(name)) {
			r.files[name] = true
		}
		base := filepath.Base(path)
		r.bases[base] = true
		switch {
		case strings.HasSuffix(base, ".md"), strings.Contains(path, "testdata/"):
		case strings.HasSuffix(base, "_test.go"), strings.HasPrefix(base, "test_"):
			for _, match := range testName.FindAllStringSubmatch(text, -1) {
				r.tests[match[1]] = append(r.tests[match[1]], filepath.ToSlash(filepath.Dir(path)))
			}
		default:
			for _, found := range word.FindAllString(text, -1) {
				r.words[found] = true
			}
		}
	})
	return r
}

var (
	codeSpans = regexp.MustCompile("``[^`]+(?:`[^`]+)*``|`[^`]+`")
	testSpan  = regexp.MustCompile(`^(?:Test|Fuzz)\w+$`)
	extension = regexp.MustCompile(`^[\w./*-]+\.(?:go|py|js|ts|md|ya?ml|toml|json|xml|mod|sum|sh|txt|zip|pem|csv|` +
		`svg|gz)$`)
	testCommand = regexp.MustCompile(`go test(?: -v)? -(?:run|fuzz) (\w+)(?: -v)? (\./[\w/-]+)$`)
)

// unknown returns an error message if a code span names something that does not exist, or "".
func (r *repository) unknown(span, folder string) string {
	switch {
	case testSpan.MatchString(span):
		if r.tests[span] == nil {
			return "unknown test " + span
		}
		return ""
	case extension.MatchString(span) || strings.Contains(span, "/") && !strings.ContainsAny(span, " …{:"):
		if r.isFile(span, folder) {
			return ""
		}
	}
	if match := testCommand.FindStringSubmatch(span); match != nil {
		return r.runs(match[1], match[2])
	}
	if extension.MatchString(span) {
		if slices.Contains(strings.Fields(filesElsewhere), span) {
			return ""
		}
		return "unknown file " + span
	}
	for _, at := range word.FindAllStringIndex(span, -1) {
		name := span[at[0]:at[1]]
		if len(name) < 3 || r.words[name] || r.tests[name] != nil ||
			strings.HasPrefix(span[at[1]:], "…") && r.hasPrefix(name) {
			continue
		}
		if !slices.Contains(strings.Fields(foreign), name) {
			return "no source file contains the name " + name
		}
	}
	return ""
}

// runs returns an error message unless a package has a test that -run selects by this name.
func (r *repository) runs(name, folder string) string {
	for test, folders := range r.tests {
		if strings.HasPrefix(test, name) && slices.Contains(folders, strings.TrimPrefix(folder, "./")) {
			return ""
		}
	}
	return folder + " has no test " + name
}

func (r *repository) hasPrefix(name string) bool {
	for known := range r.words {
		if strings.HasPrefix(known, name) {
			return true
		}
	}
	return false
}

// isFile reports whether a span is the path of a file (from the root or from the folder of the
// page), a file name, or a pattern that matches one of them.
func (r *repository) isFile(span, folder string) bool {
	span = strings.TrimSuffix(span, "/")
	if r.files[span] || r.files[filepath.ToSlash(filepath.Join(folder, span))] || r.bases[span] {
		return true
	}
	for path := range r.files {
		if match, _ := filepath.Match(span, path); match {
			return true
		}
		if match, _ := filepath.Match(span, filepath.Base(path)); match {
			return true
		}
	}
	return false
}

// foreign are names of other programs and services, and placeholders for readers.
const (
	foreign = `u_42 NabC OLD NEW PROJECT TARGET ZONE NAME FUNCTION edge-ca old-ca solo billing-portal-v1 ` +
		`Billing-Portal- LogicalId _ms
		admin acme resource_access app_metadata authenticated
		put-item table-name secret-id new-ca CLIENT delete-function get-alias get-account-settings ` +
		`stop-replication-to-replica GetObjectVersion requestPayload CAPABILITY_AUTO_EXPAND
		aws-cn aws-us-gov amd64 fuzz forward-to cdk CfnInclude CfnStack timeouts refusable
		strict-origin-when-cross-origin require-trusted-types-for unsafe-inline`

	// filesElsewhere are files of an operator, a release, a run or another machine.
	filesElsewhere = `.deploy/prod.toml .deploy/default.toml .deploy/ENV.toml .cache/dashboard/*.svg ` +
		`.cache/browsers.md ` +
		`.cache/frameworks.md functions/NAME/main.go
		sbom-portal.json licenses-portal.txt billing-portal-v1.0.0.zip parameters.json customers.csv key.txt`
)

func TestNamesInDocumentsExist(t *testing.T) {
	r, benchmark := readRepository(t), readText(t, "local/bench/main.go")
	logGroups, name := map[string]bool{}, regexp.MustCompile(`\$\{AWS::StackName\}`)
	for _, template := range []string{"template.yaml", "infra/edge.yaml"} {
		for _, resource := range readOutline(t, root+template).at("Resources").members {
			if group, ok := strings.CutPrefix(resource.at("Properties", "LogGroupName").value, "!Sub "); ok {
				logGroups[name.ReplaceAllString(group, "NAME")] = true
			}
		}
	}
	for path := range said {
		p := readPage(t, path)
		for _, at := range codeSpans.FindAllStringIndex(p.text, -1) {
			span := strings.Join(strings.Fields(strings.Trim(p.text[at[0]:at[1]], "` ")), " ")
			if option, ok := strings.CutPrefix(span, "--"); ok && path == "local/bench/README.md" {
				if name := strings.Fields(option)[0]; !regexp.MustCompile(`flags\.\w+\((?:&[\w.]+, )?"` + name +
					`"`).MatchString(benchmark) {
					t.Errorf("%s:%d: local/bench has no option --%s", path, p.line(at[0]), name)
				}
			}
			if strings.HasPrefix(span, "/aws/") && !logGroups[span] {
				t.Errorf("%s:%d: no template defines the log group %s", path, p.line(at[0]), span)
				continue
			}
			if problem := r.unknown(span, filepath.Dir(path)); problem != "" {
				t.Errorf("%s:%d: %s: %s", path, p.line(at[0]), problem, span)
			}
		}
	}
}
