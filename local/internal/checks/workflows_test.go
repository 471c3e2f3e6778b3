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
	// A tag can be moved to another commit, a commit's own hash cannot. The comment is for whoever
	// updates it.
	pinned = regexp.MustCompile(`^[\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
)

// unpinned are the actions of a workflow that are named by less than a commit.
func unpinned(text string) []string {
	var found []string
	for _, match := range uses.FindAllStringSubmatch(text, -1) {
		if action := strings.TrimSpace(match[1]); !pinned.MatchString(action) {
			found = append(found, action)
		}
	}
	return found
}

// excess says what every job of a workflow may do beyond reading, and which jobs may write although
// they build.
func excess(workflow *outline) []string {
	var found []string
	top := workflow.at("permissions")
	if top.value != "{}" && len(top.names) == 0 {
		found = append(found, "permissions of every job: "+cmp.Or(top.value, "the repository's default"))
	}
	for _, name := range top.names {
		if access := top.at(name).value; access != "read" && access != "none" {
			found = append(found, "every job may "+access+" "+name)
		}
	}
	for _, job := range workflow.at("jobs").names {
		if workflow.at("jobs", job).writes() && workflow.at("jobs", job).runsTheRepository() {
			found = append(found, job+" may write, and runs what the repository or its tools say")
		}
	}
	return found
}

// writes reports whether a job's own permissions have one that is more than to read.
func (o *outline) writes() bool {
	permissions := o.at("permissions")
	for _, name := range permissions.names {
		if strings.HasPrefix(permissions.at(name).value, "write") {
			return true
		}
	}
	return strings.HasPrefix(permissions.value, "write")
}

// runsTheRepository reports whether a job checks the sources out, which is what it takes to run a
// program of theirs.
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
		t.Fatalf("%d workflows, %v", len(paths), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(uses.FindAllString(string(text), -1)) == 0 {
			t.Errorf("%s uses no action", path)
		}
		for _, action := range unpinned(string(text)) {
			t.Errorf("%s: %s is not pinned by commit and version", path, action)
		}
		for _, reason := range excess(readOutline(t, path)) {
			t.Errorf("%s: %s", path, reason)
		}
	}
}

func TestWhatWorkflowsMayNotDoIsNoticed(t *testing.T) {
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
		"a commit of no version": {"permissions: {}\njobs:\n  a:\n    steps:\n      - uses: " + commit + "\n",
			1, 0},
		"an action after a named step": {"permissions: {}\njobs:\n  a:\n    steps:\n      - name: x\n        uses: " +
			"actions/checkout@v5\n", 1, 0},
		"no permissions":         {"jobs:\n  a:\n    steps:\n", 0, 1},
		"permissions of nothing": {"permissions:\njobs:\n", 0, 1},
		"all permissions":        {"permissions: write-all\n", 0, 1},
		"writing for every job":  {"permissions:\n  contents: write\n", 0, 1},
		"a job that writes": {"permissions: {}\njobs:\n  a:\n    permissions:\n      contents: write\n   " +
			" steps:\n      - run: x\n", 0, 0},
		"a job that builds and writes": {"permissions: {}\njobs:\n  a:\n    permissions:\n      id-token: write\n   " +
			" steps:\n      - uses: " + commit + " # v5.0.0\n", 0, 1},
		"a job that builds and may all": {"permissions: {}\njobs:\n  a:\n    permissions: write-all\n    steps:\n    " +
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

// What the checks install is the same wherever it comes from: a lock has the hash of each package,
// and no address.
func TestLocksHaveHashesAndNoAddresses(t *testing.T) {
	locks, err := filepath.Glob("../../../.ci/python/*.txt")
	if err != nil || len(locks) < 3 {
		t.Fatalf("%d locks, %v", len(locks), err)
	}
	requirement := regexp.MustCompile(`(?m)^[\w.-]+(\[[\w,-]+\])?==[^\s;]+`)
	for _, path := range locks {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "://") || strings.Contains(string(text), "index-url") {
			t.Errorf("%s has an address", path)
		}
		entries := strings.Split(strings.ReplaceAll(string(text), "\\\n", " "), "\n")
		for _, entry := range entries {
			if entry != "" && (!requirement.MatchString(entry) || !strings.Contains(entry, "--hash=sha256:")) {
				t.Errorf("%s: not one version with its hashes: %.60s", path, entry)
			}
		}
	}
	npm, err := os.ReadFile("../../../.ci/npm/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(npm), `"resolved"`) {
		t.Error("package-lock.json says where packages come from")
	}
	// The hash of a package covers those that it bundles.
	packages := strings.Count(string(npm), `"node_modules/`) - strings.Count(string(npm), `"inBundle": true`)
	if hashes := strings.Count(string(npm), `"integrity": "sha512-`); packages == 0 || hashes != packages {
		t.Errorf("package-lock.json has %d packages and %d hashes", packages, hashes)
	}
}
