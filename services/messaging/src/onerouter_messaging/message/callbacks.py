"""What a provider's callback makes of a message, and the messages that callbacks bring."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import structlog

from onerouter_common.contracts.callbacks import Callback
from onerouter_common.worker.handler import Settled
from onerouter_messaging.message import telling
from onerouter_messaging.message.change import Change, observe, versioned
from onerouter_messaging.message.making import came_in
from onerouter_messaging.message.repository import find_keys
from onerouter_messaging.message.state import Message, Suppression
from onerouter_messaging.message.views import drafts

log = structlog.get_logger()

PATIENCE_S: Final = 3_600.0
"""A message is stored before its provider is called, so one that is unknown for long was sent elsewhere on the account."""


class Callbacks:
    """The category's callback rules. `apply` is pure: a late, doubled or reordered callback changes nothing."""

    def __init__(self, naming_ours: Collection[str] = ()) -> None:
        """`naming_ours`: providers whose every event about a message of ours carries our id (manifest: `names_ours`)."""
        self._naming_ours = frozenset(naming_ours)

    async def find_keys(self, connection: Any, callbacks: Sequence[Callback]) -> Mapping[str, str]:
        about_ours = [callback for callback in callbacks if came_in(callback) is None]
        return await find_keys(connection, about_ours) if about_ours else {}

    def make(self, callback: Callback) -> tuple[str, Message] | None:
        return came_in(callback)

    def patience_s(self, callback: Callback) -> float:
        """None for what was sent elsewhere on the account: a newsletter has thousands of events."""
        is_foreign = callback.provider in self._naming_ours and callback.object.reference is None
        return 0.0 if is_foreign else PATIENCE_S

    def apply(self, callback: Callback, resource: Message) -> Settled[Message]:
        if callback.connection_id != resource.connection_id or callback.object.kind != resource.channel:
            return Settled(None)  # an account speaks of its own only
        if resource.direction == "inbound":
            return _settled(resource, _received(callback, resource))
        # Who may write a callback's body need not know what the provider calls the message (Mailgun signs no bodies): once
        # its id is known, only that speaks of it.
        named = callback.object.provider_id
        if resource.provider_message_id is not None and named not in (None, resource.provider_message_id):
            log.warning("callback.message.another_id", message_id=resource.id, provider=callback.provider)
            return Settled(None)
        return _settled(resource, observe(resource, telling.of_callback(callback), callback.received_at))


def _received(callback: Callback, message: Message) -> Change:
    """One that came in: told once. Who wants no more, or wants them again, is heard at once."""
    if message.version:
        return Change(message)
    change = versioned(message, message, callback.received_at, telling.of_callback(callback))
    keyword = message.facts.get("keyword")
    if keyword not in ("STOP", "START") or message.sender is None:
        return change
    wish = Suppression(
        channel="sms",
        address=message.sender.address,
        reason="stop",
        source=callback.provider,
        at=callback.occurred_at,
        is_on=keyword == "STOP",
        tenant_id=message.tenant_id,
        environment=message.environment,
        message_id=message.id,
    )
    return Change(change.message.listing(wish), change.happened)


def _settled(before: Message, change: Change) -> Settled[Message]:
    after = change.message
    return Settled(after if after.revision > before.revision else None, events=drafts(change.happened))
