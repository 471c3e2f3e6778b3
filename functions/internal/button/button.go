// Package button serves the module of manage-billing-button, button.js, built once for each
// language.
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

// Path is the path of the module.
const Path = "/billing/button.js"

// modules are the module in each language, minified and gzipped: made by `go generate ./...`.
//
//go:embed *.js.gz
var modules embed.FS

// Serve answers with the module in the language that the request asks for. It calls no upstream. An
// error is a *problem.Problem, which is still to be answered.
func Serve(w http.ResponseWriter, r *http.Request) (status int, err error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return 0, &problem.Problem{Code: problem.MethodNotAllowed, Allow: "GET, HEAD"}
	}
	module, err := modules.ReadFile(string(language.Match("", r.Header)) + ".js.gz")
	if err != nil { // there is one for each language, which is tested
		return 0, &problem.Problem{Code: problem.Internal, Cause: err}
	}
	isZipped := acceptsGzip(r.Header)
	header := w.Header()
	header.Set("Cache-Control", "public, max-age=3600")
	// The gateway's CORS depends on Origin, and does not say so.
	header.Set("Vary", "Accept-Language, Accept-Encoding, Origin")
	header.Set("ETag", etagOf(module, isZipped))
	if matches(r.Header, header.Get("ETag")) {
		w.WriteHeader(http.StatusNotModified)
		return http.StatusNotModified, nil
	}
	if isZipped {
		header.Set("Content-Encoding", "gzip")
	} else if module, err = unzipped(module); err != nil { // it is committed, and tested
		return 0, &problem.Problem{Code: problem.Internal, Cause: err}
	}
	header.Set("Content-Length", strconv.Itoa(len(module)))
	if r.Method == http.MethodHead {
		module = nil
	}
	problem.WriteBody(w, http.StatusOK, "text/javascript; charset=utf-8", module)
	return http.StatusOK, nil
}

// etagOf is a strong validator, which differs between encodings (RFC 9110, section 8.8.3.3).
func etagOf(module []byte, isZipped bool) string {
	sum := sha256.Sum256(module)
	tag := base64.RawURLEncoding.EncodeToString(sum[:12])
	if isZipped {
		tag += "-gzip"
	}
	return `"` + tag + `"`
}

// matches compares weakly, as If-None-Match asks for (RFC 9110, section 13.1.2).
func matches(header http.Header, etag string) bool {
	for tag := range strings.SplitSeq(strings.Join(header.Values("If-None-Match"), ","), ",") {
		if tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/"); tag == etag || tag == "*" {
			return true
		}
	}
	return false
}

// acceptsGzip reads Accept-Encoding, in which * stands for the codings that it does not name (RFC
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
