"""One full and one least example of each contract: `full` sets every field to something that is not its default."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from onerouter_common.contracts.base import Contract
from onerouter_common.contracts.callbacks import Callback, CallbackObject
from onerouter_common.contracts.commands import Command
from onerouter_common.contracts.events import Event, EventResource
from onerouter_common.contracts.messages import (
    AttachmentUse,
    CancelMessage,
    CreateEmailBatch,
    CreateSmsBatch,
    EmailAddress,
    EmailContent,
    EmailRecipient,
    Rejected,
    SendEmail,
    SendSms,
    SmsContent,
    SmsRecipient,
    TemplateUse,
)
from onerouter_common.contracts.operations import OperationRecord
from onerouter_common.contracts.payment_resources import (
    CancelPaymentLink,
    CancelSubscription,
    ChangeSubscriptionPlan,
    CreateCustomer,
    CreatePaymentLink,
    CreatePaymentMethod,
    CreatePlan,
    CreateSubscription,
    CreateTransfer,
    CreateVendor,
    DeletePaymentMethod,
    PauseSubscription,
    ResumeSubscription,
    SplitConfig,
    UpdatePaymentMethod,
    UpdateVendorSplit,
)
from onerouter_common.contracts.payments import (
    AdoptPayment,
    CancelPayment,
    CapturePayment,
    CompletePayment,
    CreatePayment,
    CreateRefund,
    Customer,
    SplitItem,
)
from onerouter_common.contracts.registry import RegistryChange
from onerouter_common.contracts.replies import Problem, Reply
from onerouter_common.contracts.routing import (
    AmountRange,
    Conditions,
    ProviderOverride,
    RoutingPolicy,
    RoutingRule,
    Targets,
    WeightedConnection,
)

from .storage_examples import STORAGE

AT = datetime(2026, 1, 31, 9, 30, 0, 125_000, tzinfo=UTC)
LATER = datetime(2026, 1, 31, 9, 30, 1, tzinfo=UTC)

PAYMENT = "pay_01khg0000000000000000000p1"
REFUND = "re_01khg0000000000000000000r1"
OPERATION = "op_01khg0000000000000000000x1"
WHOSE: dict[str, Any] = {
    "tenant_id": "ten_01khg0000000000000000000t1",
    "environment": "test",
    "category": "payments",
}
CONNECTION = "con_01khg0000000000000000000c1"
PLAN = "plan_01khg0000000000000000000n1"
CUSTOMER = "cus_01khg0000000000000000000u1"
SUBSCRIPTION = "sub_01khg0000000000000000000s1"
PAYMENT_METHOD = "pm_01khg0000000000000000000m1"
VENDOR = "ven_01khg0000000000000000000v1"
API_KEY = "key_01khg0000000000000000000k1"
FINGERPRINT = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

CREATE_PAYMENT = CreatePayment(
    amount_minor=49_900,
    currency="INR",
    provider="razorpay",
    method="upi",
    capture="manual",
    receipt="order-1001",
    description="Two tickets",
    notes={"seat": "12A"},
    metadata={"order": "1001"},
    customer=Customer(name="Asha Rao", email="asha@example.com", phone="+919800000000", id="cust_7"),
    return_url="https://shop.example/done",
    cancel_url="https://shop.example/back",
    method_details={"upi_app": "gpay"},
    save_card=True,
    country="IN",
    channel="web",
    customer_connection_id=CONNECTION,
    provider_customer_id="cust_Q1w2E3r4T5y6U7",
    connection_id=CONNECTION,
    split=[SplitItem(type="vendor", amount_minor=45_000, vendor_id=VENDOR, account_id="acc_Q1w2E3r4T5y6U7")],
)
CREATE_PLAN = CreatePlan(
    name="Pro",
    amount_minor=49_900,
    currency="INR",
    interval="month",
    interval_count=3,
    trial_days=14,
    description="Everything",
    provider="razorpay",
    notes={"shelf": "2"},
    metadata={"tier": "gold"},
)
SPLIT_CONFIG = SplitConfig(percent="90", fixed_minor=500, currency="INR")
ROUTING_POLICY = RoutingPolicy(
    version=3,
    rules=(
        RoutingRule(
            name="Large amounts",
            when=Conditions(
                currency=("INR", "USD"),
                country=("IN",),
                amount=AmountRange(min=Decimal("1000"), max=Decimal("99999.50")),
                method=("card",),
                channel=("web",),
                metadata={"tier": "gold"},
            ),
            split=(WeightedConnection(connection=CONNECTION, weight=80),),
            failover=("con_01khg0000000000000000000c2",),
        ),
    ),
    default=Targets(split=(WeightedConnection(connection=CONNECTION, weight=1),), failover=(CONNECTION,)),
    overrides={
        "razorpay": ProviderOverride(
            enabled=False,
            currencies=("INR",),
            countries=("IN",),
            methods=("upi",),
            amount=AmountRange(min=Decimal(1), max=Decimal(2)),
            connection=CONNECTION,
        )
    },
)
SMS = "sms_01khg0000000000000000000g1"
EMAIL = "em_01khg0000000000000000000h1"
MESSAGE: dict[str, Any] = {
    "provider": "twilio",
    "providers": ["twilio", "sns"],
    "template": TemplateUse(template_id="tpl_01khg0000000000000000000k1", version=2, variables={"code": "4711"}),
    "metadata": {"order": "1001"},
    "tags": ["welcome"],
    "priority": "bulk",
    "send_at": LATER,
    "batch_id": "bat_01khg0000000000000000000j1",
    "override_suppression": "They asked for it by phone.",
}
TEXT: dict[str, Any] = {
    **MESSAGE,
    "body": "Your code is 4711.",
    "provider_template": "HX0123456789abcdef0123456789abcdef",
    "variables": {"1": "4711"},
    "sender": "+14155550100",
}
LETTER: dict[str, Any] = {
    **MESSAGE,
    "provider": "resend",
    "providers": ["resend", "ses"],
    "sender": EmailAddress(email="hello@example.com", name="Acme"),
    "cc": [EmailAddress(email="cc@example.net", name="Cleo")],
    "bcc": [EmailAddress(email="bcc@example.net")],
    "reply_to": [EmailAddress(email="help@example.com")],
    "subject": "Your order",
    "html": "<p>Thank you.</p>",
    "text": "Thank you.",
    "headers": {"List-Unsubscribe": "<https://shop.example/leave>"},
    "attachments": [
        AttachmentUse(
            attachment_id="atc_01khg0000000000000000000i1",
            filename="invoice.pdf",
            content_type="application/pdf",
            size_bytes=12_345,
            content_id="invoice",
        )
    ],
    "provider_template": "d-0123456789abcdef",
    "variables": {"total": "499.00"},
}
REJECTED = [Rejected(index=1, to="+12", message="is not a phone number")]
PROBLEM = Problem(
    status=402,
    code="PAYMENT_FAILED",
    title="The provider declined",
    detail="The bank declined the card.",
    retryable=True,
    effect="unknown",
    provider="razorpay",
    provider_code="BAD_REQUEST_ERROR",
    errors=({"field": "amount", "message": "is too small"},),
    retry_after_s=1.5,
)

FULL: tuple[Contract, ...] = (
    CREATE_PAYMENT,
    ROUTING_POLICY,
    CapturePayment(payment_id=PAYMENT, amount_minor=10_000),
    CompletePayment(payment_id=PAYMENT),
    AdoptPayment(
        subscription_id=SUBSCRIPTION,
        payment_link_id="pl_01khg0000000000000000000q1",
        customer_id=CUSTOMER,
        provider_charge_id="80021663DE681814L",
        connection_id=CONNECTION,
        provider="paypal",
        amount_minor=3_000,
        currency="USD",
    ),
    CancelPayment(payment_id=PAYMENT),
    CREATE_PLAN,
    CreateCustomer(
        name="Asha Rao",
        email="asha@example.com",
        phone="+919800000000",
        provider="razorpay",
        notes={"desk": "3"},
        metadata={"crm": "7"},
    ),
    CreateSubscription(
        provider_plan_id="plan_Q1w2E3r4T5y6U7",
        plan_id=PLAN,
        plan=CREATE_PLAN,
        connection_id=CONNECTION,
        provider="razorpay",
        customer_id=CUSTOMER,
        provider_customer_id="cust_Q1w2E3r4T5y6U7",
        customer=Customer(name="Asha Rao"),
        total_count=12,
        quantity=2,
        trial_days=7,
        start_at=LATER,
        customer_notify=False,
        return_url="https://shop.example/done",
        cancel_url="https://shop.example/back",
        notes={"desk": "3"},
        metadata={"seat": "4"},
    ),
    CancelSubscription(
        subscription_id=SUBSCRIPTION, at_cycle_end=True, reason="moved", scheduled_for="2026-02-28T00:00:00.000Z"
    ),
    PauseSubscription(
        subscription_id=SUBSCRIPTION, at_cycle_end=True, reason="holiday", scheduled_for="2026-02-28T00:00:00.000Z"
    ),
    ResumeSubscription(subscription_id=SUBSCRIPTION, reason="back"),
    ChangeSubscriptionPlan(
        subscription_id=SUBSCRIPTION,
        provider_plan_id="plan_Q1w2E3r4T5y6U7",
        plan_id=PLAN,
        prorate=False,
        quantity=3,
        return_url="https://shop.example/done",
        cancel_url="https://shop.example/back",
    ),
    CreatePaymentLink(
        amount_minor=129_900,
        currency="INR",
        description="Order 1042",
        customer=Customer(email="asha@example.com"),
        callback_url="https://shop.example/done",
        expires_at=LATER,
        notify=True,
        provider="razorpay",
        notes={"desk": "3"},
        metadata={"order": "1042"},
    ),
    CancelPaymentLink(payment_link_id="pl_01khg0000000000000000000q1"),
    CreatePaymentMethod(
        provider_method_id="token_Q1w2E3r4T5y6U7",
        customer_id=CUSTOMER,
        provider_customer_id="cust_Q1w2E3r4T5y6U7",
        connection_id=CONNECTION,
        provider="razorpay",
        nickname="Office card",
        metadata={"floor": "2"},
    ),
    UpdatePaymentMethod(payment_method_id=PAYMENT_METHOD, nickname="Home card", metadata={"floor": "3"}),
    DeletePaymentMethod(payment_method_id=PAYMENT_METHOD),
    CreateVendor(
        name="Asha Pottery",
        vendor_id="seller-7",
        email="asha@example.com",
        phone="+919800000000",
        country="IN",
        business_type="individual",
        details_id="vd_01khg0000000000000000000d1",
        account_masked={"account_number": "••••••••5566"},
        split_config=SPLIT_CONFIG,
        return_url="https://shop.example/done",
        refresh_url="https://shop.example/again",
        provider="razorpay",
        notes={"desk": "3"},
        metadata={"shelf": "2"},
    ),
    UpdateVendorSplit(vendor_id=VENDOR, split_config=SPLIT_CONFIG),
    CreateTransfer(
        payment_id=PAYMENT,
        provider_order_id="order_Q1w2E3r4T5y6U7",
        provider_payment_id="pay_Q1w2E3r4T5y6U7",
        payment_amount_minor=49_900,
        vendor_id=VENDOR,
        provider_account_id="acc_Q1w2E3r4T5y6U7",
        connection_id=CONNECTION,
        amount_minor=45_000,
        currency="INR",
        split_id="spl-1",
        notes={"desk": "3"},
    ),
    CreateRefund(payment_id=PAYMENT, amount_minor=5_000, reason="damaged", speed="optimum", notes={"by": "support"}),
    Command(
        **WHOSE,
        command_id="cmd_01khg0000000000000000000m1",
        operation_id=OPERATION,
        operation="payment.create",
        resource_id=PAYMENT,
        ordering_key=PAYMENT,
        fingerprint=FINGERPRINT,
        payload=CREATE_PAYMENT.model_dump(mode="json"),
        api_key_id=API_KEY,
        accepted_at=AT,
        not_before=LATER,
        priority=1,
    ),
    SendSms(**TEXT, to="+919800000000", country="IN", is_part=True),
    SendEmail(**LETTER, to=[EmailAddress(email="asha@example.net", name="Asha Rao")], is_part=True),
    CancelMessage(message_id=SMS),
    CreateSmsBatch(
        common=SmsContent(**TEXT),
        recipients=[
            SmsRecipient(
                message_id=SMS,
                to="+919800000000",
                country="IN",
                body="Your code is 4712.",
                variables={"code": "4712"},
                metadata={"row": "1"},
            )
        ],
        indexes=[0],
        rejected=REJECTED,
    ),
    CreateEmailBatch(
        common=EmailContent(**LETTER),
        recipients=[
            EmailRecipient(
                message_id=EMAIL,
                to=EmailAddress(email="asha@example.net"),
                variables={"total": "99.00"},
                metadata={"row": "1"},
            )
        ],
        indexes=[0],
        rejected=REJECTED,
    ),
    PROBLEM,
    Reply(
        operation_id=OPERATION,
        made_by="cmd_01khg0000000000000000000m1",
        fingerprint=FINGERPRINT,
        state="failed",
        resource_id=PAYMENT,
        status=402,
        result={"id": PAYMENT, "status": "failed"},
        problem=PROBLEM,
        mismatch=True,
        provider_ms=120.5,
    ),
    Event(
        **WHOSE,
        id="evt_01khg0000000000000000000e1",
        type="refund.succeeded",
        resource=EventResource(kind="refund", id=REFUND),
        sequence=2,
        occurred_at=AT,
        operation_id=OPERATION,
        data={"id": REFUND, "amount_minor": 5_000, "status": "succeeded"},
    ),
    OperationRecord(
        **WHOSE,
        operation_id=OPERATION,
        operation="refund.create",
        resource_id=REFUND,
        state="failed",
        provider="razorpay",
        connection_id=CONNECTION,
        api_key_id=API_KEY,
        attempts=3,
        error_code="REFUND_FAILED",
        accepted_at=AT,
        finished_at=LATER,
        provider_ms=240.0,
    ),
    RegistryChange(
        entity="api_key",
        id=API_KEY,
        tenant_id=WHOSE["tenant_id"],
        environment="test",
        key_hash=FINGERPRINT,
        change="deleted",
        at=AT,
    ),
    Callback(
        **WHOSE,
        callback_id="cb_01khg0000000000000000000b1",
        provider="razorpay",
        provider_event_id="evt_Razorpay1",
        provider_event_type="payment.failed",
        connection_id=CONNECTION,
        occurred_at=AT,
        received_at=LATER,
        object=CallbackObject(
            kind="payment",
            status="failed",
            reference=PAYMENT,
            order_id="order_R1",
            payment_id="pay_R1",
            refund_id="rfnd_R1",
            amount_minor=49_900,
            amount_refunded_minor=5_000,
            currency="INR",
            method="card",
            method_details={"network": "visa"},
            error_reason="card_declined",
            error_code="BAD_REQUEST_ERROR",
            error_message="Payment was declined",
            fee_minor=998,
            awaits_completion=True,
        ),
    ),
    *STORAGE,
)
