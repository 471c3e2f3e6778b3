// Package button serves button.js, the module that defines <manage-billing-button>, and
// button.d.ts, its types. The module is built once for each language; a request gets the one that
// its Accept-Language asks for.
package button

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"strings"

	"billingportal/functions/internal/accept"
	"billingportal/functions/internal/language"
	"billingportal/functions/internal/problem"
)

const (
	// Path is the path of the module.
	Path = "/billing/button.js"
	// TypesPath is the path of the TypeScript types.
	TypesPath = "/billing/button.d.ts"
)

// modules holds the module in each language, minified and gzipped by `go generate ./...`.
//
//go:embed *.js.gz
var modules embed.FS

//go:embed button.d.ts
var types []byte

// Serve answers with the module in the language that the request asks for. It calls no upstream. If
// it returns an error, it has written nothing: the caller answers the error, a *problem.Problem.
func Serve(w http.ResponseWriter, r *http.Request) (status int, err error) {
	if err := requireRead(r); err != nil {
		return 0, err
	}
	module, err := modules.ReadFile(string(language.Match("", r.Header)) + ".js.gz")
	if err != nil { // cannot happen: a test holds that every language has a module
		return 0, &problem.Problem{Code: problem.Internal, Cause: err}
	}
	isZipped := acceptsGzip(r.Header)
	// The gateway's CORS headers depend on Origin, but the gateway does not add it to Vary.
	if answerUnchanged(w, r, etagOf(module, isZipped), "Accept-Language, Accept-Encoding, Origin") {
		return http.StatusNotModified, nil
	}
	if isZipped {
		w.Header().Set("Content-Encoding", "gzip")
	} else if module, err = unzipped(module); err != nil { // cannot happen: a test unzips every module
		return 0, &problem.Problem{Code: problem.Internal, Cause: err}
	}
	return answer(w, r, "text/javascript; charset=utf-8", module)
}

// ServeTypes answers with the module's types. Errors are as for Serve.
func ServeTypes(w http.ResponseWriter, r *http.Request) (status int, err error) {
	if err := requireRead(r); err != nil {
		return 0, err
	}
	if answerUnchanged(w, r, etagOf(types, false), "Origin") {
		return http.StatusNotModified, nil
	}
	return answer(w, r, "application/typescript; charset=utf-8", types)
}

func requireRead(r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return &problem.Problem{Code: problem.MethodNotAllowed, Allow: "GET, HEAD"}
	}
	return nil
}

// answerUnchanged sets the headers of a file. If the browser already has this version, it answers
// with 304 and returns true.
func answerUnchanged(w http.ResponseWriter, r *http.Request, etag, vary string) bool {
	header := w.Header()
	header.Set("Cache-Control", "public, max-age=3600")
	header.Set("Vary", vary)
	header.Set("ETag", etag)
	if !matches(r.Header, etag) {
		return false
	}
	w.WriteHeader(http.StatusNotModified)
	return true
}

func answer(w http.ResponseWriter, r *http.Request, mediaType string, content []byte) (status int, err error) {
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	if r.Method == http.MethodHead {
		content = nil
	}
	problem.WriteBody(w, http.StatusOK, mediaType, content)
	return http.StatusOK, nil
}

// etagOf returns a strong validator. It differs between encodings (RFC 9110, section 8.8.3.3).
func etagOf(module []byte, isZipped bool) string {
	sum := sha256.Sum256(module)
	tag := base64.RawURLEncoding.EncodeToString(sum[:12])
	if isZipped {
		tag += "-gzip"
	}
	return `"` + tag + `"`
}

// matches reports whether If-None-Match has the tag, by weak comparison (RFC 9110, section 13.1.2).
func matches(header http.Header, etag string) bool {
	for tag := range strings.SplitSeq(strings.Join(header.Values("If-None-Match"), ","), ",") {
		if tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/"); tag == etag || tag == "*" {
			return true
		}
	}
	return false
}

// acceptsGzip reads Accept-Encoding. "*" stands for every coding that the field does not name (RFC
// 9110, section 12.5.3).
func acceptsGzip(header http.Header) bool {
	accepts := false
	for coding, weight := range accept.Entries(header, "Accept-Encoding") {
		switch strings.ToLower(coding) {
		case "gzip":
			return weight > 0
		case "*":
			accepts = weight > 0
		}
	}
	return accepts
}

func unzipped(module []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(module))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
