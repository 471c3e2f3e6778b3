/** The problem document of a refusal (RFC 9457). `code` is a contract; "network" stands for no answer. */
export interface BillingPortalProblem {
  code: string;
  status: number;
  title?: string;
  detail?: string;
  param?: string;
  request_id?: string;
  /** The choices of subscription-ambiguous. */
  subscriptions?: { id: string; status: string; items: { price: string; product: string; quantity: number }[] }[];
}

/** The parameters of Stripe's portal session, as a tree. */
export type BillingPortalParameters = Record<string, unknown>;

export interface BillingPortalOptions {
  /** The API's address; left out, the one beside this module. */
  endpoint?: string;
  /** A function that has a fresh token, or a token, or a promise of one. A function is asked once more after a 401. */
  getToken?: (() => string | Promise<string>) | string | Promise<string>;
  token?: string;
  /** The token is in a cookie of the API's site. */
  cookie?: boolean;
  parameters?: BillingPortalParameters;
}

/** Opens the portal in this window. It throws an Error whose `problem` is a BillingPortalProblem. */
export function openBillingPortal(options?: BillingPortalOptions): Promise<void>;

export interface ManageBillingButton extends HTMLElement {
  getToken?: BillingPortalOptions["getToken"];
  parameters?: BillingPortalParameters;
  /** Texts in the place of the module's own. */
  messages?: Partial<Record<"manage" | "opening" | "signIn" | "forbidden" | "noAccount" | "failed" | "choose", string>>;
  readonly endpoint: string;
}

declare global {
  interface HTMLElementTagNameMap {
    "manage-billing-button": ManageBillingButton;
  }
  interface HTMLElementEventMap {
    "billing-portal-open": CustomEvent<{ url: string }>;
    "billing-portal-error": CustomEvent<BillingPortalProblem>;
  }
}
