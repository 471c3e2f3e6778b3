import { Billing } from "./billing.jsx";

export const dynamic = "force-dynamic"; // PORTAL is known when the server runs

export default function Page() {
  return <Billing portal={process.env.PORTAL} />;
}
