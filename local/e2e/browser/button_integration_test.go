//go:build integration

package browser

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evanw/esbuild/pkg/api"

	"billingportal/local/internal/devserver/devservertest"
)

func TestTheButton(t *testing.T) { forEachButtonApp(t, testTheButton) }

func testTheButton(t *testing.T, a *buttonApp) {
	alice, dave, bob := a.token("alice", nil), a.token("dave", nil), a.token("bob", nil)
	expired := a.token("alice", map[string]any{"exp": time.Now().Add(-time.Hour).Unix()})

	behaviour(t, "a token", func(*testing.T) {
		a.show(module + fmt.Sprintf(button,
			`token="`+alice+`" flow="subscription_cancel" after="portal" retention-coupon="STAY20"`, "Cancel plan"))
		a.click("#b >>> [part=button]", "#customer-id")
		if flow := a.eval(`document.getElementById("flow").dataset.flow`); a.Text("#customer-id") != "cus_DemoAlice" ||
			flow != "subscription_cancel" {
			t.Errorf("portal of %s in flow %q", a.Text("#customer-id"), flow)
		}
		if posts := a.takePosts(); posts != 1 {
			t.Errorf("the button sent %d requests, want 1", posts)
		}
	})
	behaviour(t, "a page restored from the cache is ready again", func(*testing.T) {
		// A page that goes into the cache stops while busy. This is the event that it gets when the
		// browser restores it.
		a.show(module + fmt.Sprintf(button, "", "Billing") +
			`<script>b.getToken = () => new Promise(() => {});</script>`)
		state := a.eval(`(async () => { const state = () => [b.ariaBusy, ` +
			`b.shadowRoot.querySelector("[part=button]").disabled, ` +
			`b.shadowRoot.querySelector("[role=status]").textContent].join();
			await customElements.whenDefined("manage-billing-button"); ` +
			`b.shadowRoot.querySelector("[part=button]").click(); await new ` +
			`Promise((r) => setTimeout(r, 60));
			dispatchEvent(new PageTransitionEvent("pageshow")); const busy = state(); // as on a page that was just ` +
			`loaded
			dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })); return busy + "|" + state(); })()`)
		if state != "true,true,Opening the billing page…|false,false," {
			t.Errorf("before and after pageshow the state is %q", state)
		}
	})
	behaviour(t, "a default label, and one request for two clicks", func(*testing.T) {
		a.show(module + fmt.Sprintf(button, `flow="payment_method_update"`, "") + `<script>b.getToken = async () => "` +
			alice + `"; b.addEventListener("billing-portal-open", (e) => { e.preventDefault(); document.title = ` +
			`e.detail.url; });</script>`)
		if label := a.Text("#b >>> [part=button]"); label != "Update payment method" {
			t.Errorf("the label is %q", label)
		}
		state := a.eval(`(async () => { const button = b.shadowRoot.querySelector("[part=button]"); button.focus(); ` +
			`button.click(); ` +
			`button.click(); await new Promise((r) => setTimeout(r, 60));
			const busy = [b.ariaBusy, button.disabled, b.shadowRoot.querySelector("[role=status]").textContent].join();
			while (!document.title.startsWith("http")) await new Promise((r) => setTimeout(r, 20)); await new ` +
			`Promise((r) => setTimeout(r, 60));
			return busy + "|" + [b.ariaBusy, button.disabled, button.matches(":focus")].join(); })()`)
		if state != "true,true,Opening the billing page…|false,false,true" {
			t.Errorf("during and after the request the state is %q", state)
		}
		if posts := a.takePosts(); posts != 1 {
			t.Errorf("two clicks sent %d requests, want 1", posts)
		}
		if html := a.eval(`b.innerHTML`); strings.Contains(html, alice[:20]) {
			t.Errorf("the page contains the token: %s", html)
		}
	})
	behaviour(t, "a fresh token after a 401, once", func(*testing.T) {
		for _, test := range []struct{ second, want, told string }{{alice, "2 open", ""},
			{expired, "2 invalid-token", "Please sign in again."}} {
			a.show(module + fmt.Sprintf(button, "", "Billing") + `<script>const tokens = ["` + expired + `", "` +
				test.second + `"]; let n = 0; b.getToken = () => tokens[n++];
				b.addEventListener("billing-portal-open", (e) => { e.preventDefault(); document.title = n + " open"; });
				b.addEventListener("billing-portal-error", (e) => { document.title = n + " " + e.detail.code; ` +
				`});</script>`)
			got := a.eval(`(async () => { b.shadowRoot.querySelector("[part=button]").click(); while (!/^\d ` +
				`/.test(document.title)) ` +
				`await new Promise((r) => setTimeout(r, 20)); return document.title; })()`)
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if told := a.eval(`b.shadowRoot.querySelector("[role=status]").textContent`); told != test.told {
				t.Errorf("the message for the user is %q, want %q", told, test.told)
			}
		}
		a.takePosts()
	})
	behaviour(t, "choices are buttons", func(*testing.T) {
		a.show(module + fmt.Sprintf(button, `token="`+dave+`" flow="subscription_cancel"`, "Cancel"))
		got := a.eval(`(async () => { b.shadowRoot.querySelector("[part=button]").click(); while ` +
			`(!b.shadowRoot.querySelector("[part=choice]")) await new Promise((r) => setTimeout(r, 20));
			return [...b.shadowRoot.querySelectorAll("[part=choice]")].map((c) => c.textContent).sort().join() + "|" ` +
			`+ b.shadowRoot.querySelector("[role=status]").textContent; })()`)
		if got != "Storage (trial),Team × 5|Which subscription?" {
			t.Errorf("the choices are %q", got)
		}
		a.eval(`[...b.shadowRoot.querySelectorAll("[part=choice]")].find((c) => ` +
			`c.textContent.startsWith("Team")).click() ?? ""`)
		a.WaitVisible("#customer-id")
		if chosen := a.Text("#subscription code"); chosen != "sub_DemoDaveTeam" {
			t.Errorf("the portal opened for the subscription %s", chosen)
		}
		a.takePosts()
	})
	behaviour(t, "two concurrent calls for a user without an account share a request", func(*testing.T) {
		a.takePosts()
		a.show(`<script>const { openBillingPortal } = await import("PORTAL/billing/button.js"); const open = () => ` +
			`openBillingPortal({ token: "` + bob + `" });
			const [{ reason }, second] = await Promise.allSettled([open(), open()]); document.title = ` +
			`reason.problem.code + " " + reason.problem.status + " " + (reason === second.reason);</script>`)
		if got := a.eval(`(async () => { while (document.title === "An app") await new Promise((r) => setTimeout(r, ` +
			`20)); return document.title; })()`); got != "no-billing-account 404 true" || a.takePosts() != 1 {
			t.Errorf("openBillingPortal rejected with %q, or sent more than one request", got)
		}
	})
	behaviour(t, "a form without a script", func(*testing.T) {
		a.show(`<manage-billing-button><form method="post" action="PORTAL/billing/portal"><input type="hidden" ` +
			`name="access_token" value="` + alice +
			`"><button id="plain">Billing</button></form></manage-billing-button>`)
		a.click("#plain", "#customer-id")
		a.takePosts()
	})
	behaviour(t, "the same form with a script and parameters", func(*testing.T) {
		a.show(module + fmt.Sprintf(button, `flow="subscription_update_confirm" price="price_ProMonthly" quantity="1"`,
			`<form method="post" action="PORTAL/billing/portal"><input type="hidden" name="access_token" value="`+alice+
				`"><button id="plain">Upgrade</button></form>`))
		a.click("#plain", "#customer-id")
		if flow := a.eval(`document.getElementById("flow").dataset.flow`); flow != "subscription_update_confirm" {
			t.Errorf("the portal opened in the flow %q", flow)
		}
		a.takePosts()
	})
	behaviour(t, "a cookie of the same site", func(*testing.T) {
		a.show(`<script>document.cookie = "session=` + alice +
			`; path=/"; import("LOCALHOST/billing/button.js");</script>` + fmt.Sprintf(button, "cookie", "Billing"))
		a.WaitVisible("#b >>> [part=button]")
		a.click("#b >>> [part=button]", "#customer-id")
		a.eval(`document.cookie = "session=; max-age=0; path=/"`)
	})
	behaviour(t, "every parameter has its attribute", func(*testing.T) {
		a.show(module + fmt.Sprintf(button, `flow="subscription_cancel" return-url="https://a.example/" locale="de" `+
			`configuration="bpc_1" on-behalf-of="acct_1" subscription="sub_1"
			retention-coupon="STAY20" after="https://a.example/done"`, "x") +
			`<manage-billing-button id="c" flow="subscription_update_confirm" price="price_1" quantity="3" ` +
			`coupon="C" promotion-code="promo_1" confirmation-message="Thanks"></manage-billing-button>` +
			`<manage-billing-button id="d" after="portal"></manage-billing-button><script>d.parameters = { locale: ` +
			`"fr", flow_data: { type: "payment_method_update" } };</script>`)
		got := a.eval(`(async () => { await customElements.whenDefined("manage-billing-button");
			return [b, c, d].map((e) => [...new FormData(e.shadowRoot.querySelector("form"))].map((field) => ` +
			`field.join("=")).sort().join("\n")).join("\n\n"); })()`)
		want := `configuration=bpc_1
flow_data[after_completion][redirect][return_url]=https://a.example/done
flow_data[after_completion][type]=redirect
flow_data[subscription_cancel][retention][coupon_offer][coupon]=STAY20
flow_data[subscription_cancel][retention][type]=coupon_offer
flow_data[subscription_cancel][subscription]=sub_1
flow_data[type]=subscription_cancel
locale=de
on_behalf_of=acct_1
return_url=https://a.example/

flow_data[after_completion][hosted_confirmation][custom_message]=Thanks
flow_data[after_completion][type]=hosted_confirmation
flow_data[subscription_update_confirm][discounts][0][coupon]=C
flow_data[subscription_update_confirm][discounts][0][promotion_code]=promo_1
flow_data[subscription_update_confirm][items][0][price]=price_1
flow_data[subscription_update_confirm][items][0][quantity]=3
flow_data[type]=subscription_update_confirm

flow_data[after_completion][type]=portal_homepage
flow_data[type]=payment_method_update
locale=fr`
		if got != want {
			t.Errorf("fields\n%s\nwant\n%s", got, want)
		}
	})
	behaviour(t, "the fields of a form are sent, except for its token", func(*testing.T) {
		a.show(module + fmt.Sprintf(button, `flow="subscription_cancel"`,
			`<form method="post" action="PORTAL/billing/portal"><input type="hidden" name="access_token" value="`+bob+
				`"><input type="hidden" name="locale" value="fr"><button id="plain">Cancel</button></form>`) +
			`<script>b.getToken = () => "` + alice + `";</script>`)
		a.click("#plain", "#customer-id")
		if customer := a.Text("#customer-id"); customer != "cus_DemoAlice" {
			t.Errorf("the portal opened for the customer %s", customer)
		}
		a.takePosts()
		a.show(module + fmt.Sprintf(button, "", `<form><input type="hidden" name="access_token" value="`+bob+
			`"><input type="hidden" name="locale" value="fr"><button>Cancel</button></form>`) +
			`<script>b.getToken = () => "` + alice + `"; b.parameters = new Proxy({ configuration: "bpc_1" }, {}); ` +
			`window.fetch = async (url, options) => { document.title = "sent " + options.body; throw 0; };</script>`)
		if sent := a.eval(`(async () => { while (!b.parameters) await new Promise((r) => setTimeout(r, 20)); ` +
			`b.querySelector("button").click(); while (document.title === "An app") ` +
			`await new Promise((r) => setTimeout(r, 20)); return document.title; ` +
			`})()`); sent != "sent locale=fr&configuration=bpc_1" {
			t.Errorf("got %q", sent)
		}
	})
	behaviour(t, "if a listener of the app stops a form, the button is ready again", func(*testing.T) {
		a.show(module + fmt.Sprintf(button, "", `<form method="post"><button>Billing</button></form>`) +
			`<script>document.addEventListener("submit", (event) => event.preventDefault());</script>`)
		state := a.eval(`(async () => { await customElements.whenDefined("manage-billing-button"); ` +
			`b.querySelector("button").click(); await new Promise((r) => setTimeout(r, 60));
			return [b.ariaBusy, b.querySelector("button").disabled, ` +
			`b.shadowRoot.querySelector("[role=status]").textContent].join(); })()`)
		if state != "false,false," || a.takePosts() != 0 {
			t.Errorf("after the stopped form the state is %q", state)
		}
	})
}

// Each example is in a page of an app on another origin, whose server provides tokens. A script of
// the app mounts the component of a framework. Parts that a server renders load with the navigation
// of the framework.
func TestTheExamples(t *testing.T) { forEachButtonApp(t, testTheExamples) }

func testTheExamples(t *testing.T, a *buttonApp) {
	token := a.token("alice", nil)
	a.tokens.Store(&token)
	fill := strings.NewReplacer("PORTAL", a.portal, "TOKEN", token)
	page := fill.Replace(`<!doctype html><html lang="en"><title>An app</title><script type="module" ` +
		`src="PORTAL/billing/button.js"></script>%s`)
	// A problem changes the title of the page.
	const props = `{ getToken: () => fetch("/token").then((answer) => answer.text()), %s: ({ code }) => { ` +
		`document.title = code; } }`
	mounted := func(file, script string) string {
		return fmt.Sprintf(page, `<body><script type="module">`+bundle(t, "../../examples/"+file, script)+`</script>`)
	}
	ownButton := map[string]string{"manage-billing-button button": "subscription_cancel"}
	examples := map[string]struct {
		app       string // the page of the app
		selectors map[string]string
	}{
		"plain.html": {fill.Replace(devservertest.ReadText(t, "../../examples/plain.html")),
			map[string]string{"manage-billing-button >>> [part=button]": "",
				"[flow] >>> [part=button]": "subscription_cancel"}},
		"react.jsx": {mounted("react.jsx", `import { createElement } from "react"; import { createRoot } from `+
			`"react-dom/client"; import { CancelPlan } from "EXAMPLE";
			createRoot(document.body).render(createElement(CancelPlan, `+fmt.Sprintf(props, "onProblem")+`));`), nil},
		"react.jsx, rendered by a server": {mounted("react.jsx", `import { createElement } from "react"; import { `+
			`hydrateRoot } from "react-dom/client"; import { renderToString } from "react-dom/server"; import { `+
			`CancelPlan } `+
			`from "EXAMPLE"; const app = createElement(CancelPlan, `+fmt.Sprintf(props, "onProblem")+`);
			document.body.innerHTML = renderToString(app); await customElements.whenDefined("manage-billing-button");
			const onRecoverableError = ({ message }) => { document.title = message; };
			hydrateRoot(document.body, app, { onRecoverableError });`), nil},
		"vue.vue": {mounted("vue.vue", `import { createApp } from "vue"; import CancelPlan from "EXAMPLE";
			createApp(CancelPlan, `+fmt.Sprintf(props, "onProblem")+`).mount(document.body);`), nil},
		"svelte.svelte": {mounted("svelte.svelte", `import { mount } from "svelte"; import CancelPlan from "EXAMPLE";
			mount(CancelPlan, { target: document.body, props: `+fmt.Sprintf(props, "onproblem")+` });`), nil},
		"htmx.html": {fmt.Sprintf(page, `<script type="module">`+bundle(t, "", `import "htmx.org";`)+`</script>
			<body hx-boost:inherited="true"><main hx-get="/fragment" hx-trigger="load"></main>`), ownButton},
		"turbo.html": {fmt.Sprintf(page,
			`<script type="module">`+bundle(t, "", `import { visit } from "@hotwired/turbo";
			if (location.pathname === "/") visit("/fragment");`)+`</script>`), ownButton},
	}
	read := 0
	for name, e := range examples {
		file, _, isVariant := strings.Cut(name, ", ")
		if !isVariant {
			read++
		}
		fragment := devservertest.ReadText(t, "../../examples/"+file)
		if lines := strings.Count(fragment, "\n"); lines > 15 {
			t.Errorf("%s has %d lines", name, lines)
		}
		a.example.Store(&e.app)
		a.fragment.Store(new(fill.Replace(fragment)))
		if e.selectors == nil {
			e.selectors = map[string]string{"manage-billing-button >>> [part=button]": "subscription_cancel"}
		}
		labels := map[string]string{"": "Manage billing", "subscription_cancel": "Cancel plan"}
		for selector, flow := range e.selectors {
			behaviour(t, name+" "+selector, func(*testing.T) {
				a.Goto(a.home + "/")
				a.WaitVisible(selector)
				host, _, _ := strings.Cut(selector, " ")
				if label := a.eval(`document.querySelector("` + host + `").textContent.trim()`); label != labels[flow] {
					t.Errorf("the label is %q", label)
				}
				a.click(selector, "#customer-id")
				if got := a.eval(`document.getElementById("flow")?.dataset.flow || ""`); got != flow {
					t.Errorf("flow %q, want %q", got, flow)
				}
				if posts := a.takePosts(); posts != 1 {
					t.Errorf("the button sent %d requests", posts)
				}
			})
		}
	}
	// A reader who is not signed in comes from an e-mail. The login keeps the flow, and nothing
	// opens before a press.
	read++
	behaviour(t, "dunning.html, with a login in between", func(*testing.T) {
		app := fill.Replace(devservertest.ReadText(t, "../../examples/dunning.html"))
		a.example.Store(&app)
		a.tokens.Store(new(""))
		a.login.Store(&token)
		const page = "/billing/open?flow=payment_method_update"
		a.Goto(a.home + page)
		a.WaitFor(`document.referrer === location.href`) // the browser was here before the login
		a.WaitVisible("manage-billing-button >>> [part=button]")
		if at, posts := a.Location(), a.takePosts(); at != a.home+page || posts != 0 {
			t.Errorf("at %s, %d requests", at, posts)
		}
		if label := a.Text("manage-billing-button >>> [part=button]"); label != "Update payment method" {
			t.Errorf("label %q", label)
		}
		a.click("manage-billing-button >>> [part=button]", "#customer-id")
		if flow := a.eval(`document.getElementById("flow").dataset.flow`); flow != "payment_method_update" {
			t.Errorf("flow %q", flow)
		}
	})
	if files, err := os.ReadDir("../../examples"); err != nil || len(files) != read+1 { // and the README
		t.Errorf("the examples are %v, %v", files, err)
	}
}

// bundle returns a script of the app that imports a component, as a bundler makes it.
func bundle(t *testing.T, component, script string) string {
	t.Helper()
	modules, err := filepath.Abs("../../../.tools/npm/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	component, err = filepath.Abs(component)
	if err != nil {
		t.Fatal(err)
	}
	compiled := api.Plugin{Name: "components", Setup: func(build api.PluginBuild) {
		build.OnLoad(api.OnLoadOptions{Filter: `\.(vue|svelte)$`, Namespace: "file"},
			func(args api.OnLoadArgs) (api.OnLoadResult, error) {
				node := exec.CommandContext(t.Context(), "node", "testdata/examples/compile.mjs", modules, args.Path)
				node.Stderr = os.Stderr
				code, err := node.Output()
				return api.OnLoadResult{Contents: new(string(code)), ResolveDir: filepath.Dir(args.Path)}, err
			})
	}}
	result := api.Build(api.BuildOptions{
		Stdin:  &api.StdinOptions{Contents: strings.ReplaceAll(script, "EXAMPLE", component), ResolveDir: "."},
		Bundle: true, Format: api.FormatESModule, Platform: api.PlatformBrowser, JSX: api.JSXAutomatic,
		Conditions: []string{"browser"},
		NodePaths:  []string{modules}, Plugins: []api.Plugin{compiled}, MinifyWhitespace: true,
		Define: map[string]string{
			"process.env.NODE_ENV": `"production"`, "__VUE_OPTIONS_API__": "true", "__VUE_PROD_DEVTOOLS__": "false",
			"__VUE_PROD_HYDRATION_MISMATCH_DETAILS__": "false",
		},
	})
	if len(result.Errors) > 0 {
		t.Fatal(result.Errors[0].Text)
	}
	return string(result.OutputFiles[0].Contents)
}

// A link, for example in an e-mail, leads to a page with one button, which the user must press.
func TestLinkToAFlow(t *testing.T) { forEachBrowser(t, testLinkToAFlow) }

func testLinkToAFlow(t *testing.T, b *browser) {
	l, _ := devservertest.Start(t)
	token, err := l.Issuer.Token("alice", nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	b.Goto(l.Origin + "/?user=alice")
	evaluate[string](b, `document.cookie = "session=`+token+`; path=/"`)
	b.Goto(l.Origin + "/billing/portal?flow_data[type]=payment_method_update&locale=de")
	if heading := b.Text("h1"); heading != "Zahlungsmethode ändern" {
		t.Errorf("the heading of the page is %q", heading)
	}
	b.screenshot("question")
	b.click("form .button", "#customer-id")
	if flow := evaluate[string](b, `document.getElementById("flow").dataset.flow`); flow != "payment_method_update" {
		t.Errorf("the portal opened in the flow %q", flow)
	}
}
