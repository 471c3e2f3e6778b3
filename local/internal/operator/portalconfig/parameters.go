package portalconfig

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Parameters is the operator's file for a deployment, with a line for each parameter:
// DefaultConfiguration = "bpc_…". Only the lines about portal configurations change.
type Parameters struct {
	path    string
	mode    fs.FileMode
	lines   []string
	allowed int // the line of AllowedConfigurations, or -1
	chosen  int // the line of DefaultConfiguration, or -1
}

const (
	allowedName  = "AllowedConfigurations"
	defaultName  = "DefaultConfiguration"
	livemodeName = "StripeLivemode"
)

var (
	parameterPattern = regexp.MustCompile(`^[ \t]*["']?(` + allowedName + `|` + defaultName + `|` +
		livemodeName + `)["']?[ \t]*=[ \t]*(.*?)[ \t\r]*$`)
	// the groups are: in double quotes, in single quotes, without quotes, a comment
	valuePattern = regexp.MustCompile(`^(?:"([^"'\\]*)"|'([^"'\\]*)'|(true|false))([ \t]*#.*)?$`)
)

// NewParameters returns parameters without lines.
func NewParameters() *Parameters { return &Parameters{mode: 0o600, allowed: -1, chosen: -1} }

// ReadParameters reads the file, which may not exist yet. It refuses a file that cannot be changed
// later or that is for the other mode.
func ReadParameters(path string, livemode bool) (*Parameters, error) {
	p := NewParameters()
	p.path = path
	text, err := os.ReadFile(path) //nolint:gosec // the operator names it
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Dir(filepath.Dir(path))); err != nil { // Write creates only one folder
			return nil, fmt.Errorf("the file of parameters: %w", err)
		}
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the file of parameters: %w", err)
	}
	if info, err := os.Stat(path); err == nil {
		p.mode = info.Mode().Perm()
	}
	if p.mode&0o200 == 0 { // Write replaces the file, which would ignore its mode
		return nil, fmt.Errorf("the file of parameters: %s is read-only", path)
	}
	p.lines = strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for i, line := range p.lines {
		if strings.HasPrefix(strings.TrimSpace(line), "[") {
			return nil, fmt.Errorf("%s:%d: has a table: a parameter is a line, for example %s = \"bpc_…\"",
				path, i+1, defaultName)
		}
		match := parameterPattern.FindStringSubmatch(strings.TrimPrefix(line, "\ufeff"))
		if match == nil {
			continue
		}
		name, groups := match[1], valuePattern.FindStringSubmatch(match[2])
		if groups == nil {
			return nil, fmt.Errorf("%s:%d: %s must be a string in quotes", path, i+1, name)
		}
		var at *int
		switch name {
		case allowedName:
			at = &p.allowed
		case defaultName:
			at = &p.chosen
		case livemodeName:
			if cmp.Or(groups[1], groups[2], groups[3]) != strconv.FormatBool(livemode) {
				return nil, fmt.Errorf("%s:%d: the deployment is not in Stripe's %s mode, but the key is",
					path, i+1, modeOf(livemode))
			}
			continue
		}
		if *at >= 0 {
			return nil, fmt.Errorf("%s:%d: %s occurs twice", path, i+1, name)
		}
		*at = i
	}
	return p, nil
}

// match returns the groups of valuePattern in a line.
func (p *Parameters) match(at int) []string {
	return valuePattern.FindStringSubmatch(parameterPattern.FindStringSubmatch(strings.TrimPrefix(p.lines[at],
		"\ufeff"))[2])
}

func (p *Parameters) value(at int) string {
	if at < 0 {
		return ""
	}
	groups := p.match(at)
	return cmp.Or(groups[1], groups[2]) // true and false without quotes are no IDs
}

// ids returns the IDs in the lines of the file.
func (p *Parameters) ids(lines ...int) []string {
	var all []string
	for _, at := range lines {
		all = append(all, strings.FieldsFunc(p.value(at), func(c rune) bool { return c == ',' || c == ' ' })...)
	}
	return all
}

// Fits refuses a file with IDs that do not exist in this mode, because it is probably for the other
// mode.
func (p *Plan) Fits(parameters *Parameters) error {
	for _, id := range parameters.ids(parameters.allowed, parameters.chosen) {
		if !slices.ContainsFunc(p.all, func(c found) bool { return c.ID == id }) {
			return fmt.Errorf("%s has the configuration %s, which does not exist in Stripe's %s mode: is it the file "+
				"of another deployment? If not, remove the ID from it",
				parameters.path, strconv.Quote(id), modeOf(p.stripe.Livemode()))
		}
	}
	return nil
}

// Update adds configurations to the list that callers may choose from. It makes the configuration
// called name the default; "" keeps the default. IDs of other configurations stay. Inactive
// configurations are removed, because Stripe refuses sessions with them.
func (p *Parameters) Update(applied []Applied, name string) error {
	allowed := p.ids(p.allowed)
	chosen := p.value(p.chosen)
	for _, a := range applied {
		switch {
		case !a.Active && a.ID == chosen && name == "":
			return fmt.Errorf("the configuration %q is not active, so it cannot be %s", a.Name, defaultName)
		case !a.Active:
			allowed = slices.DeleteFunc(allowed, func(id string) bool { return id == a.ID })
		case !slices.Contains(allowed, a.ID):
			allowed = append(allowed, a.ID)
		}
		if a.Name == name {
			chosen = a.ID
		}
	}
	p.set(&p.allowed, allowedName, strings.Join(allowed, ","))
	if chosen != "" {
		p.set(&p.chosen, defaultName, chosen)
	}
	return nil
}

func (p *Parameters) set(at *int, name, value string) {
	if *at >= 0 && p.value(*at) == value {
		return
	}
	line := fmt.Sprintf("%s = %q", name, value)
	if *at < 0 {
		*at = len(p.lines)
		p.lines = append(p.lines, line)
		return
	}
	p.lines[*at] = line + p.match(*at)[4]
}

// String returns the lines about portal configurations.
func (p *Parameters) String() string {
	var lines []string
	for _, at := range []int{p.allowed, p.chosen} {
		if at >= 0 {
			lines = append(lines, p.lines[at])
		}
	}
	return strings.Join(lines, "\n")
}

// Write replaces the file in one step, so that no reader sees half of it.
func (p *Parameters) Write() error {
	path := p.path
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	folder := filepath.Dir(path)
	if err := os.Mkdir(folder, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("the file of parameters: %w", err)
	}
	file, err := os.CreateTemp(folder, filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("the file of parameters: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }() // fails after the rename, as it should
	_, err = file.WriteString(strings.Join(p.lines, "\n") + "\n")
	if err = errors.Join(err, file.Chmod(p.mode), file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("the file of parameters: %w", err)
	}
	return nil
}
