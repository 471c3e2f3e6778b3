//go:build integration

package browser

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"billingportal/local/e2e/webdriver"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
	"billingportal/local/internal/fakestripe/account"
)

// snippet returns the request of a button as the page shows it.
func (b *browser) snippet(button, language string) string {
	b.t.Helper()
	b.WaitFor(`document.getElementById("snippet").textContent`)
	// At once: the mouse may rest on another button.
	return evaluate[string](b, fmt.Sprintf(`(() => { document.querySelector("[value=%s]").click(); `+
		`document.getElementById("%s-element").dispatchEvent(new PointerEvent("pointerenter"));
		return document.getElementById("snippet").textContent; })()`, language, button))
}

// Each snippet works in an empty page of an allowed origin, or in a terminal, without a change.
func TestSnippetsWorkWhenTheyArePasted(t *testing.T) {
	pages := map[string]*atomic.Pointer[string]{}
	for _, name := range webdriver.Browsers() {
		pages["/"+name] = &atomic.Pointer[string]{}
	}
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if page := pages[r.URL.Path]; page != nil {
			_, _ = io.WriteString(w, "<!doctype html><title>Empty</title>"+*page.Load())
		}
	}))
	t.Cleanup(app.Close)
	l, _ := devservertest.Start(t,
		func(l *devserver.Server) { t.Setenv("ALLOWED_ORIGINS", l.Origin+","+app.URL) })
	forEachBrowser(t, func(t *testing.T, b *browser) {
		for _, credential := range []string{"", "form", "cookie"} {
			for button, want := range map[string]string{
				"portal": "", "any-cancel": "subscription_cancel", "cancel-offer": "subscription_cancel",
				"confirm-promotion": "subscription_update_confirm", "update": "subscription_update",
			} {
				if b.Name != webdriver.Chromium && button != "any-cancel" {
					continue // the snippets differ only in their attributes and fields
				}
				b.Goto(l.Origin + "/?user=alice&locale=de&credential=" + credential)
				html, fetch := b.snippet(button, "html"), b.snippet(button, "fetch")
				for language, text := range map[string]string{
					"HTML": html, "fetch": `<script type="module">` + fetch + `</script>`,
				} {
					pages["/"+b.Name].Store(&text)
					b.Goto(app.URL + "/" + b.Name)
					switch {
					case language == "HTML" && credential == "form":
						b.Click("form button")
					case language == "HTML":
						b.Click("manage-billing-button >>> [part=button]")
					}
					b.WaitVisible("#customer-id")
					if got := evaluate[string](b, `document.getElementById("flow")?.dataset.flow ?? ""`); got != want ||
						b.Text("#customer-id") != "cus_DemoAlice" || b.Text("#locale code") != "de" {
						t.Errorf("%s of %s with %q leads to flow %q, want %q", language, button, credential, got, want)
					}
					if offer := b.Text("body"); button == "cancel-offer" && !strings.Contains(offer, "STAY20") ||
						button == "confirm-promotion" && !strings.Contains(offer, "SPRING") {
						t.Errorf("%s of %s with %q lacks the discount", language, button, credential)
					}
				}
			}
		}
	})
	b := &browser{webdriver.Open(t, webdriver.Chromium), t}
	for _, credential := range []string{"", "cookie"} {
		b.Goto(l.Origin + "/?user=alice&credential=" + credential)
		command := exec.CommandContext(t.Context(), "sh", "-c", b.snippet("any-cancel", "curl"))
		command.Dir = "../../.."
		if answer, err := command.Output(); err != nil || !strings.Contains(string(answer), "sub_DemoAlice") {
			t.Errorf("curl with %q: %v %s", credential, err, answer)
		}
	}
}

// A snippet is the same before, during and after a request.
func TestSnippetsDoNotChangeWithARequest(t *testing.T) {
	forEachBrowser(t, func(t *testing.T, b *browser) {
		l, _ := devservertest.Start(t)
		b.Goto(l.Origin + "/?user=bob")
		before := b.snippet("portal", "html")
		b.Run(`document.getElementById("portal-element").addEventListener("submit", () => setTimeout(() => { ` +
			`document.querySelector("[value=html]").dispatchEvent(new Event("change"));
			window.during = document.getElementById("portal-element").ariaBusy + ` +
			`document.getElementById("snippet").textContent; }, 1))`)
		b.Click("#portal-button")
		b.WaitVisible("#response")
		if during := evaluate[string](b, `window.during`); during != "true"+before && during != "false"+before {
			t.Errorf("during: %s", during)
		}
		if after := b.snippet("portal", "html"); after != before {
			t.Errorf("after: %s", after)
		}
	})
}

// The response is under its button, which has the focus, after an error and after Back.
func TestTheResponseIsUnderItsButton(t *testing.T) { forEachBrowser(t, testTheResponse) }

func testTheResponse(t *testing.T, b *browser) {
	l, _ := devservertest.Start(t)
	b.Resize(500, 600)
	isUnder := func(button, status string) {
		t.Helper()
		b.WaitFor(fmt.Sprintf(`(() => { const button = document.getElementById("%[1]s-button"), `+
			`response = document.querySelector("#%[1]s-element + #response");
			const isVisible = (box) => box.bottom > 0 && box.top < innerHeight;
			return document.activeElement === button && response.checkVisibility() && `+
			`response.innerText.includes(%[2]q) && isVisible(button.getBoundingClientRect()) && `+
			`isVisible(response.getBoundingClientRect()); })()`, button, status))
	}
	b.Goto(l.Origin + "/?user=bob")
	b.Click("#any-update-button")
	isUnder("any-update", "404 Not Found")

	b.Goto(l.Origin + "/?user=alice")
	b.click("#any-cancel-button", "#complete")
	b.Back()
	isUnder("any-cancel", "200 OK")
	if changed := evaluate[int](b, `document.querySelectorAll(".changed").length`); changed != 0 {
		t.Errorf("%d changes", changed)
	}
	b.click("#any-cancel-button", "#complete")
	b.click("#complete", "#completed")
	b.Back()
	b.WaitVisible("#complete")
	b.Back()
	isUnder("any-cancel", "200 OK")
	b.WaitFor(`document.querySelector("#user-alice span").textContent === "Starter, active, cancelling" && ` +
		`document.querySelectorAll("#state .changed").length === 2`)

	// A browser may keep the page as it was, and show it again.
	b.Goto(l.Origin + "/?user=dave")
	b.Click("#pause")
	b.click("#payment-method-button", "#continue a")
	l.Stripe.Change(func(d *account.Data) { d.Customer("cus_DemoDave").Card = "Visa ending in 0000" })
	b.Run(`dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))`)
	isUnder("payment-method", "200 OK")
	b.WaitFor(`document.querySelector("#state .changed").textContent === "Visa ending in 0000" && ` +
		`!document.querySelector("#continue a").checkVisibility()`)

	b.Goto(l.Origin + "/?user=alice")
	if isShown := evaluate[bool](b, `document.getElementById("response").checkVisibility()`); isShown {
		t.Error("a new visit shows the response of the last one")
	}
	b.Goto(l.Origin + "/?user=dave&credential=form")
	b.click("#any-cancel-button", "h1 + p")
	b.Back()
	isUnder("any-cancel", "The browser sent this form")
}

// Each link of the stand-in portal's home page leads to a page whose button makes the change, and
// the app shows it.
func TestThePortalsHomePage(t *testing.T) { forEachBrowser(t, testThePortalsHomePage) }

func testThePortalsHomePage(t *testing.T, b *browser) {
	l, _ := devservertest.Start(t)
	for _, test := range []struct{ link, button, state string }{
		{`a[href*="/change-plan"]`, "Change plan", "Pro, $29.00 a month"},
		{"#update-card", "Update payment method", "Mastercard ending in 4444"},
		{"#update-details", "Update billing details", "Tax ID: US EIN 12-3456789"},
		{`a[href*="/cancel"]`, "Cancel subscription", "active, cancelling"},
		{"#home form button", "", "Renews on"},
	} {
		b.Goto(l.Origin + "/?user=alice")
		b.click("#portal-button", "#home")
		if test.button == "" {
			b.click(test.link, "#completed")
		} else {
			b.click(test.link, "#go-back")
			if button := b.Text("#complete"); button != test.button {
				t.Errorf("%s leads to the button %q, want %q", test.link, button, test.button)
			}
			b.click("#complete", "#completed")
		}
		b.click("#return", "#back")
		if state := b.Text("#state"); !strings.Contains(state, test.state) ||
			evaluate[int](b, `document.querySelectorAll("#state .changed").length`) == 0 {
			t.Errorf("%s changes the state to %s", test.link, state)
		}
	}
}

// After a purchase, the card of the user and the page show the plan.
func TestBobsPurchase(t *testing.T) { forEachBrowser(t, testBobsPurchase) }

func testBobsPurchase(t *testing.T, b *browser) {
	l, _ := devservertest.Start(t)
	b.Goto(l.Origin + "/?user=bob")
	if card := b.Text("#user-bob span"); card != "No billing account" {
		t.Errorf("before: %s", card)
	}
	b.click("#checkout-button", "#pay")
	b.click("#pay", "#back")
	for _, page := range []string{"/?user=bob", "/?user=alice"} {
		if card := b.Text("#user-bob span"); card != "Starter, active" {
			t.Errorf("after: %s", card)
		}
		b.Goto(l.Origin + page)
	}
}

// On a phone, the largest page takes at most three screens, also with a response or open options.
func TestDavesPageOnAPhone(t *testing.T) {
	l, _ := devservertest.Start(t)
	b := &browser{webdriver.Open(t, webdriver.Chromium), t}
	b.Resize(390, 844)
	isShort := func(state string) {
		t.Helper()
		b.screenshot("phone-" + strings.ReplaceAll(state, " ", "-"))
		height := evaluate[int](b, `document.documentElement.scrollHeight`)
		t.Logf("%s: %d pixels", state, height)
		if height > 3*844 {
			t.Errorf("%s: %d pixels", state, height)
		}
	}
	b.Goto(l.Origin + "/?user=dave")
	b.WaitVisible("#request")
	isShort("first visit")
	// After a picture of the whole page, Chromium's driver clicks beside the button.
	b.Run(`document.getElementById("any-cancel-button").click()`)
	if response := b.Text("#response"); !strings.Contains(response, "subscription-ambiguous") {
		t.Fatalf("the response is %s", response)
	}
	b.WaitVisible("#any-cancel-element >>> [part=choice]")
	isShort("choices")
	b.Run(`document.getElementById("any-cancel-element").shadowRoot.querySelector("[part=choice]").click()`)
	b.click("#complete", "#completed")
	b.click("#return", "#back")
	b.WaitVisible("#response")
	isShort("return from the portal")
	b.Goto(l.Origin + "/?user=dave&locale=de")
	b.WaitVisible("#request")
	isShort("options")
}

// With an app's own login, the page explains what to do.
func TestTheDemoWithAnAppsOwnLogin(t *testing.T) {
	devservertest.Provider(t)
	l, _ := devservertest.Start(t)
	axe := readAxe(t)
	forEachBrowser(t, func(t *testing.T, b *browser) {
		b.Prefer(webdriver.Preferences{Dark: b.Name != webdriver.Chromium})
		b.Goto(l.Origin + "/")
		if text := b.Text("#own-login"); !strings.Contains(text, devservertest.Frontend) {
			t.Errorf("the page says %s", text)
		}
		b.look(axe, "own-login")
	})
}
