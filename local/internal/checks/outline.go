package checks

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// outline is a node of a YAML document: a mapping or a sequence, whose members are named 0, 1, 2 and so on, or a scalar or a
// flow sequence, as it is written. The text of a block scalar is left out.
type outline struct {
	value   string
	names   []string // of the members, in order
	members map[string]*outline
}

var (
	member      = regexp.MustCompile(`^('[^']*'|[^'"#\s].*?):(?: +(.*))?$`)
	blockScalar = regexp.MustCompile(`^[|>][+-]?$`)
)

// parseOutline reads YAML as it is written here: a member in a line, two more spaces for each level, sequences too, and flow
// sequences of scalars.
func parseOutline(text string) (*outline, error) {
	root := &outline{}
	open := map[int]*outline{0: root} // what members of an indentation belong to
	skip := -1                        // the indentation of the member whose block scalar is being left out
	var sequence *outline             // a flow sequence that goes on
	for line := range strings.Lines(text) {
		content := strings.TrimSpace(line)
		indent := len(line) - len(strings.TrimLeft(line, " "))
		switch {
		case sequence != nil:
			sequence.value += " " + content
			if strings.HasSuffix(content, "]") {
				sequence = nil
			}
			continue
		case content == "", strings.HasPrefix(content, "#"), skip >= 0 && indent > skip:
			continue
		}
		skip = -1
		if open[indent] == nil {
			return nil, fmt.Errorf("a line that belongs to nothing: %s", content)
		}
		for strings.HasPrefix(content, "- ") {
			item := open[indent].add(strconv.Itoa(len(open[indent].names)))
			content, indent = content[2:], indent+2
			item.value = scalar(content)
			open[indent] = item
		}
		m := member.FindStringSubmatch(content)
		if m == nil {
			continue
		}
		open[indent].value = ""
		child := open[indent].add(scalar(m[1]))
		child.value = scalar(m[2])
		open[indent+2] = child
		switch {
		case blockScalar.MatchString(m[2]):
			skip = indent
		case strings.HasPrefix(m[2], "[") && !strings.HasSuffix(m[2], "]"):
			sequence = child
		}
	}
	return root, nil
}

func (o *outline) add(name string) *outline {
	if o.members == nil {
		o.members = map[string]*outline{}
	}
	child := &outline{}
	o.names = append(o.names, name)
	o.members[name] = child
	return child
}

// at follows a path of names; what is not there is empty.
func (o *outline) at(path ...string) *outline {
	for _, name := range path {
		next, ok := o.members[name]
		if !ok {
			return &outline{}
		}
		o = next
	}
	return o
}

// list returns the scalars of a sequence, in flow or in block style.
func (o *outline) list() []string {
	var values []string
	for _, name := range o.names {
		values = append(values, o.members[name].value)
	}
	if inner, ok := strings.CutPrefix(o.value, "["); ok {
		for value := range strings.SplitSeq(strings.TrimSuffix(inner, "]"), ",") {
			values = append(values, scalar(strings.TrimSpace(value)))
		}
	}
	return values
}
