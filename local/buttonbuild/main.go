// Command buttonbuild makes the button's module for each language out of its source and the catalogues, minified and gzipped, as the
// portal serves it; and one file of all catalogues for the pages. Its argument is the folder of package portal, if it is not run there. `go generate ./functions/internal/portal` runs it.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// languages are those of the catalogues, and English.
var languages = []string{"en", "de", "fr", "es", "it", "pt-BR", "nl", "ja"}

func main() {
	folder := "."
	if len(os.Args) > 1 {
		folder = os.Args[1]
	}
	if err := run(folder); err != nil {
		fmt.Fprintln(os.Stderr, "buttonbuild:", err)
		os.Exit(1)
	}
}

// run works in the folder of package portal.
func run(folder string) error {
	if err := writeTexts(folder); err != nil {
		return err
	}
	for _, language := range languages {
		module, err := build(folder, language)
		if err != nil {
			return err
		}
		if err := writeZipped(filepath.Join(folder, "button", language+".js.gz"), module); err != nil {
			return err
		}
	}
	return nil
}

// writeTexts puts the catalogues of the pages into one file, where their English halves cost little.
func writeTexts(folder string) error {
	var all bytes.Buffer
	for _, language := range languages[1:] {
		text, err := os.ReadFile(filepath.Join(folder, "..", "problem", "texts", language+".txt")) //nolint:gosec // the repository's own
		if err != nil {
			return err
		}
		fmt.Fprintf(&all, "= %s\n%s", language, text)
	}
	return writeZipped(filepath.Join(folder, "..", "problem", "texts.gz"), all.Bytes())
}

func writeZipped(path string, content []byte) error {
	var zipped bytes.Buffer
	w, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(content); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, zipped.Bytes(), 0o644) //nolint:gosec // it is published
}

// build is the module in a language, minified.
func build(folder, language string) ([]byte, error) {
	source, err := os.ReadFile(filepath.Join(folder, "button", "button.js")) //nolint:gosec // the repository's own
	if err != nil {
		return nil, err
	}
	text, err := catalogue(folder, language)
	if err != nil {
		return nil, err
	}
	texts, err := json.Marshal(map[string]any{
		"manage": text("Manage billing"), "opening": text("Opening billing…"), "signIn": text("Please sign in again."),
		"forbidden": text("You may not manage billing here."), "noAccount": text("No billing account"),
		"failed": text("Billing cannot be opened. Please try again."), "choose": text("Which subscription?"),
		"flows": map[string]string{
			"payment_method_update": text("Update payment method"), "subscription_cancel": text("Cancel subscription"),
			"subscription_update": text("Change plan"), "subscription_update_confirm": text("Confirm the change"),
		},
		"statuses": map[string]string{"trialing": text("trialing"), "past_due": text("past due")},
	})
	if err != nil {
		return nil, err
	}
	result := api.Transform(string(source), api.TransformOptions{
		Loader: api.LoaderJS, Target: api.ES2022, Format: api.FormatESModule, Charset: api.CharsetUTF8,
		MinifyWhitespace: true, MinifyIdentifiers: true, MinifySyntax: true,
		Define: map[string]string{"texts": string(texts)},
	})
	if len(result.Errors) > 0 {
		return nil, errors.New(result.Errors[0].Text)
	}
	return result.Code, nil
}

// catalogue returns how a language says what is here in English.
func catalogue(folder, language string) (func(english string) string, error) {
	if language == "en" {
		return func(english string) string { return english }, nil
	}
	text, err := os.ReadFile(filepath.Join(folder, "..", "problem", "texts", language+".txt")) //nolint:gosec // the repository's own
	if err != nil {
		return nil, err
	}
	said := map[string]string{}
	for line := range strings.Lines(string(text)) {
		english, other, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		said[english] = other
	}
	return func(english string) string { return said[english] }, nil
}
