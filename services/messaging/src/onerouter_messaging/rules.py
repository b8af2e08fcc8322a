"""All that messaging brings to the heart."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from onerouter_common.ids import EMAIL, SMS
from onerouter_common.worker.handler import CategoryRules, Handler, handlers_by_name
from onerouter_common.worker.parts import Part, Parts
from onerouter_messaging.message.cost import Prices
from onerouter_messaging.message.repository import MessageStore
from onerouter_messaging.message.scheduling import Cannot, EmailCancel, EmailSchedule, SmsCancel, SmsSchedule
from onerouter_messaging.message.sending import EmailSend, SmsSend, Tools
from onerouter_providers.loader import Providers
from onerouter_providers.price_list import parse_price_list

SERVICE: Final = "messaging"
CATEGORIES: Final = ("sms", "email")


def category_rules(
    tools: Tools,
    messages: MessageStore,
    cannot_cancel: Cannot,
    *,
    parts: Mapping[str, Part] | None = None,
    handlers: tuple[Handler[Any, Any], ...] = (),
) -> CategoryRules[Any]:
    """`parts` and `handlers`: of the other resources (batches)."""
    return CategoryRules(
        category=SERVICE,
        service=SERVICE,
        store=Parts({SMS: messages, EMAIL: messages, **(parts or {})}),
        handlers=handlers_by_name(
            SmsSend(tools),
            EmailSend(tools),
            SmsSchedule(tools.clock),
            EmailSchedule(tools.clock),
            SmsCancel(tools.clock, cannot_cancel),
            EmailCancel(tools.clock, cannot_cancel),
            *handlers,
        ),
        categories=CATEGORIES,
    )


def prices_of(providers: Providers, price_list: Path | None = None) -> Prices:
    """What the installed messaging providers charge: by the operator's own list, where that says nothing by their manifests'.

    Raises PriceListInvalid, OSError.
    """
    own: Prices = {}
    if price_list is not None:
        own = parse_price_list(price_list.read_text("utf-8"), providers, source=str(price_list))
    found = [package.manifest for package in providers]
    return {
        (one.category, one.id): (*own.get((one.category, one.id), ()), *one.cost)
        for one in found
        if one.category in CATEGORIES
    }


def naming_ours(providers: Providers) -> frozenset[str]:
    """Whose every callback about a message of ours carries our id."""
    found = [package.manifest for package in providers if package.manifest.category in CATEGORIES]
    return frozenset(one.id for one in found if one.callback is not None and one.callback.names_ours)


def cannot_cancel(providers: Providers) -> Cannot:
    """Who has no way to cancel, and what is said about it."""
    found = [package.manifest for package in providers if package.manifest.category in CATEGORIES]
    return {
        (one.category, one.id): providers.instead(one.category, one.id).get(f"{one.category}.cancel", "")
        for one in found
        if one.find_capability(f"{one.category}.cancel") is None
    }
