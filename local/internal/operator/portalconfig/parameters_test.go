package portalconfig

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParametersKeepTheOtherLinesOfTheFile(t *testing.T) {
	team, solo, old := Applied{Name: "team", ID: "bpc_1", Active: true},
		Applied{Name: "solo", ID: "bpc_2", Active: true}, Applied{Name: "old", ID: "bpc_3", Active: false}
	for name, test := range map[string]struct {
		before  string
		applied []Applied
		chosen  string
		want    string
	}{
		"nothing yet": {"", []Applied{team, solo}, "", "AllowedConfigurations = \"bpc_1,bpc_2\"\n"},
		"a default": {"", []Applied{team, solo}, "solo",
			"AllowedConfigurations = \"bpc_1,bpc_2\"\nDefaultConfiguration = \"bpc_2\"\n"},
		"the default stays": {"DefaultConfiguration = \"bpc_9\"\n", []Applied{team}, "",
			"DefaultConfiguration = \"bpc_9\"\nAllowedConfigurations = \"bpc_1\"\n"},
		"another default": {"DefaultConfiguration='bpc_9'\n", []Applied{team}, "team",
			"DefaultConfiguration = \"bpc_1\"\nAllowedConfigurations = \"bpc_1\"\n"},
		"others stay, in order": {"AllowedConfigurations = \"bpc_9, bpc_2\" # ours\n", []Applied{team, solo}, "",
			"AllowedConfigurations = \"bpc_9,bpc_2,bpc_1\" # ours\n"},
		"a name in quotes": {"\"AllowedConfigurations\" = \"bpc_9\"\n'DefaultConfiguration' = 'bpc_9'\t# " +
			"old\r\n", []Applied{team}, "team",
			"AllowedConfigurations = \"bpc_9,bpc_1\"\nDefaultConfiguration = \"bpc_1\"\t# old\n"},
		"one that is not active": {"AllowedConfigurations = \"bpc_3,bpc_2\"\n", []Applied{old, solo}, "",
			"AllowedConfigurations = \"bpc_2\"\n"},
		"none is active": {"", []Applied{old}, "", "AllowedConfigurations = \"\"\n"},
		"nothing to change": {"AllowedConfigurations = 'bpc_1' # ours\n", []Applied{team}, "",
			"AllowedConfigurations = 'bpc_1' # ours\n"},
		"other lines": {"\ufeff# mine\r\nJwtIssuer = \"https://x/\"\r\n  " +
			"AllowedConfigurations=\"\"\r\nStripeLivemode = \"false\"\n\nMemorySize = 256", []Applied{team}, "",
			"\ufeff# mine\r\nJwtIssuer = \"https://x/\"\r\nAllowedConfigurations = \"bpc_1\"\nStripeLivemode = " +
				"\"false\"\n\nMemorySize = 256\n"},
		"on the first line": {"\ufeffAllowedConfigurations = \"bpc_9\"\n", []Applied{team}, "",
			"AllowedConfigurations = \"bpc_9,bpc_1\"\n"},
		"a name with the same beginning": {"AllowedConfigurationsOfMine = \"x\"\n", []Applied{team}, "",
			"AllowedConfigurationsOfMine = \"x\"\nAllowedConfigurations = \"bpc_1\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "prod.toml")
			link := path
			if test.before != "" {
				if err := os.WriteFile(path, []byte(test.before), 0o640); err != nil {
					t.Fatal(err)
				}
				link = filepath.Join(t.TempDir(), "link.toml")
				if err := os.Symlink(path, link); err != nil {
					t.Fatal(err)
				}
			}
			p, err := ReadParameters(link, false)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Update(test.applied, test.chosen); err != nil {
				t.Fatal(err)
			}
			if err := p.Write(); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil || string(got) != test.want {
				t.Errorf("%v %q, want %q", err, got, test.want)
			}
			mode := os.FileMode(0o640)
			if test.before == "" {
				mode = 0o600
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
				t.Errorf("%v, %v, want %v", err, info.Mode(), mode)
			}
			left, err := os.ReadDir(filepath.Dir(path))
			if err != nil || len(left) != 1 {
				t.Errorf("%v %v", err, left)
			}
		})
	}
}

func TestParametersThatCannotBeChanged(t *testing.T) {
	for text, want := range map[string]string{
		"AllowedConfigurations = \"bpc_1\"\nAllowedConfigurations = \"bpc_2\"\n": ":2: AllowedConfigurations occurs " +
			"twice",
		"DefaultConfiguration = bpc_1\n":               ":1: DefaultConfiguration must be a string in quotes",
		"DefaultConfiguration = \"\"\"\nbpc_1\"\"\"\n": ":1: DefaultConfiguration must be a string in quotes",
		"DefaultConfiguration = \"bpc_1\" x\n":         ":1: DefaultConfiguration must be a string in quotes",
		"\n[prod.deploy.parameters]\n":                 ":2: has a table",
		"StripeLivemode = true\n":                      ":1: the deployment is not in Stripe's test mode",
		"StripeLivemode = \"true\" # live\n":           ":1: the deployment is not in Stripe's test mode",
	} {
		path := filepath.Join(t.TempDir(), "prod.toml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadParameters(path, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	path := filepath.Join(t.TempDir(), "prod.toml")
	if err := os.WriteFile(path, []byte("DefaultConfiguration = \"bpc_3\"\n"), 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadParameters(path, true); err == nil || !strings.Contains(err.Error(), "prod.toml is read-only") {
		t.Error(err)
	}
	if err := os.Chmod(path, 0o600); err != nil { //nolint:gosec // a file
		t.Fatal(err)
	}
	p, err := ReadParameters(path, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Update([]Applied{{Name: "old", ID: "bpc_3", Active: false}}, ""); err == nil ||
		!strings.Contains(err.Error(), `"old" is not active, so it cannot be DefaultConfiguration`) {
		t.Error(err)
	}
	p.path = filepath.Join(t.TempDir(), "a", "b", "prod.toml")
	if err := p.Write(); err == nil || !strings.Contains(err.Error(), "the file of parameters") {
		t.Error(err)
	}
}
