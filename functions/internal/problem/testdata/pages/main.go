// Command pages prints the pages of the codes that its arguments name, as a JSON object from code
// to HTML. Browser tests look at them.
package main

import (
	"encoding/json"
	"net/http/httptest"
	"os"

	"billingportal/functions/internal/problem"
)

func main() {
	pages := map[string]string{}
	for _, code := range os.Args[1:] {
		recorder := httptest.NewRecorder()
		(&problem.Problem{Code: problem.Code(code)}).Write(recorder, problem.Page,
			problem.Reader{AppURL: "https://app.example.com/", RequestID: "Ff1TQj3fFiAEJgA="})
		pages[code] = recorder.Body.String()
	}
	if err := json.NewEncoder(os.Stdout).Encode(pages); err != nil {
		panic(err)
	}
}
