"""What is asked of subscriptions, read and checked before anything happens."""

from dataclasses import dataclass
from typing import Any, Final

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.stripe import reading
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.billing.records import Item
from onerouter_sandbox.stripe.catalog import Catalog
from onerouter_sandbox.stripe.errors import impossible, invalid, missing
from onerouter_sandbox.stripe.goods import Price
from onerouter_sandbox.stripe.routing import Params

PRORATIONS: Final = ("create_prorations", "always_invoice", "none")
BEHAVIOURS: Final = ("allow_incomplete", "default_incomplete", "error_if_incomplete")
_PAUSES: Final = ("void", "keep_as_draft", "mark_uncollectible")
_MISSING: Final = ("create_invoice", "cancel", "pause")
_FEEDBACK: Final = (
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
)
_MOST_ITEMS: Final = 20


@dataclass(frozen=True, slots=True)
class Settings:
    """What creating and updating share; None: not said."""

    default_method: str | None
    save_default: str | None
    missing_method: str | None
    description: str | None
    cancel_at_period_end: bool | None
    behaviour: str | None
    prorations: str | None
    off_session: bool


COMMON: Final = (
    "items metadata default_payment_method payment_settings trial_settings description cancel_at cancel_at_period_end "
    "payment_behavior proration_behavior off_session trial_end collection_method automatic_tax billing_cycle_anchor"
)


def settings(params: Params) -> Settings:
    reading.choice(params, "collection_method", ("charge_automatically",))
    payment = reading.inner(
        params, "payment_settings", "save_default_payment_method payment_method_types payment_method_options"
    )
    trial = reading.inner(params, "trial_settings", "end_behavior")
    ending = reading.inner(trial, "end_behavior", "missing_payment_method", "trial_settings[end_behavior]")
    return Settings(
        default_method=reading.text(params, "default_payment_method", 200),
        save_default=reading.choice(payment, "save_default_payment_method", ("off", "on_subscription")),
        missing_method=reading.choice(ending, "missing_payment_method", _MISSING),
        description=reading.text(params, "description", 500),
        cancel_at_period_end=reading.truth(params, "cancel_at_period_end"),
        behaviour=reading.choice(params, "payment_behavior", BEHAVIOURS),
        prorations=reading.choice(params, "proration_behavior", PRORATIONS),
        off_session=reading.truth(params, "off_session") or False,
    )


def new_items(account: Account, params: Params, catalog: Catalog, now: int) -> list[Item]:
    given = reading.members(params, "items")
    if not given:
        raise missing("items")
    items = [_new_item(account, each, f"items[{place}]", catalog, now) for place, each in enumerate(given)]
    check_alike(items, catalog)
    return items


def changed_items(account: Account, params: Params, known: list[Item], catalog: Catalog, now: int) -> list[Item] | None:
    """The items as they are to be, None when nothing is said of them. One without `id` is added, not changed."""
    if "items" not in params:
        return None
    items = {item["id"]: item for item in known}
    for place, each in enumerate(reading.members(params, "items")):
        where = f"items[{place}]"
        item_id = reading.text(each, "id", 200)
        if item_id is None:
            added = _new_item(account, each, where, catalog, now)
            items[added["id"]] = added
            continue
        if item_id not in items:
            raise invalid(f"No such subscription_item: '{item_id}'", param=f"{where}[id]", code="resource_missing")
        reading.only(each, "id price price_data quantity deleted metadata", inside=where)
        if reading.truth(each, "deleted"):
            del items[item_id]
            continue
        old = items[item_id]
        price = _price(account, each, where, catalog) if "price" in each or "price_data" in each else None
        quantity = reading.whole(each, "quantity")
        items[item_id] = Item(
            id=item_id,
            price=old["price"] if price is None else price.id,
            quantity=old["quantity"] if quantity is None else quantity,
            created=old["created"],
            metadata=reading.changed_metadata(each, old["metadata"]),
        )
    if not items:
        raise impossible("A subscription must have at least one active item.", param="items")
    check_alike(list(items.values()), catalog)
    return list(items.values())


def check_alike(items: list[Item], catalog: Catalog) -> None:
    """One currency and one rhythm for all."""
    prices = [catalog.prices[item["price"]] for item in items]
    if len(items) > _MOST_ITEMS:
        raise invalid(f"A subscription may have at most {_MOST_ITEMS} items.", param="items")
    if len({price.id for price in prices}) < len(prices):
        raise impossible("Cannot add multiple subscription items with the same plan.", param="items")
    if len({price.currency for price in prices}) > 1:
        raise impossible("All prices on a subscription must have the same currency.", param="items")
    if len({(price.interval, price.interval_count) for price in prices}) > 1:
        raise impossible("All prices on a subscription must have the same recurring interval.", param="items")


def pause(params: Params) -> dict[str, Any] | None:
    """None: collection goes on (an empty string at Stripe)."""
    if params.get("pause_collection") == "":
        return None
    given = reading.inner(params, "pause_collection", "behavior resumes_at")
    behaviour = reading.choice(given, "behavior", _PAUSES)
    if behaviour is None:
        raise missing("pause_collection[behavior]")
    return {"behavior": behaviour, "resumes_at": reading.whole(given, "resumes_at")}


def trial_end(params: Params, now: int) -> int | None:
    """When the trial is to end: a time, or `now`."""
    if params.get("trial_end") == "now":
        return now
    at = reading.whole(params, "trial_end")
    if at is not None and at < now:
        raise invalid("Invalid trial_end: must be in the future.", param="trial_end")
    if at is not None and at > now + 730 * 86_400:
        raise invalid("Invalid timestamp: can be no more than two years in the future.", param="trial_end")
    return at


def begins_anew(params: Params) -> bool:
    """Whether an update wants the period to begin now."""
    return reading.choice(params, "billing_cycle_anchor", ("now", "unchanged")) == "now"


def cancellation(params: Params) -> dict[str, str | None]:
    given = reading.inner(params, "cancellation_details", "comment feedback")
    said = {
        "comment": reading.text(given, "comment", 5_000),
        "feedback": reading.choice(given, "feedback", _FEEDBACK),
    }
    return {name: value for name, value in said.items() if value is not None}


def _new_item(account: Account, given: Params, where: str, catalog: Catalog, now: int) -> Item:
    reading.only(given, "price price_data quantity metadata", inside=where)
    quantity = reading.whole(given, "quantity")
    price = _price(account, given, where, catalog)
    return Item(
        id=random_id("si_", 14),
        price=price.id,
        quantity=1 if quantity is None else quantity,
        created=now,
        metadata=reading.metadata(given),
    )


def _price(account: Account, given: Params, where: str, catalog: Catalog) -> Price:
    if isinstance(given.get("price_data"), dict):
        price = catalog.inline(account, given["price_data"], f"{where}[price_data]")
    elif given.get("price"):
        price = catalog.price(account, str(given["price"]), param=f"{where}[price]")
    else:
        raise missing(f"{where}[price]")
    if price.interval is None:
        raise impossible(
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
            param=f"{where}[price]",
        )
    return price
