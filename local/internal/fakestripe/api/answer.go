package api

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// answer is a response as bytes, so that a replay is byte for byte the same.
type answer struct {
	status int
	body   []byte
}

func newAnswer(result any, problem *apiError) *answer {
	a := &answer{status: http.StatusOK}
	if problem != nil {
		a.status = problem.status
		result = map[string]*apiError{"error": problem}
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(result); err != nil {
		panic(err) // only types of this package are encoded
	}
	a.body = body.Bytes()
	return a
}

func (a *answer) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache, no-store")
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // an error means that the client hung up
}
