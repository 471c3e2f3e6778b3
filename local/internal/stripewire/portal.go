package stripewire

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"time"
)

//go:embed portal
var portalFiles embed.FS

// visit is a session as the customer meets it.
type visit struct {
	session session
	created time.Time
	seen    time.Time // last; zero before the first visit
}

const (
	// unvisited is how long a session's URL works if nobody follows it. Stripe says no more than that sessions are
	// short-lived; about five minutes, and an hour of use, is what its users see.
	unvisited = 5 * time.Minute
	// idle is how long a visited session lasts after its last page.
	idle = time.Hour
)

func (v *visit) expired(now time.Time) bool {
	if v.seen.IsZero() {
		return now.Sub(v.created) > unvisited
	}
	return now.Sub(v.seen) > idle
}

// admit makes a session's page reachable. It is called with Stripe.mu held.
func (s *Stripe) admit(name string, created *session) {
	now := s.now()
	s.forget(now)
	s.sessions[name] = &visit{session: *created, created: now}
}

// forget drops, at most once a minute, the sessions that expired long ago and the idempotency keys that are over, so
// that a server under load for days does not grow. It is called with Stripe.mu held.
func (s *Stripe) forget(now time.Time) {
	if now.Sub(s.forgot) < time.Minute {
		return
	}
	s.forgot = now
	for name, v := range s.sessions {
		if v.expired(now) && now.Sub(v.created) > 24*time.Hour {
			delete(s.sessions, name)
		}
	}
	for key, a := range s.attempts {
		if now.Sub(a.created) > idempotencyLifetime {
			delete(s.attempts, key)
		}
	}
}

// portalPage shows a session's page, or one of the two that a completed flow leads to: "home" and "confirmation".
func (s *Stripe) portalPage(w http.ResponseWriter, r *http.Request) {
	name, step := r.PathValue("name"), r.PathValue("step")
	s.mu.Lock()
	page, status := s.lookAt(name, step)
	s.mu.Unlock()
	s.writePortal(w, page, status)
}

func (s *Stripe) writePortal(w http.ResponseWriter, page view, status int) {
	var body bytes.Buffer
	if err := s.templates.ExecuteTemplate(&body, "page.html", page); err != nil {
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	// It says nothing of form-action, which browsers also apply to where a form's answer redirects.
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'")
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w) // a browser that has gone needs no page
}

// completeFlow does what a session's flow is for, and leads to what comes after it.
func (s *Stripe) completeFlow(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	page, status := s.lookAt(r.PathValue("name"), "")
	if page.State == "flow" {
		s.data.complete(page.Session, r.PostFormValue("price"), r.PostFormValue("accept") != "")
	}
	s.mu.Unlock()
	if page.State != "flow" {
		s.writePortal(w, page, status)
		return
	}
	http.Redirect(w, r, page.Flow.After.URL, http.StatusSeeOther)
}

// renew takes back that a subscription is to be cancelled.
func (s *Stripe) renew(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	s.mu.Lock()
	page, status := s.lookAt(name, "home")
	if page.Session != nil {
		if subscription := s.data.subscription(r.PostFormValue("subscription")); subscription != nil && subscription.Customer == page.Session.Customer {
			subscription.CancelAtPeriodEnd, subscription.CanceledAt = false, time.Time{}
		}
	}
	s.mu.Unlock()
	if page.Session == nil {
		s.writePortal(w, page, status)
		return
	}
	http.Redirect(w, r, "/p/session/"+name+"/home", http.StatusSeeOther) //nolint:gosec // the session was found by this name
}

// lookAt finds what to show, and counts as a visit of the session. It is called with Stripe.mu held.
func (s *Stripe) lookAt(name, step string) (view, int) {
	v := s.sessions[name]
	if v == nil {
		return view{State: "unknown"}, http.StatusNotFound
	}
	if v.expired(s.now()) {
		return view{State: "expired"}, http.StatusGone
	}
	state := step
	switch {
	case step == "" && v.session.Flow != nil:
		state = "flow"
	case step == "":
		state = "home"
	case step == "confirmation" && v.session.Flow != nil && v.session.Flow.AfterCompletion.HostedConfirmation != nil:
	case step == "home":
	default:
		return view{State: "unknown"}, http.StatusNotFound
	}
	v.seen = s.now()
	return s.data.view(&v.session, name, state), http.StatusOK
}

func portalCSS(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeFileFS(w, r, portalFiles, "portal/portal.css")
}

func parseTemplates() (*template.Template, error) {
	return template.ParseFS(portalFiles, "portal/*.html")
}
