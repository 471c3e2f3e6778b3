package account

import (
	"strconv"
	"time"
)

// SubscriptionObject returns a subscription as the API shows it, with every field of version
// 2024-06-20 (https://docs.stripe.com/api/subscriptions/object). Most fields are always null here.
func (d *Data) SubscriptionObject(s Subscription, withProducts bool) map[string]any {
	items := []map[string]any{}
	for _, item := range s.Items {
		items = append(items, d.itemObject(s, item, withProducts))
	}
	object := map[string]any{
		"id": s.ID, "object": "subscription", "customer": s.Customer, "status": s.Status, "livemode": false,
		"items": map[string]any{
			"object": "list", "data": items, "has_more": false, "url": "/v1/subscription_items?subscription=" + s.ID,
		},
		"created": s.Created.Unix(), "start_date": s.Created.Unix(), "billing_cycle_anchor": s.Created.Unix(),
		"current_period_start": seconds(s.PeriodStart), "current_period_end": seconds(s.PeriodEnd),
		"cancel_at_period_end": s.CancelAtPeriodEnd, "cancel_at": seconds(s.CancelAt),
		"canceled_at": seconds(s.CanceledAt), "ended_at": seconds(s.EndedAt),
		"trial_start": nil, "trial_end": seconds(s.TrialEnd),
		"trial_settings":   map[string]any{"end_behavior": map[string]any{"missing_payment_method": "create_invoice"}},
		"pause_collection": nil, "collection_method": "charge_automatically", "currency": "usd",
		"automatic_tax":        map[string]any{"enabled": false, "liability": nil},
		"cancellation_details": map[string]any{"comment": nil, "feedback": nil, "reason": nil},
		"invoice_settings":     map[string]any{"account_tax_ids": nil, "issuer": map[string]any{"type": "self"}},
		"payment_settings": map[string]any{
			"payment_method_options": nil, "payment_method_types": nil, "save_default_payment_method": "off",
		},
		"default_tax_rates": []any{}, "discounts": []any{}, "metadata": map[string]any{},
	}
	for _, field := range []string{
		"application", "application_fee_percent", "billing_cycle_anchor_config", "billing_thresholds", "days_until_due",
		"default_payment_method", "default_source", "description", "discount", "latest_invoice",
		"next_pending_invoice_item_invoice", "on_behalf_of", "pending_invoice_item_interval", "pending_setup_intent",
		"pending_update", "schedule", "test_clock", "transfer_data",
	} {
		object[field] = nil
	}
	if !s.TrialEnd.IsZero() {
		object["trial_start"] = s.Created.Unix()
	}
	if s.CancelAtPeriodEnd {
		object["cancel_at"] = seconds(s.PeriodEnd)
	}
	if s.PauseCollection != "" {
		object["pause_collection"] = map[string]any{"behavior": s.PauseCollection, "resumes_at": nil}
	}
	return object
}

func (d *Data) itemObject(s Subscription, item Item, withProduct bool) map[string]any {
	return map[string]any{
		"id": item.ID, "object": "subscription_item", "subscription": s.ID, "quantity": item.Quantity,
		"price": d.priceObject(item.Price, withProduct), "created": s.Created.Unix(),
		"billing_thresholds": nil, "discounts": []any{}, "metadata": map[string]any{}, "tax_rates": []any{},
	}
}

func (d *Data) priceObject(id string, withProduct bool) map[string]any {
	price := d.Price(id)
	if price == nil {
		price = &Price{ID: id}
	}
	object := map[string]any{
		"id": price.ID, "object": "price", "product": price.Product, "active": true, "livemode": false,
		"type": "recurring", "currency": "usd", "billing_scheme": "per_unit", "tax_behavior": "unspecified",
		"unit_amount": price.UnitAmount, "unit_amount_decimal": strconv.FormatInt(price.UnitAmount, 10),
		"recurring": map[string]any{
			"interval": "month", "interval_count": 1, "usage_type": "licensed",
			"aggregate_usage": nil, "meter": nil, "trial_period_days": nil,
		},
		"created": 0, "custom_unit_amount": nil, "lookup_key": nil, "metadata": map[string]any{}, "nickname": nil,
		"tiers_mode": nil, "transform_quantity": nil,
	}
	if product := d.Product(price.Product); withProduct && product != nil {
		object["product"] = ProductObject(*product)
	}
	return object
}

// ProductObject returns a product as the API shows it
// (https://docs.stripe.com/api/products/object).
func ProductObject(p Product) map[string]any {
	return map[string]any{
		"id": p.ID, "object": "product", "name": p.Name, "active": true, "livemode": false, "type": "service",
		"created": 0, "updated": 0, "default_price": nil, "description": nil, "images": []any{},
		"marketing_features": []any{}, "metadata": map[string]any{}, "package_dimensions": nil, "shippable": nil,
		"statement_descriptor": nil, "tax_code": nil, "unit_label": nil, "url": nil,
	}
}

// seconds returns a time in the format of the API, or nil for the zero time.
func seconds(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Unix()
}

// CustomerObject returns a customer as the API shows it.
//
// https://docs.stripe.com/api/customers/object
func CustomerObject(c Customer) map[string]any {
	metadata := map[string]any{}
	if c.User != "" {
		metadata["user_id"] = c.User
	}
	return map[string]any{
		"id": c.ID, "object": "customer", "created": c.Created.Unix(), "livemode": false, "email": c.Email,
		"name": c.Name, "metadata": metadata,
		"address": nil, "balance": 0, "currency": nil, "default_source": nil, "delinquent": false,
		"description": nil, "discount": nil,
		"phone": nil, "preferred_locales": []any{}, "shipping": nil, "tax_exempt": "none", "test_clock": nil,
	}
}
