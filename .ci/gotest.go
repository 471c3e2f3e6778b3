//go:build ignore

// Gotest runs `go test` with its own arguments and fails if a test was skipped, because a skipped
// test has checked nothing.
//
//	go run .ci/gotest.go -race ./...
//
// It prints the output of tests that failed or were skipped, and go test's line for each package.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

func main() {
	cmd := exec.Command("go", append([]string{"test", "-json"}, os.Args[1:]...)...)
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		os.Exit(1)
	}
	skipped := report(events, os.Stdout)
	err = cmd.Wait()
	if len(skipped) > 0 {
		fmt.Fprintf(os.Stderr, "gotest: skipped: %s\n", strings.Join(skipped, ", "))
		os.Exit(1)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		os.Exit(1)
	}
}

// event is a line of `go test -json`, described by `go doc test2json`.
type event struct {
	Action, Package, Test, Output string
}

// report prints the relevant output of events and returns the tests that were skipped.
func report(events io.Reader, out io.Writer) []string {
	var skipped []string
	held := map[[2]string]string{} // output of the tests that have not ended
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		switch {
		case len(line) == 0:
		case json.Unmarshal(line, &e) != nil:
			out.Write(line)
		case e.Test == "" && e.Action != "skip": // a package; its own "skip" says that it has no tests
			if e.Output != "PASS\n" { // the package's own line says the same
				io.WriteString(out, e.Output)
			}
		case e.Test != "":
			test := [2]string{e.Package, e.Test}
			switch e.Action {
			case "output":
				held[test] += e.Output
			case "skip":
				skipped = append(skipped, e.Package+"."+e.Test)
				fallthrough
			case "fail":
				io.WriteString(out, held[test])
				delete(held, test)
			case "pass":
				delete(held, test)
			}
		}
		if err != nil {
			// A test that crashed or timed out has no end event; its output says why.
			for _, output := range held {
				io.WriteString(out, output)
			}
			return skipped
		}
	}
}
