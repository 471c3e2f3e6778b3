//go:build integration && frameworks

package frameworks

import "billingportal/local/e2e/webdriver"

const (
	cancel = "subscription_cancel"
	update = "payment_method_update"
)

// behaviors are the behaviors that every page must have.
var behaviors = []struct {
	name  string
	check func(*page)
}{
	{"token from setTokenSource", func(p *page) { p.press("#source", update) }},
	{"token and parameters as properties", func(p *page) { p.press("#property", cancel) }},
	{"a child is added to the label and removed", func(p *page) {
		for range 2 {
			p.shows("changing", "Plans")
			p.shows("own", "Own button")
			p.Click("#badge")
			p.shows("changing", "★Plans")
			p.shows("own", "★Own button")
			p.Click("#badge")
		}
		p.shows("changing", "Plans")
		p.press("#changing", "")
	}},
	{"the label changes", func(p *page) {
		p.shows("changing", "Plans")
		p.Click("#rename")
		p.shows("changing", "Invoices")
		p.Click("#rename")
		p.shows("changing", "Plans")
		p.Click("#badge")
		p.Click("#rename")
		p.shows("changing", "★Invoices")
		p.press("#changing", "")
	}},
	{"a late label appears once", func(p *page) {
		p.shows("late", "Billing of Alice")
		p.press("#late", "")
	}},
	{"the page's own button", func(p *page) {
		p.shows("own", "Own button")
		p.waitEqual(`(() => {
			const all = (root) => [...root.querySelectorAll("button")].filter((button) => button.checkVisibility());
			const own = document.querySelector("#own"), buttons = [...all(own), ...all(own.shadowRoot)];
			const above = (node) => node && (node.assignedSlot ?? node.parentNode ?? node.host);
			let isNested = false;
			for (const button of buttons) {
				for (let node = above(button); node; node = above(node)) isNested ||= node.localName === "button";
			}
			return buttons.map((button) => button.className).join() + (isNested ? ", nested" : "");
		})()`, "btn btn-primary")
		p.press("#own button", "")
	}},
	{"openBillingPortal from a handler", func(p *page) { p.press("#handler", cancel) }},
	{"a signed out user gets a message", func(p *page) {
		p.Run(`const { fetch } = window; window.fetch = (url, options) => ` +
			`url === "/token" ? Promise.resolve(new Response("")) : fetch(url, options);
			addEventListener("billing-portal-error", ({ detail }) => window.refused = detail.status)`)
		p.Click("#source")
		p.waitEqual(`document.querySelector("#source").shadowRoot.querySelector("[role=status]").innerText && `+
			`String(window.refused)`, "401")
		p.reportsNothing()
	}},
	{"the page gets an error event", func(p *page) {
		p.Click("#refused")
		p.waitEqual(`document.querySelector("#problem").textContent`, "invalid-parameter")
		p.reportsNothing()
	}},
	{"back from the portal, pressed again", func(p *page) {
		p.press("#source", update)
		p.Click("#return")
		p.waitReady()
		p.press("#property", cancel)
		// WebKit's driver waits forever for a page that the browser restores from the back-forward
		// cache.
		if p.Name != webdriver.WebKit {
			p.Back()
			p.waitReady()
			p.press("#own button", "")
		}
	}},
	{"no errors and no warnings", func(p *page) {
		p.shows("late", "Billing of Alice")
		for _, button := range []string{"#badge", "#rename", "#badge", "#rename"} {
			p.Click(button)
		}
		p.WaitFor(`new Promise((done) => setTimeout(() => done(true), 100))`)
		p.reportsNothing()
		p.waitEqual(`String(document.querySelectorAll("manage-billing-button").length)`, "6")
	}},
}
