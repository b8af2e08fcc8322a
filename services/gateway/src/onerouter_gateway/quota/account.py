"""What is between this instance and the registry about one quota: what is to be settled, and what has been asked. No I/O."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Final

from onerouter_common.retry import Backoff
from onerouter_gateway.quota.pot import Allotment, Pot

_AGAIN: Final = Backoff(first_s=0.5, most_s=5.0)
_BELIEVED_S: Final = 12 * 3600.0
"""How long a return may be repeated: half as long as the registry remembers what it answered."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request to the registry, sent again just so until it is answered: it may have been done."""

    number: int
    pot: Pot | None
    """Who gets the loan."""
    asked_at: float
    needed: int = 0
    wanted: int = 0
    returned: int = 0
    owed: int = 0


@dataclass(slots=True, eq=False)
class Account:
    allotment: Allotment
    returned: int = 0
    """Lent to us, and nobody here wants it."""
    owed: int = 0
    """Of pots that are gone."""
    question: Question | None = None
    """Not answered so far."""
    failures: int = 0
    """Since the registry answered last."""
    ask_again_at: float = 0.0
    asking: "asyncio.Task[bool] | None" = field(default=None, repr=False)

    @property
    def away(self) -> bool:
        """The registry could not be asked the last time."""
        return self.failures > 0

    @property
    def is_settled(self) -> bool:
        return self.question is None and not self.returned and not self.owed

    def keep(self, returned: int, owed: int) -> None:
        """To be settled. What was lent pays for what was begun unpaid."""
        self.returned += returned
        self.owed += owed
        paid = min(self.returned, self.owed)
        self.returned -= paid
        self.owed -= paid

    def ask(self, number: int, pot: Pot | None, wanted: int, now: float) -> Question:
        """The question to send now: the one that was not answered, or else a new one."""
        if self.question is None:
            owed, needed = (0, 0) if pot is None else (pot.charge(), pot.waiting)
            self.question = Question(number, pot, now, needed, wanted, self.returned, self.owed + owed)
            self.returned = self.owed = 0
        elif now - self.question.asked_at > _BELIEVED_S:
            # The registry may have forgotten that it took this back; twice would be operations beyond the quota.
            self.question = replace(self.question, returned=0)
        return self.question

    def answered(self) -> None:
        self.question, self.failures, self.ask_again_at = None, 0, 0.0

    def could_not_ask(self, now: float) -> None:
        self.failures += 1
        self.ask_again_at = now + _AGAIN.wait_s(self.failures)
