//go:build integration

package webdriver_test

import (
	"bytes"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"billingportal/local/e2e/webdriver"
)

func TestMain(m *testing.M) { os.Exit(webdriver.Run(m)) }

// page has the strictest content security policy, which must not block the scripts of a test.
const page = `<!doctype html><html lang="en"><title>A page</title><meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'nonce-n'; ` +
	`require-trusted-types-for 'script'; trusted-types 'none'">
<p id="hidden" hidden>Hidden</p><input id="input"><x-host id="host"></x-host><a id="next" href="/next">Next</a>
<p><svg width="9" height="2000"></svg><script nonce="n">
	const root = host.attachShadow({ mode: "open" }), button = document.createElement("button");
	button.textContent = "Inside";
	button.onclick = ({ isTrusted }) => {
		document.title = "clicked " + isTrusted + navigator.userActivation.isActive;
	};
	root.append(button);
	var count = 1;
</script>`

func TestBrowser(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(strings.Replace(page, "A page", "Page "+r.URL.Path, 1)))
	}))
	t.Cleanup(server.Close)
	for _, name := range webdriver.Browsers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := webdriver.Open(t, name)
			b.Goto(server.URL + "/")
			if got := webdriver.Eval[[]any](b, `[document.cookie, innerWidth, innerHeight, document.hasFocus(), `+
				`matchMedia("(prefers-color-scheme: dark)").matches, `+
				`matchMedia("(prefers-reduced-motion: reduce)").matches, count]`); got[0] != "" || got[1] != 1200.0 ||
				got[2] != 1000.0 || got[3] != true || got[4] != false || got[5] != false || got[6] != 1.0 {
				t.Errorf("a new browser has %v", got)
			}
			b.Run(`document.cookie = "a=b"; window.count = 2`)
			if got := webdriver.Eval[int](b, `new Promise((done) => setTimeout(() => done(count), 10))`); got != 2 {
				t.Errorf("the variable count is %d after Run, want 2", got)
			}
			if got := webdriver.Eval[*string](b, `undefined`); got != nil {
				t.Errorf("undefined is %v", got)
			}
			b.Click("#host >>> button")
			b.WaitFor(`document.title === "clicked truetrue"`)
			if text := b.Text("#host >>> button"); text != "Inside" {
				t.Errorf("the text in the shadow root is %q", text)
			}
			b.Type("#input", "abc")
			b.Press("d")
			b.Press(webdriver.Tab)
			b.Press(webdriver.Tab)
			if got := webdriver.Eval[[]string](b,
				`[input.value, document.activeElement.id]`); !slices.Equal(got, []string{"abcd", "next"}) {
				t.Errorf("after typing: %q", got)
			}
			b.Press(webdriver.Shift, webdriver.Tab)
			if got := webdriver.Eval[string](b, `document.activeElement.id`); got != "host" {
				t.Errorf("Shift and Tab lead to %s", got)
			}
			b.Click("#next")
			b.WaitFor(`document.title === "Page /next"`)
			b.Back()
			if location := b.Location(); location != server.URL+"/" {
				t.Errorf("Back leads to %s", location)
			}
			b.Forward()
			if location := b.Location(); location != server.URL+"/next" {
				t.Errorf("Forward leads to %s", location)
			}
			b.Resize(640, 500)
			if width := webdriver.Eval[int](b, `innerWidth`); width != 640 {
				t.Errorf("the viewport is %d pixels wide", width)
			}
			image, err := png.Decode(bytes.NewReader(b.Screenshot()))
			if err != nil {
				t.Fatal(err)
			}
			size := image.Bounds().Size()
			if size.X < 600 || size.Y < 450 || size.Y < 2000 && name != webdriver.WebKit {
				t.Errorf("the screenshot has the size %v", size)
			}
			b.Prefer(webdriver.Preferences{Dark: true, ReducedMotion: true})
			b.Goto(server.URL + "/")
			if got := webdriver.Eval[[]any](b, `[document.cookie, matchMedia("(prefers-color-scheme: dark)").matches, `+
				`matchMedia("(prefers-reduced-motion: reduce)").matches]`); got[0] != "" || got[1] != true ||
				got[2] != true {
				t.Errorf("with dark mode and reduced motion: %v", got)
			}
		})
	}
}
