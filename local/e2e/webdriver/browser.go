//go:build integration

package webdriver

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// patience is how long a Browser waits for a condition, and a script for a promise.
const patience = 20 * time.Second

// Preferences are the preferences of the user that pages can read.
type Preferences struct {
	Dark          bool // prefers-color-scheme: dark
	ReducedMotion bool // prefers-reduced-motion: reduce
}

// Browser is a browser with one tab that belongs to one test. Every method fails the test if the
// browser does not do the action within 20 seconds.
//
// A selector is a CSS selector. " >>> " leads into an open shadow root: "my-element >>> button". It
// selects the first visible match.
type Browser struct {
	// Name is Chromium, Firefox or WebKit.
	Name string

	t testing.TB
	s *session
}

// Open returns a browser that no other test in this test binary is using, and starts one if
// necessary. The browser has no cookies, light mode, a viewport of 1200 × 1000 CSS pixels and no
// data of a user. Its process continues for the next test; see Run.
func Open(t testing.TB, name string) *Browser {
	t.Helper()
	b := &Browser{Name: name, t: t}
	t.Cleanup(func() {
		switch {
		case b.s == nil:
		case t.Failed(): // the test may have left it in any state
			b.s.close()
		default:
			release(b.s)
		}
	})
	b.Prefer(Preferences{})
	return b
}

// With returns the same browser for another test, for example a subtest.
func (b *Browser) With(t testing.TB) *Browser {
	other := *b
	other.t = t
	return &other
}

// Prefer changes the preferences. Call it before Goto, because it clears cookies and opens
// about:blank: WebKit has to restart.
func (b *Browser) Prefer(preferences Preferences) {
	b.t.Helper()
	kind := kind{name: b.Name}
	if b.Name == WebKit { // the other two can change them at any time
		kind.preferences = preferences
	}
	if b.s == nil || b.s.kind != kind {
		if b.s != nil {
			release(b.s)
			b.s = nil
		}
		s, err := acquire(kind)
		if err != nil {
			b.t.Fatalf("%s: %v", b.Name, err)
		}
		b.s = s
	}
	b.check(b.s.clear(), "clear")
	b.check(b.s.prefer(preferences), "prefer")
	b.Resize(1200, 1000)
}

// Goto opens an address and waits until the page has loaded.
func (b *Browser) Goto(address string) {
	b.t.Helper()
	b.check(b.s.open(address), "open "+address)
}

// Location returns the address of the page.
func (b *Browser) Location() string {
	b.t.Helper()
	var address string
	b.check(b.s.command("GET", "/url", nil, &address), "location")
	return address
}

// WaitLocation waits until the address of the page starts with a prefix. Unlike the other methods
// that wait, it does not run a script, because then Firefox would not cache the page for Back.
func (b *Browser) WaitLocation(prefix string) {
	b.t.Helper()
	b.retry("wait for "+prefix, func() error {
		var address string
		if err := b.s.command("GET", "/url", nil, &address); err != nil {
			return err
		}
		if !strings.HasPrefix(address, prefix) {
			return errors.New("the page has another address")
		}
		return nil
	})
}

// Back goes back in the history, like the button of the browser.
func (b *Browser) Back() {
	b.t.Helper()
	b.WaitFor(`document.readyState === "complete"`)
	b.check(b.s.visit("/back", map[string]any{}), "back")
}

// Forward goes forward in the history.
func (b *Browser) Forward() {
	b.t.Helper()
	b.check(b.s.visit("/forward", map[string]any{}), "forward")
}

// Click waits for an element, scrolls it into view, and clicks on its center like a mouse. It does
// not click if another element covers it.
func (b *Browser) Click(selector string) {
	b.t.Helper()
	b.retry("click "+selector, func() error {
		element, err := b.s.find(selector)
		if err != nil {
			return err
		}
		return b.s.command("POST", "/element/"+element+"/click", map[string]any{}, nil)
	})
}

// Type waits for an element, focuses it, and types text.
func (b *Browser) Type(selector, text string) {
	b.t.Helper()
	b.retry("type into "+selector, func() error {
		element, err := b.s.find(selector)
		if err != nil {
			return err
		}
		return b.s.command("POST", "/element/"+element+"/value", map[string]any{"text": text}, nil)
	})
}

// Keys for Press. Other keys are the characters themselves.
// https://www.w3.org/TR/webdriver2/#keyboard-actions
const (
	Tab   = "\uE004"
	Enter = "\uE007"
	Shift = "\uE008"
)

// Press presses keys together and releases them, for example Shift and Tab. The element with the
// focus receives them.
func (b *Browser) Press(keys ...string) {
	b.t.Helper()
	var actions []map[string]any
	for _, key := range keys {
		actions = append(actions, map[string]any{"type": "keyDown", "value": key})
	}
	for _, key := range slices.Backward(keys) {
		actions = append(actions, map[string]any{"type": "keyUp", "value": key})
	}
	b.check(b.s.command("POST", "/actions", map[string]any{"actions": []map[string]any{
		{"type": "key", "id": "keyboard", "actions": actions},
	}}, nil), fmt.Sprintf("press %q", keys))
}

// Text waits for an element and returns its innerText.
func (b *Browser) Text(selector string) string {
	b.t.Helper()
	var text string
	b.retry("text of "+selector, func() error {
		return b.s.evaluate(`(`+findScript+`)(`+Quote(selector)+`).innerText`, &text)
	})
	return text
}

// WaitVisible waits until an element is visible.
func (b *Browser) WaitVisible(selector string) {
	b.t.Helper()
	b.retry("wait for "+selector, func() error {
		_, err := b.s.find(selector)
		return err
	})
}

// WaitFor waits until a JavaScript expression, or its promise, is true. It treats an exception as
// false, because the page may still be loading.
func (b *Browser) WaitFor(expression string) {
	b.t.Helper()
	b.retry("wait for "+expression, func() error {
		var holds bool
		if err := b.s.evaluate(`!!await (`+expression+`)`, &holds); err != nil {
			return err
		}
		if !holds {
			return errors.New("the expression is false")
		}
		return nil
	})
}

// Eval returns the value of a JavaScript expression in the page, converted through JSON. It awaits
// promises. It returns the zero value for undefined.
func Eval[T any](b *Browser, expression string) T {
	b.t.Helper()
	var value T
	b.check(b.s.evaluate(expression, &value), "eval "+expression)
	return value
}

// Run runs the body of an async function in the page.
func (b *Browser) Run(statements string) {
	b.t.Helper()
	b.check(b.s.evaluate(`(async () => { `+statements+"\n})()", nil), "run "+statements)
}

// Resize sets the size of the viewport in CSS pixels, or the nearest size that the window allows:
// the toolbar of WebKit needs 447 pixels, that of Firefox 450.
func (b *Browser) Resize(width, height int) {
	b.t.Helper()
	b.check(b.s.resize(width, height), "resize")
}

// Screenshot returns a PNG image of the whole page. In WebKit it shows only the visible part.
func (b *Browser) Screenshot() []byte {
	b.t.Helper()
	var image string
	switch b.Name {
	case Chromium:
		var captured struct{ Data string }
		size := Eval[map[string]any](b, `(({ scrollWidth, scrollHeight }) => ({ x: 0, y: 0, scale: 1, `+
			`width: scrollWidth, height: scrollHeight }))(document.documentElement)`)
		b.CDP("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true, "clip": size}, &captured)
		image = captured.Data
	case Firefox:
		b.check(b.s.command("GET", "/moz/screenshot/full", nil, &image), "screenshot")
	default:
		b.check(b.s.command("GET", "/screenshot", nil, &image), "screenshot")
	}
	png, err := base64.StdEncoding.DecodeString(image)
	b.check(err, "screenshot")
	return png
}

// CDP calls a method of the Chrome DevTools Protocol, which only Chromium supports. It decodes the
// result into result, if not nil. https://chromedevtools.github.io/devtools-protocol/
func (b *Browser) CDP(method string, params map[string]any, result any) {
	b.t.Helper()
	b.check(b.s.cdp(method, params, result), method)
}

// check fails the test if err is not nil. The message contains only the start of action, because
// action can be a whole script.
func (b *Browser) check(err error, action string) {
	b.t.Helper()
	if err != nil {
		if len(action) > 300 {
			action = action[:300] + "…"
		}
		b.t.Fatalf("%s: %s: %v", b.Name, action, err)
	}
}

// retry calls try until it succeeds, for up to 20 seconds. While a page is changing, nearly every
// action can fail once.
func (b *Browser) retry(action string, try func() error) {
	b.t.Helper()
	err := b.s.retry(try)
	if err != nil {
		var location, text string
		_ = b.s.command("GET", "/url", nil, &location)
		_ = b.s.evaluate(`document.body.innerText.slice(0, 500)`, &text)
		err = fmt.Errorf("%w, at %s: %s", err, location, text)
	}
	b.check(err, action)
}

// findScript is a function that returns the element of a selector.
const findScript = `(selector) => { const parts = selector.split(" >>> "), last = parts.pop(); let root = document;
	for (const part of parts) root = root?.querySelector(part)?.shadowRoot;
	return [...(root?.querySelectorAll(last) ?? [])].find((e) => e.checkVisibility({ visibilityProperty: true }) ` +
	`&& e.getClientRects().length) ?? null; }`

// elementKey is the member that contains the reference of an element.
// https://www.w3.org/TR/webdriver2/#elements
const elementKey = "element-6066-11e4-a52e-4f735466cecf"

// find returns the reference of the element of a selector.
func (s *session) find(selector string) (string, error) {
	var found map[string]string
	err := s.command("POST", "/execute/sync", map[string]any{
		"script": `return (` + findScript + `)(arguments[0])`, "args": []any{selector},
	}, &found)
	if err == nil && found == nil {
		err = errors.New("no matching element is visible")
	}
	return found[elementKey], err
}

// evaluate decodes the value of an expression. The page encodes the value as JSON, because drivers
// convert undefined and NaN differently. Firefox runs scripts in a separate global scope that
// inherits from that of the page: assignments reach the variables of the page only inside "with".
func (s *session) evaluate(expression string, value any) error {
	var answer string
	if err := s.command("POST", "/execute/async", map[string]any{"args": []any{}, "script": `
		const done = arguments[arguments.length - 1];
		with (window) (async () => (` + expression + `
		))().then((value) => done(JSON.stringify({ value })),
			(error) => done(JSON.stringify({ error: String(error?.stack ?? error) + " " + error })));`,
	}, &answer); err != nil {
		return err
	}
	var outcome struct {
		Value json.RawMessage
		Error *string
	}
	if err := json.Unmarshal([]byte(answer), &outcome); err != nil {
		return fmt.Errorf("%w: %s", err, answer)
	}
	if outcome.Error != nil {
		return errors.New(*outcome.Error)
	}
	if value == nil || outcome.Value == nil {
		return nil
	}
	return json.Unmarshal(outcome.Value, value)
}

func (s *session) cdp(method string, params map[string]any, result any) error {
	return s.command("POST", "/goog/cdp/execute",
		map[string]any{"cmd": method, "params": params}, result)
}

// clear deletes all cookies of this machine and moves the mouse to the corner. A browser deletes
// the cookies for the host of the current page.
func (s *session) clear() error {
	for _, host := range []string{"127.0.0.1", "localhost"} {
		if err := s.open(blankPage(host)); err != nil {
			return err
		}
		if err := s.command("DELETE", "/cookie", nil, nil); err != nil {
			return err
		}
	}
	if err := s.command("POST", "/actions", map[string]any{"actions": []map[string]any{{
		"type": "pointer", "id": "mouse", "parameters": map[string]any{"pointerType": "mouse"},
		"actions": []map[string]any{{"type": "pointerMove", "x": 0, "y": 0, "duration": 0}},
	}}}, nil); err != nil {
		return err
	}
	return s.open("about:blank")
}

func (s *session) open(address string) error {
	return s.visit("/url", map[string]any{"url": address})
}

// visit sends a command that leads to another page, and waits until that page has loaded. The other
// drivers do this themselves.
func (s *session) visit(path string, body map[string]any) error {
	if s.name != WebKit {
		return s.command("POST", path, body, nil)
	}
	const born = `performance.timeOrigin` // each page has another
	var before, now float64
	if err := s.retry(func() error { return s.evaluate(born, &before) }); err != nil {
		return err
	}
	if err := s.command("POST", path, body, nil); err != nil {
		return err
	}
	return s.retry(func() error {
		if err := s.evaluate(`document.readyState === "complete" ? `+born+` : 0`, &now); err != nil {
			return err
		}
		if now == 0 || now == before {
			return errors.New("the page has not loaded")
		}
		return nil
	})
}

// retry calls try until it succeeds, for up to 20 seconds.
func (s *session) retry(try func() error) error {
	if s.name == WebKit {
		s.scripts = tryTimeout
		defer func() { s.scripts = 0 }()
	}
	deadline := time.Now().Add(patience)
	err := try()
	for pause := 10 * time.Millisecond; err != nil && time.Now().Before(deadline); pause = min(2*pause, patience/200) {
		time.Sleep(pause)
		err = try()
	}
	return err
}

func (s *session) prefer(p Preferences) error {
	scheme, motion := "light", "no-preference"
	firefoxScheme, firefoxMotion := 1, 0
	if p.Dark {
		scheme, firefoxScheme = "dark", 0
	}
	if p.ReducedMotion {
		motion, firefoxMotion = "reduce", 1
	}
	switch s.name {
	case Chromium:
		return s.cdp("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{
			{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": motion},
		}}, nil)
	case Firefox:
		return s.setPreferences(map[string]int{
			"layout.css.prefers-color-scheme.content-override": firefoxScheme,
			// Cache pages for Back: the default depends on memory and can be 0.
			"browser.sessionhistory.max_total_viewers": 8,
			"ui.prefersReducedMotion":                  firefoxMotion,
		})
	}
	return nil // WebKit was started with them
}

// setPreferences sets preferences of Firefox. Its driver allows this to a script with the
// privileges of the browser.
func (s *session) setPreferences(values map[string]int) (err error) {
	if err := s.command("POST", "/moz/context", map[string]any{"context": "chrome"}, nil); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, s.command("POST", "/moz/context", map[string]any{"context": "content"}, nil))
	}()
	var script strings.Builder
	for _, name := range slices.Sorted(maps.Keys(values)) {
		_, _ = fmt.Fprintf(&script, "Services.prefs.setIntPref(%q, %d);", name, values[name])
	}
	return s.command("POST", "/execute/sync", map[string]any{"script": script.String(), "args": []any{}}, nil)
}

func (s *session) resize(width, height int) error {
	if s.name == Chromium {
		return s.cdp("Emulation.setDeviceMetricsOverride", map[string]any{
			"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
	}
	// The window is larger by its frame and toolbar.
	var frame, rect struct{ Width, Height int }
	if err := s.evaluate(`({ width: outerWidth - innerWidth, height: outerHeight - innerHeight })`,
		&frame); err != nil {
		return err
	}
	if err := s.command("POST", "/window/rect",
		map[string]any{"width": width + frame.Width, "height": height + frame.Height}, &rect); err != nil {
		return err
	}
	// The page gets the new size a little later.
	return s.evaluate(fmt.Sprintf(`(async () => { for (let i = 0; i < 100 && innerWidth !== %d; i++) await new `+
		`Promise((done) => setTimeout(done, 10)); })()`, rect.Width-frame.Width), nil)
}

// Quote returns text as a JavaScript string literal.
func Quote(text string) string {
	quoted, _ := json.Marshal(text) //nolint:errchkjson // a string can always be encoded
	return string(quoted)
}
