package commandline_test

import (
	"context"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"

	"billingportal/local/internal/commandline"
	"billingportal/local/internal/commandline/commandtest"
)

// root returns a command line with flags of every type, whose commands print the command to paste.
func root() *cli.Command {
	again := func(_ context.Context, cmd *cli.Command) error {
		commandline.Next(cmd, "%s", commandline.Again(cmd, []string{"dry-run"}, "--more"))
		return nil
	}
	flags := func() []cli.Flag {
		return []cli.Flag{
			&cli.StringFlag{Name: "file", Local: true}, &cli.BoolFlag{Name: "dry-run", Local: true},
			&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Local: true},
			&cli.IntFlag{Name: "rate", Value: 20, Local: true},
			&cli.StringMapFlag{Name: "customer", Local: true},
		}
	}
	return commandline.Finish(&cli.Command{Usage: "Do something", Flags: flags(), Action: again,
		Commands: []*cli.Command{{
			Name: "outer", Usage: "Do more", Commands: []*cli.Command{{
				Name: "inner", Usage: "Do the most", ArgsUsage: "FILE", Flags: flags(), Action: again,
				Description: "EXAMPLES:\n   go run ./local outer inner x",
			}},
		}}}, func(*cli.Command) string { return "" })
}

// The command to paste has the flags that were given, as words of a shell, and no defaults.
func TestAgainIsReadyToPaste(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		arguments []string
		want      string
	}{
		{nil, "go run ./local --more"},
		{[]string{"--rate", "5", "--dry-run"}, "go run ./local --rate 5 --more"},
		{[]string{"--customer", "b=cus_2", "--customer", "a=cus_1"},
			"go run ./local --customer a=cus_1 --customer b=cus_2 --more"},
		{[]string{"outer", "inner", "-a", "--file", "my users.csv", "it's"},
			`go run ./local outer inner 'it'\''s' --file 'my users.csv' --all --more`},
		{[]string{"outer", "inner", "--all=false", "--file", "-"}, "go run ./local outer inner --file - --more"},
	} {
		output, errOut, err := commandtest.Run(t, root(), test.arguments...)
		if err != nil || output != "" || errOut != "Next: "+test.want+"\n" {
			t.Errorf("%q: %v, %q, want %q: %s", test.arguments, err, errOut, test.want, output)
		}
	}
}

// Help is a sentence, the usage, the flags, and then the examples.
func TestHelpBeginsWithASentence(t *testing.T) {
	t.Parallel()
	for arguments, want := range map[string][]string{
		"--help": {"Do something.\n\nUSAGE:\n   go run ./local [options]\n", "\nCOMMANDS:\n",
			"   outer ", "\nOPTIONS:\n"},
		"outer --help": {"Do more.\n\nUSAGE:\n   go run ./local outer", "\nCOMMANDS:\n   inner "},
		"outer inner --help": {"Do the most.\n\nUSAGE:\n   go run ./local outer inner [options] FILE\n",
			"\nOPTIONS:\n", "\nEXAMPLES:\n"},
	} {
		output, _, err := commandtest.Run(t, root(), strings.Fields(arguments)...)
		if err != nil || !strings.HasPrefix(output, want[0]) {
			t.Errorf("%s: %v\n%s", arguments, err, output)
		}
		at := 0
		for _, part := range want {
			next := strings.Index(output[at:], part)
			if next < 0 {
				t.Fatalf("%s: no %q in its place:\n%s", arguments, part, output)
			}
			at += next
		}
	}
}
