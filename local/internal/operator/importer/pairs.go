package importer

import (
	"iter"
	"strings"
)

// separator is between the fields of a sorted line. It sorts before every character of a field, so
// that equal fields come together.
const separator = "\x00"

// pair is a customer and a user: the user has the customer, or a claim says so.
type pair struct {
	customer, user string
	// other is another user with the same customer; "" for none.
	other string
	// lines counts the sorted lines of the pair that have a rest after the user. last is the
	// greatest rest.
	lines int
	last  string
}

// pairs joins sorted lines into pairs. A line is customer, separator, user, separator, and a rest.
// It holds only two pairs, however many users a customer has.
type pairs struct {
	next   func() (string, error, bool)
	stop   func()
	line   string // read ahead
	isOver bool
	ahead  *pair
	first  pair // of the current customer
}

func newPairs(sorted iter.Seq2[string, error]) (*pairs, error) {
	p := &pairs{}
	p.next, p.stop = iter.Pull2(sorted)
	if err := p.advance(); err != nil {
		p.stop()
		return nil, err
	}
	ahead, err := p.join()
	p.ahead = ahead
	return p, err
}

func (p *pairs) advance() error {
	line, err, more := p.next()
	p.line, p.isOver = line, !more
	return err
}

// join reads the lines of one pair. It returns nil at the end.
func (p *pairs) join() (*pair, error) {
	if p.isOver {
		return nil, nil //nolint:nilnil // the end
	}
	customer, user, _ := split(p.line)
	joined := &pair{customer: customer, user: user}
	for !p.isOver {
		nextCustomer, nextUser, rest := split(p.line)
		if nextCustomer != customer || nextUser != user {
			break
		}
		if rest != "" {
			joined.lines++
			joined.last = rest
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	return joined, nil
}

func split(line string) (customer, user, rest string) {
	customer, line, _ = strings.Cut(line, separator)
	user, rest, _ = strings.Cut(line, separator)
	return customer, user, rest
}

// read returns the next pair, and false after the last one. A pair without a user does not count as
// another user of the customer.
func (p *pairs) read() (pair, bool, error) {
	if p.ahead == nil {
		return pair{}, false, nil
	}
	current := *p.ahead
	var err error
	if p.ahead, err = p.join(); err != nil {
		return pair{}, false, err
	}
	if current.user == "" {
		return current, true, nil
	}
	if p.first.customer != current.customer || p.first.user == "" {
		p.first = current
		if p.ahead != nil && p.ahead.customer == current.customer {
			current.other = p.ahead.user
		}
		return current, true, nil
	}
	current.other = p.first.user
	return current, true, nil
}
