/** A token, or a function or promise of one. A function is called again once after a 401. It has 10 seconds. */
export type BillingPortalToken = string | null | undefined;
export type BillingPortalTokenSource = BillingPortalToken | Promise<BillingPortalToken> | (() => BillingPortalToken | Promise<BillingPortalToken>);

/** The problem document of a refusal (RFC 9457). */
export interface BillingPortalProblem {
  /**
   * One of the API's codes, or one of the module's own, with status 0: "network" (no answer), "token-unavailable" (getToken
   * failed), "invalid-endpoint" (not https) and "invalid-parameter" (a cycle).
   */
  code: string;
  status: number;
  title?: string;
  detail?: string;
  param?: string;
  request_id?: string;
  /** What getToken threw, with token-unavailable. */
  cause?: unknown;
  /** The choices, with subscription-ambiguous. */
  subscriptions?: { id: string; status: string; items: { price: string; product: string; quantity: number }[] }[];
}

/** The parameters of Stripe's portal session, as a tree or as the fields of a form. */
export type BillingPortalParameters = object;

export interface BillingPortalOptions {
  /** The API's address; if left out, the one next to this module. */
  endpoint?: string;
  getToken?: BillingPortalTokenSource;
  token?: string;
  /** The token is in a cookie of the API's site. */
  cookie?: boolean;
  parameters?: BillingPortalParameters;
}

/** Opens the portal in this window. The promise is rejected with an Error whose `problem` is a BillingPortalProblem. */
export function openBillingPortal(options?: BillingPortalOptions | FormData | null): Promise<void>;

/** Sets the function that gives every element on the page its token, unless the element has one of its own. */
export function setTokenSource(getToken: BillingPortalTokenSource): void;

export type BillingPortalMessage = "manage" | "opening" | "signIn" | "forbidden" | "noAccount" | "failed" | "choose";

export interface ManageBillingButton extends HTMLElement {
  getToken?: BillingPortalTokenSource;
  parameters?: BillingPortalParameters;
  /** Texts that replace the module's own. A problem's code is the name of a text too. */
  messages?: { [name in BillingPortalMessage | (string & {})]?: string };
}

/** The attributes of manage-billing-button. */
export interface ManageBillingButtonAttributes {
  flow?: "payment_method_update" | "subscription_cancel" | "subscription_update" | "subscription_update_confirm" | "customer_update" | (string & {});
  "return-url"?: string;
  locale?: string;
  configuration?: string;
  "on-behalf-of"?: string;
  subscription?: string;
  price?: string;
  quantity?: string | number;
  coupon?: string;
  "promotion-code"?: string;
  "retention-coupon"?: string;
  "confirmation-message"?: string;
  /** "portal", or the URL to return to after the flow. */
  after?: string;
  token?: string;
  cookie?: boolean | "";
  endpoint?: string;
  hide?: "no-account" | "unavailable";
}

interface BillingPortalEventMap {
  "billing-portal-open": CustomEvent<{ url: string }>;
  "billing-portal-error": CustomEvent<BillingPortalProblem>;
}

declare global {
  interface HTMLElementTagNameMap {
    "manage-billing-button": ManageBillingButton;
  }
  interface HTMLElementEventMap extends BillingPortalEventMap {}
  interface DocumentEventMap extends BillingPortalEventMap {}
}
