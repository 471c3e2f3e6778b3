// Package runtimeapi runs a real bootstrap binary like Lambda: as a child process that fetches its
// invocations from the Runtime API
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html), one at a time, and that is
// killed when an invocation exceeds its deadline. It is for tests and measurements of the deployed
// binary.
//
// Unlike Lambda, it freezes the process only on [Process.Freeze]. The deadline of the first
// invocation also limits a slow start. A process that has exited is not replaced: each further
// invocation reports that it exited.
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

// maxPayload is the limit on the event and the response of an invocation, in bytes
// (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
const maxPayload = 6_291_556

// Process is a running function.
type Process struct {
	api            *api
	cmd            *exec.Cmd
	stdout, stderr *output
	started        time.Time
	turn           chan struct{} // holds one token during an invocation
	exited         chan struct{}

	mu   sync.Mutex
	last Usage // the latest reading
}

// Start starts the bootstrap at path. Its environment is the variables that Lambda sets and env,
// which overrides them; it does not inherit the environment of the caller. The process is killed
// when ctx ends. Start does not wait for the process to be [Process.Ready].
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
		_ = p.cmd.Wait() // p.cmd.ProcessState holds the result
		_ = server.Close()
		stdout.finish()
		stderr.finish()
		close(p.exited)
	}()
	return p, nil
}

// Ready returns when the function waits for an invocation: after its start, or after the previous
// invocation. It returns an error if the process exits first.
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

// Invoke sends payload to the function. It returns either its response or a functionError, the JSON
// document that Lambda would return to its caller. A functionError also reports that the process
// exited or was killed at the deadline. err is an error of the call itself. If ctx ends during the
// invocation, the process is killed, because its response would otherwise be taken for the response
// to the next invocation.
func (p *Process) Invoke(ctx context.Context, payload []byte, deadline time.Time) (response,
	functionError []byte, err error) {
	if len(payload) > maxPayload {
		return nil, nil, fmt.Errorf("runtimeapi: the payload has %d bytes, the limit is %d", len(payload), maxPayload)
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
			case out := <-inv.done: // a response right before the exit
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

// exitError returns the error of Lambda for a process that exited without a response.
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

// Stop kills the process, as Lambda does when it no longer needs it, and waits until it has exited.
func (p *Process) Stop() {
	_, _ = p.Usage()         // the peak memory is only known while the process runs
	_ = p.cmd.Process.Kill() // fails only if the process has exited
	<-p.exited
}

// Exited returns a channel that is closed when the process has exited and all its output has been
// read.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Stdout returns the standard output of the process so far.
func (p *Process) Stdout() string { return p.stdout.String() }

// Stderr returns the standard error of the process so far. The Go runtime and package log write to
// it.
func (p *Process) Stderr() string { return p.stderr.String() }

// Times are points in time in the life of a process, zero until reached. The last two belong to the
// latest invocation.
type Times struct {
	Started    time.Time // just before the process was created
	FirstNext  time.Time // it requested its first invocation: its initialization is over
	Dispatched time.Time // it received the invocation
	Answered   time.Time // its response arrived completely
}

// Times returns the times reached so far.
func (p *Process) Times() Times {
	times := p.api.times()
	times.Started = p.started
	return times
}
