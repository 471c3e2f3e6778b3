import { mergeApplicationConfig } from "@angular/core";
import { bootstrapApplication, type BootstrapContext } from "@angular/platform-browser";
import { provideServerRendering, RenderMode, withRoutes } from "@angular/ssr";
import { App } from "./app/app";
import { appConfig } from "./app/app.config";
import { PORTAL, portalOfServer } from "./app/portal";

const config = mergeApplicationConfig(appConfig, {
  providers: [
    provideServerRendering(withRoutes([{ path: "**", renderMode: RenderMode.Server }])),
    { provide: PORTAL, useFactory: portalOfServer },
  ],
});

export default (context: BootstrapContext) => bootstrapApplication(App, config, context);
