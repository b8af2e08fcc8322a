"""When a provider is asked about a message that it does not tell of. Pure."""

from datetime import datetime, timedelta
from typing import Final

from onerouter_messaging.message.state import Message

WAITS_S: Final[tuple[float, ...]] = (1_800, 7_200, 21_600, 86_400)
"""Seconds between two questions about one message; a day and a half in all. Then it is left as it is: there are carriers
that never confirm, and prices that never come.
"""
FIRST_POLL: Final = timedelta(minutes=5)
"""Callbacks are faster, and prices come some minutes later."""


def next_poll(message: Message, at: datetime) -> datetime | None:
    """None: there is nothing to ask. Whether the provider can be asked is known when it is due."""
    if message.direction == "inbound" or not message.is_at_provider or not message.is_tracked:
        return None
    return at + FIRST_POLL if not message.is_final or lacks_price(message) else None


def lacks_price(message: Message) -> bool:
    """Of an SMS that left the provider: it has its price by then, or a little later. Emails are paid by plan."""
    if message.channel != "sms" or message.sent_at is None:
        return False
    return message.cost is None or message.cost.is_estimated
