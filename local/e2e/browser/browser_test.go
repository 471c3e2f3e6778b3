//go:build integration

package browser

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"billingportal/local/e2e/webdriver"
	"billingportal/local/internal/devserver/devservertest"
)

// TestDemoPage clicks every button of the demo page like a user: a real form, the redirect, the
// page of the portal, and the way back.
func TestDemoPage(t *testing.T) { forEachBrowser(t, testDemoPage) }

func testDemoPage(t *testing.T, b *browser) {
	l, _ := devservertest.Start(t)
	b.Goto(l.Origin + "/?user=alice")
	b.screenshot("demo")
	forms := evaluate[[]string](b, `[...document.querySelectorAll('main `+
		`form[action$="/billing/portal"]')].map(form => form.id)`)
	flows := map[string]bool{}
	for _, form := range forms {
		b.Goto(l.Origin + "/?user=alice")
		evaluate[bool](b, `document.querySelectorAll("details").forEach((part) => { part.open = true }), true`)
		wanted := evaluate[string](b, fmt.Sprintf(`document.getElementById(%q).dataset.flow || ""`, form))
		b.click("#"+form+"-button", "#customer-id")
		page, customer := b.Location(), b.Text("#customer-id")
		flow := evaluate[string](b, `document.getElementById("flow")?.dataset.flow || ""`)
		b.screenshot(form)
		b.click("#return", "#back")
		if !strings.HasPrefix(page, l.Origin+"/p/session/") || customer != "cus_DemoAlice" || flow != wanted {
			t.Errorf("%s: page %s of %s in flow %q, want %q", form, page, customer, flow, wanted)
		}
		if back := b.Location(); !strings.HasPrefix(back, l.Origin+"/?") {
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

func TestCompletedFlow(t *testing.T) { forEachBrowser(t, testCompletedFlow) }

func testCompletedFlow(t *testing.T, b *browser) {
	l, _ := devservertest.Start(t)
	b.Goto(l.Origin + "/?user=alice")
	b.click(`form[data-flow="subscription_cancel"] button`, "#complete")
	b.click("#complete", "#completed")
	if text := b.Text("#completed"); !strings.HasPrefix(text, "Your subscription is cancelled.") {
		t.Errorf("after the flow: %s", text)
	}
}

// TestChoice follows dave, who has two subscriptions: a page to choose one, and the portal for that
// one. It needs no script, and no page contains a token.
func TestChoice(t *testing.T) { forEachBrowser(t, testChoice) }

func testChoice(t *testing.T, b *browser) {
	l, _ := devservertest.Start(t)
	b.Goto(l.Origin + "/?user=dave&credential=cookie")
	b.click("#any-cancel-button", "form .button")
	if heading := b.Text("h1"); heading != "Cancel which subscription?" {
		t.Errorf("heading %q", heading)
	}
	choices := evaluate[[]string](b, `[...document.querySelectorAll("form button")].map(button => button.textContent)`)
	if want := []string{"Team × 5", "Storage (trial)"}; !slices.Equal(slices.Sorted(slices.Values(choices)),
		slices.Sorted(slices.Values(want))) {
		t.Errorf("choices %q", choices)
	}
	b.screenshot("choice")
	b.click("form:nth-of-type(2) .button", "#customer-id")
	if chosen, customer := b.Text("#subscription code"), b.Text("#customer-id"); customer != "cus_DemoDave" ||
		!strings.HasPrefix(chosen, "sub_DemoDave") {
		t.Errorf("portal of %s with %s", customer, chosen)
	}
	b.screenshot("choice-made")

	b.Goto(l.Origin + "/?user=dave&credential=form")
	b.click("#any-cancel-button", "h1 + p")
	if buttons := evaluate[int](b, `document.querySelectorAll("form").length`); buttons != 0 {
		t.Error("the page has a form, which cannot work because pages never contain the token")
	}
	b.screenshot("choice-without-cookie")
}

func TestCancelled(t *testing.T) { forEachBrowser(t, testCancelled) }

func testCancelled(t *testing.T, b *browser) {
	l, _ := devservertest.Start(t)
	b.Goto(l.Origin + "/?user=erin&credential=form")
	b.click("#any-cancel-button", "h1 + p")
	if text := b.Text("main"); !strings.Contains(text, "The subscription is already cancelled.") {
		t.Errorf("erin is told: %s", text)
	}
	b.screenshot("cancelled")
}

// The demo shows several ways to write the call of a button, and each of them works.
func TestShownCallsWork(t *testing.T) { forEachBrowser(t, testShownCallsWork) }

func testShownCallsWork(t *testing.T, b *browser) {
	l, _ := devservertest.Start(t)
	b.Goto(l.Origin + "/?user=alice&locale=de")
	html, fetch, curl := b.snippet("any-cancel", "html"), b.snippet("any-cancel", "fetch"),
		b.snippet("any-cancel", "curl")
	want := `<manage-billing-button flow="subscription_cancel" locale="de">Cancel subscription</manage-billing-button>
<script type="module">
  import { setTokenSource } from "` + l.Origin + `/billing/button.js";
`
	if !strings.HasPrefix(html, want) {
		t.Errorf("HTML\n%s\nwant\n%s", html, want)
	}
	copied := evaluate[string](b, `(async () => { let copied; navigator.clipboard.writeText = `+
		`async (text) => { copied = text; };
		document.getElementById("copy").click(); await new Promise((r) => setTimeout(r)); return copied + `+
		`document.getElementById("said").textContent; })()`)
	if copied != curl+"Copied." {
		t.Errorf("copied %q", copied)
	}
	token, err := l.Issuer.Token("alice", nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "sh", "-c",
		strings.Replace(curl, "$(go run ./local token --user alice --url "+l.Origin+")", token, 1))
	if answer, err := command.Output(); err != nil || !strings.Contains(string(answer), `"locale": "de"`) ||
		!strings.Contains(string(answer), "sub_DemoAlice") {
		t.Errorf("%s\n%v %s", curl, err, answer)
	}
	evaluate[bool](b, `(async () => { `+fetch+` })(), true`)
	b.WaitVisible("#customer-id")
	if flow := evaluate[string](b, `document.getElementById("flow").dataset.flow`); flow != "subscription_cancel" {
		t.Errorf("fetch leads to %q", flow)
	}
}

// The demo shows the response without the URL of the session, and the changes made at the portal.
func TestShownResponse(t *testing.T) { forEachBrowser(t, testShownResponse) }

func testShownResponse(t *testing.T, b *browser) {
	l, _ := devservertest.Start(t)
	b.Goto(l.Origin + "/?user=alice")
	b.click("#any-cancel-button", "#complete")
	session := b.Location()
	b.click("#complete", "#completed")
	b.click("#return", "#back")
	changed := evaluate[[]string](b, `[...document.querySelectorAll(".changed")].map((fact) => `+
		`fact.textContent.replace(/ on .*/, ""))`)
	if !slices.Equal(changed, []string{"active, cancelling", "Ends"}) {
		t.Errorf("changed: %q", changed)
	}
	if status, answer := b.Text("#any-cancel-element + #response #response-status"),
		b.Text("#response-body"); status != "200 OK" ||
		!strings.Contains(answer, `"customer": "cus_DemoAlice"`) || !strings.Contains(answer, `/p/session/…"`) {
		t.Errorf("%s %s", status, answer)
	}
	name := session[strings.LastIndex(session, "/")+1:]
	if page := evaluate[string](b, `document.documentElement.outerHTML + `+
		`JSON.stringify(sessionStorage)`); strings.Contains(page, name) {
		t.Error("the page contains the URL of the session")
	}
	b.screenshot("came-back")
	b.Click("#any-cancel-button")
	b.WaitFor(`document.getElementById("response-status").textContent.includes("409")`)
	if answer := b.Text("#response-body"); !strings.Contains(answer, `"code": "subscription-not-eligible"`) {
		t.Errorf("twice: %s", answer)
	}

	b.Goto(l.Origin + "/?user=alice")
	b.Click("#pause")
	b.click("#portal-button", "#continue a")
	b.WaitFor(`document.activeElement === document.querySelector("#continue a")`)
	b.click("#continue a", "#customer-id")

	b.Goto(l.Origin + "/?user=bob")
	b.click("#checkout-button", "#pay")
	b.screenshot("checkout")
	b.click("#pay", "#back")
	if plan := b.Text("#state dd"); !strings.HasPrefix(plan, "Starter") {
		t.Errorf("the demo shows %q for Bob", plan)
	}
	b.click("#portal-button", "#customer-id")
}

func TestErrorPage(t *testing.T) { forEachBrowser(t, testErrorPage) }

func testErrorPage(t *testing.T, b *browser) {
	l, _ := devservertest.Start(t)
	b.Goto(l.Origin + "/?user=bob&credential=form")
	b.click("#portal-button", "h1 + p")
	if heading := b.Text("h1"); heading != "No billing account" {
		t.Errorf("heading %q", heading)
	}
	// Browsers apply the style sheet only if the policy contains its hash.
	if color := evaluate[string](b, `getComputedStyle(document.querySelector(".button")).`+
		`backgroundColor`); color == "rgba(0, 0, 0, 0)" {
		t.Error("the style sheet of the page is not applied")
	}
	// Parts that the browser draws follow dark mode, and an outline shows the keyboard focus.
	b.Press(webdriver.Tab)
	if drawn := evaluate[string](b, `getComputedStyle(document.documentElement).colorScheme + ", " `+
		`+ getComputedStyle(document.activeElement).outlineStyle + " on " `+
		`+ document.activeElement.className`); drawn != "light dark, solid on button" {
		t.Errorf("drawn %s", drawn)
	}
	b.screenshot("error-page")
	b.click(".button", "#signed-in")
	if home := b.Location(); home != l.Origin+"/" {
		t.Errorf("the way back leads to %s", home)
	}
}
