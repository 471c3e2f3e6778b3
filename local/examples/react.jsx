// React 19, in the browser or rendered by a server. React sets no properties and adds no listeners during hydration, so a ref does both.
export function CancelPlan({ getToken, onProblem }) {
  const setUp = (button) => {
    const report = (event) => onProblem(event.detail);
    button.getToken = getToken;
    button.addEventListener("billing-portal-error", report);
    return () => button.removeEventListener("billing-portal-error", report);
  };
  return (
    <manage-billing-button flow="subscription_cancel" ref={setUp}>
      Cancel plan
    </manage-billing-button>
  );
}
