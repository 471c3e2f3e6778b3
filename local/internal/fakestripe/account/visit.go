package account

import (
	"maps"
	"time"
)

// Visit is a session as the customer meets it.
type Visit struct {
	Session Session
	created time.Time
	Seen    time.Time // last; zero before the first visit
	Done    string    // the customer's last change, in words; "" before the first
}

const (
	// unvisited is how long a session's URL works if nobody follows it. Stripe says no more than
	// that sessions are short-lived; about five minutes, and an hour of use, is what its users see.
	unvisited = 5 * time.Minute
	// idle is how long a visited session lasts after its last page.
	idle = time.Hour
)

// Expired says whether the session's URL no longer works.
func (v *Visit) Expired(now time.Time) bool {
	if v.Seen.IsZero() {
		return now.Sub(v.created) > unvisited
	}
	return now.Sub(v.Seen) > idle
}

// Admit makes a session's page reachable. Call it with the lock held.
//
// It drops, at most once a minute, the sessions that expired long ago, so that a server under load
// for days does not grow.
func (a *Account) Admit(name string, created *Session) {
	now := a.Now()
	if now.Sub(a.forgot) >= time.Minute {
		a.forgot = now
		maps.DeleteFunc(a.Sessions,
			func(_ string, v *Visit) bool { return v.Expired(now) && now.Sub(v.created) > 24*time.Hour })
	}
	a.Sessions[name] = &Visit{Session: *created, created: now}
}
