// <manage-billing-button> and openBillingPortal: from a page of the app's own to Stripe's customer portal.
//
// `go generate ./functions/internal/portal` minifies this file once for each language, with the texts of that language in the place
// of TEXTS. Nothing here makes HTML of text or style attributes, so that Trusted Types and a strict Content-Security-Policy hold.

const texts = TEXTS; // { manage, opening, signIn, forbidden, noAccount, failed, choose, flows: { … }, statuses: { … } }
const portal = new URL("portal", import.meta.url).href;

/** A refusal of the API's, with its problem document (RFC 9457). */
class PortalError extends Error {
  constructor(problem) {
    super(problem.code);
    this.problem = problem;
  }
}

const isLoopback = (url) => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);

/** Asks for a session and returns its address. It is a secret: whoever has it is the customer. */
async function createSession({ endpoint = portal, getToken, token, cookie, parameters = {} }) {
  const ask = typeof getToken === "function" ? getToken : () => getToken ?? token;
  const post = async () => {
    const bearer = await ask();
    return fetch(endpoint, {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json", ...(bearer && { Authorization: `Bearer ${bearer}` }) },
      body: JSON.stringify(parameters),
      credentials: cookie ? "include" : "omit",
      redirect: "error",
    });
  };
  let answer;
  try {
    answer = await post();
    // The token may have run out since the page was opened.
    if (answer.status === 401 && typeof getToken === "function") answer = await post();
  } catch {
    throw new PortalError({ code: "network", status: 0 });
  }
  const document = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new PortalError({ code: "internal", status: answer.status, ...document });
  const url = URL.canParse(document.url) ? new URL(document.url) : null;
  const api = new URL(endpoint, location.href);
  if (url?.protocol !== "https:" && !(url?.protocol === "http:" && api.protocol === "http:" && isLoopback(api))) {
    throw new PortalError({ code: "billing-bad-response", status: 502 });
  }
  return url.href;
}

/** Opens the portal in this window. */
export async function openBillingPortal(options = {}) {
  location.assign(await createSession(options));
}

// Attributes that are parameters, and where they are in Stripe's tree below flow_data. $ is the flow.
const places = {
  flow: "type",
  subscription: "$.subscription",
  price: "$.items.0.price",
  quantity: "$.items.0.quantity",
  coupon: "$.discounts.0.coupon",
  "promotion-code": "$.discounts.0.promotion_code",
  "retention-coupon": "$.retention.coupon_offer.coupon",
  "confirmation-message": "after_completion.hosted_confirmation.custom_message",
};
const others = ["return-url", "locale", "configuration", "on-behalf-of"];

function put(tree, path, value) {
  const names = path.split(".");
  const last = names.pop();
  let at = tree;
  names.forEach((name, i) => {
    at = at[name] ??= (names[i + 1] ?? last) === "0" ? [] : {};
  });
  at[last] = value;
}

/** Every text of a tree, under Stripe's bracket names. */
function* fields(tree, prefix = "") {
  for (const [name, value] of Object.entries(tree)) {
    const full = prefix ? `${prefix}[${name}]` : name;
    if (value !== null && typeof value === "object") yield* fields(value, full);
    else if (value != null) yield [full, String(value)];
  }
}

const sheet = new CSSStyleSheet();
sheet.replaceSync(`:host{display:inline-block}[hidden]{display:none}
p{margin:.5em 0 0;color:var(--manage-billing-error,light-dark(#a4161a,#ff9b9b))}
div{display:grid;gap:.5em;margin-top:.5em}
button{font:inherit;padding:.5em 1em;text-align:start;color:inherit;background:var(--manage-billing-choice,transparent);border:1px solid;border-radius:.5em}
button:focus-visible{outline:3px solid;outline-offset:2px}
button:disabled{opacity:.6}`); // nothing moves

const element = (name, properties) => Object.assign(document.createElement(name), properties);

class ManageBillingButton extends HTMLElement {
  #busy = false;
  #chosen;
  #status = element("p", { role: "status", part: "status" }); // a live region
  #choices = element("div", { role: "group", part: "choices", hidden: true });
  #onPageShow = (event) => event.persisted && this.#end(); // back from the portal

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    root.append(element("slot"), this.#status, this.#choices);
    this.addEventListener("submit", (event) => this.#submit(event));
  }

  connectedCallback() {
    addEventListener("pageshow", this.#onPageShow);
    // Without a form of the page's own, one is made around what the element holds.
    if (!this.querySelector("form")) {
      const button = element("button", { type: "submit" });
      button.append(...this.childNodes);
      if (!button.textContent.trim() && !button.children.length) button.textContent = texts.flows[this.getAttribute("flow")] || this.#text("manage");
      const form = element("form", { method: "post", action: this.endpoint });
      form.append(button);
      this.append(form);
    }
  }

  disconnectedCallback() {
    removeEventListener("pageshow", this.#onPageShow);
  }

  get endpoint() {
    return this.getAttribute("endpoint") || portal;
  }

  /** The whole tree of parameters: the property of that name, and over it the attributes. */
  get tree() {
    const tree = structuredClone(this.parameters ?? {});
    const flow = this.getAttribute("flow") || tree.flow_data?.type;
    const set = (path, value) => put(tree, `flow_data.${path.replace("$", flow)}`, value);
    const after = this.getAttribute("after");
    for (const name of others) if (this.hasAttribute(name)) tree[name.replaceAll("-", "_")] = this.getAttribute(name);
    for (const name in places) {
      const value = this.getAttribute(name);
      if (value !== null) set(places[name], name === "quantity" ? +value : value);
    }
    if (this.hasAttribute("retention-coupon")) set("$.retention.type", "coupon_offer");
    if (this.hasAttribute("confirmation-message")) set("after_completion.type", "hosted_confirmation");
    if (after) set("after_completion.type", after === "portal" ? "portal_homepage" : "redirect");
    if (after && after !== "portal") set("after_completion.redirect.return_url", after);
    if (this.#chosen) set("$.subscription", this.#chosen);
    return tree;
  }

  #text(name) {
    return this.messages?.[name] ?? texts[name];
  }

  #buttons() {
    return [...this.querySelectorAll("button"), ...this.#choices.children];
  }

  #submit(event) {
    if (this.#busy) return event.preventDefault();
    if (this.getToken || this.hasAttribute("token") || this.hasAttribute("cookie")) {
      event.preventDefault();
      this.#open();
      return;
    }
    // A real form: the browser sends it and follows the redirect.
    for (const [name, value] of fields(this.tree)) {
      const input = event.target.elements[name] ?? event.target.appendChild(element("input", { type: "hidden", name }));
      input.value = value;
    }
    queueMicrotask(() => event.defaultPrevented || this.#begin());
  }

  #begin() {
    this.#busy = true;
    this.#focused = this.#buttons().find((button) => button.matches(":focus"));
    this.#status.textContent = this.#text("opening");
    // Only now would a disabled button no longer be the one that submits.
    setTimeout(() => this.#show());
  }

  #focused;

  #show() {
    this.ariaBusy = String(this.#busy);
    for (const button of this.#buttons()) button.disabled = this.#busy;
  }

  #end() {
    this.#busy = false;
    this.#show();
    this.#status.textContent = "";
    this.#focused?.focus();
  }

  async #open() {
    this.#begin();
    this.#choices.hidden = true;
    try {
      const url = await createSession({
        endpoint: this.endpoint,
        getToken: this.getToken,
        token: this.getAttribute("token"),
        cookie: this.hasAttribute("cookie"),
        parameters: this.tree,
      });
      if (this.#tell("open", { url })) location.assign(url);
      else this.#end();
    } catch (error) {
      if (!error.problem) throw error;
      this.#end();
      this.#fail(error.problem);
    }
  }

  #tell(name, detail) {
    return this.dispatchEvent(new CustomEvent(`billing-portal-${name}`, { detail, bubbles: true, cancelable: true }));
  }

  #fail(problem) {
    if (!this.#tell("error", problem)) return;
    const { code, status, subscriptions } = problem;
    const name = { 401: "signIn", 403: "forbidden" }[status] || { "no-billing-account": "noAccount", "subscription-ambiguous": "choose" }[code] || "failed";
    this.#status.textContent = this.#text(name);
    if (name !== "choose" || !subscriptions?.length) return;
    this.#choices.replaceChildren(
      ...subscriptions.map(({ id, status, items }) => {
        const label = items.map(({ product, price, quantity }) => (product || price) + (quantity > 1 ? ` × ${quantity}` : "")).join(", ");
        const button = element("button", { type: "button", textContent: label + (texts.statuses[status] ? ` (${texts.statuses[status]})` : "") });
        button.part = "choice";
        button.onclick = () => {
          if (this.#busy) return;
          this.#chosen = id;
          this.#open();
        };
        return button;
      }),
    );
    this.#choices.ariaLabel = this.#text("choose");
    this.#choices.hidden = false;
  }
}

customElements.get("manage-billing-button") || customElements.define("manage-billing-button", ManageBillingButton);
