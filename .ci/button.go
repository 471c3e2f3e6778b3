//go:build ignore

// Button writes the npm package of manage-billing-button and prints its path. The bytes of the
// package depend only on the sources and on the version of Go:
//
//	go run .ci/button.go FOLDER
//
// The modules are the same as those of the API. The version is the newest in .github/CHANGELOG.md.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	name   = "manage-billing-button"
	source = "functions/internal/button/"
)

func main() {
	path, err := "", errors.New("usage: go run .ci/button.go FOLDER")
	if len(os.Args) == 2 {
		path, err = run(os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(path)
}

func run(folder string) (string, error) {
	version, err := newestVersion()
	if err != nil {
		return "", err
	}
	files, err := packageFiles(version)
	if err != nil {
		return "", err
	}
	archive, err := archiveOf(files)
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, name+"-"+version+".tgz")
	return path, os.WriteFile(path, archive, 0o644)
}

var versionHeading = regexp.MustCompile(`(?m)^## v(\d+\.\d+\.\d+)$`)

func newestVersion() (string, error) {
	changes, err := os.ReadFile(".github/CHANGELOG.md")
	if err != nil {
		return "", err
	}
	match := versionHeading.FindSubmatch(changes)
	if match == nil {
		return "", errors.New(".github/CHANGELOG.md names no version")
	}
	return string(match[1]), nil
}

// entry is an export of the package: the types of a language module, and the module.
type entry struct {
	Types   string `json:"types"`
	Default string `json:"default"`
}

// packageFiles returns the files of the package by their names.
func packageFiles(version string) (map[string][]byte, error) {
	files := map[string][]byte{}
	for name, path := range map[string]string{
		"LICENSE": "LICENSE", "README.md": source + "README.md", "button.d.ts": source + "button.d.ts",
	} {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		files[name] = content
	}
	modules, err := filepath.Glob(source + "*.js.gz")
	if err != nil {
		return nil, err
	}
	exports := map[string]any{".": entry{"./button.d.ts", "./en.js"}, "./package.json": "./package.json"}
	for _, path := range modules {
		language := strings.TrimSuffix(filepath.Base(path), ".js.gz")
		if files[language+".js"], err = unzipped(path); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		exports["./"+language] = entry{"./button.d.ts", "./" + language + ".js"}
	}
	// sideEffects makes bundlers keep an import that only defines the element.
	files["package.json"], err = json.MarshalIndent(struct {
		Name        string         `json:"name"`
		Version     string         `json:"version"`
		Description string         `json:"description"`
		License     string         `json:"license"`
		Type        string         `json:"type"`
		Main        string         `json:"main"`
		Types       string         `json:"types"`
		Exports     map[string]any `json:"exports"`
		SideEffects bool           `json:"sideEffects"`
	}{name, version, "A button that opens Stripe's customer portal", "MIT", "module", "./en.js", "./button.d.ts",
		exports, true}, "", "  ")
	return files, err
}

func unzipped(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// archiveOf returns the archive that npm installs. Its files are in the folder package.
func archiveOf(files map[string][]byte) ([]byte, error) {
	var archive bytes.Buffer
	zipped, err := gzip.NewWriterLevel(&archive, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	w := tar.NewWriter(zipped)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		header := &tar.Header{Name: "package/" + name, Mode: 0o644, Size: int64(len(files[name])),
			// the time that npm itself uses
			ModTime: time.Date(1985, 10, 26, 8, 15, 0, 0, time.UTC), Format: tar.FormatUSTAR}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(files[name]); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(w.Close(), zipped.Close()); err != nil {
		return nil, err
	}
	return archive.Bytes(), nil
}
