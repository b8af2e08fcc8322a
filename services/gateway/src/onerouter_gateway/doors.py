"""Every public door: which method and path lead to which endpoint. The routes are built from this table.

`/v1` is canonical. A door of the management API, which is the registry's, is forwarded as it comes (`management`). The order
counts: a path without parameters stands before one that could take it.
"""

from typing import Final

from onerouter_gateway.billing import plans, subscriptions
from onerouter_gateway.compatibility import api_keys as older_keys
from onerouter_gateway.compatibility import customers as older_customers
from onerouter_gateway.compatibility import payments as older_payments
from onerouter_gateway.compatibility import services as older_services
from onerouter_gateway.deliveries import endpoints as deliveries
from onerouter_gateway.deliveries import recoveries
from onerouter_gateway.discovery import endpoints as discovery
from onerouter_gateway.edge.door import Door, alias, canonical, new, tagged
from onerouter_gateway.email.endpoints import EMAIL
from onerouter_gateway.events import catalogue as event_types
from onerouter_gateway.events import endpoints as events
from onerouter_gateway.marketplace import splits, vendors
from onerouter_gateway.messages.channel import EMAIL_CHANNEL, SMS_CHANNEL
from onerouter_gateway.operations import endpoints as operations
from onerouter_gateway.payment_links import endpoints as payment_links
from onerouter_gateway.payment_methods import endpoints as payment_methods
from onerouter_gateway.payments import endpoints as payments
from onerouter_gateway.refunds import endpoints as refunds
from onerouter_gateway.sms.endpoints import SMS
from onerouter_gateway.storage import objects, uploads
from onerouter_gateway.storage import reads as storage
from onerouter_gateway.suppressions import endpoints as suppressions
from onerouter_gateway.templates.endpoints import template_endpoints
from onerouter_gateway.webhook_endpoints import endpoints as webhook_endpoints

_SMS_TEMPLATES: Final = template_endpoints(SMS_CHANNEL)
_EMAIL_TEMPLATES: Final = template_endpoints(EMAIL_CHANNEL)

# fmt: off
DOORS: Final[tuple[Door, ...]] = (
    *tagged(
        "Payments",
        canonical("POST", "/v1/payments", payments.create_payment),
        canonical("GET", "/v1/payments", payments.list_payments),
        canonical("GET", "/v1/payments/{payment_id}", payments.get_payment),
        new("POST", "/v1/payments/{payment_id}/capture", payments.capture_payment),
        new("POST", "/v1/payments/{payment_id}/cancel", payments.cancel_payment),
    ),
    *tagged(
        "Refunds",
        canonical("POST", "/v1/refunds", refunds.create_refund),
        new("GET", "/v1/refunds", refunds.list_refunds),
        new("GET", "/v1/refunds/{refund_id}", refunds.get_refund),
    ),
    *tagged(
        "Plans",
        new("POST", "/v1/plans", plans.create_plan),
        new("GET", "/v1/plans", plans.list_plans),
        new("GET", "/v1/plans/{plan_id}", plans.get_plan),
    ),
    *tagged(
        "Subscriptions",
        canonical("POST", "/v1/subscriptions", subscriptions.create_subscription),
        new("GET", "/v1/subscriptions", subscriptions.list_subscriptions),
        canonical("GET", "/v1/subscriptions/{subscription_id}", subscriptions.get_subscription),
        canonical("POST", "/v1/subscriptions/{subscription_id}/cancel", subscriptions.cancel_subscription),
        canonical("POST", "/v1/subscriptions/{subscription_id}/pause", subscriptions.pause_subscription),
        canonical("POST", "/v1/subscriptions/{subscription_id}/resume", subscriptions.resume_subscription),
        canonical("POST", "/v1/subscriptions/{subscription_id}/change_plan", subscriptions.change_subscription_plan),
    ),
    *tagged(
        "Customers",
        new("POST", "/v1/customers", plans.create_customer),
        new("GET", "/v1/customers", plans.list_customers),
        new("GET", "/v1/customers/{customer_id}", plans.get_customer),
    ),
    *tagged(
        "Payment links",
        canonical("POST", "/v1/payment-links", payment_links.create_payment_link),
        new("GET", "/v1/payment-links", payment_links.list_payment_links),
        new("GET", "/v1/payment-links/{payment_link_id}", payment_links.get_payment_link),
        new("POST", "/v1/payment-links/{payment_link_id}/cancel", payment_links.cancel_payment_link),
    ),
    *tagged(
        "Payment methods",
        canonical("POST", "/v1/payment-methods", payment_methods.create_payment_method),
        canonical("GET", "/v1/payment-methods", payment_methods.list_payment_methods),
        new("GET", "/v1/payment-methods/{payment_method_id}", payment_methods.get_payment_method),
        canonical("PATCH", "/v1/payment-methods/{payment_method_id}", payment_methods.update_payment_method),
        canonical("DELETE", "/v1/payment-methods/{payment_method_id}", payment_methods.delete_payment_method),
    ),
    *tagged(
        "Marketplace",
        canonical("POST", "/v1/marketplace/payments/split", splits.create_split_payment),
        canonical("GET", "/v1/marketplace/payments/split/{payment_id}", splits.get_split_payment),
        canonical("POST", "/v1/marketplace/payments/bulk-split", splits.create_bulk_split),
        canonical("POST", "/v1/marketplace/vendors", vendors.create_vendor),
        canonical("GET", "/v1/marketplace/vendors", vendors.list_vendors),
        new("GET", "/v1/marketplace/vendors/{vendor_id}", vendors.get_vendor),
        canonical("PATCH", "/v1/marketplace/vendors/{vendor_id}/split", vendors.update_vendor_split),
        canonical("GET", "/v1/marketplace/fees", splits.get_marketplace_fees),
    ),
    *tagged(
        "SMS",
        canonical("POST", "/v1/sms", SMS.send),
        new("GET", "/v1/sms", SMS.list),
        new("POST", "/v1/sms/bulk", SMS.send_bulk),
        new("GET", "/v1/sms/batches/{batch_id}", SMS.get_batch),
        new("GET", "/v1/sms/batches/{batch_id}/messages", SMS.list_batch_messages),
        new("POST", "/v1/sms/batches/{batch_id}/cancel", SMS.cancel_batch),
    ),
    *tagged(
        "Email",
        canonical("POST", "/v1/email", EMAIL.send),
        new("GET", "/v1/email", EMAIL.list),
        new("POST", "/v1/email/bulk", EMAIL.send_bulk),
        new("GET", "/v1/email/batches/{batch_id}", EMAIL.get_batch),
        new("GET", "/v1/email/batches/{batch_id}/messages", EMAIL.list_batch_messages),
        new("POST", "/v1/email/batches/{batch_id}/cancel", EMAIL.cancel_batch),
    ),
    *tagged(
        "Message templates",
        new("POST", "/v1/sms/templates", _SMS_TEMPLATES.create),
        new("GET", "/v1/sms/templates", _SMS_TEMPLATES.list),
        new("GET", "/v1/sms/templates/{template_id}", _SMS_TEMPLATES.get),
        new("PATCH", "/v1/sms/templates/{template_id}", _SMS_TEMPLATES.update),
        new("DELETE", "/v1/sms/templates/{template_id}", _SMS_TEMPLATES.delete),
        new("POST", "/v1/sms/templates/{template_id}/publish", _SMS_TEMPLATES.publish),
        new("POST", "/v1/sms/templates/{template_id}/preview", _SMS_TEMPLATES.preview),
        new("GET", "/v1/sms/templates/{template_id}/versions", _SMS_TEMPLATES.list_versions),
        new("POST", "/v1/email/templates", _EMAIL_TEMPLATES.create),
        new("GET", "/v1/email/templates", _EMAIL_TEMPLATES.list),
        new("GET", "/v1/email/templates/{template_id}", _EMAIL_TEMPLATES.get),
        new("PATCH", "/v1/email/templates/{template_id}", _EMAIL_TEMPLATES.update),
        new("DELETE", "/v1/email/templates/{template_id}", _EMAIL_TEMPLATES.delete),
        new("POST", "/v1/email/templates/{template_id}/publish", _EMAIL_TEMPLATES.publish),
        new("POST", "/v1/email/templates/{template_id}/preview", _EMAIL_TEMPLATES.preview),
        new("GET", "/v1/email/templates/{template_id}/versions", _EMAIL_TEMPLATES.list_versions),
    ),
    *tagged(
        "SMS",
        canonical("GET", "/v1/sms/{sms_id}", SMS.get),
        new("POST", "/v1/sms/{sms_id}/cancel", SMS.cancel),
    ),
    *tagged(
        "Email",
        canonical("GET", "/v1/email/{email_id}", EMAIL.get),
        new("POST", "/v1/email/{email_id}/cancel", EMAIL.cancel),
    ),
    *tagged(
        "Suppressions",
        new("POST", "/v1/suppressions", suppressions.create_suppression),
        new("GET", "/v1/suppressions", suppressions.list_suppressions),
        new("GET", "/v1/suppressions/check", suppressions.check_suppression),
        new("DELETE", "/v1/suppressions/{suppression_id}", suppressions.delete_suppression),
    ),
    *tagged(
        "Storage",
        new("GET", "/v1/storage/{bucket}", storage.list_objects),
        new("PUT", "/v1/storage/{bucket}/objects/{key}", objects.put_object),
        new("GET", "/v1/storage/{bucket}/objects/{key}", objects.get_object),
        new("HEAD", "/v1/storage/{bucket}/objects/{key}", objects.head_object),
        new("DELETE", "/v1/storage/{bucket}/objects/{key}", objects.delete_object),
        new("POST", "/v1/storage/{bucket}/uploads", uploads.create_upload),
        new("GET", "/v1/storage/{bucket}/uploads/{upload_id}", uploads.get_upload),
        new("GET", "/v1/storage/{bucket}/uploads/{upload_id}/parts", uploads.list_upload_parts),
        new("POST", "/v1/storage/{bucket}/uploads/{upload_id}/complete", uploads.complete_upload),
        new("POST", "/v1/storage/{bucket}/uploads/{upload_id}/abort", uploads.abort_upload),
        new("POST", "/v1/storage/{bucket}/downloads", storage.create_download),
    ),
    *tagged(
        "Operations",
        new("GET", "/v1/operations", operations.list_operations),
        new("GET", "/v1/operations/{operation_id}", operations.get_operation),
        new("GET", "/v1/operations/{operation_id}/timeline", operations.get_operation_timeline),
    ),
    *tagged("Services", new("GET", "/v1/services", discovery.list_usable_services)),
    *tagged(
        "Events",
        new("GET", "/v1/events", events.list_events),
        new("GET", "/v1/events/stream", events.stream_events),
        new("GET", "/v1/events/{event_id}", events.get_event),
        new("POST", "/v1/events/{event_id}/redeliver", events.redeliver_event),
        new("GET", "/v1/event-types", event_types.list_event_types),
    ),
    *tagged(
        "Webhook endpoints",
        new("POST", "/v1/webhook-endpoints", webhook_endpoints.create_webhook_endpoint),
        new("GET", "/v1/webhook-endpoints", webhook_endpoints.list_webhook_endpoints),
        new("GET", "/v1/webhook-endpoints/{endpoint_id}", webhook_endpoints.get_webhook_endpoint),
        new("PATCH", "/v1/webhook-endpoints/{endpoint_id}", webhook_endpoints.update_webhook_endpoint),
        new("DELETE", "/v1/webhook-endpoints/{endpoint_id}", webhook_endpoints.delete_webhook_endpoint),
        new("POST", "/v1/webhook-endpoints/{endpoint_id}/pause", webhook_endpoints.pause_webhook_endpoint),
        new("POST", "/v1/webhook-endpoints/{endpoint_id}/enable", webhook_endpoints.enable_webhook_endpoint),
        new("POST", "/v1/webhook-endpoints/{endpoint_id}/secret/rotate", webhook_endpoints.rotate_webhook_secret),
        new("POST", "/v1/webhook-endpoints/{endpoint_id}/test", webhook_endpoints.send_test_event),
    ),
    *tagged(
        "Webhook deliveries",
        new("GET", "/v1/webhook-endpoints/{endpoint_id}/deliveries", deliveries.list_deliveries),
        new("GET", "/v1/deliveries/{delivery_id}", deliveries.get_delivery),
        new("POST", "/v1/deliveries/{delivery_id}/retry", deliveries.retry_delivery),
        new("POST", "/v1/webhook-endpoints/{endpoint_id}/recover", recoveries.start_recovery),
        new("GET", "/v1/webhook-endpoints/{endpoint_id}/recoveries", recoveries.list_recoveries),
        new("GET", "/v1/webhook-endpoints/{endpoint_id}/recoveries/{recovery_id}", recoveries.get_recovery),
        new("POST", "/v1/webhook-endpoints/{endpoint_id}/recoveries/{recovery_id}/cancel", recoveries.cancel_recovery),
    ),
    *tagged(
        "Older paths",
        alias("POST", "/v1/payments/orders", payments.create_payment, "/v1/payments"),
        alias("GET", "/v1/payments/orders/{payment_id}", payments.get_payment, "/v1/payments/{payment_id}"),
        alias("POST", "/v1/payments/refund", refunds.create_refund, "/v1/refunds"),
        alias("POST", "/v1/subscriptions/create", subscriptions.create_subscription, "/v1/subscriptions"),
        alias("POST", "/sms", SMS.send, "/v1/sms"),
        alias("GET", "/sms/{sms_id}", SMS.get, "/v1/sms/{sms_id}"),
        alias("POST", "/email", EMAIL.send, "/v1/email"),
        alias("GET", "/email/{email_id}", EMAIL.get, "/v1/email/{email_id}"),
        alias("POST", "/api/v1/payments", older_payments.legacy_create_payment, "/v1/payments"),
        alias("POST", "/api/v1/payments/create", older_payments.legacy_create_payment, "/v1/payments",
              name="legacy_create_payment_alias"),
        alias("GET", "/api/v1/payments", older_payments.legacy_list_payments, "/v1/payments"),
        alias("GET", "/api/v1/payments/{payment_id}", older_payments.legacy_get_payment, "/v1/payments/{payment_id}"),
        alias("GET", "/api/v1/payments/{payment_id}/status", older_payments.legacy_get_payment_status,
              "/v1/payments/{payment_id}"),
        alias("POST", "/api/v1/payments/{payment_id}/refund", older_payments.legacy_refund_payment, "/v1/refunds"),
        alias("POST", "/api/v1/customers", older_customers.legacy_create_customer, "/v1/customers"),
        alias("GET", "/api/v1/customers", older_customers.legacy_list_customers, "/v1/customers"),
        alias("GET", "/api/v1/customers/{customer_id}", older_customers.legacy_get_customer,
              "/v1/customers/{customer_id}"),
        alias("POST", "/api/v1/api-keys", older_keys.legacy_create_api_key, "/api/api-keys"),
        alias("GET", "/api/v1/api-keys", older_keys.legacy_list_api_keys, "/api/api-keys"),
        alias("GET", "/api/v1/api-keys/{key_id}", older_keys.legacy_get_api_key, "/api/api-keys/{key_id}"),
        alias("PATCH", "/api/v1/api-keys/{key_id}", older_keys.legacy_change_api_key, "/api/api-keys/{key_id}"),
        alias("PUT", "/api/v1/api-keys/{key_id}", older_keys.legacy_change_api_key, "/api/api-keys/{key_id}",
              name="legacy_put_api_key"),
        alias("DELETE", "/api/v1/api-keys/{key_id}", older_keys.legacy_delete_api_key, "/api/api-keys/{key_id}"),
        alias("POST", "/api/v1/services/{category}", older_services.legacy_perform_action, "/v1/{category}"),
    ),
)
# fmt: on
