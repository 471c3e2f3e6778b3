import { openBillingPortal, setTokenSource } from "manage-billing-button";
import "manage-billing-button/de";
import type { BillingPortalMessages, BillingPortalProblem, ManageBillingButton } from "manage-billing-button";

interface PortalParameters {
  flow_data: { type: string };
}
interface Texts {
  manage: string;
}
declare const parameters: PortalParameters;
declare const texts: Texts;
declare const clerk: { getToken(options?: { template: string }): Promise<string | null> } | undefined;

// Tokens
setTokenSource(() => clerk?.getToken());
setTokenSource(async () => (clerk ? "token" : undefined));
setTokenSource(() => null);
setTokenSource("token");
setTokenSource(Promise.resolve(null));
setTokenSource(null);
setTokenSource(undefined);
// @ts-expect-error
setTokenSource();
// @ts-expect-error
setTokenSource(() => 1);
// @ts-expect-error
setTokenSource(async () => ({ token: "token" }));

// The function
const opened: Promise<void> = openBillingPortal();
openBillingPortal(null);
openBillingPortal(new FormData());
openBillingPortal({ parameters, getToken: () => null, cookie: false, token: null, endpoint: "https://api.example.com/billing/portal" });
openBillingPortal({ parameters: new FormData(), endpoint: new URL("https://api.example.com/billing/portal") });
// @ts-expect-error
openBillingPortal("payment_method_update");
// @ts-expect-error
openBillingPortal({ flow: "payment_method_update" });
// @ts-expect-error
openBillingPortal({ parameters: "payment_method_update" });

// The element
const button: ManageBillingButton = document.createElement("manage-billing-button");
button.getToken = () => clerk?.getToken();
button.getToken = undefined;
button.parameters = parameters;
button.parameters = null;
button.messages = { manage: "Billing", "upstream-timeout": "Try again later" };
button.messages = texts;
button.addEventListener("billing-portal-open", (event) => event.detail.url.startsWith("https://"));
document.querySelector("manage-billing-button")!.getToken = null;
// @ts-expect-error
button.getToken = 1;
// @ts-expect-error
button.parameters = "payment_method_update";
// @ts-expect-error
button.messages = { manage: 1 };
// @ts-expect-error
button.endpoint = "https://api.example.com/billing/portal";
// @ts-expect-error
const none: BillingPortalMessages = "Billing";

// Events
for (const target of [document, window, document.body, document.querySelector(".app")!]) {
  target.addEventListener("billing-portal-error", () => {});
}
const onError = ({ code, status, cause, subscriptions }: BillingPortalProblem) => [code, status, cause, subscriptions?.[0]?.items];
document.addEventListener("billing-portal-error", ({ detail }) => onError(detail));
window.addEventListener("billing-portal-error", ({ detail }) => onError(detail));
document.body.addEventListener("billing-portal-error", ({ detail }) => onError(detail));
document.querySelector(".app")?.addEventListener("billing-portal-error", ({ detail }) => onError(detail));
// @ts-expect-error
document.addEventListener("billing-portal-open", ({ detail }) => onError(detail));
// @ts-expect-error
document.body.addEventListener("billing-portal-error", ({ detail }) => detail.url);

export { none, opened };
