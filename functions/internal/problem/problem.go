// Package problem has what the functions answer with besides their own success: problem documents,
// pages for people, and the rules that say who gets which.
package problem

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"billingportal/functions/internal/language"
)

// Problem is an answer that is not a success: what went wrong, in terms that a
// caller may know. It is an error, so that the steps of a request return it.
type Problem struct {
	Code Code
	// Param is the parameter at fault in Stripe's bracket notation, or "".
	Param string
	// Detail replaces the code's own sentence if there is a more exact fixed one for developers.
	Detail string
	// Reason replaces Detail, and is told to the user too, in the page's language.
	Reason language.Key
	// Advice replaces what the code's page says to do next, if Reason has a remedy of its own.
	Advice language.Key
	// Question replaces the code's title on a page that has Forms: it says what a choice leads to.
	Question language.Key
	// RetryAfter is sent as Retry-After, in whole seconds, where it is not 0.
	RetryAfter time.Duration
	// Allow lists the methods for method-not-allowed.
	Allow string
	// Scope is the scope that is missing, for insufficient-scope (RFC 6750, section 3.1).
	Scope string
	// Members are extension members of the document (RFC 9457, section 3.2).
	Members map[string]any
	// Forms are what a page offers to do.
	Forms []Form
	// Cause is for the log.
	Cause error
}

// Error names the cause, or without one what happened; it is for the log, not for the caller.
func (p *Problem) Error() string {
	if p.Cause != nil {
		return p.Cause.Error()
	}
	return p.detail()
}

func (p *Problem) Unwrap() error { return p.Cause }

// Status is the HTTP status of the problem's code.
func (p *Problem) Status() int { return p.definition().status }

func (p *Problem) definition() definition { return definitions[p.Code] }

func (p *Problem) detail() string {
	if reason := p.reason(); reason != 0 {
		return language.English.Text(reason)
	}
	return cmp.Or(p.Detail, p.definition().detail)
}

func (p *Problem) reason() language.Key {
	if p.Code == SubscriptionNotEligible {
		return cmp.Or(p.Reason, language.FlowNotPossible)
	}
	return p.Reason
}

// Write answers with the problem: if a page is wanted, in the reader's language, else as a
// document, which is for programs and in English.
func (p *Problem) Write(w http.ResponseWriter, wanted Wanted, reader Reader) {
	p.setHeaders(w.Header())
	if wanted == Page {
		reader.Language = cmp.Or(reader.Language, language.English)
		writePage(w, p.Status(), p.page(reader), reader)
		return
	}
	WriteBody(w, p.Status(), "application/problem+json", p.document(reader.RequestID))
}

// document is the problem as RFC 9457, section 3 has it, with members of our own.
type document struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Code      Code   `json:"code"`
	RequestID string `json:"request_id"`
	Param     string `json:"param,omitempty"`
}

func (p *Problem) document(requestID string) []byte {
	// A struct of strings and numbers always marshals.
	body, _ := json.Marshal(document{
		Type:      "urn:billing-portal:problem:" + string(p.Code),
		Title:     language.English.Text(p.definition().title),
		Status:    p.Status(),
		Detail:    p.detail(),
		Code:      p.Code,
		RequestID: requestID,
		Param:     p.Param,
	})
	for _, name := range slices.Sorted(maps.Keys(p.Members)) {
		member, err := json.Marshal(map[string]any{name: p.Members[name]})
		if err != nil {
			continue // what does not marshal is left out: the rest is worth more than nothing
		}
		body = append(append(body[:len(body)-1], ','), member[1:]...)
	}
	return body
}

// setHeaders adds what the status requires: WWW-Authenticate (RFC 6750, section
// 3), Allow (RFC 9110, section 15.5.6) and Retry-After (RFC 9110, section 10.2.3).
func (p *Problem) setHeaders(header http.Header) {
	switch p.Code {
	case MissingCredentials:
		header.Set("WWW-Authenticate", "Bearer")
	case InvalidToken:
		header.Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	case InsufficientScope:
		header.Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="`+p.Scope+`"`)
	case MethodNotAllowed:
		header.Set("Allow", p.Allow)
	}
	if p.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int((p.RetryAfter+time.Second-1)/time.Second)))
	}
}
