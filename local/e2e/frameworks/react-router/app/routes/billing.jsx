import { useEffect, useState } from "react";
import { Link, useOutletContext } from "react-router";

const getToken = async () => (await fetch("/token")).text();

// React does not set properties on an element that the server rendered, so a ref sets them.
const cancelPlan = (button) => {
  if (!button) return;
  button.getToken = getToken;
  button.parameters = { flow_data: { type: "subscription_cancel" } };
};

export default function Billing() {
  const portal = useOutletContext();
  const [ready, setReady] = useState(false);
  const [name, setName] = useState("");
  const [renamed, setRenamed] = useState(false);
  const [badge, setBadge] = useState(false);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const show = (event) => setProblem(event.detail.code);
    document.addEventListener("billing-portal-error", show);
    const timer = setTimeout(() => setName("Billing of Alice"), 50);
    setReady(true);
    return () => {
      document.removeEventListener("billing-portal-error", show);
      clearTimeout(timer);
    };
  }, []);
  const open = async () => {
    const { openBillingPortal } = await import(/* @vite-ignore */ `${portal}/billing/button.js`);
    await openBillingPortal({ getToken, parameters: { flow_data: { type: "subscription_cancel" } } });
  };
  return (
    <main data-ready={ready}>
      <h1 id="billing">Billing</h1>
      <Link id="to-home" to="/">Home</Link>
      <manage-billing-button id="source" flow="payment_method_update">Change card</manage-billing-button>
      <manage-billing-button id="property" ref={cancelPlan}>Cancel plan</manage-billing-button>
      <manage-billing-button id="changing">
        {badge && <b>★</b>}
        {renamed ? "Invoices" : "Plans"}
      </manage-billing-button>
      <manage-billing-button id="late">{name}</manage-billing-button>
      <manage-billing-button id="own">
        <button type="button" className="btn btn-primary">{badge && <b>★</b>}Own button</button>
      </manage-billing-button>
      <manage-billing-button id="refused" flow="subscription_update_confirm">Confirm</manage-billing-button>
      <button id="handler" onClick={open}>Cancel</button>
      <button id="rename" onClick={() => setRenamed(!renamed)}>Rename</button>
      <button id="badge" onClick={() => setBadge(!badge)}>Badge</button>
      <p id="problem">{problem}</p>
    </main>
  );
}
