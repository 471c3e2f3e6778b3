//go:build integration

// Package webdriver is a small client of W3C WebDriver (https://www.w3.org/TR/webdriver2/) for
// tests in Chromium, Firefox and WebKit. `make tools` installs the browsers and their drivers. The
// tests need only a dozen kinds of requests, and the best-known client for Go,
// github.com/tebeka/selenium, has had no release for years and supports neither shadow roots nor
// WebKitGTK.
//
//	func TestMain(m *testing.M) { os.Exit(webdriver.Run(m)) }
//
//	func TestPage(t *testing.T) {
//		b := webdriver.Open(t, webdriver.Firefox)
//		b.Goto("http://127.0.0.1:8080/")
//		b.Click("my-element >>> button")
//		b.WaitVisible("#done")
//		count := webdriver.Eval[int](b, `document.forms.length`)
//	}
package webdriver

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Names of the browsers.
const (
	Chromium = "chromium"
	Firefox  = "firefox"
	WebKit   = "webkit" // MiniBrowser of WebKitGTK
)

// Browsers returns the names of all browsers.
func Browsers() []string { return []string{Chromium, Firefox, WebKit} }

// kind is the configuration that cannot change while a browser runs.
type kind struct {
	name        string
	preferences Preferences // for WebKit
}

// session is a browser process with its driver.
type session struct {
	kind

	driver  *Process
	display *Process // Xvfb, for WebKit only
	base    string   // URL of the session
	dir     string   // for all files

	scripts time.Duration // how long to wait for the value of a script
}

var (
	mu   sync.Mutex
	idle = map[kind][]*session{}

	blank = sync.OnceValue(func() *httptest.Server {
		return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, "<!doctype html><title>Blank</title>")
		}))
	})
)

func blankPage(host string) string {
	return strings.Replace(blank().URL, "127.0.0.1", host, 1)
}

// Run runs the tests of a test binary, closes its browsers, and returns the exit status.
func Run(m *testing.M) int {
	defer func() {
		mu.Lock()
		defer mu.Unlock()
		for _, sessions := range idle {
			for _, s := range sessions {
				s.close()
			}
		}
	}()
	return m.Run()
}

// acquire returns an idle browser, or starts one.
func acquire(kind kind) (*session, error) {
	mu.Lock()
	if sessions := idle[kind]; len(sessions) > 0 {
		s := sessions[len(sessions)-1]
		idle[kind] = sessions[:len(sessions)-1]
		mu.Unlock()
		return s, nil
	}
	mu.Unlock()
	return start(kind)
}

func release(s *session) {
	mu.Lock()
	defer mu.Unlock()
	idle[s.kind] = append(idle[s.kind], s)
}

// start starts a driver, which starts a browser.
func start(kind kind) (_ *session, err error) {
	dir, err := os.MkdirTemp("", "webdriver-")
	if err != nil {
		return nil, err
	}
	s := &session{kind: kind, dir: dir}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	// All files of a browser are in its own folder.
	env := append(os.Environ(), "HOME="+dir, "TMPDIR="+dir, "XDG_CONFIG_HOME="+dir, "XDG_CACHE_HOME="+dir,
		"XDG_DATA_HOME="+dir, "XDG_RUNTIME_DIR="+dir)
	var command []string
	var capabilities map[string]any
	switch kind.name {
	case Chromium:
		binary, err := installed("chromium")
		if err != nil {
			return nil, err
		}
		command = []string{"chromedriver", "--port=" + port}
		capabilities = map[string]any{"goog:chromeOptions": map[string]any{"binary": binary, "args": []string{
			"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
			"--disable-background-networking", "--no-first-run", "--window-size=1200,1000",
		}}}
	case Firefox:
		binary, err := installed("firefox-esr")
		if err != nil {
			return nil, err
		}
		// setPreferences needs this.
		command = []string{geckodriver(), "--host", "127.0.0.1", "--port", port, "--allow-system-access"}
		capabilities = map[string]any{"moz:firefoxOptions": map[string]any{"binary": binary,
			"args": []string{"-headless", "-width", "1200", "-height", "1000"}}}
	case WebKit:
		var screen string
		if s.display, screen, err = startDisplay(); err != nil {
			return nil, err
		}
		// The sandbox needs namespaces, which containers rarely allow. All pages belong to the
		// tests.
		env = append(env, "DISPLAY="+screen, "GDK_BACKEND=x11", "NO_AT_BRIDGE=1", "LIBGL_ALWAYS_SOFTWARE=1",
			"WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS=1")
		arguments := []string{"--automation"}
		if kind.preferences.Dark {
			arguments = append(arguments, "--dark-mode")
		}
		if kind.preferences.ReducedMotion {
			if err := os.MkdirAll(filepath.Join(dir, "gtk-3.0"), 0o700); err != nil {
				return nil, err
			}
			if err := os.WriteFile(filepath.Join(dir, "gtk-3.0", "settings.ini"),
				[]byte("[Settings]\ngtk-enable-animations=0\n"), 0o600); err != nil {
				return nil, err
			}
		}
		command = []string{"WebKitWebDriver", "--port=" + port}
		capabilities = map[string]any{"webkitgtk:browserOptions": map[string]any{"args": arguments}}
	default:
		return nil, fmt.Errorf("unknown browser %q", kind.name)
	}
	if s.driver, err = StartProcess("", env, nil, command...); err != nil {
		return nil, err
	}
	s.base = "http://127.0.0.1:" + port
	if err := s.waitUntilReady(); err != nil {
		return nil, err
	}
	timeouts := map[string]any{"script": patience.Milliseconds(), "pageLoad": patience.Milliseconds()}
	if kind.name == WebKit {
		// the timeout would use setTimeout of the page, which tests replace
		timeouts["script"] = nil
		// Its driver sometimes waits forever for a page to load, so visit waits instead.
		capabilities["pageLoadStrategy"] = "none"
	}
	capabilities["timeouts"] = timeouts
	var created struct{ SessionID string }
	if err := s.command(http.MethodPost, "/session",
		map[string]any{"capabilities": map[string]any{"alwaysMatch": capabilities}}, &created); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, s.driver.Output)
	}
	s.base += "/session/" + created.SessionID
	return s, nil
}

func (s *session) waitUntilReady() error {
	deadline := time.Now().Add(patience)
	for {
		err := s.command(http.MethodGet, "/status", nil, nil)
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w\n%s", err, s.driver.Output)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// close closes the browser and its driver, and removes their files.
func (s *session) close() {
	if s.driver != nil {
		_ = s.command(http.MethodDelete, "", nil, nil)
		s.driver.Stop()
	}
	if s.display != nil {
		s.display.Stop()
	}
	_ = os.RemoveAll(s.dir)
}

// Error is an error of a driver. https://www.w3.org/TR/webdriver2/#errors
type Error struct {
	Code    string `json:"error"` // for example "stale element reference"
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// A command waits a little longer than a driver does. While a condition is tried again and again,
// a script waits less: WebKit never returns the value if another page replaces that of the script.
const (
	commandTimeout = patience + 10*time.Second
	tryTimeout     = 3 * time.Second
)

// command sends a command, and decodes the value of the response into out, if not nil.
func (s *session) command(method, path string, in map[string]any, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	timeout := commandTimeout
	if strings.HasPrefix(path, "/execute/") && s.scripts > 0 {
		timeout = s.scripts
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, s.base+path, body)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct{ Value json.RawMessage }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s %s: %s: %w", method, path, response.Status, err)
	}
	if response.StatusCode != http.StatusOK {
		var failure Error
		if err := json.Unmarshal(answer.Value, &failure); err != nil {
			return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, answer.Value)
		}
		return &failure
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer.Value, out)
}

// Process is a program that ends together with this process, for any reason.
type Process struct {
	Ended  chan struct{} // closed when the program has ended
	Output *Output

	stdin io.Closer
}

// StartProcess starts a program in a directory, "" for the current one. A shell waits for Stop or
// the end of this process or of the program, and then kills the program and its child processes.
// extra becomes file descriptor 3 of the program.
func StartProcess(dir string, env []string, extra *os.File, command ...string) (*Process, error) {
	if _, err := installed(command[0]); err != nil {
		return nil, err
	}
	//nolint:gosec,noctx // the callers choose the command, and Stop ends it
	cmd := exec.Command("sh", append([]string{"-c", `{ "$@"; kill -KILL 0; } & read -r _; kill -KILL 0`, "sh"},
		command...)...)
	cmd.Dir, cmd.Env = dir, env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if extra != nil {
		cmd.ExtraFiles = []*os.File{extra}
	}
	p := &Process{Ended: make(chan struct{}), Output: &Output{}}
	cmd.Stdout, cmd.Stderr = p.Output, p.Output
	cmd.WaitDelay = time.Second // a browser that left the process group may keep the output open
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	p.stdin = stdin
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = cmd.Wait()
		close(p.Ended)
	}()
	return p, nil
}

// Stop kills the program and its child processes, and waits for its end.
func (p *Process) Stop() {
	_ = p.stdin.Close()
	<-p.Ended
}

// Output keeps the last output of a program.
type Output struct {
	mu   sync.Mutex
	text []byte
}

func (o *Output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, text...)
	if len(o.text) > 8000 {
		o.text = bytes.Clone(o.text[len(o.text)-4000:])
	}
	return len(text), nil
}

func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}

// startDisplay starts Xvfb and returns its DISPLAY. WebKitGTK cannot run without a display. Two
// windows cannot share one, because only one of them would have the focus.
func startDisplay() (*Process, string, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = read.Close() }()
	started, err := StartProcess("", os.Environ(), write,
		"Xvfb", "-displayfd", "3", "-screen", "0", "1600x1600x24", "-nolisten", "tcp")
	_ = write.Close()
	if err != nil {
		return nil, "", err
	}
	number, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		started.Stop()
		return nil, "", fmt.Errorf("start Xvfb: %w: %s", err, started.Output)
	}
	return started, ":" + strings.TrimSpace(number), nil
}

// installed returns the path of a program.
func installed(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return "", errors.Join(err, errors.New("run: make tools"))
	}
	return path, nil
}

// geckodriver returns the path to which `make tools` installs geckodriver. Debian does not package
// it.
func geckodriver() string {
	_, source, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(source), "..", "..", "..", ".tools", "geckodriver", "bin", "geckodriver")
}

func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = listener.Close() }()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port), nil //nolint:errcheck,forcetypeassert // of TCP
}
