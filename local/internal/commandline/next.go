package commandline

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"
)

// Next prints the next step, with which every command ends, on standard error.
func Next(cmd *cli.Command, format string, values ...any) {
	fmt.Fprintf(cmd.Root().ErrWriter, "Next: "+format+"\n", values...)
}

// Again returns the command line that the operator typed, ready to paste: without the flags named
// in without, and with more words at the end.
func Again(cmd *cli.Command, without []string, more ...string) string {
	words := []string{"go run ./local"}
	if cmd != cmd.Root() {
		words = append(words, nameOf(cmd))
	}
	for _, argument := range cmd.Args().Slice() {
		words = append(words, Quote(argument))
	}
	for _, flag := range cmd.Flags {
		name := flag.Names()[0]
		if !flag.IsSet() || slices.Contains(without, name) {
			continue
		}
		switch value := flag.Get().(type) {
		case bool:
			if value {
				words = append(words, "--"+name)
			}
		case map[string]string:
			for _, key := range slices.Sorted(maps.Keys(value)) {
				words = append(words, "--"+name, Quote(key+"="+value[key]))
			}
		default:
			words = append(words, "--"+name, Quote(withoutPassword(fmt.Sprint(value))))
		}
	}
	return strings.Join(append(words, more...), " ")
}

// withoutPassword hides the password in a URL.
func withoutPassword(value string) string {
	if u, err := url.Parse(value); err == nil && u.User != nil {
		return u.Redacted()
	}
	return value
}

var shellWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// Quote returns a value as one word of a POSIX shell.
func Quote(value string) string {
	if shellWord.MatchString(value) {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}
