//go:build ignore

// Zip writes a zip file whose bytes depend only on the names and contents of the files in it, and
// on the version of Go:
//
//	go run .ci/zip.go FILE.zip FOLDER
//
// Lambda's zip files need Unix permissions:
// https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html
package main

import (
	"archive/zip"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

func main() {
	err := fmt.Errorf("usage: go run .ci/zip.go FILE.zip FOLDER")
	if len(os.Args) == 3 {
		err = run(os.Args[1], os.DirFS(os.Args[2]))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run adds the files in the order of their names, as fs.WalkDir visits them, all with the first
// time that a zip file can hold.
func run(path string, folder fs.FS) error {
	out, err := os.Create(filepath.Clean(path))
	if err != nil {
		return err
	}
	archive := zip.NewWriter(out)
	err = fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(folder, name)
		if err != nil {
			return err
		}
		header := &zip.FileHeader{Name: name, Method: zip.Deflate,
			Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
		header.SetMode(0o644)
		if entry.Name() == "bootstrap" {
			header.SetMode(0o755)
		}
		file, err := archive.CreateHeader(header)
		if err == nil {
			_, err = file.Write(content)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return out.Close()
}
