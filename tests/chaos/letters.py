"""What is written to whom while processes are killed, from one seed; and what must have come of it."""

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg
from tests.chaos.plan import Kill
from tests.chaos.running import Hurt
from tests.chaos.shop import Ask, Refused
from tests.e2e.addressees import ADDRESSEES, Addressee
from tests.e2e.tenants import admin_dsn

VICTIMS: Final = ("messaging", "messaging-2", "gateway", "gateway-2", "webhooks", "webhooks-2")
ARRIVALS_S: Final = 40.0
_HAVOC_S: Final = 55.0
_EACH: Final = 18
"""Messages by each provider, of which the planned ones are so many."""
_PLANNED: Final = 4
_LATEST_S: Final = 2.0
"""After its time a planned message is sent within so many seconds."""
SETTLES: Final = timedelta(seconds=5)
"""All that was started again has caught up by then; what is due before is only said to come."""
_BEAT_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Letter:
    """To somebody who gets no other. `ahead_s`: it is planned for so long after it was asked for."""

    number: int
    provider: str
    at_s: float
    ahead_s: float | None
    to: str

    @property
    def addressee(self) -> Addressee:
        return ADDRESSEES[self.provider]


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    kills: Sequence[Kill]
    broker_at_s: Sequence[float]
    postgres_at_s: Sequence[float]
    letters: Sequence[Letter]
    faults: Sequence[dict[str, object]]

    @classmethod
    def of(cls, seed: int) -> "Plan":
        """All but the addresses is decided by the seed."""
        rng = random.Random(seed)
        return cls(
            seed=seed,
            kills=list(_kills(random.Random(rng.random()))),
            broker_at_s=[rng.uniform(14.0, 20.0)],
            postgres_at_s=[rng.uniform(28.0, 36.0)],
            letters=sorted(_letters(random.Random(rng.random())), key=lambda letter: letter.at_s),
            faults=list(_faults(rng.randrange(2**31))),
        )


@dataclass(slots=True)
class Posted:
    """A letter with what was asked for and answered."""

    letter: Letter
    ask: Ask | None = None
    message_id: str | None = None
    send_at: datetime | None = None


@dataclass(slots=True)
class Stalls:
    """How long the machine did not run what was ready to: a promise of seconds is one of a machine that runs."""

    lost_s: float = 0.0

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(_BEAT_S)
            self.lost_s += max(0.0, time.monotonic() - before - _BEAT_S)


@dataclass(slots=True)
class Post:
    """Everything that was written."""

    hurt: Hurt
    dies_in_calls: bool = True
    """Processes are killed while they call: of what can neither be repeated nor asked about, a call then stays unknown."""
    posted: list[Posted] = field(default_factory=list)
    ready_at: datetime | None = None
    """From then on nothing was down, and no provider misbehaved: what is planned for later comes in time. None: never."""
    stalls: Stalls = field(default_factory=Stalls)
    """Since then."""

    async def write(self, letters: Sequence[Letter]) -> None:
        """Each at its time; ends when all were answered for."""
        began = time.monotonic()

        async def one(letter: Letter) -> None:
            await asyncio.sleep(max(0.0, letter.at_s - (time.monotonic() - began)))
            await self._write(letter)

        async with asyncio.TaskGroup() as group:
            for letter in letters:
                group.create_task(one(letter))

    async def _write(self, letter: Letter) -> None:
        addressee, posted = letter.addressee, Posted(letter)
        self.posted.append(posted)
        body = addressee.message(letter.to)
        if letter.ahead_s is not None:
            posted.send_at = datetime.now(UTC) + timedelta(seconds=letter.ahead_s)
            body["send_at"] = posted.send_at.isoformat()
        name = f"letter-{letter.number}"
        if addressee.idempotency == "none" and letter.ahead_s is None:
            posted.ask = await self.hurt.shop.ask_at_most_once(name, addressee.path, body)
            posted.message_id = posted.ask.answer.get("id")
            return
        try:
            answer = await self.hurt.shop.ask(name, addressee.path, **body)
        except Refused:
            posted.ask = self.hurt.shop.asks[-1]
            return
        posted.message_id = answer["id"]

    async def unfinished(self) -> list[str]:
        """Those that something must become of still."""
        found = []
        for posted in self.posted:
            if posted.message_id is None:
                continue
            shown = await self.hurt.shop.get(f"{posted.letter.addressee.path}/{posted.message_id}")
            ends = {posted.letter.addressee.last_status}
            if posted.letter.addressee.idempotency == "none":
                ends |= {"queued", "sent"}  # nobody may ever know
            if shown["status"] not in ends:
                found.append(f"{posted.letter.provider} {posted.message_id}: {shown['status']}")
        return found

    async def problems(self) -> list[str]:
        """Every broken promise, as a sentence each; empty is what we want to see."""
        wrong = [
            f"{posted.letter.provider} to {posted.letter.to}: nothing came of the request"
            for posted in self.posted
            if posted.message_id is None
        ]
        for posted in self.posted:
            wrong += await self._problems_of(posted)
        summary = (await self.hurt.sandbox.get("/control/ledger/summary")).json()
        wrong += [f"happened twice: {repeated}" for repeated in summary["repeated"]]
        return wrong + await self._untold()

    async def _problems_of(self, posted: Posted) -> list[str]:
        letter, addressee = posted.letter, posted.letter.addressee
        came = await addressee.received(self.hurt.shop, letter.to)
        wrong, least = [], 1
        if addressee.idempotency == "none" and (self.dies_in_calls or letter.ahead_s is None):
            least = 0 if letter.ahead_s is None or await self._was_called(posted) else 1
        if not least <= len(came) <= 1:
            wrong.append(f"{letter.provider} {posted.message_id} came {len(came)} times")
        if came and posted.send_at is not None and came[0]["at"] < posted.send_at.timestamp():
            wrong.append(f"{letter.provider} {posted.message_id} came before its time")
        if came and self.is_to_be_in_time(posted) and posted.send_at is not None:
            late_s = came[0]["at"] - posted.send_at.timestamp()
            if late_s > _LATEST_S + self.stalls.lost_s:
                lost = f"while the machine stood still for {self.stalls.lost_s:.1f} s"
                wrong.append(f"{letter.provider} {posted.message_id} came {late_s:.1f} s after its time, {lost}")
        return wrong

    def is_to_be_in_time(self, posted: Posted) -> bool:
        """Whether all was ready again when it was due, and had come to rest."""
        if self.ready_at is None or posted.send_at is None:
            return False
        return posted.send_at > self.ready_at + SETTLES

    async def _was_called(self, posted: Posted) -> bool:
        """Whether a call of it was begun whose end nobody knows. What was never begun, or told as sent, has to come."""
        shown = await self.hurt.shop.get(f"{posted.letter.addressee.path}/{posted.message_id}")
        if shown["status"] in {"sent", posted.letter.addressee.last_status}:
            return False
        connection = await asyncpg.connect(admin_dsn(self.hurt.stack, "messaging"))
        try:
            return bool(
                await connection.fetchval(
                    "SELECT EXISTS (SELECT FROM operations o JOIN attempts a ON a.operation_id = o.id "
                    "WHERE o.resource_id = $1 AND o.open_attempt_at IS NOT NULL)",
                    posted.message_id,
                )
            )
        finally:
            await connection.close()

    async def _untold(self) -> list[str]:
        """Messages whose events 1 … version did not all come."""
        received = {
            id_: {event.sequence for event in events} for id_, events in self.hurt.subscriber.by_resource().items()
        }
        wrong = []
        for posted in self.posted:
            if posted.message_id is None:
                continue
            shown: dict[str, Any] = await self.hurt.shop.get(f"{posted.letter.addressee.path}/{posted.message_id}")
            told = received.get(posted.message_id, set())
            if told != set(range(1, shown["version"] + 1)):
                wrong.append(f"{posted.message_id} has version {shown['version']}, told were {sorted(told)}")
        return wrong


def _kills(rng: random.Random) -> Iterator[Kill]:
    at_s = 2.0
    while at_s < _HAVOC_S:
        yield Kill(at_s, rng.choice(VICTIMS))
        at_s += rng.uniform(1.5, 3.5)


def _letters(rng: random.Random) -> Iterator[Letter]:
    number = 0
    for provider, addressee in ADDRESSEES.items():
        for place in range(_EACH):
            number += 1
            ahead_s = rng.uniform(5.0, 25.0) if place < _PLANNED else None
            yield Letter(number, provider, rng.uniform(0, ARRIVALS_S), ahead_s, addressee.new_address())


def _faults(seed: int) -> Iterator[dict[str, object]]:
    """Every provider at its worst; callbacks misbehave, too."""
    kinds: tuple[dict[str, object], ...] = (
        {"kind": "timeout_after_effect", "probability": 0.03, "hold_s": 20},
        {"kind": "error_5xx", "probability": 0.03, "status": 502},
        {"kind": "throttle_429", "probability": 0.03, "retry_after_s": 1},
        {"kind": "refuse_connection", "probability": 0.01},
        {"kind": "duplicate_callback", "probability": 0.05},
        {"kind": "late_callback", "probability": 0.05, "delay_s": 2.0},
        {"kind": "reordered_callbacks", "probability": 0.05, "delay_s": 1.0},
    )
    for provider in ADDRESSEES:
        for fault in kinds:
            seed += 1
            yield {**fault, "provider": provider, "seed": seed}
