package portal

import (
	"net/http"

	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/language"
	"billingportal/functions/internal/problem"
)

// statusOf returns the status of a successful answer: 303 See Other (RFC 9110, section 15.4.4), or
// 200 if the caller cannot follow a redirect.
func statusOf(r *http.Request) int {
	if problem.Negotiate(r.Header) == problem.JSON {
		return http.StatusOK
	}
	return http.StatusSeeOther
}

func answerSession(w http.ResponseWriter, r *http.Request, session *billing.Session) {
	if statusOf(r) == http.StatusSeeOther {
		redirect(w, session.URL)
		return
	}
	problem.WriteBody(w, http.StatusOK, "application/json", session.JSON)
}

// answerProblem answers with a page or a problem document. A navigation without a billing account
// is redirected to NoAccountURL, if that is set.
func (h *Handler) answerProblem(w http.ResponseWriter, r *http.Request, p *problem.Problem, record *record) {
	wanted := problem.Negotiate(r.Header)
	status := p.Status()
	if p.Code == problem.NoBillingAccount && h.NoAccountURL != "" && wanted == problem.Page {
		status = http.StatusSeeOther
		redirect(w, h.NoAccountURL)
	} else {
		p.Write(w, wanted, h.reader(r, record))
	}
	record.end(status, p)
}

// reader describes the reader of a page. The request's locale takes precedence over
// Accept-Language.
func (h *Handler) reader(r *http.Request, record *record) problem.Reader {
	return problem.Reader{Language: language.Match(record.locale, r.Header), AppURL: h.Policy.DefaultReturnURL,
		RequestID: record.RequestID()}
}

func redirect(w http.ResponseWriter, location string) {
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusSeeOther)
}
