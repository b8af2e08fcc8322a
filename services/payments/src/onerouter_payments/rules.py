"""All that the payments category brings to the heart."""

from onerouter_common.clock import Clock
from onerouter_common.worker.handler import CategoryRules, handlers_by_name
from onerouter_payments.payment.aggregate import PaymentAggregate
from onerouter_payments.payment.completion import PaymentComplete
from onerouter_payments.payment.operations import PaymentCancel, PaymentCapture, PaymentCreate
from onerouter_payments.payment.repository import PaymentStore
from onerouter_payments.payment.settlement import Views
from onerouter_payments.refund.operations import RefundCreate

CATEGORY = "payments"
SERVICE = "payments"


def category_rules(views: Views, clock: Clock) -> CategoryRules[PaymentAggregate]:
    return CategoryRules(
        category=CATEGORY,
        service=SERVICE,
        store=PaymentStore(),
        handlers=handlers_by_name(
            PaymentCreate(views, clock),
            PaymentComplete(views, clock),
            PaymentCapture(views, clock),
            PaymentCancel(views, clock),
            RefundCreate(views, clock),
        ),
    )
