//go:build integration

package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"billingportal/local/internal/devserver/devservertest"
)

// browser is a tab of a Chromium that has nothing of a user's.
type browser struct {
	t   *testing.T
	ctx context.Context
}

// startBrowser starts Chromium, and stops it with the test.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true),
		chromedp.WindowSize(1200, 1000),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	tab, stop := chromedp.NewContext(allocator)
	t.Cleanup(stop)
	// The first step has no time limit of its own: its context is the browser's.
	if _, err := chromedp.Run(tab, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	return &browser{t, tab}
}

// do runs steps, half a minute at most each.
func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	for _, step := range steps {
		evaluate(b, step)
	}
}

func evaluate[T any](b *browser, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, 20*time.Second)
	defer stop()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatal(err)
	}
	return value
}

func (b *browser) open(url string) { b.do(chromedp.Navigate(url)) }

// click clicks on what a selector finds, and waits for what the next page has.
func (b *browser) click(selector, next string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)), chromedp.WaitVisible(chromedp.CSS(next)))
}

func (b *browser) text(selector string) string {
	return evaluate(b, chromedp.Text(chromedp.CSS(selector)))
}

func (b *browser) location() string { return evaluate(b, chromedp.Location()) }

// screenshot writes what the browser shows into SCREENSHOTS, if that names a folder.
func (b *browser) screenshot(name string) {
	b.t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	image := evaluate(b, chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), image, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// TestDemoPageInChromium clicks every button of the demo page as its users would:
// a real form, the redirect, the portal's page, and the way back.
func TestDemoPageInChromium(t *testing.T) {
	l, _ := devservertest.Start(t)
	b := startBrowser(t)
	b.open(l.Origin + "/?user=alice")
	b.screenshot("demo")
	forms := evaluate(b, chromedp.Evaluate[[]string](`[...document.querySelectorAll('main `+
		`form[action$="/billing/portal"]')].map(form => form.id)`))
	flows := map[string]bool{}
	for _, form := range forms {
		b.open(l.Origin + "/?user=alice")
		evaluate(b, chromedp.Evaluate[bool](`document.getElementById("engineers").open = true`))
		wanted := evaluate(b,
			chromedp.Evaluate[string](fmt.Sprintf(`document.getElementById(%q).dataset.flow || ""`, form)))
		b.click("#"+form+"-button", "#customer-id")
		page, customer := b.location(), b.text("#customer-id")
		flow := evaluate(b, chromedp.Evaluate[string](`document.getElementById("flow")?.dataset.flow || ""`))
		b.screenshot(form)
		b.click("#return", "#back")
		if !strings.HasPrefix(page, l.Origin+"/p/session/") || customer != "cus_DemoAlice" || flow != wanted {
			t.Errorf("%s: page %s of %s in flow %q, want %q", form, page, customer, flow, wanted)
		}
		if back := b.location(); !strings.HasPrefix(back, l.Origin+"/?") {
			t.Errorf("%s: the way back leads to %s", form, back)
		}
		flows[flow] = true
	}
	for _, flow := range []string{"", "payment_method_update", "subscription_cancel", "subscription_update",
		"subscription_update_confirm"} {
		if !flows[flow] {
			t.Errorf("no button for flow %q among %v", flow, forms)
		}
	}
}

func TestCompletedFlowInChromium(t *testing.T) {
	l, _ := devservertest.Start(t)
	b := startBrowser(t)
	b.open(l.Origin + "/?user=alice")
	b.click(`form[data-flow="subscription_cancel"] button`, "#complete")
	b.click("#complete", "#back, #message, #completed")
	if text := b.text("body"); !strings.Contains(strings.ToLower(text), "complete") {
		t.Errorf("after the flow: %s", text)
	}
}

// TestChoiceInChromium is dave's way: two subscriptions, a page to choose on, and
// the portal of the one chosen, without a script and without a token in a page.
func TestChoiceInChromium(t *testing.T) {
	l, _ := devservertest.Start(t)
	b := startBrowser(t)
	b.open(l.Origin + "/?user=dave&credential=cookie")
	b.click("#any-cancel-button", "form .button")
	if heading := b.text("h1"); heading != "Which subscription?" {
		t.Errorf("heading %q", heading)
	}
	choices := evaluate(b,
		chromedp.Evaluate[[]string](`[...document.querySelectorAll("form button")].map(button => button.textContent)`))
	if want := []string{"Team × 5", "Storage (trialing)"}; !slices.Equal(slices.Sorted(slices.Values(choices)),
		slices.Sorted(slices.Values(want))) {
		t.Errorf("choices %q", choices)
	}
	b.screenshot("choice")
	b.click("form:nth-of-type(2) .button", "#customer-id")
	if chosen, customer := b.text("#subscription code"), b.text("#customer-id"); customer != "cus_DemoDave" ||
		!strings.HasPrefix(chosen, "sub_DemoDave") {
		t.Errorf("portal of %s with %s", customer, chosen)
	}
	b.screenshot("choice-made")

	b.open(l.Origin + "/?user=dave&credential=form")
	b.click("#any-cancel-button", "h1 + p")
	if buttons := evaluate(b, chromedp.Evaluate[int](`document.querySelectorAll("form").length`)); buttons != 0 {
		t.Error("with a token in the form there is no way to post again")
	}
	b.screenshot("choice-without-cookie")
}

func TestCancelledInChromium(t *testing.T) {
	l, _ := devservertest.Start(t)
	b := startBrowser(t)
	b.open(l.Origin + "/?user=erin&credential=form")
	b.click("#any-cancel-button", "h1 + p")
	if text := b.text("main"); !strings.Contains(text, "The subscription is already cancelled.") {
		t.Errorf("erin is told: %s", text)
	}
	b.screenshot("cancelled")
}

// A button's call is shown as it can be written, and each way of writing it works.
func TestTheCallInChromium(t *testing.T) {
	l, _ := devservertest.Start(t)
	b := startBrowser(t)
	b.open(l.Origin + "/?user=alice&locale=de")
	written := func(language string) string {
		return evaluate(b, chromedp.Evaluate[string](fmt.Sprintf(`document.getElementById("any-cancel-element").`+
			`dispatchEvent(new PointerEvent("pointerenter")); document.querySelector("[value=%s]").click(); `+
			`document.getElementById("call").textContent`, language)))
	}
	html, fetch, curl := written("html"), written("fetch"), written("curl")
	want := `<script type="module" src="` + l.Origin + `/billing/button.js"></script>
<manage-billing-button flow="subscription_cancel" locale="de">Cancel plan</manage-billing-button>`
	if html != want {
		t.Errorf("HTML\n%s\nwant\n%s", html, want)
	}
	copied := evaluate(b, chromedp.Evaluate[string](`(async () => { let copied; navigator.clipboard.writeText = `+
		`async (text) => { copied = text; };
		document.getElementById("copy").click(); await new Promise((r) => setTimeout(r)); return copied + `+
		`document.getElementById("said").textContent; })()`, chromedp.EvalAwaitPromise))
	if copied != curl+"Copied." {
		t.Errorf("copied %q", copied)
	}
	token, err := l.Issuer.Token("alice", nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "sh", "-c",
		strings.Replace(curl, "$(go run ./local token --user alice)", token, 1))
	if answer, err := command.Output(); err != nil || !strings.Contains(string(answer), `"locale": "de"`) ||
		!strings.Contains(string(answer), "sub_DemoAlice") {
		t.Errorf("%s\n%v %s", curl, err, answer)
	}
	evaluate(b, chromedp.Evaluate[bool](`(async () => { const token = `+strconv.Quote(token)+`; `+fetch+` })(), true`))
	b.do(chromedp.WaitVisible(chromedp.CSS("#customer-id")))
	if flow := evaluate(b,
		chromedp.Evaluate[string](`document.getElementById("flow").dataset.flow`)); flow != "subscription_cancel" {
		t.Errorf("fetch leads to %q", flow)
	}
}

// What came back is shown, without the session's address, and so is what changed at the portal.
func TestTheAnswerInChromium(t *testing.T) {
	l, _ := devservertest.Start(t)
	b := startBrowser(t)
	b.open(l.Origin + "/?user=alice")
	b.click("#any-cancel-button", "#complete")
	session := b.location()
	b.click("#complete", "#completed")
	b.click("#return", "#back")
	changed := evaluate(b, chromedp.Evaluate[[]string](`[...document.querySelectorAll(".changed")].map((fact) => `+
		`fact.textContent.replace(/ on .*/, ""))`))
	if !slices.Equal(changed, []string{"active, cancelling", "Ends"}) {
		t.Errorf("changed: %q", changed)
	}
	if status, answer := b.text("#answer-status"), b.text("#answer"); status != "Cancel plan: 200 OK" ||
		!strings.Contains(answer, `"customer": "cus_DemoAlice"`) || !strings.Contains(answer, `/p/session/…"`) {
		t.Errorf("%s %s", status, answer)
	}
	name := session[strings.LastIndex(session, "/")+1:]
	if page := evaluate(b, chromedp.Evaluate[string](`document.documentElement.outerHTML + `+
		`JSON.stringify(sessionStorage)`)); strings.Contains(page, name) {
		t.Error("the session's address was kept")
	}
	b.screenshot("came-back")
	b.do(chromedp.Click(chromedp.CSS("#any-cancel-button")), chromedp.WaitVisible(chromedp.CSS("#answer")))
	evaluate(b, chromedp.Poll[bool](`document.getElementById("answer-status").textContent.includes("409")`))
	if answer := b.text("#answer"); !strings.Contains(answer, `"code": "subscription-not-eligible"`) {
		t.Errorf("twice: %s", answer)
	}

	b.open(l.Origin + "/?user=alice")
	b.do(chromedp.Click(chromedp.CSS("#stop")))
	b.click("#portal-button", "#go-on a")
	b.click("#go-on a", "#customer-id")

	b.open(l.Origin + "/?user=bob")
	b.click("#checkout-button", "#pay")
	b.screenshot("checkout")
	b.click("#pay", "#back")
	if plan := b.text("#state dd"); !strings.HasPrefix(plan, "Starter") {
		t.Errorf("Bob has %q", plan)
	}
	b.click("#portal-button", "#customer-id")
}

func TestErrorPageInChromium(t *testing.T) {
	l, _ := devservertest.Start(t)
	b := startBrowser(t)
	b.open(l.Origin + "/?user=bob&credential=form")
	b.click("#portal-button", "h1 + p")
	if heading := b.text("h1"); heading != "No billing account" {
		t.Errorf("heading %q", heading)
	}
	// The style sheet counts only where the policy has its hash.
	if color := evaluate(b, chromedp.Evaluate[string](`getComputedStyle(document.querySelector(".button")).`+
		`backgroundColor`)); color == "rgba(0, 0, 0, 0)" {
		t.Error("the page has no style")
	}
	// It follows dark mode with what the browser draws, and a ring of its own shows where the
	// keyboard is.
	b.do(chromedp.KeyEvent(kb.Tab))
	if drawn := evaluate(b, chromedp.Evaluate[string](`getComputedStyle(document.documentElement).colorScheme + ", " `+
		`+ getComputedStyle(document.activeElement).outlineStyle + " on " `+
		`+ document.activeElement.className`)); drawn != "light dark, solid on button" {
		t.Errorf("drawn %s", drawn)
	}
	b.screenshot("error-page")
	b.click(".button", "#signed-in")
	if home := b.location(); home != l.Origin+"/" {
		t.Errorf("the way back leads to %s", home)
	}
}
