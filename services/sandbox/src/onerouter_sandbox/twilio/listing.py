"""Pages of messages, newest first."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from onerouter_sandbox.twilio import shapes
from onerouter_sandbox.twilio.account import Account
from onerouter_sandbox.twilio.errors import Refused
from onerouter_sandbox.twilio.state import Message, State

_MOST: Final = 1_000
_USUAL: Final = 50


def page(state: State, account: Account, query: Mapping[str, str], now: float) -> dict[str, Any]:
    """Raises Refused for what cannot be read. Page tokens say after which message the next page begins."""
    size, number = _whole(query.get("PageSize"), _USUAL), _whole(query.get("Page"), 0)
    size = min(max(size, 1), _MOST)
    fitting = [
        message
        for message in state.newest_first(account.account_sid)
        if not message.deleted and message.created_at + account.listed_after_s <= now and _fits(message, query)
    ]
    token = query.get("PageToken", "").removeprefix("PA")
    first = next((place + 1 for place, message in enumerate(fitting) if message.sid == token), 0)
    shown = fitting[first : first + size]
    has_more = first + size < len(fitting)
    return {
        "messages": [shapes.message(message) for message in shown],
        "page": number,
        "page_size": size,
        "start": first,
        "end": max(first, first + len(shown) - 1),
        "uri": _uri(account, query, size, number, query.get("PageToken")),
        "first_page_uri": _uri(account, query, size, 0, None),
        "previous_page_uri": None,
        "next_page_uri": _uri(account, query, size, number + 1, f"PA{shown[-1].sid}") if has_more else None,
    }


def _fits(message: Message, query: Mapping[str, str]) -> bool:
    wanted_to, wanted_from = query.get("To"), query.get("From")
    return (
        wanted_to in (None, message.to)
        and wanted_from in (None, message.sender)
        and _was_sent_when_asked(message, query)
    )


def _was_sent_when_asked(message: Message, query: Mapping[str, str]) -> bool:
    """A filter by date shows only what was sent: what waits has no such date."""
    for name, fits in (("DateSent", "__eq__"), ("DateSent<", "__le__"), ("DateSent>", "__ge__")):
        if name in query:
            if message.sent_at is None:
                return False
            if not getattr(_day(message.sent_at), fits)(query[name][:10]):
                return False
    return True


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def _whole(value: str | None, usual: int) -> int:
    if value is None:
        return usual
    if not (value.isascii() and value.isdigit() and len(value) < 9):
        raise Refused(20404)
    return int(value)


def _uri(account: Account, query: Mapping[str, str], size: int, number: int, token: str | None) -> str:
    kept = {name: value for name, value in query.items() if name not in ("Page", "PageSize", "PageToken")}
    params = {**kept, "PageSize": str(size), "Page": str(number), **({"PageToken": token} if token else {})}
    return f"/{shapes.VERSION}/Accounts/{account.account_sid}/Messages.json?{urlencode(params)}"
