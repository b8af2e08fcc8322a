"""What ought to have happened at the providers, by what our own databases and the shop say. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from tests.chaos.shop import Ask

from onerouter_payments.resource.state import Resource
from onerouter_providers.resources import CHARGE

_DONE: Final[Mapping[str, str]] = {
    "pause": "subscription.paused",
    "resume": "subscription.resumed",
    "change_plan": "subscription.plan_changed",
}
"""A subscription's changes by the last part of their path, and their effects."""
_TAKEN: Final = frozenset({"payment.captured", "charge.captured", "order.created"})
"""What payers and time bring about, too: of a charge or a link."""
_BESIDES: Final = frozenset({"subscription.charged", "product.created"})
"""Time's alone; and the one product of all plans at PayPal."""
_CAPTURED: Final = frozenset({"succeeded", "partially_refunded", "refunded"})


class Effect(NamedTuple):
    """Of a kind, on one thing. At PayPal a payment's are told apart by our reference, else by the provider's id."""

    provider: str
    kind: str
    of: str


def happened(
    ledger: Iterable[Mapping[str, Any]], resources: Sequence[Resource], charges: Iterable[str]
) -> Counter[Effect]:
    """The ledger, without what is the payers' and time's own doing. `charges`: the payments of subscriptions."""
    theirs = {*_theirs(resources), *charges}
    kept = {one.provider_id for one in resources if one.kind.name == "payment_method"}
    found: Counter[Effect] = Counter()
    for entry in ledger:
        of = entry["object_id"]
        if entry["kind"] in _BESIDES or (entry["kind"] in _TAKEN and of in theirs):
            continue
        if entry["kind"] == "payment_method.attached" and of not in kept:  # by who subscribed
            continue
        found[_effect(entry)] += 1
    return found


def wanted(
    payments: Iterable[Mapping[str, Any]],
    refunds: Iterable[Mapping[str, Any]],
    resources: Iterable[Resource],
    asks: Iterable[Ask],
) -> Counter[Effect]:
    found: Counter[Effect] = Counter()
    for payment in payments:
        found.update(_of_payment(payment))
    for refund in refunds:
        found[Effect(refund["provider"], "refund.created", refund["provider_refund_id"])] += 1
    by_id = {}
    for resource in resources:
        by_id[resource.id] = resource
        found.update(_of_resource(resource))
    for ask in asks:
        _, _, verb = ask.path.rpartition("/")
        if ask.path.startswith("/v1/subscriptions/") and verb in _DONE and ask.state == "succeeded":
            subscription = by_id[ask.path.split("/")[3]]
            found[Effect(subscription.provider, _DONE[verb], subscription.provider_id or "?")] += 1
    return found


def _effect(entry: Mapping[str, Any]) -> Effect:
    by_reference = entry["provider"] == "paypal" and entry["kind"].partition(".")[0] in {
        "order",
        "authorization",
        "payment",
        "transfer",
    }
    return Effect(entry["provider"], entry["kind"], entry["reference" if by_reference else "object_id"])


def _of_payment(payment: Mapping[str, Any]) -> Iterator[Effect]:
    provider, is_manual = payment["provider"], payment["capture"] == "manual"
    order, paid = payment["provider_order_id"], payment["provider_payment_id"]
    kinds: list[tuple[str, str]] = []
    if provider == "razorpay":
        kinds = [("order.created", order), *[("payment.captured", paid)] * (payment["status"] in _CAPTURED)]
    elif provider == "stripe":
        made = "checkout.session.created" if order.startswith("cs_") else "payment_intent.created"
        kinds = [(made, order), *[("charge.captured", paid)] * (payment["status"] in _CAPTURED)]
        kinds += [("payment_intent.canceled", paid)] * (payment["status"] == "canceled")
    elif provider == "paypal":
        kinds = [("order.created", payment["id"]), *[("authorization.created", payment["id"])] * is_manual]
        kinds += [("payment.captured", payment["id"])] * (payment["status"] in _CAPTURED)
        kinds += [("authorization.voided", payment["id"])] * (payment["status"] == "canceled")
    return (Effect(provider, kind, of) for kind, of in kinds)


def _of_resource(resource: Resource) -> Iterator[Effect]:
    provider, of = resource.provider, resource.provider_id or "?"
    is_ours_alone = provider == "paypal" and resource.kind.name in {"customer", "vendor"}
    if not is_ours_alone:
        made = "attached" if resource.kind.name == "payment_method" else "created"
        at_paypal = provider == "paypal" and resource.kind.name == "transfer"
        yield Effect(provider, f"{resource.kind.name}.{made}", resource.id if at_paypal else of)
        if at_paypal and resource.status == "succeeded":
            yield Effect(provider, "transfer.succeeded", resource.id)
    match resource.kind.name, resource.status:
        case "payment_method", "removed":
            yield Effect(provider, "payment_method.detached", of)
        case "payment_link", "canceled":
            yield Effect(provider, "payment_link.canceled", of)
        case "payment_link", "paid" if provider == "paypal":  # elsewhere it is a payment, with its own id
            yield Effect(provider, "payment_link.paid", of)
        case "subscription", "canceled":
            yield Effect(provider, "subscription.canceled", of)


def _theirs(resources: Sequence[Resource]) -> Iterator[str]:
    """Ids of orders and payments that links and subscriptions brought about."""
    for resource in resources:
        if resource.kind.name == "payment_link":
            yield from (id_ for name in ("provider_order_id", "provider_payment_id") if (id_ := resource.text(name)))
        if resource.kind.name == "subscription":
            yield from (name.removeprefix(CHARGE) for name in resource.facts if name.startswith(CHARGE))
