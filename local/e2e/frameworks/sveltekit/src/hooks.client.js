import { setTokenSource } from "manage-billing-button";

setTokenSource(async () => (await fetch("/token")).text());
