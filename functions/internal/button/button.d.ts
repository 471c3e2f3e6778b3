// Types of button.js. The frameworks' own types are ignored if they are not installed.

type Awaitable<Value> = Value | PromiseLike<Value>;

/** A token, or none: the next credential is then used. */
export type BillingPortalToken = string | null | undefined;

/** A token, or a function or promise of one. A function is called again once after a 401. It has 10 seconds. */
export type BillingPortalTokenSource = Awaitable<BillingPortalToken> | (() => Awaitable<BillingPortalToken>);

/** The problem document of a refusal (RFC 9457). */
export interface BillingPortalProblem {
  /**
   * One of the API's codes, or one of the module's own: "network" (no answer), "token-unavailable" (getToken failed),
   * "invalid-endpoint" (not https), "invalid-parameter" (a cycle), "billing-bad-response" (no URL to follow) and "internal"
   * (no problem document).
   */
  code: string;
  /** The status of the answer; 0 if there is none. */
  status: number;
  type?: string;
  title?: string;
  detail?: string;
  /** The parameter at fault, in bracket names. */
  param?: string;
  request_id?: string;
  /** What getToken threw, with token-unavailable. */
  cause?: unknown;
  /** The choices, with subscription-ambiguous. */
  subscriptions?: BillingPortalSubscription[];
}

/** A subscription that the user may choose. */
export interface BillingPortalSubscription {
  id: string;
  status: string;
  items: { price: string; product?: string; quantity?: number }[];
}

export interface BillingPortalOptions {
  /** The API's address; if left out, the one next to this module. */
  endpoint?: string | URL | null;
  getToken?: BillingPortalTokenSource;
  token?: string | null;
  /** Whether the token is in a cookie of the API's site. */
  cookie?: boolean | null;
  /** The parameters of Stripe's portal session: a tree, or the fields of a form. */
  parameters?: object | null;
}

/** Opens the portal in this window. The promise is rejected with an Error whose `problem` is a BillingPortalProblem. */
export function openBillingPortal(options?: BillingPortalOptions | FormData | null): Promise<void>;

/** Sets the function that gives every element on the page its token, unless the element has one of its own. */
export function setTokenSource(getToken: BillingPortalTokenSource): void;

/** The names of the texts in `messages`. The code of a problem is the name of its text too. */
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

/** The properties of manage-billing-button. */
export interface ManageBillingButtonProperties {
  getToken?: BillingPortalTokenSource;
  /** The parameters of Stripe's portal session: a tree, or the fields of a form. Attributes take precedence. */
  parameters?: object | null;
  /** Texts that replace the module's own. */
  messages?: BillingPortalMessages | null;
}

export interface ManageBillingButton extends HTMLElement, ManageBillingButtonProperties {}

/** The attributes of manage-billing-button. */
export interface ManageBillingButtonAttributes {
  flow?:
    | "payment_method_update"
    | "subscription_cancel"
    | "subscription_update"
    | "subscription_update_confirm"
    | "customer_update"
    | (string & {})
    | null;
  "return-url"?: string | null;
  locale?: string | null;
  configuration?: string | null;
  "on-behalf-of"?: string | null;
  subscription?: string | null;
  price?: string | null;
  quantity?: number | string | null;
  coupon?: string | null;
  "promotion-code"?: string | null;
  "retention-coupon"?: string | null;
  "confirmation-message"?: string | null;
  /** "portal", or the URL to return to after the flow. */
  after?: "portal" | (string & {}) | null;
  token?: string | null;
  /** The token is in a cookie of the API's site. The text "false" would mean the same as any other. */
  cookie?: true | "" | null;
  /** The API's address; if left out, the one next to the module. */
  endpoint?: string | null;
  /** Hides the element if the user has no account, or nothing that the flow can change. */
  hide?: "no-account" | "unavailable" | null;
}

export type BillingPortalOpenEvent = CustomEvent<{ url: string }>;
export type BillingPortalErrorEvent = CustomEvent<BillingPortalProblem>;

export interface BillingPortalEventMap {
  "billing-portal-open": BillingPortalOpenEvent;
  "billing-portal-error": BillingPortalErrorEvent;
}

type Optional<Attributes> = { [Name in keyof Attributes]?: Attributes[Name] | undefined };
type Props<Attributes> = Optional<ManageBillingButtonProperties> & Optional<Attributes>;

/** Handlers of the events, as attributes. */
type Handlers<Suffix extends string> = {
  [Name in keyof BillingPortalEventMap as `on${Name}${"" | Suffix}`]?:
    | ((event: BillingPortalEventMap[Name]) => unknown)
    | null
    | undefined;
};

/** React leaves out an attribute that is false. */
type ReactAttributes = {
  [Name in keyof ManageBillingButtonAttributes]: ManageBillingButtonAttributes[Name] | false;
} & { class?: string };

/** Vue and Svelte take "on-behalf-of" for a handler of an event. It can be set with the property parameters. */
type AttributesWithoutOn = Omit<ManageBillingButtonAttributes, "on-behalf-of">;

type Camelized<Name> = Name extends `${infer Start}-${infer Rest}` ? `${Start}${Capitalize<Camelized<Rest>>}` : Name;

/** The checker of Vue's templates looks for the names in camel case. */
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

  // The events bubble. HTMLElementEventMap has those of ElementEventMap.
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
