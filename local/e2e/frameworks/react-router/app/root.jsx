import { Links, Meta, Outlet, Scripts, useLoaderData } from "react-router";

// PORTAL is known when the server runs.
export const loader = () => ({ portal: process.env.PORTAL });

export function Layout({ children }) {
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <title>An app in React Router</title>
        <Meta />
        <Links />
      </head>
      <body>
        {children}
        <Scripts />
      </body>
    </html>
  );
}

// The API serves the module; React does not manage it.
const script = (portal) => `
  import { setTokenSource } from "${portal}/billing/button.js";
  setTokenSource(async () => (await fetch("/token")).text());
`;

export default function App() {
  const { portal } = useLoaderData();
  return (
    <>
      <script type="module" dangerouslySetInnerHTML={{ __html: script(portal) }} />
      <Outlet context={portal} />
    </>
  );
}
