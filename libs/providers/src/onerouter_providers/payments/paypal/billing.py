"""PayPal's subscriptions ↔ ours: tables and pure functions. A subscription may override the number of its plan's cycles.

Source: https://developer.paypal.com/docs/api/subscriptions/v1/
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import JsonValue

from onerouter_common.errors import CapabilityUnsupported, InvalidRequest
from onerouter_providers.payments.paypal.amounts import from_sale, to_money
from onerouter_providers.payments.paypal.catalog import FAILURES
from onerouter_providers.payments.paypal.reading import (
    Thing,
    count_of,
    known,
    link_to,
    moment_of,
    shown_moment,
    text_of,
    things_of,
)
from onerouter_providers.resources import (
    ResourceSnapshot,
    SubscriptionChange,
    SubscriptionRequest,
    SubscriptionStatus,
)

REASON_CHARS: Final = 128
MOST_CYCLES: Final = 999
SUBSCRIPTION_STATUS: Final[Mapping[str, SubscriptionStatus]] = {
    "APPROVAL_PENDING": "pending_authorization",
    "APPROVED": "pending_authorization",
    "ACTIVE": "active",  # or trialing, or past_due: see `_status`
    "SUSPENDED": "paused",  # or unpaid
    "CANCELLED": "canceled",
    "EXPIRED": "completed",
}


def needs_plan(request: SubscriptionRequest) -> bool:
    """Whether the plan has to be read at PayPal: to limit its regular cycles one must know their place."""
    return request.total_count is not None and request.plan is None


def regular_sequence(plan: Thing) -> int | None:
    """The place of the regular cycle among those of a plan that was made at PayPal."""
    cycles = things_of(plan, "billing_cycles")
    return next((count_of(one, "sequence") for one in cycles if one.get("tenure_type") == "REGULAR"), None)


def subscription_body(request: SubscriptionRequest, at: datetime, sequence: int | None = None) -> dict[str, Any]:
    """The body of `POST /v1/billing/subscriptions`. `at`: now; `sequence`: see `needs_plan`."""
    if request.quantity < 1:
        raise InvalidRequest.of("quantity", "must be at least 1")
    starts_at = _starts_at(request, at)
    body: dict[str, Any] = {
        "plan_id": request.provider_plan_id,
        "custom_id": request.subscription_id,
        "quantity": str(request.quantity),
    }
    if starts_at is not None:
        body["start_time"] = shown_moment(starts_at.replace(microsecond=0))
    if subscriber := _subscriber(request.customer):
        body["subscriber"] = subscriber
    if context := _context(request.return_url, request.cancel_url, "SUBSCRIBE_NOW"):
        body["application_context"] = context
    if request.total_count is not None:
        if not 1 <= request.total_count <= MOST_CYCLES:
            raise InvalidRequest.of("total_count", f"must be 1 to {MOST_CYCLES} at PayPal")
        place = sequence or (2 if request.plan is not None and request.plan.trial_days else 1)
        body["plan"] = {"billing_cycles": [{"sequence": place, "total_cycles": request.total_count}]}
    return body


def _starts_at(request: SubscriptionRequest, at: datetime) -> datetime | None:
    """When the first cycle begins; None: once the payer has agreed. A trial that the plan does not have is a later start."""
    in_plan = request.plan.trial_days if request.plan is not None else 0
    if request.trial_days in (0, in_plan):
        return request.start_at
    if in_plan:
        raise CapabilityUnsupported(
            f"PayPal keeps the trial with the plan, and this plan's is {in_plan} days: leave trial_days out, or make "
            "another plan."
        )
    return (request.start_at or at) + timedelta(days=request.trial_days)


def _subscriber(customer: Mapping[str, str]) -> dict[str, Any]:
    given, _, surname = customer.get("name", "").strip().partition(" ")
    name = {part: text for part, text in (("given_name", given), ("surname", surname)) if text}
    return known(email_address=customer.get("email") or None, name=name or None)


def _context(return_url: str | None, cancel_url: str | None, action: str) -> dict[str, str]:
    """Where the payer comes back to. PayPal wants both addresses or none."""
    back = return_url or cancel_url
    if back is None:
        return {}
    return {
        "user_action": action,
        "shipping_preference": "NO_SHIPPING",
        "return_url": back,
        "cancel_url": cancel_url or back,
    }


def may_be_ours(request: SubscriptionRequest, subscription: Thing) -> bool:
    """Whether it can be what we made of this request. Its `custom_id` alone proves nothing: PayPal's JavaScript lets anybody
    who knows the (public) client id make a subscription in a browser, with any `custom_id` and prices of their own."""
    return (
        text_of(subscription, "custom_id") == request.subscription_id
        and text_of(subscription, "plan_id") == request.provider_plan_id
        and count_of(subscription, "quantity") == request.quantity
        and (subscription.get("plan_overridden") is True) == (request.total_count is not None)
    )


def has_own_prices(subscription: Thing, plan: Thing) -> bool:
    """Whether a subscription that shows its `plan` costs something else than the plan itself."""
    return _prices(subscription.get("plan")) != _prices(plan)


def _prices(plan: object) -> list[Any]:
    cycles = things_of(plan, "billing_cycles")
    return [(one.get("sequence"), to_money(_priced(one)), one.get("frequency")) for one in cycles]


def _priced(cycle: Thing) -> Any:
    scheme = cycle.get("pricing_scheme")
    return scheme.get("fixed_price") if isinstance(scheme, dict) else None


def revision_body(change: SubscriptionChange) -> dict[str, Any]:
    """The body of `POST /v1/billing/subscriptions/:id/revise`."""
    if change.provider_plan_id is None:
        raise InvalidRequest.of("new_plan_id", "is required")
    return known(
        plan_id=change.provider_plan_id,
        quantity=None if change.quantity is None else str(change.quantity),
        application_context=_context(change.return_url, change.cancel_url, "CONTINUE") or None,
    )


def reason_body(change: SubscriptionChange) -> dict[str, str]:
    """Of suspend, activate and cancel: PayPal wants a reason, which the payer is shown."""
    reason = change.reason or "Asked for by the merchant."
    if len(reason) > REASON_CHARS:
        raise InvalidRequest.of("reason", f"may have at most {REASON_CHARS} characters at PayPal")
    return {"reason": reason}


def subscription_snapshot(subscription: Thing) -> ResourceSnapshot:
    status = _status(subscription)
    regular = _cycles(subscription, "REGULAR")
    last, following = (
        moment_of(subscription, "billing_info", name) for name in ("last_payment_time", "next_billing_time")
    )
    last = last or moment_of(subscription, "billing_info", "last_payment", "time")
    facts: dict[str, JsonValue] = known(
        approve_url=link_to(subscription, "approve") if status == "pending_authorization" else None,
        provider_plan_id=text_of(subscription, "plan_id"),
        provider_customer_id=text_of(subscription, "subscriber", "payer_id"),
        quantity=count_of(subscription, "quantity"),
        trial_end=shown_moment(following) if status == "trialing" else None,
        current_period_start=shown_moment(last),
        current_period_end=shown_moment(following) if last is not None else None,
        next_charge_at=shown_moment(following),
        paid_count=count_of(regular, "cycles_completed"),
        remaining_count=count_of(regular, "cycles_remaining") if count_of(regular, "total_cycles") else None,
        failed_count=count_of(subscription, "billing_info", "failed_payments_count"),
    )
    return ResourceSnapshot(status=status, provider_id=text_of(subscription, "id") or "", facts=facts)


def _status(subscription: Thing) -> str:
    """`ACTIVE` and `SUSPENDED` each stand for several of ours; a word we have not met changes nothing."""
    status = SUBSCRIPTION_STATUS.get(text_of(subscription, "status") or "", "unchanged")
    failures = count_of(subscription, "billing_info", "failed_payments_count") or 0
    if status == "paused":
        most = count_of(subscription, "plan", "payment_preferences", "payment_failure_threshold") or FAILURES
        return "unpaid" if failures >= most else "paused"
    if status == "active" and failures:
        return "past_due"
    return "trialing" if status == "active" and _is_before_first_charge(subscription) else status


def _is_before_first_charge(subscription: Thing) -> bool:
    """In a free cycle, or agreed to and not yet begun."""
    if count_of(_cycles(subscription, "REGULAR"), "cycles_completed"):
        return False
    start, since = moment_of(subscription, "start_time"), moment_of(subscription, "status_update_time")
    starts_later = start is not None and since is not None and start > since
    return bool(_cycles(subscription, "TRIAL")) or starts_later


def _cycles(subscription: Thing, tenure: str) -> Thing:
    """How far it is in the cycles of this kind."""
    executions = things_of(subscription, "billing_info", "cycle_executions")
    return next((one for one in executions if one.get("tenure_type") == tenure), {})


def revision_snapshot(change: SubscriptionChange, status: str, revision: Thing) -> ResourceSnapshot:
    """What `revise` answers: a change that waits until the payer agrees to it."""
    return ResourceSnapshot(
        status=status,
        provider_id=change.subscription.provider_id,
        facts=known(pending_provider_plan_id=change.provider_plan_id, approve_url=link_to(revision, "approve")),
    )


def sale_charge(sale: Thing) -> dict[str, JsonValue] | None:
    """A renewal: PayPal tells it as a sale, in money of its older form. None: nothing that was charged."""
    money = from_sale(sale.get("amount"))
    if money is None or (text_of(sale, "state") or "").lower() != "completed":
        return None
    return known(
        amount_minor=money.amount_minor,
        currency=money.currency,
        at=shown_moment(moment_of(sale, "create_time")),
        status="succeeded",
    )
