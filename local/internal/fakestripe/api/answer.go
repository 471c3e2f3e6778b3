package api

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// answer is what is said to a request, as bytes, so that a replay is the same to the last one.
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
	_, _ = w.Write(a.body) // a client that has gone needs no answer
}
