import { Component } from "@angular/core";
import { RouterLink } from "@angular/router";

@Component({
  imports: [RouterLink],
  template: `
    <main>
      <h1 id="home">Home</h1>
      <a id="to-billing" routerLink="/billing">Billing</a>
    </main>
  `,
})
export class Home {}
