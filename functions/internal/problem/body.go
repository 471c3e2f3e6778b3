package problem

import (
	"io"
	"net/http"
)

// ReadBody reads the body of a request. The caller must have limited its size. The error is a
// [*Problem].
func ReadBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, &Problem{Code: InvalidRequest, Detail: "The body cannot be read.", Cause: err}
	}
	return body, nil
}
