package configure

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"billingportal/local/internal/commandline/commandtest"
)

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
