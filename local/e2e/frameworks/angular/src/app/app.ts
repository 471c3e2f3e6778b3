import { Component, inject } from "@angular/core";
import { RouterOutlet } from "@angular/router";
import { PORTAL } from "./portal";

@Component({ selector: "app-root", imports: [RouterOutlet], template: "<router-outlet />" })
export class App {
  readonly portal = inject(PORTAL); // on every page, for the pages that the browser renders later
}
