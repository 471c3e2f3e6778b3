import { bootstrapApplication } from "@angular/platform-browser";
import { setTokenSource } from "manage-billing-button";
import { App } from "./app/app";
import { appConfig } from "./app/app.config";

setTokenSource(async () => (await fetch("/token")).text());
bootstrapApplication(App, appConfig);
