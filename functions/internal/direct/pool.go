package direct

import (
	"context"
	"slices"
	"sync"
	"time"
)

// pool keeps connections for their next request, and counts all that are open.
// Whoever waits is served in turn: a connection, or the right to open one, goes
// from hand to hand, past those who come later.
type pool struct {
	mu      sync.Mutex
	idle    []*conn // the one that was used last is last; none while somebody waits
	open    int     // idle, in use, or about to be opened
	waiting []*waiter
}

// waiter waits for a connection. Nil is the right to open one.
type waiter struct {
	to      destination
	granted chan *conn // takes one without delay
}

// take returns an idle connection to a destination, or nil and the right to open
// one. It waits while most connections are in use.
func (p *pool) take(ctx context.Context, to destination, most int, idleFor time.Duration) (*conn, error) {
	c, w := p.tryTake(to, most, idleFor)
	if w == nil {
		return c, nil
	}
	select {
	case c := <-w.granted:
		if c != nil && !c.isIdle() {
			_ = c.Close()
			c = nil // the right to open another one stays
		}
		return c, nil
	case <-ctx.Done():
		p.giveUp(w, idleFor)
		return nil, context.Cause(ctx)
	}
}

func (p *pool) tryTake(to destination, most int, idleFor time.Duration) (*conn, *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.prune(idleFor)
	for i := len(p.idle) - 1; i >= 0; i-- {
		c := p.idle[i]
		if c.to != to {
			continue
		}
		p.idle = slices.Delete(p.idle, i, i+1)
		if c.isIdle() {
			return c, nil
		}
		_ = c.Close()
		p.open--
	}
	if most > 0 && p.open >= most && len(p.idle) > 0 { // to elsewhere
		_ = p.idle[0].Close()
		p.idle = slices.Delete(p.idle, 0, 1)
		p.open--
	}
	if most == 0 || p.open < most {
		p.open++
		return nil, nil
	}
	w := &waiter{to, make(chan *conn, 1)}
	p.waiting = append(p.waiting, w)
	return nil, w
}

// put keeps a connection whose answer was read whole.
func (p *pool) put(c *conn, idleFor time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w := p.first(); w != nil {
		if c.to != w.to {
			_ = c.Close()
			c = nil
		}
		w.granted <- c
		return
	}
	p.prune(idleFor)
	c.idleSince = wallClock()
	p.idle = append(p.idle, c)
}

// discard closes a connection.
func (p *pool) discard(c *conn) {
	_ = c.Close()
	p.leave()
}

// leave gives back the right to have a connection open.
func (p *pool) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w := p.first(); w != nil {
		w.granted <- nil
		return
	}
	p.open--
}

// first takes the one out of the queue who has waited longest.
func (p *pool) first() *waiter {
	if len(p.waiting) == 0 {
		return nil
	}
	w := p.waiting[0]
	p.waiting = slices.Delete(p.waiting, 0, 1)
	return w
}

// giveUp leaves the queue. What was granted nevertheless goes back.
func (p *pool) giveUp(w *waiter, idleFor time.Duration) {
	p.mu.Lock()
	i := slices.Index(p.waiting, w)
	if i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	}
	p.mu.Unlock()
	if i >= 0 {
		return
	}
	if c := <-w.granted; c != nil {
		p.put(c, idleFor)
	} else {
		p.leave()
	}
}

// prune closes what has waited for too long, or since a time that is still to come.
func (p *pool) prune(idleFor time.Duration) {
	now := wallClock()
	p.idle = slices.DeleteFunc(p.idle, func(c *conn) bool {
		age := now.Sub(c.idleSince)
		if age >= 0 && age < idleFor {
			return false
		}
		_ = c.Close()
		p.open--
		return true
	})
}

func (p *pool) closeIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.idle {
		_ = c.Close()
	}
	p.open -= len(p.idle)
	p.idle = nil
}

// wallClock is the time without its monotonic reading, which stands still while
// Lambda freezes the function.
func wallClock() time.Time { return time.Now().Round(0) }
