"""`/v1/subscriptions`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.contracts import payment_resources as contracts
from onerouter_common.contracts.base import Contract
from onerouter_common.contracts.payments import Customer
from onerouter_common.errors import Conflict, InvalidRequest
from onerouter_common.ids import CUSTOMER, PLAN, SUBSCRIPTION, is_id
from onerouter_gateway.admission import Writing
from onerouter_gateway.billing.schemas import (
    Subscription,
    SubscriptionCancel,
    SubscriptionChangePlan,
    SubscriptionCreate,
    SubscriptionList,
    SubscriptionPause,
    SubscriptionResume,
)
from onerouter_gateway.commands.intent import Intent
from onerouter_gateway.edge.canonical import canonical_of
from onerouter_gateway.edge.documentation import command, listing, query
from onerouter_gateway.edge.endpoint import endpoint
from onerouter_gateway.edge.validation import validate
from onerouter_gateway.gateway import Gateway, gateway_of
from onerouter_gateway.payment_resources import find_placed, placed, read_one, read_page
from onerouter_gateway.payments.endpoints import CATEGORY, WRITE, check_provider, is_plain


@endpoint(command("Create a subscription", SubscriptionCreate, Subscription, created=True))
async def create_subscription(request: Request) -> Response:
    """Makes the subscription where its plan is. The payer then agrees at `checkout_url`."""
    gateway = gateway_of(request)
    asked = await gateway.admission.write(request, WRITE)
    wanted = validate(SubscriptionCreate, asked.body)
    intent = Intent("subscription.create", CATEGORY, "POST /v1/subscriptions", canonical_of(wanted), {}, SUBSCRIPTION)
    # Before its plan and customer are looked at: they may have changed since, and a repeat is what it was.
    earlier = await gateway.commands.repeated(intent, asked.asked, request)
    if earlier is not None:
        return earlier
    check_provider(gateway, asked, wanted.provider)
    plan = await _plan(gateway, asked, wanted.plan_id)
    if plan is not None and wanted.provider not in (None, plan["provider"]):
        raise InvalidRequest.of("provider", f"must be {plan['provider']}, where the plan is")
    customer = await _customer(gateway, asked, wanted.customer_id, plan)
    if customer is not None and wanted.provider not in (None, customer["provider"]):
        raise InvalidRequest.of("provider", f"must be {customer['provider']}, where the customer is")
    payload = contracts.CreateSubscription(
        provider_plan_id=wanted.plan_id if plan is None else plan["provider_plan_id"],
        plan_id=None if plan is None else plan["id"],
        plan=None if plan is None else contracts.CreatePlan.model_validate(plan["asked"]),
        connection_id=_where(plan, customer),
        provider=wanted.provider,
        customer_id=None if customer is None else customer["id"],
        provider_customer_id=None if customer is None else customer["provider_customer_id"],
        customer=_details(wanted, customer),
        total_count=wanted.total_count,
        quantity=wanted.quantity,
        trial_days=wanted.trial_days if wanted.trial_days is not None else 0,
        start_at=wanted.start_date,
        customer_notify=wanted.customer_notify,
        return_url=wanted.return_url,
        cancel_url=wanted.cancel_url,
        notes=wanted.notes,
        metadata=wanted.metadata,
    )
    return await _carry_out(request, asked, intent, payload)


@endpoint(command("Cancel a subscription", SubscriptionCancel, Subscription))
async def cancel_subscription(request: Request) -> Response:
    """At once, or at the end of the cycle; where the provider cannot wait, we do."""
    asked, subscription = await _changing(request)
    wanted = validate(SubscriptionCancel, asked.body)
    payload = contracts.CancelSubscription(
        subscription_id=subscription["id"], at_cycle_end=wanted.cancel_at_cycle_end, reason=wanted.reason
    )
    return await _carry_out(request, asked, _intent(subscription, "cancel", canonical_of(wanted)), payload)


@endpoint(command("Pause a subscription", SubscriptionPause, Subscription))
async def pause_subscription(request: Request) -> Response:
    """No charges until it is resumed. At the end of the cycle where asked for; where the provider cannot wait, we do."""
    asked, subscription = await _changing(request)
    wanted = validate(SubscriptionPause, asked.body)
    payload = contracts.PauseSubscription(
        subscription_id=subscription["id"], at_cycle_end=wanted.pause_at == "cycle_end", reason=wanted.reason
    )
    return await _carry_out(request, asked, _intent(subscription, "pause", canonical_of(wanted)), payload)


@endpoint(command("Resume a subscription", SubscriptionResume, Subscription))
async def resume_subscription(request: Request) -> Response:
    """Charges go on; a pause that was only planned is taken back. No body is needed."""
    asked, subscription = await _changing(request)
    wanted = validate(SubscriptionResume, asked.body)
    payload = contracts.ResumeSubscription(subscription_id=subscription["id"], reason=wanted.reason)
    return await _carry_out(request, asked, _intent(subscription, "resume", canonical_of(wanted)), payload)


@endpoint(command("Change the plan", SubscriptionChangePlan, Subscription))
async def change_subscription_plan(request: Request) -> Response:
    """To another plan of the same account. Some providers ask the payer again: then at `checkout_url`, and until the payer
    agrees it is `pending_plan_id`.
    """
    asked, subscription = await _changing(request)
    wanted = validate(SubscriptionChangePlan, asked.body)
    intent = _intent(subscription, "change_plan", canonical_of(wanted))
    # Before the plan is looked at, which may have changed since.
    earlier = await gateway_of(request).commands.repeated(intent, asked.asked, request)
    if earlier is not None:
        return earlier
    plan = await _plan(gateway_of(request), asked, wanted.new_plan_id, field="new_plan_id")
    if plan is not None and plan["connection_id"] != subscription["connection_id"]:
        raise Conflict("The plan is of another account than the subscription; make a plan there.")
    payload = contracts.ChangeSubscriptionPlan(
        subscription_id=subscription["id"],
        provider_plan_id=wanted.new_plan_id if plan is None else plan["provider_plan_id"],
        plan_id=None if plan is None else plan["id"],
        prorate=wanted.prorate,
        quantity=wanted.quantity,
        return_url=wanted.return_url,
        cancel_url=wanted.cancel_url,
    )
    return await _carry_out(request, asked, intent, payload)


@endpoint(
    listing(
        "List subscriptions",
        SubscriptionList,
        status="Only with this status.",
        provider="Only of this provider.",
        plan_id="Only of this plan (our id).",
        customer_id="Only of this customer (our id).",
    )
)
async def list_subscriptions(request: Request) -> Response:
    """Newest first. Follow `next_cursor` while `has_more`."""
    return await read_page(request, "subscription")


@endpoint(query("Get a subscription", Subscription))
async def get_subscription(request: Request) -> Response:
    """By our id or the provider's."""
    return await read_one(request, "subscription", request.path_params["subscription_id"])


async def _changing(request: Request) -> tuple[Writing, Mapping[str, Any]]:
    gateway = gateway_of(request)
    asked = await gateway.admission.write(request, WRITE)
    return asked, await placed(gateway, asked, "subscription", request.path_params["subscription_id"])


def _intent(subscription: Mapping[str, Any], verb: str, canonical: Mapping[str, Any]) -> Intent:
    """A change, still without its payload."""
    id_ = subscription["id"]
    route = f"POST /v1/subscriptions/{id_}/{verb}"
    return Intent(f"subscription.{verb}", CATEGORY, route, canonical, {}, resource_id=id_)


async def _carry_out(request: Request, asked: Writing, intent: Intent, payload: Contract) -> Response:
    whole = replace(intent, payload=payload.model_dump(mode="json", exclude_none=True))
    return await gateway_of(request).commands.carry_out(whole, asked.asked, request)


async def _plan(gateway: Gateway, asked: Writing, plan_id: str, *, field: str = "plan_id") -> Mapping[str, Any] | None:
    """The plan made with us; None for one made at the provider. Raises InvalidRequest."""
    plan = await find_placed(gateway, asked, "plan", plan_id)
    if plan is None and (is_id(PLAN, plan_id) or not is_plain(plan_id)):
        raise InvalidRequest.of(field, "is no plan of this environment")
    if plan is not None and plan["provider_plan_id"] is None:
        raise InvalidRequest.of(field, f"is a plan that is {plan['status']}: it is not at the provider")
    return plan


async def _customer(
    gateway: Gateway, asked: Writing, customer_id: str | None, plan: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """Raises InvalidRequest for an unknown one, and for one that lives at another account than the plan."""
    if customer_id is None:
        return None
    customer = await find_placed(gateway, asked, "customer", customer_id) if is_id(CUSTOMER, customer_id) else None
    if customer is None:
        raise InvalidRequest.of("customer_id", "is no customer of this environment")
    if customer["provider_customer_id"] is None:
        raise InvalidRequest.of("customer_id", f"is a customer that is {customer['status']}: not at the provider")
    if plan is not None and plan["connection_id"] != customer["connection_id"]:
        raise InvalidRequest.of("customer_id", "is a customer at another account than the plan")
    return customer


def _where(*parts: Mapping[str, Any] | None) -> str | None:
    return next((part["connection_id"] for part in parts if part is not None), None)


def _details(wanted: SubscriptionCreate, known: Mapping[str, Any] | None) -> Customer | None:
    """Who the payer is: as asked, else as we know the customer."""
    if wanted.customer is not None:
        return Customer(**wanted.customer.model_dump())
    return None if known is None else Customer(name=known["name"], email=known["email"], phone=known["phone"])
