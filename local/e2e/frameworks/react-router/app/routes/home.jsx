import { Link } from "react-router";

export default function Home() {
  return (
    <main>
      <h1 id="home">Home</h1>
      <Link id="to-billing" to="/billing">Billing</Link>
    </main>
  );
}
