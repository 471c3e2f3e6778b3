import { Component, CUSTOM_ELEMENTS_SCHEMA } from "@angular/core";
import type { BillingPortalErrorEvent, BillingPortalOpenEvent } from "manage-billing-button";

@Component({
  selector: "app-billing",
  schemas: [CUSTOM_ELEMENTS_SCHEMA],
  template: `
    <manage-billing-button
      #button
      flow="subscription_cancel"
      cookie
      [attr.quantity]="2"
      [getToken]="getToken"
      (billing-portal-open)="opened($event)"
      (billing-portal-error)="failed($event)"
    >
      <button class="btn btn-primary" (click)="button.getToken = getToken">Manage billing</button>
    </manage-billing-button>
  `,
})
export class Billing {
  getToken = async (): Promise<string | null> => null;
  opened(event: BillingPortalOpenEvent) {
    return event.detail.url;
  }
  failed(event: BillingPortalErrorEvent) {
    event.preventDefault();
  }
}
