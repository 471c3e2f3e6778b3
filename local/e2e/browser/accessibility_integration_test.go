//go:build integration

package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"billingportal/local/internal/devserver/devservertest"
)

// media has the pages believe that the user wants this, such as prefers-color-scheme: dark.
func (b *browser) media(name, value string) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia,
			emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: name, Value: value}}})
		return err
	}))
}

func (b *browser) scripts(isOn bool) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled,
			emulation.SetScriptExecutionDisabledParams{Value: !isOn})
		return err
	}))
}

// look has axe look at what the browser shows, in light and in dark, on a phone and on a desk, and
// takes a picture of each. Then it zooms to 200 %, where nothing may have to be scrolled sideways
// (WCAG 1.4.4).
func (b *browser) look(axe, name string) {
	b.t.Helper()
	evaluate(b, chromedp.Evaluate[bool](axe+"; true"))
	for _, scheme := range []string{"light", "dark"} {
		b.media("prefers-color-scheme", scheme)
		for _, width := range []int64{390, 1280} {
			b.do(chromedp.EmulateViewport(width, 844))
			found := evaluate(b, chromedp.Evaluate[string](`(async () => { const { violations, passes } = await `+
				`axe.run(); if (!passes.length) return "axe saw nothing";
				return violations.flatMap(({ id, nodes }) => nodes.map((node) => id + ": " + node.html.slice(0, 200) `+
				`+ " " + node.failureSummary)).join("\n"); })()`, chromedp.EvalAwaitPromise))
			if found != "" {
				b.t.Errorf("%s in %s at %d pixels:\n%s", name, scheme, width, found)
			}
			b.screenshot(fmt.Sprintf("%s-%s-%d", name, scheme, width))
		}
	}
	b.do(chromedp.EmulateViewport(640, 512, chromedp.EmulateScale(2)))
	if wide := evaluate(b, chromedp.Evaluate[int](`document.documentElement.scrollWidth - `+
		`document.documentElement.clientWidth`)); wide > 0 {
		b.t.Errorf("%s at 200 %%: %d pixels too wide", name, wide)
	}
	b.screenshot(name + "-200")
}

// startLook starts a browser, and reads axe.
func startLook(t *testing.T) (b *browser, axe string) {
	t.Helper()
	return startBrowser(t), devservertest.ReadText(t, "../../../.tools/npm/node_modules/axe-core/axe.min.js")
}

func TestLooksOfTheDemo(t *testing.T) {
	l, _ := devservertest.Start(t)
	b, axe := startLook(t)
	for _, user := range []string{"alice", "bob", "carol", "dave"} {
		b.open(l.Origin + "/?user=" + user)
		b.do(chromedp.WaitVisible(chromedp.CSS("#exchange")))
		b.look(axe, "demo-"+user)
	}
	b.open(l.Origin + "/?user=dave&locale=de")
	b.look(axe, "demo-engineers")
	b.open(l.Origin + "/?user=dave")
	b.do(chromedp.Click(chromedp.CSS("#any-cancel-button")))
	evaluate(b, chromedp.Poll[bool](`document.getElementById("any-cancel-element").shadowRoot.`+
		`querySelectorAll("button").length === 2`))
	b.look(axe, "demo-choices")
	b.open(l.Origin + "/?user=alice")
	b.click("#any-cancel-button", "#complete")
	b.look(axe, "portal-flow")
	b.click("#complete", "#completed")
	b.look(axe, "portal-home")
	b.click("#return", "#back")
	b.look(axe, "demo-came-back")
	b.open(l.Origin + "/?user=bob")
	b.click("#checkout-button", "#pay")
	b.look(axe, "checkout")
}

var codePattern = regexp.MustCompile(`(?m)^\t\w+ +Code = "([a-z-]+)"$`)

func TestLooksOfTheErrorPages(t *testing.T) {
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
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(pages[r.URL.Path[1:]]))
	}))
	t.Cleanup(server.Close)
	b, axe := startLook(t)
	for _, code := range slices.Sorted(maps.Keys(pages)) {
		b.open(server.URL + "/" + code)
		b.look(axe, "error-"+code)
	}
}

// The pages that a navigation with a cookie gets: which subscription, and a link's question in each
// language.
func TestLooksOfTheQuestions(t *testing.T) {
	l, _ := devservertest.Start(t)
	b, axe := startLook(t)
	b.open(l.Origin + "/?user=dave&credential=cookie")
	b.click("#any-cancel-button", "form .button")
	b.look(axe, "choices")
	for _, language := range []string{"en", "de", "fr", "es", "it", "pt-BR", "nl", "ja"} {
		b.open(l.Origin + "/billing/portal?flow_data[type]=payment_method_update&locale=" + language)
		if got := evaluate(b, chromedp.Evaluate[string](`document.documentElement.lang`)); got != language {
			t.Errorf("%s: lang %q", language, got)
		}
		b.look(axe, "link-"+language)
	}
}

func TestLooksOfTheElement(t *testing.T) {
	a := newButtonApp(t)
	axe := devservertest.ReadText(t, "../../../.tools/npm/node_modules/axe-core/axe.min.js")
	a.example.Store(new(`<!doctype html><html lang="en"><title>An app</title><meta name="color-scheme" ` +
		`content="light dark"><meta name="viewport" content="width=device-width">
		<style>body { background: Canvas; color: CanvasText }</style>
		<script type="module" ` +
		`src="` + a.portal + `/billing/button.js"></script><main><h1>An app</h1><manage-billing-button id="b" ` +
		`flow="subscription_cancel">Cancel plan</manage-billing-button></main>`))
	for state, getToken := range map[string]string{
		"idle": ``, "busy": `b.getToken = () => new Promise(() => {})`,
		"error":   `b.getToken = () => "` + a.token("bob", nil) + `"`,
		"choices": `b.getToken = () => "` + a.token("dave", nil) + `"`,
	} {
		a.open(a.home + "/")
		a.do(chromedp.WaitVisible(chromedp.CSS("#b button")))
		if getToken != "" {
			said := map[string]string{"busy": "Opening billing…", "error": "No billing account",
				"choices": "Which subscription?"}[state]
			evaluate(a.browser, chromedp.Evaluate[bool](getToken+`; b.querySelector("button").click(), true`))
			evaluate(a.browser, chromedp.Poll[bool](fmt.Sprintf(`b.shadowRoot.querySelector("[role=status]").`+
				`textContent === %q`, said)))
		}
		isInherited := evaluate(a.browser, chromedp.Evaluate[bool](`getComputedStyle(b).color === `+
			`getComputedStyle(b.shadowRoot.querySelector("[role=status]")).color`))
		if isInherited != (state == "busy") {
			t.Errorf("%s: its message is drawn as an error's: %v", state, !isInherited)
		}
		a.look(axe, "element-"+state)
		// Nothing moves, whatever motion the user wants.
		for _, motion := range []string{"no-preference", "reduce"} {
			a.media("prefers-reduced-motion", motion)
			if moving := evaluate(a.browser, chromedp.Evaluate[int](`document.getAnimations().length + `+
				`[...b.querySelectorAll("*"), ...b.shadowRoot.querySelectorAll("*")].filter((e) => `+
				`getComputedStyle(e).transitionDuration !== "0s").length`)); moving != 0 {
				t.Errorf("%s, %s: %d things move", state, motion, moving)
			}
		}
	}
}

// Somebody without a mouse gets to the portal, through the choices, and always sees where they are.
func TestKeyboardInChromium(t *testing.T) {
	l, _ := devservertest.Start(t)
	b := startBrowser(t)
	b.open(l.Origin + "/?user=dave")
	b.do(chromedp.WaitVisible(chromedp.CSS("#exchange")))
	tabTo := func(expression string) {
		t.Helper()
		for range 40 {
			b.do(chromedp.KeyEvent(kb.Tab))
			if evaluate(b, chromedp.Evaluate[bool](`(() => { let at = document.activeElement; if `+
				`(at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
				return getComputedStyle(at).outlineStyle !== "none" && `+expression+`; })()`)) {
				return
			}
		}
		t.Fatalf("no Tab leads to %s", expression)
	}
	tabTo(`at.id === "any-cancel-button"`)
	b.do(chromedp.KeyEvent(kb.Enter))
	evaluate(b, chromedp.Poll[bool](`document.getElementById("any-cancel-element").shadowRoot.`+
		`querySelectorAll("button").length === 2`))
	evaluate(b, chromedp.Poll[bool](`document.activeElement.id === "any-cancel-button"`))
	tabTo(`at.textContent === "Team × 5"`)
	b.do(chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(chromedp.CSS("#customer-id")))
	if chosen := b.text("#subscription code"); chosen != "sub_DemoDaveTeam" {
		t.Errorf("chosen %s", chosen)
	}
	tabTo(`at.id === "complete"`)
	b.do(chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(chromedp.CSS("#completed")))
}

func TestWithoutAScriptInChromium(t *testing.T) {
	l, _ := devservertest.Start(t)
	b := startBrowser(t)
	b.scripts(false)
	b.open(l.Origin + "/?user=alice")
	b.do(chromedp.Click(chromedp.CSS("#any-cancel-button")), chromedp.WaitVisible(chromedp.CSS("#flow")))
	b.do(chromedp.Click(chromedp.CSS("#complete")), chromedp.WaitVisible(chromedp.CSS("#completed")))
	b.do(chromedp.Click(chromedp.CSS("#return")), chromedp.WaitVisible(chromedp.CSS("#back")))
	b.scripts(true)
	b.screenshot("demo-without-script")
	if state := b.text("#state"); !strings.Contains(state, "cancelling") {
		t.Errorf("state %s", state)
	}
}

// While a slow answer is on its way the button says so and asks once, and it is ready again when
// the browser has kept the page and the user comes back. The page tells its server, since
// Chromium's debugger has lost it by then.
func TestSlowAndBackInChromium(t *testing.T) {
	a := newButtonApp(t)
	a.delay.Store(int64(2 * time.Second))
	token := a.token("alice", nil)
	a.tokens.Store(&token)
	a.example.Store(new(`<!doctype html><html lang="en"><title>An app</title><script type="module" src="` + a.portal +
		`/billing/button.js"></script>
		<manage-billing-button id="b" token="` + token + `">Billing</manage-billing-button>
		<script>addEventListener("pageshow", ({ persisted }) => persisted && setTimeout(() => fetch("/token?" + ` +
		`[b.ariaBusy, b.querySelector("button").disabled]), 200));</script>`))
	a.open(a.home + "/")
	a.do(chromedp.Click(chromedp.CSS("#b button")))
	evaluate(a.browser, chromedp.Poll[bool](`b.ariaBusy === "true" && b.querySelector("button").disabled`))
	a.do(chromedp.Click(chromedp.CSS("#b button")))
	a.screenshot("element-slow")
	a.do(chromedp.WaitVisible(chromedp.CSS("#customer-id")))
	if posts := a.takePosts(); posts != 1 {
		t.Errorf("%d requests", posts)
	}
	evaluate(a.browser, chromedp.Evaluate[bool](`setTimeout(() => history.back()), true`))
	for range 100 {
		if state := a.asked.Load(); state != nil {
			if *state != "false,false" {
				t.Errorf("after the way back: busy and disabled %s", *state)
			}
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the browser did not keep the page")
}

// Another site's page has the user's cookie sent along, and gets nothing for it.
func TestAnotherSiteInChromium(t *testing.T) {
	a := newButtonApp(t)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!doctype html><form method="post" `+
			`action="%s/billing/portal"><button>Win</button></form>`,
			strings.Replace(a.portal, "127.0.0.1", "localhost", 1))
	}))
	t.Cleanup(other.Close)
	a.open(a.home + "/")
	a.eval(`document.cookie = "session=` + a.token("alice", nil) + `; path=/"`)
	a.open(strings.Replace(other.URL, "127.0.0.1", "localhost", 1))
	a.click("button", "h1 + p")
	if page := a.text("main"); !strings.Contains(page, "cross-origin-request") {
		t.Errorf("the other site's form got %s", page)
	}
}
