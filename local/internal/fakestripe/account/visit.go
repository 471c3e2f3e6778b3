package account

import (
	"maps"
	"time"
)

// Visit is a session and its use by the customer.
type Visit struct {
	Session Session
	created time.Time
	Seen    time.Time // last page view; zero before the first
	Done    string    // the customer's last change, in words; "" before the first
}

const (
	// unvisited is how long the URL of an unused session works. Stripe says only that sessions are
	// short-lived; its users report about five minutes, and an hour after the last use.
	unvisited = 5 * time.Minute
	// idle is how long a session works after its last page view.
	idle = time.Hour
)

// Expired reports whether the URL of the session no longer works.
func (v *Visit) Expired(now time.Time) bool {
	if v.Seen.IsZero() {
		return now.Sub(v.created) > unvisited
	}
	return now.Sub(v.Seen) > idle
}

// AddSession makes the page of a session reachable. The caller must hold the lock.
//
// At most once a minute, AddSession drops sessions that expired long ago, so that memory does not
// grow when a server is under load for days.
func (a *Account) AddSession(name string, created *Session) {
	now := a.Now()
	if now.Sub(a.forgot) >= time.Minute {
		a.forgot = now
		maps.DeleteFunc(a.Sessions,
			func(_ string, v *Visit) bool { return v.Expired(now) && now.Sub(v.created) > 24*time.Hour })
	}
	a.Sessions[name] = &Visit{Session: *created, created: now}
}
