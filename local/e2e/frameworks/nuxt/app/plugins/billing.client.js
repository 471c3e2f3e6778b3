import { setTokenSource } from "manage-billing-button";

export default defineNuxtPlugin(() => {
  setTokenSource(async () => (await fetch("/token")).text());
});
