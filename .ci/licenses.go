//go:build ignore

// Licenses prints the licence texts of all modules in a Go binary, because these licences require
// that a distributed copy contains them:
//
//	go run .ci/licenses.go BINARY SBOM
//
// It fails if a module has no licence, or if the modules of the CycloneDX document SBOM differ from
// those of the binary.
package main

import (
	"cmp"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// LICENSE, LICENSE.txt, LICENCE, COPYING, PATENTS, and NOTICE (Apache License, section 4(d)).
var legal = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([.-].*)?$`)

func main() {
	err := fmt.Errorf("usage: go run .ci/licenses.go BINARY SBOM")
	if len(os.Args) == 3 {
		err = run(os.Args[1], os.Args[2], os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(binary, sbom string, out io.Writer) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	files, err := linked(info)
	if err != nil {
		return err
	}
	listed, err := components(sbom)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if len(files[name]) == 0 {
			return fmt.Errorf("%s has no licence", name)
		}
		if !slices.Contains(listed, name) {
			return fmt.Errorf("%s does not list %s", sbom, name)
		}
	}
	for _, name := range listed {
		if files[name] == nil {
			return fmt.Errorf("%s lists %s, which is not in %s", sbom, name, binary)
		}
	}
	return write(out, files)
}

// linked returns the licence files of each module in the binary. It includes files in the folders
// of packages, because a package that was copied from elsewhere has its own licence.
func linked(info *buildinfo.BuildInfo) (map[string][]string, error) {
	settings := map[string]string{}
	for _, setting := range info.Settings {
		settings[setting.Key] = setting.Value
	}
	list := exec.Command("go", "list", "-deps", "-tags", settings["-tags"], "-json=Dir,Module,Standard", info.Path)
	list.Env = append(os.Environ(), "GOOS="+settings["GOOS"], "GOARCH="+settings["GOARCH"],
		"CGO_ENABLED="+settings["CGO_ENABLED"])
	list.Stderr = os.Stderr
	output, err := list.Output()
	if err != nil {
		return nil, err
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	std := "std@" + info.GoVersion
	files := map[string]map[string]bool{std: {}}
	for _, module := range info.Deps {
		files[module.Path+"@"+module.Version] = map[string]bool{}
	}
	for packages := json.NewDecoder(strings.NewReader(string(output))); ; {
		var p struct {
			Dir      string
			Standard bool
			Module   *struct {
				Path, Version, Dir string
				Main               bool
			}
		}
		if err := packages.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		name, top := std, strings.TrimSpace(string(root))
		if !p.Standard {
			name, top = p.Module.Path+"@"+p.Module.Version, p.Module.Dir
		}
		if !p.Standard && p.Module.Main {
			continue
		}
		if files[name] == nil {
			return nil, fmt.Errorf("%s is not in the binary, which needs its package in %s", name, p.Dir)
		}
		for dir := p.Dir; len(dir) >= len(top); dir = filepath.Dir(dir) {
			if err := collect(dir, files[name]); err != nil {
				return nil, err
			}
		}
	}
	sorted := map[string][]string{}
	for name, found := range files {
		sorted[name] = slices.AppendSeq([]string{}, maps.Keys(found))
		slices.Sort(sorted[name])
	}
	return sorted, nil
}

func collect(dir string, files map[string]bool) error {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		if legal.MatchString(entry.Name()) && filepath.Ext(entry.Name()) != ".go" && entry.Type().IsRegular() {
			files[filepath.Join(dir, entry.Name())] = true
		}
	}
	return err
}

// components returns the modules that a CycloneDX document lists, and Go's standard library, but
// not the module that the document describes.
func components(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var document struct {
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var names []string
	for _, component := range document.Components {
		names = append(names, component.Name+"@"+component.Version)
	}
	return names, nil
}

// write prints each text once, below the names of its modules.
func write(out io.Writer, files map[string][]string) error {
	modules := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for _, file := range files[name] {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			key := strings.TrimSpace(string(text))
			if !slices.Contains(modules[key], name) {
				modules[key] = append(modules[key], name)
			}
		}
	}
	texts := slices.SortedFunc(maps.Keys(modules), func(a, b string) int {
		return cmp.Or(slices.Compare(modules[a], modules[b]), strings.Compare(a, b))
	})
	for _, text := range texts {
		if _, err := fmt.Fprintf(out, "%s\n\n%s\n\n%s\n\n", strings.Join(modules[text], "\n"), text,
			strings.Repeat("=", 80)); err != nil {
			return err
		}
	}
	return nil
}
