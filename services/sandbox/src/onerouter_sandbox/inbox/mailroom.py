"""All mailboxes as one: newest first, filtered, a page at a time."""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from onerouter_sandbox.inbox.model import Channel, Email, Mailbox, Message, Text

_LOOKED_AT: Final = 20_000
"""Messages a search goes through at most, newest first."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """`words`: all of them are somewhere in the message, in any case of letters."""

    channel: Channel | None = None
    provider: str | None = None
    account: str | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Behind this message: where a page ends."""

    at: float
    provider: str
    id: str


class Mailroom:
    def __init__(self, boxes: Iterable[Mailbox]) -> None:
        self._boxes = {box.provider: box for box in boxes}

    def boxes(self) -> Iterable[Mailbox]:
        return self._boxes.values()

    def find(self, provider: str, message_id: str) -> Message | None:
        box = self._boxes.get(provider)
        return None if box is None else box.find(message_id)

    def page(self, wanted: Wanted, after: Place | None, limit: int) -> tuple[list[Message], Place | None]:
        """At most `limit`, and where the next page begins; None: there is none."""
        looked_at = islice(self._behind(self._newest(wanted), after), _LOOKED_AT)
        found = list(islice((each for each in looked_at if _fits(each, wanted.words)), limit + 1))
        if len(found) <= limit:
            return found, None
        last = found[limit - 1]
        return found[:limit], Place(last.at, last.provider, last.id)

    def conversation(self, provider: str, account: str, number: str, limit: int) -> list[Text]:
        """The last of what went to and came from a number, oldest first."""
        box = self._boxes.get(provider)
        if box is None or box.channel != "sms":
            return []
        messages = islice(box.newest(account), _LOOKED_AT)
        newest = (each for each in messages if isinstance(each, Text) and each.number == number)
        return list(islice(newest, limit))[::-1]

    def _newest(self, wanted: Wanted) -> Iterator[Message]:
        streams = [
            box.newest(account)
            for box in self._boxes.values()
            if wanted.channel in (None, box.channel) and wanted.provider in (None, box.provider)
            for account in box.accounts
            if wanted.account in (None, account)
        ]
        return heapq.merge(*streams, key=lambda message: -message.at)

    def _behind(self, messages: Iterator[Message], place: Place | None) -> Iterator[Message]:
        """Those behind the place. Several may be of the same moment: within it, those behind the message itself."""
        if place is None:
            yield from messages
            return
        passed = False
        for each in messages:
            if each.at < place.at or passed:
                yield each
            passed = passed or (each.at == place.at and (each.provider, each.id) == (place.provider, place.id))


def _fits(message: Message, words: tuple[str, ...]) -> bool:
    if not words:
        return True
    said = (message.subject, message.text or "") if isinstance(message, Email) else (message.body,)
    all_said = " ".join((message.id, message.reference or "", message.sender, *message.to, *said)).casefold()
    return all(word in all_said for word in words)
