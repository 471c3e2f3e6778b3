package stripewire

import (
	"net/http"
	"time"
)

// visit is a session as the customer meets it.
type visit struct {
	session session
	created time.Time
	seen    time.Time // last; zero before the first visit
}

const (
	// unvisited is how long a session's URL works if nobody follows it.
	unvisited = 5 * time.Minute
	// idle is how long a visited session lasts after the last page.
	idle = time.Hour
)

func (v *visit) expired(now time.Time) bool {
	if v.seen.IsZero() {
		return now.Sub(v.created) > unvisited
	}
	return now.Sub(v.seen) > idle
}

// admit makes a session's page reachable. Those that expired long ago are forgotten.
func (s *Stripe) admit(name string, created *session) {
	now := s.now()
	for name, v := range s.sessions {
		if now.Sub(v.created) > 24*time.Hour && v.expired(now) {
			delete(s.sessions, name)
		}
	}
	s.sessions[name] = &visit{session: *created, created: now}
}

func (s *Stripe) portalCSS(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusNotFound)
}

func (s *Stripe) portalPage(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusNotFound)
}
