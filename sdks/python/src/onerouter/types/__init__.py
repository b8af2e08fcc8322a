"""What the API answers.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .customers import Customer as Customer
    from .deliveries import Delivery as Delivery
    from .deliveries import DeliveryAttempt as DeliveryAttempt
    from .deliveries import Recovery as Recovery
    from .email import AddressShown as AddressShown
    from .email import AttachmentShown as AttachmentShown
    from .email import Email as Email
    from .email import EmailBatch as EmailBatch
    from .email import RecipientShown as RecipientShown
    from .events import Event as Event
    from .events import EventDelivery as EventDelivery
    from .events import EventPage as EventPage
    from .events import EventResource as EventResource
    from .events import EventTypeList as EventTypeList
    from .events import EventTypeShown as EventTypeShown
    from .events import EventWithDeliveries as EventWithDeliveries
    from .events import Redelivery as Redelivery
    from .marketplace import BulkSplitItem as BulkSplitItem
    from .marketplace import BulkSplitResult as BulkSplitResult
    from .marketplace import MarketplaceFees as MarketplaceFees
    from .marketplace import SplitPartShown as SplitPartShown
    from .marketplace import SplitPayment as SplitPayment
    from .marketplace import Vendor as Vendor
    from .operations import Accepted as Accepted
    from .operations import AcceptedEntry as AcceptedEntry
    from .operations import AppliedCallback as AppliedCallback
    from .operations import Attempt as Attempt
    from .operations import AttemptEntry as AttemptEntry
    from .operations import CallbackEntry as CallbackEntry
    from .operations import ChangedBy as ChangedBy
    from .operations import EventEntry as EventEntry
    from .operations import Finished as Finished
    from .operations import FinishedEntry as FinishedEntry
    from .operations import Operation as Operation
    from .operations import OperationCost as OperationCost
    from .operations import OperationResource as OperationResource
    from .operations import OperationRouting as OperationRouting
    from .operations import OperationTimeline as OperationTimeline
    from .operations import PassedOver as PassedOver
    from .operations import PublishedEvent as PublishedEvent
    from .operations import Resolution as Resolution
    from .operations import ResolutionEntry as ResolutionEntry
    from .operations import RoutedConnection as RoutedConnection
    from .operations import RoutedEntry as RoutedEntry
    from .operations import Scheduled as Scheduled
    from .operations import ScheduledEntry as ScheduledEntry
    from .payment_links import PaymentLink as PaymentLink
    from .payment_methods import PaymentMethod as PaymentMethod
    from .payments import Payment as Payment
    from .plans import Plan as Plan
    from .refunds import Refund as Refund
    from .services import ServiceCapability as ServiceCapability
    from .services import ServiceConnection as ServiceConnection
    from .services import UsableService as UsableService
    from .shared import Amount as Amount
    from .shared import AmountMismatch as AmountMismatch
    from .shared import BatchCanceled as BatchCanceled
    from .shared import BatchMessage as BatchMessage
    from .shared import Cost as Cost
    from .shared import Dispute as Dispute
    from .shared import Engagement as Engagement
    from .shared import MessageFailure as MessageFailure
    from .shared import PaymentFailure as PaymentFailure
    from .shared import RejectedRecipient as RejectedRecipient
    from .shared import TemplateOfMessage as TemplateOfMessage
    from .sms import Sms as Sms
    from .sms import SmsBatch as SmsBatch
    from .storage import DeletedObject as DeletedObject
    from .storage import Download as Download
    from .storage import ListedObject as ListedObject
    from .storage import ObjectList as ObjectList
    from .storage import StorageObject as StorageObject
    from .storage import Upload as Upload
    from .storage import UploadPart as UploadPart
    from .storage import UploadPartList as UploadPartList
    from .subscriptions import Charge as Charge
    from .subscriptions import Subscription as Subscription
    from .suppressions import DeletedSuppression as DeletedSuppression
    from .suppressions import Suppression as Suppression
    from .suppressions import SuppressionChange as SuppressionChange
    from .suppressions import SuppressionCheck as SuppressionCheck
    from .templates import Template as Template
    from .templates import TemplateDeleted as TemplateDeleted
    from .templates import TemplateDraft as TemplateDraft
    from .templates import TemplateRendered as TemplateRendered
    from .templates import TemplateVersion as TemplateVersion
    from .templates import TemplateVersionListed as TemplateVersionListed
    from .webhook_endpoints import CreatedWebhookEndpoint as CreatedWebhookEndpoint
    from .webhook_endpoints import DeletedWebhookEndpoint as DeletedWebhookEndpoint
    from .webhook_endpoints import RotatedWebhookSecret as RotatedWebhookSecret
    from .webhook_endpoints import SentWebhookTest as SentWebhookTest
    from .webhook_endpoints import WebhookAuth as WebhookAuth
    from .webhook_endpoints import WebhookEndpoint as WebhookEndpoint
_HOME: Final = {
    "Accepted": "operations",
    "AcceptedEntry": "operations",
    "AddressShown": "email",
    "Amount": "shared",
    "AmountMismatch": "shared",
    "AppliedCallback": "operations",
    "AttachmentShown": "email",
    "Attempt": "operations",
    "AttemptEntry": "operations",
    "BatchCanceled": "shared",
    "BatchMessage": "shared",
    "BulkSplitItem": "marketplace",
    "BulkSplitResult": "marketplace",
    "CallbackEntry": "operations",
    "ChangedBy": "operations",
    "Charge": "subscriptions",
    "Cost": "shared",
    "CreatedWebhookEndpoint": "webhook_endpoints",
    "Customer": "customers",
    "DeletedObject": "storage",
    "DeletedSuppression": "suppressions",
    "DeletedWebhookEndpoint": "webhook_endpoints",
    "Delivery": "deliveries",
    "DeliveryAttempt": "deliveries",
    "Dispute": "shared",
    "Download": "storage",
    "Email": "email",
    "EmailBatch": "email",
    "Engagement": "shared",
    "Event": "events",
    "EventDelivery": "events",
    "EventEntry": "operations",
    "EventPage": "events",
    "EventResource": "events",
    "EventTypeList": "events",
    "EventTypeShown": "events",
    "EventWithDeliveries": "events",
    "Finished": "operations",
    "FinishedEntry": "operations",
    "ListedObject": "storage",
    "MarketplaceFees": "marketplace",
    "MessageFailure": "shared",
    "ObjectList": "storage",
    "Operation": "operations",
    "OperationCost": "operations",
    "OperationResource": "operations",
    "OperationRouting": "operations",
    "OperationTimeline": "operations",
    "PassedOver": "operations",
    "Payment": "payments",
    "PaymentFailure": "shared",
    "PaymentLink": "payment_links",
    "PaymentMethod": "payment_methods",
    "Plan": "plans",
    "PublishedEvent": "operations",
    "RecipientShown": "email",
    "Recovery": "deliveries",
    "Redelivery": "events",
    "Refund": "refunds",
    "RejectedRecipient": "shared",
    "Resolution": "operations",
    "ResolutionEntry": "operations",
    "RotatedWebhookSecret": "webhook_endpoints",
    "RoutedConnection": "operations",
    "RoutedEntry": "operations",
    "Scheduled": "operations",
    "ScheduledEntry": "operations",
    "SentWebhookTest": "webhook_endpoints",
    "ServiceCapability": "services",
    "ServiceConnection": "services",
    "Sms": "sms",
    "SmsBatch": "sms",
    "SplitPartShown": "marketplace",
    "SplitPayment": "marketplace",
    "StorageObject": "storage",
    "Subscription": "subscriptions",
    "Suppression": "suppressions",
    "SuppressionChange": "suppressions",
    "SuppressionCheck": "suppressions",
    "Template": "templates",
    "TemplateDeleted": "templates",
    "TemplateDraft": "templates",
    "TemplateOfMessage": "shared",
    "TemplateRendered": "templates",
    "TemplateVersion": "templates",
    "TemplateVersionListed": "templates",
    "Upload": "storage",
    "UploadPart": "storage",
    "UploadPartList": "storage",
    "UsableService": "services",
    "Vendor": "marketplace",
    "WebhookAuth": "webhook_endpoints",
    "WebhookEndpoint": "webhook_endpoints",
}
BY_OBJECT: Final = {
    "customer": "Customer",
    "delivery": "Delivery",
    "dispute": "Dispute",
    "download": "Download",
    "email": "Email",
    "email_batch": "EmailBatch",
    "marketplace_fees": "MarketplaceFees",
    "operation": "Operation",
    "payment": "Payment",
    "payment_link": "PaymentLink",
    "payment_method": "PaymentMethod",
    "plan": "Plan",
    "recovery": "Recovery",
    "redelivery": "Redelivery",
    "refund": "Refund",
    "sms": "Sms",
    "sms_batch": "SmsBatch",
    "split_payment": "SplitPayment",
    "subscription": "Subscription",
    "suppression": "Suppression",
    "template": "Template",
    "upload": "Upload",
    "vendor": "Vendor",
    "webhook_endpoint": "WebhookEndpoint",
}
"""What a field `object` says → the name of its class here."""

__all__ = [
    "Accepted",
    "AcceptedEntry",
    "AddressShown",
    "Amount",
    "AmountMismatch",
    "AppliedCallback",
    "AttachmentShown",
    "Attempt",
    "AttemptEntry",
    "BatchCanceled",
    "BatchMessage",
    "BulkSplitItem",
    "BulkSplitResult",
    "CallbackEntry",
    "ChangedBy",
    "Charge",
    "Cost",
    "CreatedWebhookEndpoint",
    "Customer",
    "DeletedObject",
    "DeletedSuppression",
    "DeletedWebhookEndpoint",
    "Delivery",
    "DeliveryAttempt",
    "Dispute",
    "Download",
    "Email",
    "EmailBatch",
    "Engagement",
    "Event",
    "EventDelivery",
    "EventEntry",
    "EventPage",
    "EventResource",
    "EventTypeList",
    "EventTypeShown",
    "EventWithDeliveries",
    "Finished",
    "FinishedEntry",
    "ListedObject",
    "MarketplaceFees",
    "MessageFailure",
    "ObjectList",
    "Operation",
    "OperationCost",
    "OperationResource",
    "OperationRouting",
    "OperationTimeline",
    "PassedOver",
    "Payment",
    "PaymentFailure",
    "PaymentLink",
    "PaymentMethod",
    "Plan",
    "PublishedEvent",
    "RecipientShown",
    "Recovery",
    "Redelivery",
    "Refund",
    "RejectedRecipient",
    "Resolution",
    "ResolutionEntry",
    "RotatedWebhookSecret",
    "RoutedConnection",
    "RoutedEntry",
    "Scheduled",
    "ScheduledEntry",
    "SentWebhookTest",
    "ServiceCapability",
    "ServiceConnection",
    "Sms",
    "SmsBatch",
    "SplitPartShown",
    "SplitPayment",
    "StorageObject",
    "Subscription",
    "Suppression",
    "SuppressionChange",
    "SuppressionCheck",
    "Template",
    "TemplateDeleted",
    "TemplateDraft",
    "TemplateOfMessage",
    "TemplateRendered",
    "TemplateVersion",
    "TemplateVersionListed",
    "Upload",
    "UploadPart",
    "UploadPartList",
    "UsableService",
    "Vendor",
    "WebhookAuth",
    "WebhookEndpoint",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return [*__all__]
