package checks

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	uses = regexp.MustCompile(`(?m)^[\s-]*uses:[ \t]*(.*)$`)
	// A tag can move to another commit; a commit hash cannot change. The comment is for the person
	// who updates it.
	pinned = regexp.MustCompile(`^[\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
)

// unpinned returns the actions of a workflow that are not pinned by a commit.
func unpinned(text string) []string {
	var found []string
	for _, match := range uses.FindAllStringSubmatch(text, -1) {
		if action := strings.TrimSpace(match[1]); !pinned.MatchString(action) {
			found = append(found, action)
		}
	}
	return found
}

// excess returns the permissions of all jobs beyond reading, and the jobs that can write although
// they build.
func excess(workflow *outline) []string {
	var found []string
	top := workflow.at("permissions")
	if top.value != "{}" && len(top.names) == 0 {
		found = append(found, "all jobs have the permissions: "+cmp.Or(top.value, "the repository's default"))
	}
	for _, name := range top.names {
		if access := top.at(name).value; access != "read" && access != "none" {
			found = append(found, "all jobs have the permission "+access+" "+name)
		}
	}
	for _, job := range workflow.at("jobs").names {
		if workflow.at("jobs", job).writes() && workflow.at("jobs", job).runsTheRepository() {
			found = append(found, job+"has write permissions, and runs code of the repository or its tools")
		}
	}
	return found
}

// writes reports whether the permissions of a job include a write permission.
func (o *outline) writes() bool {
	permissions := o.at("permissions")
	for _, name := range permissions.names {
		if strings.HasPrefix(permissions.at(name).value, "write") {
			return true
		}
	}
	return strings.HasPrefix(permissions.value, "write")
}

// runsTheRepository reports whether a job checks out the sources, which it needs to run a program
// of the repository.
func (o *outline) runsTheRepository() bool {
	for _, step := range o.at("steps").names {
		if strings.HasPrefix(o.at("steps", step, "uses").value, "actions/checkout@") {
			return true
		}
	}
	return false
}

func TestWorkflowsArePinnedAndMayDoLittle(t *testing.T) {
	paths, err := filepath.Glob("../../../.github/workflows/*")
	if err != nil || len(paths) < 2 {
		t.Fatalf("found %d workflows, %v", len(paths), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(uses.FindAllString(string(text), -1)) == 0 {
			t.Errorf("%s uses no actions", path)
		}
		for _, action := range unpinned(string(text)) {
			t.Errorf("%s: %s is not pinned by commit and version", path, action)
		}
		for _, reason := range excess(readOutline(t, path)) {
			t.Errorf("%s: %s", path, reason)
		}
	}
}

func TestUnpinnedActionsAndExcessPermissionsAreFound(t *testing.T) {
	const commit = "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8"
	for name, test := range map[string]struct {
		text             string
		unpinned, excess int
	}{
		"a commit and its version": {"permissions: {}\njobs:\n  a:\n    steps:\n      - uses: " +
			commit + " # v5.0.0\n", 0, 0},
		"read alone": {"permissions:\n  contents: read\n", 0, 0},
		"a tag": {"permissions: {}\njobs:\n  a:\n    steps:\n      - uses: " +
			"actions/checkout@v5\n", 1, 0},
		"a branch": {"permissions: {}\njobs:\n  a:\n    uses: " +
			"owner/repo/.github/workflows/x.yml@main\n", 1, 0},
		"a short commit": {"permissions: {}\njobs:\n  a:\n    steps:\n      - uses: " +
			"actions/checkout@08c6903 # v5.0.0\n", 1, 0},
		"a commit without a version": {"permissions: {}\njobs:\n  a:\n    steps:\n      - uses: " + commit + "\n",
			1, 0},
		"an action after a named step": {"permissions: {}\njobs:\n  a:\n    steps:\n      - name: x\n        uses: " +
			"actions/checkout@v5\n", 1, 0},
		"no permissions":                {"jobs:\n  a:\n    steps:\n", 0, 1},
		"empty permissions":             {"permissions:\njobs:\n", 0, 1},
		"all permissions":               {"permissions: write-all\n", 0, 1},
		"write permission for all jobs": {"permissions:\n  contents: write\n", 0, 1},
		"a job that writes": {"permissions: {}\njobs:\n  a:\n    permissions:\n      contents: write\n   " +
			" steps:\n      - run: x\n", 0, 0},
		"a job that builds and writes": {"permissions: {}\njobs:\n  a:\n    permissions:\n      id-token: write\n   " +
			" steps:\n      - uses: " + commit + " # v5.0.0\n", 0, 1},
		"a job that builds and has all permissions": {"permissions: {}\njobs:\n  a:\n    permissions: write-all\n    " +
			"steps:\n    " +
			"  - uses: " + commit + " # v5.0.0\n", 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			workflow, err := parseOutline(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := unpinned(test.text); len(got) != test.unpinned {
				t.Errorf("not pinned: %q", got)
			}
			if got := excess(workflow); len(got) != test.excess {
				t.Errorf("too much: %q", got)
			}
		})
	}
}

// A check must install the same packages from every source: lock files contain the hash of each
// package, and no addresses.
func TestLocksHaveHashesAndNoAddresses(t *testing.T) {
	locks, err := filepath.Glob("../../../.ci/python/*.txt")
	if err != nil || len(locks) < 3 {
		t.Fatalf("found %d lock files in .ci/python, %v", len(locks), err)
	}
	requirement := regexp.MustCompile(`(?m)^[\w.-]+(\[[\w,-]+\])?==[^\s;]+`)
	for _, path := range locks {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "://") || strings.Contains(string(text), "index-url") {
			t.Errorf("%s contains an address: lock files must contain only versions and hashes", path)
		}
		entries := strings.Split(strings.ReplaceAll(string(text), "\\\n", " "), "\n")
		for _, entry := range entries {
			if entry != "" && (!requirement.MatchString(entry) || !strings.Contains(entry, "--hash=sha256:")) {
				t.Errorf("%s: this entry is not a single version with its hashes: %.60s", path, entry)
			}
		}
	}
	npm, err := os.ReadFile("../../../.ci/npm/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(npm), `"resolved"`) {
		t.Error(".ci/npm/package-lock.json contains addresses (resolved): remove them")
	}
	// The hash of a package covers the packages that it bundles.
	packages := strings.Count(string(npm), `"node_modules/`) - strings.Count(string(npm), `"inBundle": true`)
	if hashes := strings.Count(string(npm), `"integrity": "sha512-`); packages == 0 || hashes != packages {
		t.Errorf(".ci/npm/package-lock.json has %d packages but %d hashes", packages, hashes)
	}
}
