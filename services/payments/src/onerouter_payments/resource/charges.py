"""Charges of subscriptions and what is paid at links, as payments: they can be refunded and disputed like any other. Pure."""

from collections.abc import Iterator
from typing import Final

from pydantic import JsonValue

from onerouter_common.contracts.payments import AdoptPayment
from onerouter_common.ids import PAYMENT, derive_id
from onerouter_common.money import is_currency
from onerouter_common.worker.handler import CommandDraft
from onerouter_payments.resource.state import Resource
from onerouter_providers.resources import CHARGE

ADOPT: Final = "payment.adopt"
# Not a secret: it only makes the same charge the same payment, whoever hears of it first.
_CHARGED: Final = b"onerouter.charge-of-a-subscription"


def payment_id_of(resource: Resource, charge_id: str) -> str:
    """Ours, of the charge with this id at the provider; the same whenever it is asked for."""
    return derive_id(PAYMENT, _CHARGED, resource.connection_id, resource.id, charge_id)


def payments_after(before: Resource, after: Resource) -> tuple[CommandDraft, ...]:
    """A payment is to be made of each charge that has succeeded since, and of what was paid at a link."""
    if after.kind.name == "payment_link":
        return _paid_at(before, after)
    return tuple(_adoptions(before, after))


def is_payment(charge: JsonValue) -> bool:
    """Whether a charge took money: not where it failed, and not where nothing was to be paid (a trial)."""
    if not isinstance(charge, dict) or charge.get("status") != "succeeded":
        return False
    amount, currency = charge.get("amount_minor"), charge.get("currency")
    return isinstance(amount, int) and amount > 0 and isinstance(currency, str) and is_currency(currency)


def _paid_at(before: Resource, link: Resource) -> tuple[CommandDraft, ...]:
    """Once both are known: that it is paid, and by which payment at the provider."""
    charge_id, amount, currency = (
        link.text("provider_payment_id"),
        link.data.get("amount_minor"),
        link.asked("currency"),
    )
    was_known = before.status == "paid" and before.text("provider_payment_id") is not None
    if was_known or link.status != "paid" or charge_id is None or not isinstance(amount, int) or currency is None:
        return ()
    payload = AdoptPayment(
        payment_link_id=link.id,
        provider_charge_id=charge_id,
        connection_id=link.connection_id,
        provider=link.provider,
        amount_minor=amount,
        currency=currency,
    )
    payment_id = payment_id_of(link, charge_id)
    return (CommandDraft(ADOPT, payment_id, payload, "it was paid", ordering_key=payment_id),)


def _adoptions(before: Resource, after: Resource) -> Iterator[CommandDraft]:
    for name in sorted(after.facts):
        charge = after.fact(name)
        if not name.startswith(CHARGE) or not is_payment(charge) or is_payment(before.fact(name)):
            continue
        charge_id = name.removeprefix(CHARGE)
        payload = AdoptPayment.model_validate(
            {
                "subscription_id": after.id,
                "customer_id": after.customer_id,
                "provider_charge_id": charge_id,
                "connection_id": after.connection_id,
                "provider": after.provider,
                "amount_minor": charge["amount_minor"] if isinstance(charge, dict) else None,
                "currency": charge["currency"] if isinstance(charge, dict) else None,
            }
        )
        payment_id = payment_id_of(after, charge_id)
        yield CommandDraft(ADOPT, payment_id, payload, "it was charged", ordering_key=payment_id)
