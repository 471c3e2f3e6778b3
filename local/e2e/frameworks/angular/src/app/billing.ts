import { afterNextRender, Component, CUSTOM_ELEMENTS_SCHEMA, inject, signal } from "@angular/core";
import { RouterLink } from "@angular/router";
import { openBillingPortal } from "manage-billing-button";
import { PORTAL } from "./portal";

@Component({
  imports: [RouterLink],
  schemas: [CUSTOM_ELEMENTS_SCHEMA],
  template: `
    <main [attr.data-ready]="ready()">
      <h1 id="billing">Billing</h1>
      <a id="to-home" routerLink="/">Home</a>
      <manage-billing-button id="source" [attr.endpoint]="endpoint" flow="payment_method_update">Change card</manage-billing-button>
      <manage-billing-button id="property" [attr.endpoint]="endpoint" [getToken]="getToken" [parameters]="parameters">Cancel plan</manage-billing-button>
      <manage-billing-button id="changing" [attr.endpoint]="endpoint">@if (badge()) {<b>★</b>}{{ renamed() ? "Invoices" : "Plans" }}</manage-billing-button>
      <manage-billing-button id="late" [attr.endpoint]="endpoint">{{ name() }}</manage-billing-button>
      <manage-billing-button id="own" [attr.endpoint]="endpoint">
        <button type="button" class="btn btn-primary">@if (badge()) {<b>★</b>}Own button</button>
      </manage-billing-button>
      <manage-billing-button id="refused" [attr.endpoint]="endpoint" flow="subscription_update_confirm" (billing-portal-error)="show($event)">Confirm</manage-billing-button>
      <button id="handler" (click)="open()">Cancel</button>
      <button id="rename" (click)="renamed.set(!renamed())">Rename</button>
      <button id="badge" (click)="badge.set(!badge())">Badge</button>
      <p id="problem">{{ problem() }}</p>
    </main>
  `,
})
export class Billing {
  readonly endpoint = `${inject(PORTAL)}/billing/portal`;
  readonly getToken = async () => (await fetch("/token")).text();
  readonly parameters = { flow_data: { type: "subscription_cancel" } };

  readonly ready = signal(false);
  readonly name = signal("");
  readonly renamed = signal(false);
  readonly badge = signal(false);
  readonly problem = signal("");

  constructor() {
    afterNextRender(() => {
      setTimeout(() => this.name.set("Billing of Alice"), 50);
      this.ready.set(true);
    });
  }

  show(event: CustomEvent<{ code: string }>) {
    this.problem.set(event.detail.code);
  }

  open() {
    return openBillingPortal({ endpoint: this.endpoint, getToken: this.getToken, parameters: this.parameters });
  }
}
