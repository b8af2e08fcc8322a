"""What every resource's view begins and ends with, and how a provider's facts are shown. Pure."""

from collections.abc import Iterable

from pydantic import JsonValue

from onerouter_common.clock import isoformat
from onerouter_common.money import Money
from onerouter_payments.resource.state import FAILED, Resource


def head(resource: Resource, provider_id_name: str) -> dict[str, JsonValue]:
    """Who it is and how it stands. `provider_id_name`: what the provider's id is called (`provider_plan_id`)."""
    return {
        "id": resource.id,
        "object": resource.kind.name,
        "provider": resource.provider,
        provider_id_name: resource.provider_id,
        "status": resource.status,
        "failure": dict(resource.failure) if resource.status == FAILED and resource.failure else None,
    }


def tail(resource: Resource) -> dict[str, JsonValue]:
    return {
        "metadata": resource.data.get("metadata") or {},
        "notes": resource.data.get("notes") or {},
        "created_at": isoformat(resource.created_at),
        "created": int(resource.created_at.timestamp()),
        "updated_at": isoformat(resource.updated_at),
        "environment": resource.environment,
        "effect_guarantee": resource.effect_guarantee,
        "version": resource.version,
    }


def money(minor: JsonValue, currency: JsonValue) -> dict[str, JsonValue]:
    """`amount` in major units, `amount_minor` and `currency`; all None where there is none."""
    if not isinstance(minor, int) or not isinstance(currency, str):
        return {"amount": None, "amount_minor": None, "currency": None}
    amount = Money(minor, currency)
    return {"amount": amount.to_json_number(), "amount_minor": minor, "currency": currency}


def facts(resource: Resource, names: Iterable[str]) -> dict[str, JsonValue]:
    """These facts by their own names; None for what was not told."""
    return {name: resource.fact(name) for name in names}


def moments(resource: Resource, names: Iterable[str]) -> dict[str, JsonValue]:
    """Facts that are moments, all written alike."""
    found = {name: resource.moment(name) for name in names}
    return {name: None if moment is None else isoformat(moment) for name, moment in found.items()}


def asked(resource: Resource, names: Iterable[str]) -> dict[str, JsonValue]:
    """These of what the tenant asked for, by their own names."""
    return {name: resource.data.get(name) for name in names}
