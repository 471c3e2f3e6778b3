// Package problem turns an error code into an answer: a problem document (RFC 9457) for programs,
// or a page for people. It also reads from a request which of the two the caller wants.
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

// Problem is an answer that reports an error. Every text in it but Cause may be shown to the
// caller. It is an error, so that each step of a request can return it.
type Problem struct {
	Code Code
	// Param is the parameter at fault in Stripe's bracket notation, or "".
	Param string
	// Detail is a fixed text for developers. It replaces the code's own detail, which is less
	// exact.
	Detail string
	// Reason replaces Detail. Pages show it too, in the user's language.
	Reason language.Key
	// Advice replaces the code's advice on the page, if Reason has a remedy of its own.
	Advice language.Key
	// Question replaces the code's title on a page with Forms. It names the effect of a choice.
	Question language.Key
	// RetryAfter is sent as Retry-After, rounded up to whole seconds, unless it is 0.
	RetryAfter time.Duration
	// Allow lists the allowed methods, for method-not-allowed.
	Allow string
	// Scope is the missing scope, for insufficient-scope (RFC 6750, section 3.1).
	Scope string
	// Members are extension members of the document (RFC 9457, section 3.2).
	Members map[string]any
	// Forms are the choices that a page offers.
	Forms []Form
	// Cause is the error to log. The caller never sees it.
	Cause error
}

// Error returns the text for the log: the cause or, without one, the detail.
func (p *Problem) Error() string {
	if p.Cause != nil {
		return p.Cause.Error()
	}
	return p.detail()
}

func (p *Problem) Unwrap() error { return p.Cause }

// Status returns the HTTP status of the code.
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

// Write answers with the problem: as a page in the reader's language if wanted is Page, or else as
// a problem document, which is always in English because it is for programs.
func (p *Problem) Write(w http.ResponseWriter, wanted Wanted, reader Reader) {
	p.setHeaders(w.Header())
	if wanted == Page {
		reader.Language = cmp.Or(reader.Language, language.English)
		writePage(w, p.Status(), p.page(reader), reader)
		return
	}
	WriteBody(w, p.Status(), "application/problem+json", p.document(reader.RequestID))
}

// document is a problem document (RFC 9457, section 3) with this API's extension members.
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
			continue // omit a member that cannot be marshaled, and send the rest
		}
		body = append(append(body[:len(body)-1], ','), member[1:]...)
	}
	return body
}

// setHeaders sets the headers that the code requires: WWW-Authenticate (RFC 6750, section 3), Allow
// (RFC 9110, section 15.5.6) and Retry-After (RFC 9110, section 10.2.3).
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
