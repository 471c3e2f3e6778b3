import { inject, InjectionToken, makeStateKey, TransferState } from "@angular/core";

const key = makeStateKey<string>("portal");

/** The API's origin. The server knows it, and hands it to the browser. */
export const PORTAL = new InjectionToken<string>("PORTAL", { factory: () => inject(TransferState).get(key, "") });

export function portalOfServer() {
  const portal = process.env["PORTAL"] ?? "";
  inject(TransferState).set(key, portal);
  return portal;
}
