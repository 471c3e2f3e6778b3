//go:build integration && frameworks

package frameworks

import (
	"testing"
	"time"

	"billingportal/local/e2e/webdriver"
)

// way is a way to reach the billing page.
type way struct {
	name  string
	open  func(*page)
	delay time.Duration // delay of the module that the API serves
}

var ways = []way{
	{name: "by address", open: (*page).open},
	{name: "by navigation", open: (*page).navigate},
	// The framework has hydrated the page before the element is defined.
	{name: "by address, slow module", open: (*page).open, delay: 500 * time.Millisecond},
}

// page is the billing page of an app.
type page struct {
	*webdriver.Browser
	t      *testing.T
	origin string
}

// listen is a script that collects the errors and warnings of a page. In Chromium it runs before
// the scripts of the page.
const listen = `if (!window.reported) {
	window.reported = [];
	addEventListener("error", ({ message }) => reported.push(message));
	addEventListener("unhandledrejection", ({ reason }) => reported.push(String(reason)));
	for (const level of ["error", "warn"]) {
		const { [level]: log } = console;
		console[level] = (...values) => { reported.push(values.join(" ")); log.apply(console, values); };
	}
}`

// load opens a page of the app.
func (p *page) load(path string) {
	p.t.Helper()
	p.Goto(p.origin + path)
	p.Run(listen)
}

// open opens the billing page by its address.
func (p *page) open() {
	p.t.Helper()
	p.load("/billing")
	p.waitReady()
}

// navigate goes to the billing page, away, and to the billing page again, without loading a page.
// It tries several times, because on a busy machine React Router in WebKit sometimes loads a page
// instead.
func (p *page) navigate() {
	p.t.Helper()
	for range 3 {
		p.load("/")
		// Until the framework handles links, a link would load the page.
		p.Run(`window.hold = (event) => {
			window.isHandled = event.defaultPrevented;
			event.preventDefault();
		};
		addEventListener("click", hold)`)
		p.follow("#to-billing", "#billing")
		p.waitReady()
		p.follow("#to-home", "#home")
		p.follow("#to-billing", "#billing")
		p.waitReady()
		if webdriver.Eval[bool](p.Browser, `!!window.hold`) {
			p.Run(`removeEventListener("click", hold)`)
			return
		}
	}
	p.t.Fatal("the links of the framework load pages")
}

// follow clicks on a link until the framework handles it, and waits for the next page. It never
// interrupts a view transition of Astro, because Astro reports that.
func (p *page) follow(link, next string) {
	p.t.Helper()
	p.WaitFor(`(() => {
		if (document.documentElement.matches("[data-astro-transition]")) return false;
		document.querySelector(` + webdriver.Quote(link) + `)?.click();
		return window.isHandled || document.querySelector(` + webdriver.Quote(next) + `);
	})()`)
	p.WaitVisible(next)
}

// waitReady waits until the framework has hydrated the page and the element is defined.
func (p *page) waitReady() {
	p.t.Helper()
	p.WaitFor(`document.querySelector("main[data-ready=true] #billing") && ` +
		`customElements.get("manage-billing-button")`)
}

// press presses a button, and expects the portal page of the signed-in user.
func (p *page) press(selector, flow string) {
	p.t.Helper()
	p.reportsNothing()
	p.Click(selector)
	p.WaitVisible("#customer-id")
	customer := p.Text("#customer-id")
	opened := webdriver.Eval[string](p.Browser, `document.querySelector("#flow")?.dataset.flow ?? ""`)
	if customer != "cus_DemoAlice" || opened != flow {
		p.t.Errorf("the portal of %q in flow %q, want flow %q", customer, opened, flow)
	}
}

// shown is a JavaScript function that returns the visible text of an element, with its shadow tree.
const shown = `((root) => {
	const text = (node) => {
		if (node.nodeType === 3) return node.data;
		if (node.nodeType !== 1 || getComputedStyle(node).display === "none") return "";
		const assigned = node.localName === "slot" ? node.assignedNodes() : [];
		const nodes = assigned.length ? assigned : (node.shadowRoot ?? node).childNodes;
		return [...nodes].map(text).join("");
	};
	return text(root).replace(/\s+/g, " ").trim();
})`

// shows waits until an element has this visible text.
func (p *page) shows(id, text string) {
	p.t.Helper()
	p.waitEqual(shown+`(document.querySelector("#`+id+`"))`, text)
}

// waitEqual waits for up to two seconds until an expression has this value.
func (p *page) waitEqual(expression, want string) {
	p.t.Helper()
	var got string
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if got = webdriver.Eval[string](p.Browser, expression); got == want {
			return
		}
	}
	p.t.Errorf("got %q, want %q", got, want)
}

// reportsNothing expects that the page has reported no errors and no warnings.
func (p *page) reportsNothing() {
	p.t.Helper()
	if reported := webdriver.Eval[[]string](p.Browser, `window.reported`); len(reported) > 0 {
		p.t.Errorf("the page reports %q", reported)
	}
}
