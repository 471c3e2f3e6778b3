package portal

import (
	"net/http"

	"billingportal/functions/internal/billing"
)

// setSecurityHeaders sets what every answer has: a session's URL must not be
// cached, and must not travel on as a referrer.
func setSecurityHeaders(header http.Header) {
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
}

// statusOf is the status of success for a caller: 303 See Other (RFC 9110,
// section 15.4.4), or 200 for one that cannot follow it.
func statusOf(r *http.Request) int {
	if wantsOf(r.Header) == wantsJSON {
		return http.StatusOK
	}
	return http.StatusSeeOther
}

func answerSession(w http.ResponseWriter, r *http.Request, session *billing.Session) {
	if statusOf(r) == http.StatusSeeOther {
		redirect(w, session.URL)
		return
	}
	writeBody(w, http.StatusOK, "application/json", session.JSON)
}

// answerProblem answers with a page, a problem document, or for a navigation
// without a billing account the page where one begins.
func (h *Handler) answerProblem(w http.ResponseWriter, r *http.Request, problem *Problem, record *record) {
	wanted := wantsOf(r.Header)
	if problem.Code == "no-billing-account" && h.NoAccountURL != "" && wanted == wantsPage {
		redirect(w, h.NoAccountURL)
		record.end(http.StatusSeeOther, problem)
		return
	}
	status := problem.kind().status
	problem.setHeaders(w.Header())
	if wanted == wantsPage {
		w.Header().Set("Content-Security-Policy", pagePolicy)
		writeBody(w, status, "text/html; charset=utf-8", problem.page(record.requestID, h.Policy.DefaultReturnURL))
	} else {
		writeBody(w, status, "application/problem+json", problem.document(record.requestID))
	}
	record.end(status, problem)
}

func redirect(w http.ResponseWriter, location string) {
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusSeeOther)
}

func writeBody(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	// The answer is a buffer of the Lambda runtime's; there is nobody to tell of
	// a failure to fill it.
	_, _ = w.Write(body)
}
