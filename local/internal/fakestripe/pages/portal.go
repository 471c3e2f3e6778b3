package pages

import (
	"embed"
	"net/http"
	"time"
)

//go:embed portal
var portalFiles embed.FS

// portalPage shows a session's page, or one of the two that a completed flow leads to: "home" and
// "confirmation".
func (s *Pages) portalPage(w http.ResponseWriter, r *http.Request) {
	name, step := r.PathValue("name"), r.PathValue("step")
	s.account.Lock()
	page, status := s.lookAt(name, step)
	s.account.Unlock()
	s.writePortal(w, page, status)
}

func (s *Pages) writePortal(w http.ResponseWriter, page view, status int) {
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
	s.writePage(w, "page.html", page, status)
}

// completeFlow does what a session's flow is for, and leads to what comes after it.
func (s *Pages) completeFlow(w http.ResponseWriter, r *http.Request) {
	s.account.Lock()
	page, status := s.lookAt(r.PathValue("name"), "")
	if page.State == "flow" {
		s.account.Data.Complete(page.Session, r.PostFormValue("price"), r.PostFormValue("accept") != "")
	}
	s.account.Unlock()
	if page.State != "flow" {
		s.writePortal(w, page, status)
		return
	}
	http.Redirect(w, r, page.Flow.After.URL, http.StatusSeeOther)
}

// renew takes back that a subscription is to be cancelled.
func (s *Pages) renew(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	s.account.Lock()
	page, status := s.lookAt(name, "home")
	if page.Session != nil {
		if subscription := s.account.Data.Subscription(r.PostFormValue("subscription")); subscription != nil &&
			subscription.Customer == page.Session.Customer {
			subscription.CancelAtPeriodEnd, subscription.CanceledAt = false, time.Time{}
		}
	}
	s.account.Unlock()
	if page.Session == nil {
		s.writePortal(w, page, status)
		return
	}
	// The session was found by this name.
	http.Redirect(w, r, "/p/session/"+name+"/home", http.StatusSeeOther) //nolint:gosec
}

// lookAt finds what to show, and counts as a visit of the session. It is called with the account's
// lock held.
func (s *Pages) lookAt(name, step string) (view, int) {
	v := s.account.Sessions[name]
	if v == nil {
		return view{State: "unknown"}, http.StatusNotFound
	}
	if v.Expired(s.account.Now()) {
		return view{State: "expired"}, http.StatusGone
	}
	state := step
	switch {
	case step == "" && v.Session.Flow != nil:
		state = "flow"
	case step == "":
		state = "home"
	case step == "confirmation" && v.Session.Flow != nil && v.Session.Flow.AfterCompletion.HostedConfirmation != nil:
	case step == "home":
	default:
		return view{State: "unknown"}, http.StatusNotFound
	}
	v.Seen = s.account.Now()
	return viewer{&s.account.Data}.view(&v.Session, name, state), http.StatusOK
}

func portalCSS(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeFileFS(w, r, portalFiles, "portal/portal.css")
}
