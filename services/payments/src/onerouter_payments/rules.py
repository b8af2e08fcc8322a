"""All that the payments category brings to the heart."""

from typing import Any

from onerouter_common.clock import Clock
from onerouter_common.worker.handler import CategoryRules, handlers_by_name
from onerouter_payments.marketplace.details import VendorDetails
from onerouter_payments.marketplace.operations import TransferCreate, VendorCreate, VendorUpdateSplit
from onerouter_payments.payment.adoption import PaymentAdopt
from onerouter_payments.payment.completion import PaymentComplete
from onerouter_payments.payment.operations import PaymentCancel, PaymentCapture, PaymentCreate
from onerouter_payments.payment.settlement import Views
from onerouter_payments.refund.operations import RefundCreate
from onerouter_payments.resource.links import (
    PaymentLinkCancel,
    PaymentLinkCreate,
    PaymentMethodCreate,
    PaymentMethodDelete,
    PaymentMethodUpdate,
)
from onerouter_payments.resource.subscriptions import (
    CustomerCreate,
    PlanCreate,
    SubscriptionCancel,
    SubscriptionChangePlan,
    SubscriptionCreate,
    SubscriptionPause,
    SubscriptionResume,
)
from onerouter_payments.store import Store

CATEGORY = "payments"
SERVICE = "payments"


def category_rules(views: Views, clock: Clock, details: VendorDetails) -> CategoryRules[Any]:
    return CategoryRules(
        category=CATEGORY,
        service=SERVICE,
        store=Store(),
        handlers=handlers_by_name(
            PaymentCreate(views, clock),
            PaymentComplete(views, clock),
            PaymentAdopt(views, clock),
            PaymentCapture(views, clock),
            PaymentCancel(views, clock),
            RefundCreate(views, clock),
            PlanCreate(clock),
            CustomerCreate(clock),
            SubscriptionCreate(clock),
            SubscriptionCancel(clock),
            SubscriptionPause(clock),
            SubscriptionResume(clock),
            SubscriptionChangePlan(clock),
            PaymentLinkCreate(clock),
            PaymentLinkCancel(clock),
            PaymentMethodCreate(clock),
            PaymentMethodUpdate(clock),
            PaymentMethodDelete(clock),
            VendorCreate(clock, details),
            VendorUpdateSplit(clock),
            TransferCreate(clock),
        ),
    )
