"use client";

import Link from "next/link";
import { useEffect, useState } from "react";
import { openBillingPortal, setTokenSource } from "../../button.js"; // a copy of the built module

const getToken = async () => (await fetch("/token")).text();
setTokenSource(getToken);

// React does not set properties on an element that the server rendered, so a ref sets them.
const cancelPlan = (button) => {
  if (!button) return;
  button.getToken = getToken;
  button.parameters = { flow_data: { type: "subscription_cancel" } };
};

export function Billing({ portal }) {
  const endpoint = `${portal}/billing/portal`;
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
  return (
    <main data-ready={ready}>
      <h1 id="billing">Billing</h1>
      <Link id="to-home" href="/">Home</Link>
      <manage-billing-button id="source" endpoint={endpoint} flow="payment_method_update">Change card</manage-billing-button>
      <manage-billing-button id="property" endpoint={endpoint} ref={cancelPlan}>Cancel plan</manage-billing-button>
      <manage-billing-button id="changing" endpoint={endpoint}>
        {badge && <b>★</b>}
        {renamed ? "Invoices" : "Plans"}
      </manage-billing-button>
      <manage-billing-button id="late" endpoint={endpoint}>{name}</manage-billing-button>
      <manage-billing-button id="own" endpoint={endpoint}>
        <button type="button" className="btn btn-primary">{badge && <b>★</b>}Own button</button>
      </manage-billing-button>
      <manage-billing-button id="refused" endpoint={endpoint} flow="subscription_update_confirm">Confirm</manage-billing-button>
      <button
        id="handler"
        onClick={() => openBillingPortal({ endpoint, getToken, parameters: { flow_data: { type: "subscription_cancel" } } })}
      >
        Cancel
      </button>
      <button id="rename" onClick={() => setRenamed(!renamed)}>Rename</button>
      <button id="badge" onClick={() => setBadge(!badge)}>Badge</button>
      <p id="problem">{problem}</p>
    </main>
  );
}
