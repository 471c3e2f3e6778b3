package portal

import (
	"net/http"

	"billingportal/functions/internal/answer"
	"billingportal/functions/internal/billing"
)

// statusOf is the status of success for a caller: 303 See Other (RFC 9110,
// section 15.4.4), or 200 for one that cannot follow it.
func statusOf(r *http.Request) int {
	if answer.WantedBy(r.Header) == answer.JSON {
		return http.StatusOK
	}
	return http.StatusSeeOther
}

func answerSession(w http.ResponseWriter, r *http.Request, session *billing.Session) {
	if statusOf(r) == http.StatusSeeOther {
		redirect(w, session.URL)
		return
	}
	answer.WriteBody(w, http.StatusOK, "application/json", session.JSON)
}

// answerProblem answers with a page, a problem document, or for a navigation
// without a billing account the page where one begins.
func (h *Handler) answerProblem(w http.ResponseWriter, r *http.Request, problem *answer.Problem, record *record) {
	wanted := answer.WantedBy(r.Header)
	status := problem.Status()
	if problem.Code == "no-billing-account" && h.NoAccountURL != "" && wanted == answer.Page {
		status = http.StatusSeeOther
		redirect(w, h.NoAccountURL)
	} else {
		problem.Write(w, wanted, h.reader(r, record))
	}
	record.end(status, problem)
}

// reader is who a page is for. Whoever says a locale has a say in it.
func (h *Handler) reader(r *http.Request, record *record) answer.Reader {
	return answer.Reader{Language: answer.Speak(record.locale, r.Header), AppURL: h.Policy.DefaultReturnURL, RequestID: record.RequestID()}
}

func redirect(w http.ResponseWriter, location string) {
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusSeeOther)
}
