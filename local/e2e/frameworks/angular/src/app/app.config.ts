import { type ApplicationConfig, provideBrowserGlobalErrorListeners } from "@angular/core";
import { provideClientHydration, withEventReplay } from "@angular/platform-browser";
import { provideRouter } from "@angular/router";
import { Billing } from "./billing";
import { Home } from "./home";

export const appConfig: ApplicationConfig = {
  providers: [
    provideBrowserGlobalErrorListeners(),
    provideRouter([
      { path: "", component: Home },
      { path: "billing", component: Billing },
    ]),
    provideClientHydration(withEventReplay()),
  ],
};
