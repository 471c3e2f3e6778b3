import { inject, InjectionToken, makeStateKey, TransferState } from "@angular/core";

const key = makeStateKey<string>("portal");

/** The origin of the API. The server knows it and passes it to the browser. */
export const PORTAL = new InjectionToken<string>("PORTAL", { factory: () => inject(TransferState).get(key, "") });

export function portalOfServer() {
  const portal = process.env["PORTAL"] ?? "";
  inject(TransferState).set(key, portal);
  return portal;
}
