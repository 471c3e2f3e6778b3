// Package runtimeapi runs a real bootstrap binary as Lambda does: as a child process that fetches
// its invocations from the Runtime API
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html), one at a time, and that is
// killed when it is late. It is for tests of the binary that is deployed, and for measuring it.
//
// What differs from Lambda: the process is frozen only by [Process.Freeze], a start that takes long
// is bounded by the deadline of the invocation that waits for it, and a process that has exited is
// not replaced: each further invocation reports that it exited.
package runtimeapi

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// maxPayload is the most that an invocation may carry in either direction, in bytes
// (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
const maxPayload = 6_291_556

// Process is a running function.
type Process struct {
	api            *api
	cmd            *exec.Cmd
	stdout, stderr *output
	started        time.Time
	turn           chan struct{} // holds one token while an invocation is under way
	exited         chan struct{}

	mu   sync.Mutex
	last Usage // the latest reading
}

// Start starts the bootstrap at path. It sees the variables that Lambda sets and env, of which the
// latter win, and nothing of the caller's environment. When ctx ends the process is killed. Start
// does not wait for it to be [Process.Ready].
func Start(ctx context.Context, path string, env []string) (*Process, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	stdout, err := newOutput()
	if err != nil {
		return nil, err
	}
	stderr, err := newOutput()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Process{
		api:    newAPI(),
		cmd:    exec.CommandContext(ctx, path),
		stdout: stdout, stderr: stderr,
		turn: make(chan struct{}, 1), exited: make(chan struct{}),
	}
	server := &http.Server{Handler: p.api, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // until it is closed below

	p.cmd.Dir = filepath.Dir(path)
	p.cmd.Env = append(environment(listener.Addr().String(), p.cmd.Dir), env...)
	p.cmd.Stdout, p.cmd.Stderr = stdout.file, stderr.file
	p.started = time.Now()
	if err := p.cmd.Start(); err != nil {
		_ = server.Close()
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in ProcessState
		_ = server.Close()
		stdout.finish()
		stderr.finish()
		close(p.exited)
	}()
	return p, nil
}

// Ready returns when the function waits for an invocation: after its start, or after it has
// finished the last one. It is an error if the process exits before.
func (p *Process) Ready(ctx context.Context) error {
	select {
	case <-p.api.ready():
	case <-p.exited:
	case <-ctx.Done():
		return ctx.Err()
	}
	if isClosed(p.exited) {
		return fmt.Errorf("runtimeapi: the process has exited: %s", p.cmd.ProcessState)
	}
	return nil
}

// Invoke hands payload to the function and returns what it answers: a response, or a functionError,
// the JSON document that Lambda would return to its caller, which tells also of a process that
// exited or was killed at the deadline. err is a fault of the call itself; if ctx ends while the
// function works, the process is killed, since its answer would be taken for that of the next
// invocation.
func (p *Process) Invoke(ctx context.Context, payload []byte, deadline time.Time) (response,
	functionError []byte, err error) {
	if len(payload) > maxPayload {
		return nil, nil, fmt.Errorf("runtimeapi: a payload of %d bytes, at most %d", len(payload), maxPayload)
	}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}

	inv := newInvocation(payload, deadline)
	timeout := time.Until(deadline)
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	next := p.api.next
	for {
		select {
		case next <- inv:
			next = nil // the function has it
		case out := <-inv.done:
			return out.response, out.functionError, nil
		case <-p.exited:
			select {
			case out := <-inv.done: // its last act
				return out.response, out.functionError, nil
			default:
				return nil, p.exitError(inv), nil
			}
		case <-timer.C:
			p.Stop()
			const late = "RequestId: %s Error: Task timed out after %.2f seconds"
			return nil, errorDocument("Sandbox.Timedout", late, inv.id, timeout.Seconds()), nil
		case <-ctx.Done():
			p.Stop()
			return nil, nil, ctx.Err()
		}
	}
}

// exitError is what Lambda says of a process that exited when it should have answered.
func (p *Process) exitError(inv *invocation) []byte {
	if doc := p.api.initError(); doc != nil {
		return doc
	}
	reason := "Runtime exited without providing a reason"
	if !p.cmd.ProcessState.Success() {
		reason = "Runtime exited with error: " + p.cmd.ProcessState.String()
	}
	return errorDocument("Runtime.ExitError", "RequestId: %s Error: %s", inv.id, reason)
}

// Stop kills the process, as Lambda does when it no longer needs it, and waits until it is gone.
func (p *Process) Stop() {
	_, _ = p.Usage()         // the peak memory is known only while it lives
	_ = p.cmd.Process.Kill() // fails only if it is gone already
	<-p.exited
}

// Exited is closed when the process is gone and all that it wrote has been read.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Stdout is everything that the process has written to its standard output so far.
func (p *Process) Stdout() string { return p.stdout.String() }

// Stderr is everything that the process has written to its standard error so far. The Go runtime
// and package log write there.
func (p *Process) Stderr() string { return p.stderr.String() }

// Times are points in the life of a process, zero until reached. The last two are of its latest
// invocation.
type Times struct {
	Started    time.Time // just before the process was created
	FirstNext  time.Time // it asked for its first invocation: its initialization is over
	Dispatched time.Time // it was given the invocation
	Answered   time.Time // its answer had arrived, whole
}

// Times returns what has been reached so far.
func (p *Process) Times() Times {
	times := p.api.times()
	times.Started = p.started
	return times
}
