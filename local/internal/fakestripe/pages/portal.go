package pages

import (
	"embed"
	"net/http"
	"time"
)

//go:embed portal
var portalFiles embed.FS

// The pages below a session's own. The other steps are the flows that the home page links to.
const (
	homeStep         = "home"
	confirmationStep = "confirmation"
)

// portalPage shows a session's page, or one of the steps below it.
func (s *Pages) portalPage(w http.ResponseWriter, r *http.Request) {
	s.account.Lock()
	page, status := s.visit(r)
	s.account.Unlock()
	if page.State == "unavailable" {
		http.Redirect(w, r, page.Home, http.StatusSeeOther)
		return
	}
	s.writePortal(w, page, status)
}

func (s *Pages) writePortal(w http.ResponseWriter, page view, status int) {
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
	s.writePage(w, "page.html", page, status)
}

// completeFlow makes the change of a flow, and redirects to the page that follows it.
func (s *Pages) completeFlow(w http.ResponseWriter, r *http.Request) {
	s.account.Lock()
	page, status := s.visit(r)
	if page.State == "flow" {
		s.account.Data.Complete(page.Session, r.PostFormValue("price"), r.PostFormValue("accept") != "")
		s.account.Sessions[r.PathValue("name")].Done = viewer{&s.account.Data}.outcome(page.Session)
	}
	s.account.Unlock()
	switch page.State {
	case "flow":
		http.Redirect(w, r, page.Flow.After.URL, http.StatusSeeOther)
	case "unavailable":
		http.Redirect(w, r, page.Home, http.StatusSeeOther)
	default:
		s.writePortal(w, page, status)
	}
}

// renew takes back a cancellation at the end of the period.
func (s *Pages) renew(w http.ResponseWriter, r *http.Request) {
	s.account.Lock()
	page, status := s.visit(r)
	if page.Session != nil {
		d := viewer{&s.account.Data}
		if subscription := d.Subscription(r.PostFormValue("subscription")); subscription != nil &&
			subscription.Customer == page.Session.Customer {
			subscription.CancelAtPeriodEnd, subscription.CanceledAt = false, time.Time{}
			s.account.Sessions[r.PathValue("name")].Done =
				"Your subscription continues. " + sentence(d.subscriptionView(*subscription).Period)
		}
	}
	s.account.Unlock()
	if page.Session == nil {
		s.writePortal(w, page, status)
		return
	}
	http.Redirect(w, r, page.Home, http.StatusSeeOther)
}

// visit finds the page that a request asks for, and notes the visit in the session. Call it with
// the account's lock held.
//
// The page's state is "unavailable" for a flow of the home page that the portal's configuration or
// the subscription does not allow, for example after Back to the page of a flow that is complete.
func (s *Pages) visit(r *http.Request) (view, int) {
	name, step := r.PathValue("name"), r.PathValue("step")
	v := s.account.Sessions[name]
	if v == nil {
		return view{State: "unknown"}, http.StatusNotFound
	}
	if v.Expired(s.account.Now()) {
		return view{State: "expired"}, http.StatusGone
	}
	d := viewer{&s.account.Data}
	session, state := v.Session, step
	switch {
	case step == "" && session.Flow != nil:
		state = "flow"
	case step == "", step == homeStep:
		state = homeStep
	case step == confirmationStep && session.Flow != nil && session.Flow.AfterCompletion.HostedConfirmation != nil:
	case isHomeFlow(step):
		state = "flow"
		if session.Flow = d.homeFlow(&session, step, r.FormValue("subscription")); session.Flow == nil {
			state = "unavailable"
		}
	default:
		return view{State: "unknown"}, http.StatusNotFound
	}
	v.Seen = s.account.Now()
	page := d.view(&session, name, state)
	page.Done = v.Done
	if isHomeFlow(step) && page.Flow != nil {
		page.IsLinked, page.Flow.Complete = true, homeFlowPath(name, step, r.FormValue("subscription"))
	}
	return page, http.StatusOK
}

func portalCSS(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeFileFS(w, r, portalFiles, "portal/portal.css")
}
