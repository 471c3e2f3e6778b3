import { Component, CUSTOM_ELEMENTS_SCHEMA } from "@angular/core";
import type { BillingPortalErrorEvent } from "manage-billing-button";

@Component({
  selector: "app-wrong",
  schemas: [CUSTOM_ELEMENTS_SCHEMA],
  template: `
    <manage-billing-button (billing-portal-open)="failed($event)" />
    <manage-billing-button (billing-portal-error)="$event.detail.url" />
    <manage-billing-button #button (click)="button.getToken = 1" />
    <manage-billing-button #button (click)="button.endpoint" />
  `,
})
export class Wrong {
  failed(event: BillingPortalErrorEvent) {
    event.preventDefault();
  }
}
