package direct

import (
	"context"
	"sync"
	"time"
)

// pool keeps connections for their next request, and counts all that are open.
type pool struct {
	mu      sync.Mutex
	idle    []*conn // the one that was used last is last
	open    int     // idle or in use
	waiting []chan struct{}
}

// take returns an idle connection to a destination, or nil and the right to open
// one. It waits while most connections are in use.
func (p *pool) take(ctx context.Context, to destination, most int, idleFor time.Duration) (*conn, error) {
	for {
		c, turn := p.tryTake(to, most, idleFor)
		if turn == nil {
			return c, nil
		}
		select {
		case <-turn:
		case <-ctx.Done():
			p.giveUp(turn)
			return nil, context.Cause(ctx)
		}
	}
}

// tryTake returns a connection, or nothing: the right to open one, or a turn to
// wait for.
func (p *pool) tryTake(to destination, most int, idleFor time.Duration) (*conn, chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.prune(idleFor)
	for i := len(p.idle) - 1; i >= 0; i-- {
		c := p.idle[i]
		if c.to != to {
			continue
		}
		p.idle = append(p.idle[:i], p.idle[i+1:]...)
		if c.isIdle() {
			return c, nil
		}
		_ = c.Close()
		p.open--
	}
	if most > 0 && p.open >= most && len(p.idle) > 0 { // to elsewhere
		_ = p.idle[0].Close()
		p.idle = p.idle[1:]
		p.open--
	}
	if most == 0 || p.open < most {
		p.open++
		return nil, nil
	}
	turn := make(chan struct{})
	p.waiting = append(p.waiting, turn)
	return nil, turn
}

// put keeps a connection whose answer was read whole.
func (p *pool) put(c *conn, idleFor time.Duration) {
	c.idleSince = wallClock()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.prune(idleFor)
	p.idle = append(p.idle, c)
	p.wake()
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
	p.open--
	p.wake()
}

// wake lets the one look that has waited longest.
func (p *pool) wake() {
	if len(p.waiting) > 0 {
		close(p.waiting[0])
		p.waiting = p.waiting[1:]
	}
}

// giveUp leaves the queue. A turn that came nevertheless goes to the next.
func (p *pool) giveUp(turn chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.waiting {
		if other == turn {
			p.waiting = append(p.waiting[:i], p.waiting[i+1:]...)
			return
		}
	}
	p.wake()
}

// prune closes what has waited for too long, or since a time that is still to come.
func (p *pool) prune(idleFor time.Duration) {
	now := wallClock()
	kept := p.idle[:0]
	for _, c := range p.idle {
		if age := now.Sub(c.idleSince); age >= 0 && age < idleFor {
			kept = append(kept, c)
			continue
		}
		_ = c.Close()
		p.open--
	}
	clear(p.idle[len(kept):])
	p.idle = kept
}

func (p *pool) closeIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.idle {
		_ = c.Close()
		p.open--
		p.wake()
	}
	p.idle = nil
}

// wallClock is the time without its monotonic reading, which stands still while
// Lambda freezes the function.
func wallClock() time.Time { return time.Now().Round(0) }
