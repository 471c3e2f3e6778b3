// Command generate writes the files that repeat another file. From the catalogues of texts, it
// makes their keys, their archive and the button's modules. From the table of error codes, it makes
// the lists of codes in infra/openapi.yaml and the table in infra/API.md. Its argument is the root
// of the repository. `go generate ./...` runs it.
package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"github.com/foobaz/go-zopfli/zopfli"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run billingportal/local/generate ROOT")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(folder string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	files, err := generate(root.FS())
	if err != nil {
		return err
	}
	for path, content := range files {
		if filepath.Ext(path) == ".gz" {
			content = zipped(content)
		}
		if err := root.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate returns the content of each generated file, before compression, by its path from the
// root.
func generate(root fs.FS) (map[string][]byte, error) {
	texts, err := readTexts(root)
	if err != nil {
		return nil, err
	}
	files, err := texts.files()
	if err != nil {
		return nil, err
	}
	codes, err := readCodes(root, texts)
	if err != nil {
		return nil, err
	}
	modules, err := buttonModules(root, texts, codes)
	if err != nil {
		return nil, err
	}
	maps.Copy(files, modules)
	documents, err := codeFiles(root, codes)
	if err != nil {
		return nil, err
	}
	maps.Copy(files, documents)
	return files, nil
}

// zipped compresses with Zopfli, which makes files about 4 % smaller than compress/gzip. It cannot
// fail, because writing to a buffer always succeeds.
func zipped(content []byte) []byte {
	var out bytes.Buffer
	options := zopfli.DefaultOptions()
	_ = zopfli.GzipCompress(&options, content, &out)
	return out.Bytes()
}
