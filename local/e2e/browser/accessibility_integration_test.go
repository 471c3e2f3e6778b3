//go:build integration

package browser

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"billingportal/local/e2e/webdriver"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
)

// look checks the page with axe at the width of a desktop and a phone, and takes a screenshot of
// each. Then it zooms to 200 %. There the page must not need horizontal scrolling (WCAG 1.4.4).
func (b *browser) look(axe, name string) {
	b.t.Helper()
	scheme := evaluate[string](b, `matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"`)
	b.Run(axe)
	widths := []int{1280}
	if b.Name == webdriver.Chromium {
		widths = []int{390, 1280} // other browsers cannot make a window as narrow as a phone
	}
	for _, width := range widths {
		b.Resize(width, 844)
		found := evaluate[string](b, `(async () => { const native = "`+b.nativeButton(scheme)+`";
			const { violations, passes } = await axe.run({ elementRef: true });
			if (!passes.length) return "axe checked nothing";
			const isNative = ({ element }) => getComputedStyle(element).backgroundColor === native;
			return violations.flatMap(({ id, nodes }) => nodes.filter((node) => id !== "color-contrast" || `+
			`!isNative(node)).map((node) => id + ": " + node.html.slice(0, 200) `+
			`+ " " + node.failureSummary)).join("\n"); })()`)
		if found != "" {
			b.t.Errorf("%s in %s at %d pixels:\n%s", name, scheme, width, found)
		}
		b.screenshot(fmt.Sprintf("%s-%s-%d", name, scheme, width))
	}
	b.Resize(640, 512) // 1280 pixels at 200 %
	if wide := evaluate[int](b, `document.documentElement.scrollWidth - `+
		`document.documentElement.clientWidth`); wide > 0 {
		b.t.Errorf("%s at 200 %% zoom: %d pixels too wide", name, wide)
	}
	b.screenshot(name + "-" + scheme + "-200")
}

// nativeButton returns the background color that a browser reports for a native button if it draws
// another color, otherwise "". Then axe cannot judge the contrast, and native buttons are the
// responsibility of the browser.
func (b *browser) nativeButton(scheme string) string {
	if b.limited("LooksOfTheElement") && scheme == "dark" {
		return "rgb(192, 192, 192)"
	}
	return ""
}

func readAxe(t *testing.T) string {
	t.Helper()
	return devservertest.ReadText(t, "../../../.tools/npm/node_modules/axe-core/axe.min.js")
}

// some returns all pages for light mode in Chromium, otherwise the first and the last. The pages
// share their markup and style sheet and differ only in texts.
func (b *browser) some(scheme webdriver.Preferences, pages ...string) []string {
	if b.Name == webdriver.Chromium && !scheme.Dark {
		return pages
	}
	return []string{pages[0], pages[len(pages)-1]}
}

// schemes are the color schemes that users can prefer.
var schemes = []webdriver.Preferences{{}, {Dark: true}}

// pageSchemes returns the schemes for tests of whole pages. Outside Chromium, dark mode is enough,
// because the colors of a page come from one style sheet.
func (b *browser) pageSchemes() []webdriver.Preferences {
	if b.Name == webdriver.Chromium {
		return schemes
	}
	return schemes[1:]
}

func TestLooksOfTheDemo(t *testing.T) { forEachBrowser(t, testLooksOfTheDemo) }

func testLooksOfTheDemo(t *testing.T, b *browser) {
	axe := readAxe(t)
	for _, scheme := range b.pageSchemes() {
		l, _ := devservertest.Start(t)
		b.Prefer(scheme)
		b.lookAtTheDemo(axe, l.Origin, scheme)
	}
}

func (b *browser) lookAtTheDemo(axe, origin string, scheme webdriver.Preferences) {
	b.t.Helper()
	for _, user := range b.some(scheme, "alice", "bob", "carol", "erin", "dave") {
		b.Goto(origin + "/?user=" + user)
		b.WaitVisible("#request")
		b.look(axe, "demo-"+user)
	}
	b.Goto(origin + "/?user=dave&locale=de")
	b.look(axe, "demo-engineers")
	b.Goto(origin + "/?user=dave")
	b.Click("#any-cancel-button")
	b.WaitFor(`document.getElementById("any-cancel-element").shadowRoot.` +
		`querySelectorAll("[part=choice]").length === 2`)
	b.look(axe, "demo-choices")
	b.Goto(origin + "/?user=alice")
	b.click("#any-cancel-button", "#complete")
	b.look(axe, "portal-flow")
	b.click("#complete", "#completed")
	b.look(axe, "portal-home")
	b.click("#update-card", "#go-back")
	b.look(axe, "portal-card")
	b.click("#go-back", "#home")
	b.click("#return", "#back")
	b.look(axe, "demo-came-back")
	b.Goto(origin + "/?user=bob")
	b.click("#checkout-button", "#pay")
	b.look(axe, "checkout")
}

var codePattern = regexp.MustCompile(`(?m)^\t\w+ +Code = "([a-z-]+)"$`)

func TestLooksOfTheErrorPages(t *testing.T) { forEachBrowser(t, testLooksOfTheErrorPages) }

func testLooksOfTheErrorPages(t *testing.T, b *browser) {
	var codes []string
	for _, match := range codePattern.FindAllStringSubmatch(devservertest.ReadText(t,
		"../../../functions/internal/problem/codes.go"), -1) {
		codes = append(codes, match[1])
	}
	command := exec.CommandContext(t.Context(), "go",
		append([]string{"run", "../../../functions/internal/problem/testdata/pages"}, codes...)...)
	printed, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	var pages map[string]string
	if err := json.Unmarshal(printed, &pages); err != nil || len(pages) < 30 {
		t.Fatalf("the command printed only %d error pages, %v", len(pages), err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(pages[r.URL.Path[1:]]))
	}))
	t.Cleanup(server.Close)
	axe := readAxe(t)
	for _, scheme := range b.pageSchemes() {
		b.Prefer(scheme)
		for _, code := range b.some(scheme, slices.Sorted(maps.Keys(pages))...) {
			b.Goto(server.URL + "/" + code)
			b.look(axe, "error-"+code)
		}
	}
}

// These are the pages that a navigation with a cookie opens: the choice of a subscription, and the
// question of a link in each language.
func TestLooksOfTheQuestions(t *testing.T) { forEachBrowser(t, testLooksOfTheQuestions) }

func testLooksOfTheQuestions(t *testing.T, b *browser) {
	l, _ := devservertest.Start(t)
	axe := readAxe(t)
	for _, scheme := range b.pageSchemes() {
		b.Prefer(scheme)
		b.Goto(l.Origin + "/?user=dave&credential=cookie")
		b.click("#any-cancel-button", "form .button")
		b.look(axe, "choices")
		for _, language := range b.some(scheme, "en", "de", "fr", "es", "it", "pt-BR", "nl", "ja") {
			b.Goto(l.Origin + "/billing/portal?flow_data[type]=payment_method_update&locale=" + language)
			if got := evaluate[string](b, `document.documentElement.lang`); got != language {
				t.Errorf("%s: the page has the language %q", language, got)
			}
			b.look(axe, "link-"+language)
		}
	}
}

func TestLooksOfTheElement(t *testing.T) { forEachButtonApp(t, testLooksOfTheElement) }

func testLooksOfTheElement(t *testing.T, a *buttonApp) {
	axe := readAxe(t)
	a.example.Store(new(`<!doctype html><html lang="en"><title>An app</title><meta name="color-scheme" ` +
		`content="light dark"><meta name="viewport" content="width=device-width">
		<style>body { background: Canvas; color: CanvasText }</style>
		<script type="module" ` +
		`src="` + a.portal + `/billing/button.js"></script><main><h1>An app</h1><manage-billing-button id="b" ` +
		`flow="subscription_cancel">Cancel plan</manage-billing-button></main>`))
	for _, preferences := range append(schemes, webdriver.Preferences{ReducedMotion: true}) {
		a.Prefer(preferences)
		for state, test := range map[string]struct{ getToken, message string }{
			"idle": {}, "busy": {`b.getToken = () => new Promise(() => {})`, "Opening the billing page…"},
			"error":   {`b.getToken = () => "` + a.token("bob", nil) + `"`, "You do not have a billing account yet."},
			"choices": {`b.getToken = () => "` + a.token("dave", nil) + `"`, "Which subscription?"},
		} {
			a.Goto(a.home + "/")
			a.WaitVisible("#b >>> [part=button]")
			if test.getToken != "" {
				a.Run(test.getToken + `; b.shadowRoot.querySelector("[part=button]").click()`)
				a.WaitFor(fmt.Sprintf(`b.shadowRoot.querySelector("[role=status]").textContent === %q`, test.message))
			}
			isPlain := evaluate[bool](a.browser, `getComputedStyle(b).color === `+
				`getComputedStyle(b.shadowRoot.querySelector("[role=status]")).color`)
			if isPlain == (state == "error") {
				t.Errorf("%s: the message has the color of an error: %v", state, !isPlain)
			}
			// Nothing may move, whatever motion the user prefers.
			if moving := evaluate[int](a.browser, `document.getAnimations().length + `+
				`[...b.querySelectorAll("*"), ...b.shadowRoot.querySelectorAll("*")].filter((e) => `+
				`getComputedStyle(e).transitionDuration !== "0s").length`); moving != 0 {
				t.Errorf("%s, %+v: %d animations or transitions", state, preferences, moving)
			}
			if !preferences.ReducedMotion {
				a.look(axe, "element-"+state)
			}
		}
	}
}

// A user without a mouse can open the portal, through the choices, and the focus is always visible.
func TestKeyboard(t *testing.T) { forEachBrowser(t, testKeyboard) }

func testKeyboard(t *testing.T, b *browser) {
	l, _ := devservertest.Start(t)
	b.Goto(l.Origin + "/?user=dave")
	b.WaitVisible("#request")
	tabTo := func(expression string) {
		t.Helper()
		for range 40 {
			b.Press(webdriver.Tab)
			if evaluate[bool](b, `(() => { let at = document.activeElement; if `+
				`(at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
				return getComputedStyle(at).outlineStyle !== "none" && `+expression+`; })()`) {
				return
			}
		}
		t.Fatalf("Tab does not reach %s", expression)
	}
	tabTo(`at.id === "any-cancel-button"`)
	b.Press(webdriver.Enter)
	b.WaitFor(`document.getElementById("any-cancel-element").shadowRoot.` +
		`querySelectorAll("[part=choice]").length === 2`)
	b.WaitFor(`document.activeElement.id === "any-cancel-button"`)
	tabTo(`at.textContent === "Team × 5"`)
	b.Press(webdriver.Enter)
	b.WaitVisible("#customer-id")
	if chosen := b.Text("#subscription code"); chosen != "sub_DemoDaveTeam" {
		t.Errorf("the portal opened for the subscription %s", chosen)
	}
	tabTo(`at.id === "complete"`)
	b.Press(webdriver.Enter)
	b.WaitVisible("#completed")
}

func TestWithoutScripts(t *testing.T) { forEachBrowser(t, testWithoutScripts) }

func testWithoutScripts(t *testing.T, b *browser) {
	// A content security policy blocks the scripts of the page, but not those of the test.
	l := devservertest.StartWith(t, devserver.DemoCustomers, func(l *devserver.Server) http.Handler {
		handler := devservertest.Handler(t, l, io.Discard)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, r)
			maps.Copy(w.Header(), answer.Header())
			w.Header().Add("Content-Security-Policy", "script-src 'none'") // both policies apply
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
		})
	})
	b.Goto(l.Origin + "/?user=alice")
	b.Click("#any-cancel-button")
	b.WaitVisible("#flow")
	b.Click("#complete")
	b.WaitVisible("#completed")
	b.Click("#return")
	b.WaitVisible("#back")
	b.screenshot("demo-without-script")
	if state := b.Text("#state"); !strings.Contains(state, "cancelling") {
		t.Errorf("the demo does not show the canceled plan: %s", state)
	}
}

// During a slow request the button shows that it is busy and sends only one request. If the browser
// restores the page from its cache, the button is ready again.
func TestSlowAndBack(t *testing.T) { forEachButtonApp(t, testSlowAndBack) }

func testSlowAndBack(t *testing.T, a *buttonApp) {
	a.delay.Store(int64(2 * time.Second))
	token := a.token("alice", nil)
	a.tokens.Store(&token)
	a.example.Store(new(`<!doctype html><html lang="en"><title>An app</title><script type="module" src="` + a.portal +
		`/billing/button.js"></script>
		<manage-billing-button id="b" token="` + token + `">Billing</manage-billing-button>
		<script>addEventListener("pageshow", ({ persisted }) => persisted && setTimeout(() => { document.title = ` +
		`"kept " + [b.ariaBusy, b.shadowRoot.querySelector("[part=button]").disabled]; }, 200));</script>`))
	a.Goto(a.home + "/")
	a.Click("#b >>> [part=button]")
	a.WaitFor(`b.ariaBusy === "true" && b.shadowRoot.querySelector("[part=button]").disabled`)
	a.Click("#b >>> [part=button]")
	a.screenshot("element-slow")
	a.WaitLocation(a.portal + "/p/session/")
	a.WaitVisible("#customer-id")
	if posts := a.takePosts(); posts != 1 {
		t.Errorf("the button sent %d requests, want 1", posts)
	}
	if a.limited("SlowAndBack") {
		return
	}
	a.Back()
	a.WaitFor(`document.title.startsWith("kept")`)
	if kept := a.eval(`document.title`); kept != "kept false,false" {
		t.Errorf("after going back: busy and disabled: %s", kept)
	}
}

// If a page of another site sends the cookie of the user, it gets an error.
func TestFormOfAnotherSite(t *testing.T) { forEachButtonApp(t, testFormOfAnotherSite) }

func testFormOfAnotherSite(t *testing.T, a *buttonApp) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!doctype html><form method="post" `+
			`action="%s/billing/portal"><button>Win</button></form>`,
			strings.Replace(a.portal, "127.0.0.1", "localhost", 1))
	}))
	t.Cleanup(other.Close)
	a.Goto(a.home + "/")
	a.eval(`document.cookie = "session=` + a.token("alice", nil) + `; path=/"`)
	a.Goto(strings.Replace(other.URL, "127.0.0.1", "localhost", 1))
	a.click("button", "h1 + p")
	if page := a.Text("main"); !strings.Contains(page, "cross-origin-request") {
		t.Errorf("the form of the other site opened: %s", page)
	}
}
