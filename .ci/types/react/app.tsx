import { useEffect, useRef } from "react";
import { setTokenSource, type ManageBillingButton } from "manage-billing-button";

interface PortalParameters {
  flow_data: { type: string };
}
declare const parameters: PortalParameters;
declare const isAllowed: boolean;
declare const getToken: () => Promise<string | null>;

export function Billing() {
  const button = useRef<ManageBillingButton>(null);
  useEffect(() => setTokenSource(getToken), []);
  return (
    <main>
      <manage-billing-button />
      <manage-billing-button
        ref={button}
        key="billing"
        className="billing"
        style={{ color: "red" }}
        aria-label="Billing"
        data-testid="billing"
        suppressHydrationWarning
        getToken={() => null}
        parameters={parameters}
        messages={{ manage: "Billing", "upstream-timeout": "Try again later" }}
        flow="subscription_update_confirm"
        return-url="https://app.example.com/"
        locale={undefined}
        configuration={null}
        on-behalf-of="acct_1"
        subscription="sub_1"
        price="price_1"
        quantity={2}
        coupon={isAllowed && "25off"}
        promotion-code="promo_1"
        retention-coupon="25off"
        confirmation-message="Done"
        after="portal"
        token="token"
        cookie={isAllowed}
        endpoint="https://api.example.com/billing/portal"
        hide="unavailable"
        onClick={() => button.current?.focus()}
        onbilling-portal-open={(event) => event.detail.url.length}
        onbilling-portal-error={(event) => {
          event.preventDefault();
          console.error(event.detail.code, event.currentTarget);
        }}
        onbilling-portal-errorCapture={({ detail }) => detail.status}
      >
        <button className="btn btn-primary">Manage billing</button>
      </manage-billing-button>
      <manage-billing-button ref={(element) => void (element && (element.getToken = getToken))} hide={isAllowed && "no-account"} cookie>
        Manage billing
      </manage-billing-button>
      {/* @ts-expect-error */}
      <manage-billing-button colour="red" />
      {/* @ts-expect-error */}
      <manage-billing-button hide="always" />
      {/* @ts-expect-error */}
      <manage-billing-button getToken={() => 1} />
      {/* @ts-expect-error */}
      <manage-billing-button quantity={isAllowed} />
      {/* @ts-expect-error */}
      <manage-billing-button parameters="payment_method_update" />
      {/* @ts-expect-error */}
      <manage-billing-button messages={{ manage: 1 }} />
      {/* @ts-expect-error */}
      <manage-billing-button onbilling-portal-open={(event) => event.detail.code} />
      {/* @ts-expect-error */}
      <manage-billing-button onBillingPortalError={() => {}} />
      {/* @ts-expect-error */}
      <manage-billing-buttons />
    </main>
  );
}
