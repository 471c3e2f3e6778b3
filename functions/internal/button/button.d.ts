// Types of button.js. They extend the types of React, Vue and Svelte if these are installed.

type Awaitable<Value> = Value | PromiseLike<Value>;

/**
 * A JWT. Without one (null, undefined or ""), the next credential is used, in this order: the property `getToken`, the
 * attribute `token`, the function of `setTokenSource`, the cookie.
 */
export type BillingPortalToken = string | null | undefined;

/**
 * A token, a promise of a token, or a function that returns either. It has 10 seconds. A function is called for every
 * request, and once more if the API answers 401.
 */
export type BillingPortalTokenSource = Awaitable<BillingPortalToken> | (() => Awaitable<BillingPortalToken>);

/** Why the portal was not opened: the API's problem document (RFC 9457), or one that the module makes. */
export interface BillingPortalProblem {
  /**
   * A code of the API, or one that the module sets:
   * - "network": no answer
   * - "token-unavailable": getToken threw an error or took more than 10 seconds
   * - "invalid-endpoint": the endpoint is not https (or http, if both the page and the API are on loopback)
   * - "invalid-parameter": the parameters contain themselves
   * - "billing-bad-response": the answer has no URL that the module may follow
   * - "internal": an error without a problem document
   */
  code: string;
  /** The HTTP status of the answer, or 0 if there was no answer. */
  status: number;
  type?: string;
  title?: string;
  detail?: string;
  /** The parameter at fault, in Stripe's bracket notation. */
  param?: string;
  /** The ID to search the API's logs for. */
  request_id?: string;
  /** The value that getToken threw, if the code is "token-unavailable". */
  cause?: unknown;
  /** The subscriptions to choose from, if the code is "subscription-ambiguous". */
  subscriptions?: BillingPortalSubscription[];
}

/** A subscription that the user may choose. */
export interface BillingPortalSubscription {
  id: string;
  status: string;
  items: { price: string; product?: string; quantity?: number }[];
}

export interface BillingPortalOptions {
  /** The URL of the API's route. Default: `portal`, next to this module. A bundled module needs it. */
  endpoint?: string | URL | null;
  /** The source of the user's token. Takes precedence over `token`. */
  getToken?: BillingPortalTokenSource;
  /** The user's token. */
  token?: string | null;
  /** Whether to send the API's session cookie, if there is no token. */
  cookie?: boolean | null;
  /** Parameters of Stripe's portal session, as an object or as a FormData with bracket names. */
  parameters?: object | null;
}

/**
 * Opens the portal in this window. On failure, the promise is rejected with an Error whose `problem` is a
 * BillingPortalProblem.
 */
export function openBillingPortal(options?: BillingPortalOptions | FormData | null): Promise<void>;

/** Sets the source of the token for every element on the page that has no token of its own. */
export function setTokenSource(getToken: BillingPortalTokenSource): void;

/** The names of the texts in `messages`. The code of any other problem names its text too. */
export type BillingPortalMessage =
  | "manage"
  | "opening"
  | "signIn"
  | "forbidden"
  | "noAccount"
  | "failed"
  | "choose"
  | "subscription-not-eligible"
  | "flow-unavailable";

export type BillingPortalMessages = { [Name in BillingPortalMessage]?: string } | { [name: string]: string | undefined };

/** The properties of `<manage-billing-button>`. */
export interface ManageBillingButtonProperties {
  /** The source of the user's token. Takes precedence over the attribute `token`. */
  getToken?: BillingPortalTokenSource;
  /** Parameters of Stripe's portal session, as an object or as a FormData with bracket names. Attributes take precedence. */
  parameters?: object | null;
  /** Texts that replace the module's own. */
  messages?: BillingPortalMessages | null;
}

export interface ManageBillingButton extends HTMLElement, ManageBillingButtonProperties {}

/** The attributes of `<manage-billing-button>`. */
export interface ManageBillingButtonAttributes {
  /** The flow that the portal opens with. Default: none, which opens the portal's home page. */
  flow?:
    | "payment_method_update"
    | "subscription_cancel"
    | "subscription_update"
    | "subscription_update_confirm"
    | "customer_update"
    | (string & {})
    | null;
  /** The URL of the portal's link back to the app. It must have an origin that the API allows. */
  "return-url"?: string | null;
  /** The portal's language, for example "de", or "auto". */
  locale?: string | null;
  /** The ID of a portal configuration that the API allows. */
  configuration?: string | null;
  /** The ID of a connected account that the API allows. */
  "on-behalf-of"?: string | null;
  /** The ID of the subscription for the flow. Without it, the API uses the only one that fits, or the user chooses. */
  subscription?: string | null;
  /** The ID of the new price, for the flow "subscription_update_confirm". */
  price?: string | null;
  /** The new quantity, for the flow "subscription_update_confirm". */
  quantity?: number | string | null;
  /** The ID of a coupon that the API allows, for the flow "subscription_update_confirm". */
  coupon?: string | null;
  /** The ID of a promotion code that the API allows, for the flow "subscription_update_confirm". */
  "promotion-code"?: string | null;
  /** The ID of a coupon that the API allows. The flow "subscription_cancel" offers it to the customer. */
  "retention-coupon"?: string | null;
  /** The message that the portal shows after the flow. */
  "confirmation-message"?: string | null;
  /** Where the flow ends: "portal" for the portal's home page, or a URL with an origin that the API allows. */
  after?: "portal" | (string & {}) | null;
  /** The user's token. */
  token?: string | null;
  /** Sends the API's session cookie if there is no token. Any value turns it on, even "false". */
  cookie?: true | "" | null;
  /** The URL of the API's route. Default: `portal`, next to the module. A bundled module needs it. */
  endpoint?: string | null;
  /**
   * Hides the element while the user may not manage billing, and:
   * - "no-account": while the user has no billing account
   * - "unavailable": also while the user has nothing that the flow can change
   */
  hide?: "no-account" | "unavailable" | null;
}

/**
 * Dispatched before the element opens the portal with a token or a cookie. Prevent its default to stay on the page. `url`
 * is a secret.
 */
export type BillingPortalOpenEvent = CustomEvent<{ url: string }>;
/** Dispatched on failure. Prevent its default to show no message in the element. */
export type BillingPortalErrorEvent = CustomEvent<BillingPortalProblem>;

export interface BillingPortalEventMap {
  "billing-portal-open": BillingPortalOpenEvent;
  "billing-portal-error": BillingPortalErrorEvent;
}

type Optional<Attributes> = { [Name in keyof Attributes]?: Attributes[Name] | undefined };
type Props<Attributes> = Optional<ManageBillingButtonProperties> & Optional<Attributes>;

/** The events' handlers, as attributes. */
type Handlers<Suffix extends string> = {
  [Name in keyof BillingPortalEventMap as `on${Name}${"" | Suffix}`]?:
    | ((event: BillingPortalEventMap[Name]) => unknown)
    | null
    | undefined;
};

/** React omits an attribute whose value is false. */
type ReactAttributes = {
  [Name in keyof ManageBillingButtonAttributes]: ManageBillingButtonAttributes[Name] | false;
} & { class?: string };

/** Vue and Svelte take "on-behalf-of" for an event handler. Set it in the property `parameters` instead. */
type AttributesWithoutOn = Omit<ManageBillingButtonAttributes, "on-behalf-of">;

type Camelized<Name> = Name extends `${infer Start}-${infer Rest}` ? `${Start}${Capitalize<Camelized<Rest>>}` : Name;

/** Vue's template checker looks for the names in camel case. */
type VueAttributes = AttributesWithoutOn & {
  [Name in keyof AttributesWithoutOn as Camelized<Name>]: AttributesWithoutOn[Name];
};
type VueHandlers = {
  [Name in keyof BillingPortalEventMap as Camelized<`on-${Name}`>]?: (event: BillingPortalEventMap[Name]) => unknown;
};
type VueData = { [name: `data${string}`]: unknown };

declare global {
  interface HTMLElementTagNameMap {
    "manage-billing-button": ManageBillingButton;
  }

  // The events bubble, so that ancestors get them too. HTMLElementEventMap extends ElementEventMap.
  interface ElementEventMap extends BillingPortalEventMap {}
  interface DocumentEventMap extends BillingPortalEventMap {}
  interface WindowEventMap extends BillingPortalEventMap {}

  namespace svelteHTML {
    interface IntrinsicElements {
      "manage-billing-button": Props<AttributesWithoutOn> &
        Handlers<"capture"> &
        // @ts-ignore
        import("svelte/elements").HTMLAttributes<ManageBillingButton>;
    }
  }
}

// @ts-ignore
declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "manage-billing-button": Props<ReactAttributes> &
        Handlers<"Capture"> &
        // @ts-ignore
        import("react").DetailedHTMLProps<import("react").HTMLAttributes<ManageBillingButton>, ManageBillingButton>;
    }
  }
}

// @ts-ignore
declare module "vue" {
  interface GlobalComponents {
    "manage-billing-button": new () => ManageBillingButton & {
      $props: Props<VueAttributes> &
        VueHandlers &
        VueData &
        // @ts-ignore
        import("vue").HTMLAttributes &
        // @ts-ignore
        import("vue").ReservedProps;
    };
  }
}
