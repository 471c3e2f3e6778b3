package configure

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v3"

	"billingportal/local/internal/commandline"
	"billingportal/local/internal/commandline/commandtest"
)

// configureLine returns the command line with only this command.
func configureLine() *cli.Command {
	getenv := func(string) string { return "" }
	return commandline.Finish(&cli.Command{Commands: []*cli.Command{Command(getenv)}},
		func(*cli.Command) string { return "" })
}

// At a terminal, configure says that it waits for a token. In a pipe it says nothing.
func TestConfigureSaysThatItWaits(t *testing.T) {
	person, program := commandtest.Terminal(t)
	root := configureLine()
	said, errOut := io.Pipe()
	root.Reader, root.Writer, root.ErrWriter = program, io.Discard, errOut
	failed := make(chan error, 1)
	go func() { failed <- root.Run(context.Background(), []string{"local", "configure", "--offline"}) }()
	line, err := bufio.NewReader(said).ReadString(',') // before anything is typed
	if err != nil || line != "Waiting for a token: paste it," {
		t.Errorf("%v: %q", err, line)
	}
	go func() { _, _ = io.Copy(io.Discard, said) }()
	if _, err := person.WriteString("not a token\n\x04"); err != nil { // and Ctrl-D
		t.Fatal(err)
	}
	select {
	case err := <-failed:
		if err == nil {
			t.Error("it accepts a text that is not a token")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it waits after Ctrl-D")
	}

	_, piped, _ := commandtest.RunWith(t.Context(), strings.NewReader("not a token"), configureLine(), "configure")
	if strings.Contains(piped, "Waiting") {
		t.Errorf("in a pipe it says %q", piped)
	}
}

// If some settings accept the token, the next step is the deployment. Otherwise the error names it.
func TestConfigureNamesTheNextStep(t *testing.T) {
	t.Parallel()
	signer := newSigner(t)
	claims := map[string]any{"iss": "https://issuer.example.com", "aud": "api", "sub": "u1"}
	good := signer.sign(t, claims)
	for _, test := range []struct {
		name, token, next, failure string
	}{
		{"accepted", good, "Next: copy the parameters into .deploy/prod.toml, then run\n  make deploy ENV=prod\n", ""},
		{"no audience", signer.sign(t, map[string]any{"iss": "https://issuer.example.com", "sub": "u1"}), "",
			"no settings accept this token: get another token"},
	} {
		var out bytes.Buffer
		root := configureLine()
		root.Reader, root.Writer, root.ErrWriter = strings.NewReader(test.token), io.Discard, &out
		err := root.Run(t.Context(), []string{"local", "configure", "--offline"})
		if out.String() != test.next || !strings.HasPrefix(commandtest.Said(err), test.failure) {
			t.Errorf("%s: %v, %q", test.name, err, &out)
		}
	}
}
