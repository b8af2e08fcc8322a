"""Who a message goes to, and the rule by which what is told of each is put together. Pure.

Providers tell late, twice and in any order. Each word has a rank; the higher one holds, of two of one rank the later. So the
end is the same whatever the order and however often (a join).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

RANK: Final[Mapping[str, int]] = {
    "scheduled": 0,
    "queued": 10,
    "sent": 20,
    "deferred": 25,
    "undelivered": 40,
    "failed": 40,
    "canceled": 40,
    "received": 50,  # the only one of an inbound message
    "delivered": 50,
    # A server may take an email and send it back later.
    "bounced": 60,
    # Left out by us, so nothing that is told of the message is of this recipient.
    "suppressed": 100,
}
FINAL: Final = frozenset({"undelivered", "failed", "canceled", "received", "delivered", "bounced", "suppressed"})
FAILURES: Final = frozenset({"undelivered", "failed", "bounced", "suppressed"})
LEFT_US: Final = frozenset({"sent", "deferred", "undelivered", "delivered", "bounced"})
"""What can only be said of a message that the provider has sent on."""

Role = Literal["to", "cc", "bcc"]


@dataclass(frozen=True, slots=True)
class Word:
    """What was said of a message to one recipient, and of when it is."""

    status: str
    as_of: datetime
    reason: str | None = None
    """Of a failure, one of `messages.REASONS`."""
    message: str | None = None
    """A sentence about it."""
    code: str | None = None
    """The provider's own."""
    bounce_type: str | None = None
    smtp_status: str | None = None

    @property
    def said(self) -> tuple[str, ...]:
        """All but the moment: the same word again is no news."""
        details = (self.reason, self.message, self.code, self.bounce_type, self.smtp_status)
        return self.status, *(detail or "" for detail in details)

    @property
    def strength(self) -> tuple[object, ...]:
        # Past rank and moment the choice only must not depend on which came first.
        return RANK[self.status], self.as_of, *self.said


@dataclass(frozen=True, slots=True)
class Recipient:
    address: str
    """E.164, or an email address in lower case."""
    word: Word
    role: Role = "to"
    name: str | None = None

    @property
    def status(self) -> str:
        return self.word.status

    @property
    def is_final(self) -> bool:
        return self.word.status in FINAL


def told(recipient: Recipient, word: Word) -> Recipient:
    """The recipient of whom is known what was known and this."""
    if word.status not in RANK or _strength(word) <= _strength(recipient.word):
        return recipient
    return replace(recipient, word=word)


def decisive(recipients: Sequence[Recipient]) -> Word:
    """The word that is also the message's: of the least advanced while any is not final; when all are, `delivered` where
    it reached anybody, else the gravest. It is about those it is written to: not every provider tells of copies. Who was
    left out counts only where everybody was.
    """
    written_to = [one for one in recipients if one.status != "suppressed"] or recipients
    counted = [one.word for one in written_to if one.role == "to"] or [one.word for one in written_to]
    waiting = [word for word in counted if word.status not in FINAL]
    if waiting:
        return min(waiting, key=_strength)
    delivered = [word for word in counted if word.status == "delivered"]
    return max(delivered or counted, key=_strength)


def _strength(word: Word) -> tuple[object, ...]:
    return word.strength
