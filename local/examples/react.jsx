// React 19. The module is loaded before the app: <script type="module" src="PORTAL/billing/button.js"></script>
export function CancelPlan({ getToken, onProblem }) {
  return (
    <manage-billing-button
      flow="subscription_cancel"
      getToken={getToken}
      onbilling-portal-error={(event) => onProblem(event.detail)}
    >
      Cancel plan
    </manage-billing-button>
  );
}
