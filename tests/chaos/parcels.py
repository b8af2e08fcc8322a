"""What is put into which bucket while processes are killed, from one seed; and what must have come of it."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from tests.chaos.plan import Kill
from tests.chaos.running import Hurt

BUCKETS: Final = {"demo-files": "s3", "demo-media": "r2"}
_VICTIMS: Final = ("storage", "storage-2", "gateway", "gateway-2", "webhooks", "webhooks-2")
_HAVOC_S: Final = 40.0
_PLACES: Final = 10
"""Of each bucket."""
_WRITES: Final = 4
"""At each place, one after the other: what is written last must be there."""
_UPLOADS: Final = 8
_ONCE: Final = frozenset({"object.put", "upload.completed"})
_AGAIN_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    kills: Sequence[Kill]
    broker_at_s: Sequence[float]
    postgres_at_s: Sequence[float]
    faults: Sequence[dict[str, object]]

    @classmethod
    def of(cls, seed: int) -> "Plan":
        rng = random.Random(seed)
        return cls(
            seed=seed,
            kills=list(_kills(random.Random(rng.random()))),
            broker_at_s=[rng.uniform(10.0, 14.0)],
            postgres_at_s=[rng.uniform(20.0, 28.0)],
            faults=list(_faults(rng.randrange(2**31))),
        )


@dataclass(slots=True)
class Parcels:
    """Everything that was put, deleted and uploaded."""

    hurt: Hurt
    seed: int
    there: dict[tuple[str, str], bytes | None] = field(default_factory=dict)
    """(bucket, key) → what must be there in the end; None: nothing."""
    versions: dict[str, int] = field(default_factory=dict)
    """Object or upload → the last version that was answered."""
    operations: list[str] = field(default_factory=list)
    """Each wrote once."""

    async def bring(self) -> None:
        """Ends when everything was answered for."""
        rng = random.Random(self.seed)
        async with httpx.AsyncClient(timeout=25.0) as outside, asyncio.TaskGroup() as group:
            for bucket in BUCKETS:
                for place in range(_PLACES):
                    group.create_task(self._write(bucket, place, rng.uniform(0.0, 2.0)))
                for number in range(_UPLOADS):
                    group.create_task(self._upload(outside, bucket, number, rng.uniform(0.0, 15.0)))

    async def _write(self, bucket: str, place: int, pause_s: float) -> None:
        """Now and then it is deleted in between: then it is written anew."""
        key = f"places/{place}"
        for turn in range(_WRITES):
            await asyncio.sleep(pause_s * turn)
            content = f"{self.seed} {bucket} {key} {turn}".encode() * 50
            path = f"/v1/storage/{bucket}/objects/{key}"
            put = await self.hurt.shop.put(f"put-{bucket}-{place}-{turn}", path, content)
            self._noted(put, (bucket, key), content)
            self.operations.append(put["operation_id"])
            if (place + turn) % 5 == 0:
                gone = await self.hurt.shop.ask(f"delete-{bucket}-{place}-{turn}", path, method="DELETE")
                self._noted(gone, (bucket, key), None)

    async def _upload(self, outside: httpx.AsyncClient, bucket: str, number: int, at_s: float) -> None:
        await asyncio.sleep(at_s)
        key, content = f"uploads/{number}", f"{self.seed} {bucket} {number}".encode() * 100
        body: dict[str, Any] = {"key": key, "size": len(content), "content_type": "text/plain", "expires_in": 600}
        name, path = f"{bucket}-{number}", f"/v1/storage/{bucket}/uploads"
        made = await self.hurt.shop.ask(f"upload-{name}", path, **body)
        signed = await self.hurt.shop.get(f"{path}/{made['id']}")
        while not await _sent(outside, signed, content):
            await asyncio.sleep(_AGAIN_S)
        done = await self.hurt.shop.ask(f"complete-{name}", f"{path}/{made['id']}/complete")
        self._noted(done, (bucket, key), content)
        self.versions[done["object_id"]] = 1

    def _noted(self, shown: dict[str, Any], place: tuple[str, str], content: bytes | None) -> None:
        self.there[place] = content
        self.versions[shown["id"]] = shown["version"]

    async def problems(self) -> list[str]:
        """Every broken promise, as a sentence each; empty is what we want to see."""
        wrong = []
        for (bucket, key), content in self.there.items():
            found = await self.hurt.sandbox.get(
                f"/control/{BUCKETS[bucket]}/buckets/{bucket}/content", params={"key": key}
            )
            if (found.content if found.status_code == 200 else None) != content:
                wrong.append(f"{bucket}/{key} is not what was written last")
        for operation_id in self.operations:
            effects = (await self.hurt.sandbox.get("/control/ledger", params={"reference": operation_id})).json()[
                "data"
            ]
            if len(effects) != 1:
                wrong.append(f"{operation_id} wrote {len(effects)} times")
        summary = (await self.hurt.sandbox.get("/control/ledger/summary")).json()
        wrong += [f"happened twice: {one}" for one in summary["repeated"] if one["kind"] in _ONCE]
        return wrong + self._untold()

    def _untold(self) -> list[str]:
        """What did not come of the events 1 … version."""
        received = {
            id_: {event.sequence for event in events} for id_, events in self.hurt.subscriber.by_resource().items()
        }
        return [
            f"{id_} has version {version}, told were {sorted(received.get(id_, set()))}"
            for id_, version in self.versions.items()
            if received.get(id_, set()) != set(range(1, version + 1))
        ]


async def _sent(outside: httpx.AsyncClient, signed: dict[str, Any], content: bytes) -> bool:
    try:
        answer = await outside.put(signed["url"], content=content, headers=signed["required_headers"])
    except httpx.HTTPError:
        return False
    return answer.is_success


def _kills(rng: random.Random) -> Iterator[Kill]:
    at_s = 1.0
    while at_s < _HAVOC_S:
        yield Kill(at_s, rng.choice(_VICTIMS))
        at_s += rng.uniform(1.5, 3.0)


def _faults(seed: int) -> Iterator[dict[str, object]]:
    """Both providers at their worst."""
    kinds: tuple[dict[str, object], ...] = (
        {"kind": "timeout_after_effect", "probability": 0.05, "hold_s": 20},
        {"kind": "timeout_before_effect", "probability": 0.03, "hold_s": 20},
        {"kind": "error_5xx", "probability": 0.03, "status": 503},
        {"kind": "refuse_connection", "probability": 0.02},
    )
    for provider in BUCKETS.values():
        for fault in kinds:
            seed += 1
            yield {**fault, "provider": provider, "seed": seed}
