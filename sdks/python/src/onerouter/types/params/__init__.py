"""What methods take, as dictionaries: `create(**params)`.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ._values import Address as Address
    from ._values import Amount as Amount
    from .customers import CustomerCreate as CustomerCreate
    from .deliveries import RecoveryStart as RecoveryStart
    from .email import AttachmentIn as AttachmentIn
    from .email import EmailBulk as EmailBulk
    from .email import EmailBulkItem as EmailBulkItem
    from .email import EmailSend as EmailSend
    from .events import EventRedeliver as EventRedeliver
    from .marketplace import BulkSplit as BulkSplit
    from .marketplace import SplitConfig as SplitConfig
    from .marketplace import SplitPart as SplitPart
    from .marketplace import SplitPaymentCreate as SplitPaymentCreate
    from .marketplace import VendorCreate as VendorCreate
    from .marketplace import VendorSplitUpdate as VendorSplitUpdate
    from .payment_links import PaymentLinkCreate as PaymentLinkCreate
    from .payment_methods import PaymentMethodCreate as PaymentMethodCreate
    from .payment_methods import PaymentMethodUpdate as PaymentMethodUpdate
    from .payments import PaymentCapture as PaymentCapture
    from .payments import PaymentCreate as PaymentCreate
    from .plans import PlanCreate as PlanCreate
    from .refunds import RefundCreate as RefundCreate
    from .shared import CustomerAddress as CustomerAddress
    from .shared import CustomerDetails as CustomerDetails
    from .shared import SuppressionOverride as SuppressionOverride
    from .sms import SmsBulk as SmsBulk
    from .sms import SmsBulkItem as SmsBulkItem
    from .sms import SmsSend as SmsSend
    from .storage import CompletedPart as CompletedPart
    from .storage import DownloadCreate as DownloadCreate
    from .storage import ObjectDelete as ObjectDelete
    from .storage import UploadAbort as UploadAbort
    from .storage import UploadComplete as UploadComplete
    from .storage import UploadCreate as UploadCreate
    from .subscriptions import SubscriptionCancel as SubscriptionCancel
    from .subscriptions import SubscriptionChangePlan as SubscriptionChangePlan
    from .subscriptions import SubscriptionCreate as SubscriptionCreate
    from .subscriptions import SubscriptionPause as SubscriptionPause
    from .subscriptions import SubscriptionResume as SubscriptionResume
    from .suppressions import SuppressionCreate as SuppressionCreate
    from .templates import TemplateCreate as TemplateCreate
    from .templates import TemplatePreview as TemplatePreview
    from .templates import TemplatePublish as TemplatePublish
    from .templates import TemplateUpdate as TemplateUpdate
    from .webhook_endpoints import WebhookBasicAuth as WebhookBasicAuth
    from .webhook_endpoints import WebhookBearerAuth as WebhookBearerAuth
    from .webhook_endpoints import WebhookEndpointCreate as WebhookEndpointCreate
    from .webhook_endpoints import WebhookEndpointUpdate as WebhookEndpointUpdate
    from .webhook_endpoints import WebhookOAuth2Auth as WebhookOAuth2Auth
    from .webhook_endpoints import WebhookSecretRotate as WebhookSecretRotate
    from .webhook_endpoints import WebhookTest as WebhookTest
_HOME: Final = {
    "Address": "_values",
    "Amount": "_values",
    "AttachmentIn": "email",
    "BulkSplit": "marketplace",
    "CompletedPart": "storage",
    "CustomerAddress": "shared",
    "CustomerCreate": "customers",
    "CustomerDetails": "shared",
    "DownloadCreate": "storage",
    "EmailBulk": "email",
    "EmailBulkItem": "email",
    "EmailSend": "email",
    "EventRedeliver": "events",
    "ObjectDelete": "storage",
    "PaymentCapture": "payments",
    "PaymentCreate": "payments",
    "PaymentLinkCreate": "payment_links",
    "PaymentMethodCreate": "payment_methods",
    "PaymentMethodUpdate": "payment_methods",
    "PlanCreate": "plans",
    "RecoveryStart": "deliveries",
    "RefundCreate": "refunds",
    "SmsBulk": "sms",
    "SmsBulkItem": "sms",
    "SmsSend": "sms",
    "SplitConfig": "marketplace",
    "SplitPart": "marketplace",
    "SplitPaymentCreate": "marketplace",
    "SubscriptionCancel": "subscriptions",
    "SubscriptionChangePlan": "subscriptions",
    "SubscriptionCreate": "subscriptions",
    "SubscriptionPause": "subscriptions",
    "SubscriptionResume": "subscriptions",
    "SuppressionCreate": "suppressions",
    "SuppressionOverride": "shared",
    "TemplateCreate": "templates",
    "TemplatePreview": "templates",
    "TemplatePublish": "templates",
    "TemplateUpdate": "templates",
    "UploadAbort": "storage",
    "UploadComplete": "storage",
    "UploadCreate": "storage",
    "VendorCreate": "marketplace",
    "VendorSplitUpdate": "marketplace",
    "WebhookBasicAuth": "webhook_endpoints",
    "WebhookBearerAuth": "webhook_endpoints",
    "WebhookEndpointCreate": "webhook_endpoints",
    "WebhookEndpointUpdate": "webhook_endpoints",
    "WebhookOAuth2Auth": "webhook_endpoints",
    "WebhookSecretRotate": "webhook_endpoints",
    "WebhookTest": "webhook_endpoints",
}
__all__ = [
    "Address",
    "Amount",
    "AttachmentIn",
    "BulkSplit",
    "CompletedPart",
    "CustomerAddress",
    "CustomerCreate",
    "CustomerDetails",
    "DownloadCreate",
    "EmailBulk",
    "EmailBulkItem",
    "EmailSend",
    "EventRedeliver",
    "ObjectDelete",
    "PaymentCapture",
    "PaymentCreate",
    "PaymentLinkCreate",
    "PaymentMethodCreate",
    "PaymentMethodUpdate",
    "PlanCreate",
    "RecoveryStart",
    "RefundCreate",
    "SmsBulk",
    "SmsBulkItem",
    "SmsSend",
    "SplitConfig",
    "SplitPart",
    "SplitPaymentCreate",
    "SubscriptionCancel",
    "SubscriptionChangePlan",
    "SubscriptionCreate",
    "SubscriptionPause",
    "SubscriptionResume",
    "SuppressionCreate",
    "SuppressionOverride",
    "TemplateCreate",
    "TemplatePreview",
    "TemplatePublish",
    "TemplateUpdate",
    "UploadAbort",
    "UploadComplete",
    "UploadCreate",
    "VendorCreate",
    "VendorSplitUpdate",
    "WebhookBasicAuth",
    "WebhookBearerAuth",
    "WebhookEndpointCreate",
    "WebhookEndpointUpdate",
    "WebhookOAuth2Auth",
    "WebhookSecretRotate",
    "WebhookTest",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return [*__all__]
