package configure

import (
	"bytes"
	"io"
	"strings"
	"testing"

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
