// Defines <manage-billing-button> and exports openBillingPortal. Both lead from a page of an app to Stripe's customer portal.
//
// `go generate ./...` builds this file once for each language: it minifies the code and replaces `texts` with the texts of
// that language. The module works under Trusted Types and a strict Content-Security-Policy, because it never sets HTML or
// style attributes.

// texts: { manage, opening, signIn, …, flows: { … }, statuses: { … } }
const patience = 30_000; // milliseconds, as the gateway's own limit
const tokenPatience = 10_000; // milliseconds

// All copies of this module on a page share this set: the app's bundle may have one copy, and the API serves another.
// The set holds the function refresh of each connected element. It has three more properties:
// - source is the token source of setTokenSource, and since the time at which it was set
// - opening is a promise while a session is being created
const shared = (globalThis[Symbol.for("manage-billing-button")] ??= new Set());

/** Returns an object's own member. Ignores inherited names such as "constructor". */
const own = (object, name) => (Object.hasOwn(object, name) ? object[name] : undefined);

/** Makes an error with a problem document (RFC 9457). */
const refusal = (code, status = 0, further) => Object.assign(new Error(code, further), { problem: { code, status, ...further } });

/** Parses the address. Returns undefined unless it is https, or http from a loopback page to a loopback host. */
function safe(address, base) {
  try {
    const url = new URL(address, base);
    const isLocal = [url, location].every(({ hostname }) => /^(localhost|127\.[\d.]+|\[::1])$/.test(hostname));
    if (url.protocol === "https:" || (url.protocol === "http:" && isLocal)) return url;
  } catch {} // not an address
}

// String() hides the address from bundlers: they copy the file that `new URL("…", import.meta.url)` names.
const endpointOf = (endpoint) => {
  const url = safe(endpoint || "portal", endpoint ? document.baseURI : String(import.meta.url));
  if (!url) throw refusal("invalid-endpoint");
  return url;
};

/** Sends a request with the credential. Does not send a GET if there is no credential. */
async function send(url, options, request, isRetry) {
  const { getToken, token, cookie } = options;
  let bearer;
  let isFunction;
  const findToken = async () => {
    for (const source of [getToken, token, shared.source]) {
      isFunction = typeof source === "function";
      bearer = await (isFunction ? source() : source);
      if (bearer) return;
    }
  };
  await new Promise((resolve, reject) => {
    AbortSignal.timeout(tokenPatience).onabort = ({ target }) => reject(target.reason);
    findToken().then(resolve, reject);
  }).catch((cause) => {
    throw refusal("token-unavailable", 0, { cause });
  });
  // The page's own form may also hold a token, for visitors without scripts. The API refuses two credentials.
  if (bearer || cookie) request.body?.delete("access_token");
  else if (!request.method) return;
  const answer = await fetch(url, {
    headers: { Accept: "application/json", ...(bearer && { Authorization: `Bearer ${bearer}` }) },
    credentials: cookie && !bearer ? "include" : "omit",
    redirect: "error",
    signal: AbortSignal.timeout(patience),
    ...request,
  }).catch(() => {
    throw refusal("network");
  });
  // The token may have expired since the page was opened, so ask for another one, once.
  return answer.status === 401 && isFunction && !isRetry ? send(url, options, request, true) : answer;
}

/** Creates a portal session and returns its URL. The URL is a secret: it opens the customer's billing. */
async function createSession(options, body) {
  const answer = await send(endpointOf(options.endpoint).href, options, { method: "POST", body });
  const { ok, status } = answer;
  const document = await answer.json().catch(() => {});
  if (!ok) throw refusal("internal", status, document);
  const url = document?.url;
  if (!/^https?:\/\//.test(url) || !safe(url)) throw refusal("billing-bad-response", 502);
  return url;
}

/** Yields every value of a tree or a FormData, with its name in Stripe's bracket notation. */
function* fields(tree, prefix = "", parents = []) {
  if (parents.includes(tree)) throw refusal("invalid-parameter"); // a cycle
  for (const [name, value] of tree instanceof FormData ? tree : Object.entries(tree ?? {})) {
    const full = prefix ? `${prefix}[${name}]` : name;
    if (typeof value === "object") yield* fields(value, full, [...parents, tree]);
    else if (value !== undefined) yield [full, value];
  }
}

/** Sets the function that gives every element on the page its token, unless the element has one of its own. */
export function setTokenSource(getToken) {
  shared.source = getToken;
  shared.since = Date.now(); // another user may have signed in
  shared.forEach((refresh) => refresh());
}

/** Opens the portal in this window. A second call during the first one shares its request. */
export function openBillingPortal(options) {
  const { parameters, ...rest } = options instanceof FormData ? { parameters: options } : options ?? {};
  const open = async () => location.assign(await createSession(rest, new URLSearchParams([...fields(parameters)])));
  return (shared.opening ??= open().finally(() => (shared.opening = null))).then(() => {});
}

// The parameter that each attribute sets. $ stands for flow_data[<the flow>], and & for flow_data[after_completion].
const places = {
  flow: "flow_data[type]",
  subscription: "$[subscription]",
  price: "$[items][0][price]",
  quantity: "$[items][0][quantity]",
  coupon: "$[discounts][0][coupon]",
  "promotion-code": "$[discounts][0][promotion_code]",
  "retention-coupon": "$[retention][coupon_offer][coupon]",
  "confirmation-message": "&[hosted_confirmation][custom_message]",
  "return-url": "return_url",
  locale: "locale",
  configuration: "configuration",
  "on-behalf-of": "on_behalf_of",
};

// The names of the texts for these codes. The text of any other code is named like the code.
const wording = {
  "token-unavailable": "signIn",
  "insufficient-scope": "forbidden",
  "insufficient-role": "forbidden",
  "no-billing-account": "noAccount",
  "subscription-ambiguous": "choose",
};

const controls = "button,a";

const element = (name, properties) => Object.assign(document.createElement(name), properties);

const sheetOf = (css) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  return sheet;
};

// A message has its own background, so that it is readable on any page, and the button's width, so that it does not push
// the button off its line. The label takes no pointer events: a click always hits the button. Nothing is animated.
const css = `:host{display:inline-grid}\
:host([hidden]),[hidden]{display:none}\
slot{display:block}\
button slot{pointer-events:none}\
button{font:inherit}\
div{width:0;min-width:100%;display:grid;gap:.5em;margin-top:.5em;color:CanvasText;background:Canvas}\
div:empty{margin:0;background:none}\
.error{color:var(--manage-billing-error,light-dark(#a4161a,#ff9b9b))}\
[part=choice]{background:var(--manage-billing-choice,ButtonFace);border:1px solid}`;

/** Builds the element's shadow tree. Returns a function: call it with true on connection, with false on disconnection. */
function control(host) {
  let isBusy = false;
  let focused; // the button that had focus when the request began
  let timer;
  let lastCheck; // the last call of checkStatus
  let isAnswered;
  const visibility = sheetOf("");
  const slot = element("slot");
  const label = new Text(); // used if the page gives no label
  const button = element("button", { part: "button" });
  const form = element("form", { method: "post" });
  const status = element("div", { role: "status", part: "status" }); // a live region
  const choices = element("div", { role: "group", part: "choices" });
  const root = host.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = [sheetOf(css), visibility];
  button.append(slot, label);
  form.append(button);
  root.append(form, status, choices);

  const attribute = (name) => host.getAttribute(name);
  const text = (name, otherwise) => host.messages?.[name] ?? otherwise ?? own(texts, name);
  const buttons = () => [...host.querySelectorAll(controls), ...root.querySelectorAll("button")];
  const options = () => ({ endpoint: attribute("endpoint"), getToken: host.getToken, token: attribute("token"), cookie: host.hasAttribute("cookie") });
  const dispatch = (name, detail) =>
    host.dispatchEvent(new CustomEvent(`billing-portal-${name}`, { detail, bubbles: true, cancelable: true, composed: true }));

  /** Uses the page's own form or button unchanged. Makes any other content the label of the element's button. */
  function arrange() {
    const isOwn = !!host.querySelector(`form,${controls}`);
    const place = isOwn ? root : button; // inside the element's form, browsers would stop the submit event of the page's form
    form.hidden = isOwn;
    if (slot.parentNode !== place) place.prepend(slot);
    const isLabelled = isOwn || host.textContent.trim() || host.children.length;
    label.data = isLabelled ? "" : text("manage", own(texts.flows, attribute("flow")));
  }

  // ---- the status

  /** With the attribute hide: hides the element until the status says that it has a use. Shows it if the status is unknown. */
  async function checkStatus(isBack) {
    const hide = attribute("hide");
    // A framework may set a new getToken on every render. JSON omits functions, so that this causes no request.
    const key = JSON.stringify([hide, attribute("flow"), options(), !host.getToken, shared.since]);
    if (!host.isConnected || (lastCheck?.key === key && !isBack)) return;
    const check = (lastCheck = { key });
    const style = (css) => visibility.replaceSync(css && `:host{${css}!important}`);
    let css = "";
    if (/^(no-account|unavailable)$/.test(hide)) {
      if (!isAnswered) style("visibility:hidden");
      await new Promise((done) => setTimeout(done)); // the page may be about to set more attributes
      if (check !== lastCheck) return;
      try {
        const url = new URL("status", endpointOf(attribute("endpoint")));
        if (hide === "unavailable") url.search = "include=subscriptions";
        // Bypass the browser's cache: the user may have changed something in the portal, or bought something.
        const answer = await send(url, options(), { cache: "reload" });
        isAnswered = true;
        const { account, flows } = answer.ok && (await answer.json());
        const flow = new FormData(host.querySelector("form") ?? form).get("flow_data[type]");
        if (answer.status === 403 || account === false || (flow && flows?.includes(flow) === false)) css = "display:none";
      } catch {} // no credential or no answer: show the element
    }
    if (check === lastCheck) style(css);
  }

  // ---- the request

  /** Adds the parameters to the fields of any form that is sent. Attributes take precedence over the property. */
  function fill({ formData }) {
    for (const [name, value] of fields(host.parameters)) formData.set(name, value);
    const flow = attribute("flow") || formData.get("flow_data[type]");
    const set = (name, value) => formData.set(name.replace("$", () => `flow_data[${flow}]`).replace("&", "flow_data[after_completion]"), value);
    for (const name in places) {
      const value = attribute(name);
      if (value) set(places[name], value);
    }
    const after = attribute("after");
    if (attribute("retention-coupon")) set("$[retention][type]", "coupon_offer");
    if (attribute("confirmation-message")) set("&[type]", "hosted_confirmation");
    if (after) set("&[type]", after === "portal" ? "portal_homepage" : "redirect");
    if (after && after !== "portal") set("&[redirect][return_url]", after);
  }

  /** Submits the element's form on a click on the page's own button or link, unless that is in the page's own form. */
  function press(event) {
    const pressed = event.target.closest(controls);
    if (event.defaultPrevented || !host.contains(pressed) || host.contains(pressed.closest("form"))) return;
    event.preventDefault();
    form.requestSubmit();
  }

  function submit(event) {
    if (isBusy || shared.opening) event.preventDefault();
    if (event.defaultPrevented) return;
    const { target, submitter } = event;
    choices.replaceChildren();
    try {
      [...fields(host.parameters)]; // throws here: an error in a listener of formdata could not be caught
      if (host.getToken || shared.source || host.matches("[token],[cookie]")) {
        event.preventDefault();
        open(new FormData(target, submitter));
        return;
      }
      // No credential: the browser sends the form and follows the redirect, unless a later listener prevents it.
      if (target === form) form.action = endpointOf(attribute("endpoint"));
      begin(Promise.resolve());
      leave();
      setTimeout(() => event.defaultPrevented && end());
    } catch (error) {
      event.preventDefault();
      fail(error);
    }
  }

  function begin(opening) {
    shared.opening = opening;
    isBusy = true;
    focused = buttons().find((button) => button.matches(":focus"));
    say("opening");
    // Disable the buttons only after the browser has read the form: it leaves out a disabled submit button.
    setTimeout(show);
  }

  function say(name, className = "") {
    status.textContent = name && (text(name) ?? text("failed"));
    status.className = className;
  }

  /** Makes the element ready again after a while, because no event says that the user stopped the navigation. */
  function leave() {
    timer = setTimeout(end, patience);
  }

  /** Shows whether the element is busy. A button that the page disabled stays disabled: aria-busy marks the others. */
  function show() {
    host.ariaBusy = isBusy;
    for (const button of buttons()) {
      if (isBusy ? button.disabled : !button.ariaBusy) continue;
      button.disabled = isBusy;
      button.ariaBusy = isBusy || null;
    }
  }

  function end() {
    clearTimeout(timer);
    if (isBusy) shared.opening = null;
    isBusy = false;
    show();
    say("");
    // A button that is disabled loses focus. Return it, unless the user moved it elsewhere.
    if (document.activeElement === document.body) focused?.focus();
  }

  async function open(data) {
    const session = createSession(options(), new URLSearchParams(data));
    begin(session);
    try {
      const url = await session;
      if (!dispatch("open", { url })) return end();
      location.assign(url);
      leave();
    } catch (error) {
      end();
      fail(error, data);
    }
  }

  function fail(error, data) {
    const { problem } = error;
    if (!problem) throw error;
    if (!dispatch("error", problem)) return;
    const name = problem.status === 401 ? "signIn" : own(wording, problem.code) ?? problem.code;
    const isQuestion = name === "choose";
    say(name, isQuestion ? "" : "error");
    if (!isQuestion) return;
    choices.replaceChildren(
      ...problem.subscriptions.map(({ id, status, items }) => {
        const name = items.map(({ product, price, quantity }) => (product || price) + (quantity > 1 ? ` × ${quantity}` : "")).join(", ");
        return element("button", {
          type: "button",
          part: "choice",
          textContent: name + (own(texts.statuses, status) ?? ""), // the status text includes its brackets
          onclick: () => {
            if (isBusy || shared.opening) return;
            data.set(`flow_data[${data.get("flow_data[type]")}][subscription]`, id);
            open(data);
          },
        });
      }),
    );
    choices.ariaLabel = text("choose");
  }

  // ---- events

  // The shadow root gets the events of both forms. Those of the element's form end here. Those of the page's own form, which
  // is in the slot, go on to the page.
  root.addEventListener("submit", submit);
  root.addEventListener("formdata", fill);
  host.addEventListener("click", press);
  new MutationObserver(() => refresh()).observe(host, {
    childList: true,
    characterData: true,
    subtree: true,
    attributeFilter: ["flow", "hide", "token", "cookie", "endpoint"],
  });

  /** Updates the element after a change of the page, or, with true, after a return through the back-forward cache. */
  function refresh(isBack) {
    if (isBack) {
      choices.replaceChildren();
      end();
    }
    arrange();
    checkStatus(isBack);
  }

  // Frameworks set only properties that exist, and may have set one before the element was defined: keep its value.
  for (const name of ["getToken", "parameters", "messages"]) {
    let value = host[name];
    Object.defineProperty(host, name, {
      get: () => value,
      set(other) {
        value = other;
        refresh();
      },
    });
  }

  return (isConnected) => {
    if (isConnected) {
      // A page cache may restore a copy of a busy element. The copy is not busy.
      if (host.ariaBusy && !isBusy) show();
      refresh();
      shared.add(refresh);
    } else {
      shared.delete(refresh);
      if (isBusy) shared.opening = null; // refresh(true) no longer reaches this element
    }
  };
}

// Do not define the element on a server that renders pages: it imports this module too, but has no customElements.
const { customElements } = globalThis;
if (customElements && !customElements.get("manage-billing-button")) {
  class ManageBillingButton extends HTMLElement {
    #connect = control(this);

    connectedCallback() {
      this.#connect(true);
    }

    disconnectedCallback() {
      this.#connect(false);
    }
  }
  customElements.define("manage-billing-button", ManageBillingButton);
  addEventListener("pageshow", ({ persisted }) => persisted && shared.forEach((refresh) => refresh(true)));
}
