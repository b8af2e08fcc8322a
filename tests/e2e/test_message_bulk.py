"""Bulk sends over the whole stack: a thousand at once, some of them wrong, each a message of its own."""

from functools import partial
from typing import Any, Final

import pytest
from tests.e2e.addressees import ADDRESSEES, Addressee
from tests.e2e.payers import key, make
from tests.e2e.world import World, until

MANY: Final = 1_000
_BAD: Final[dict[str, list[Any]]] = {
    "sms": ["+1", "not a number", "", {"to": 5}, "+14155550123\r\nBcc: x"],
    "email": ["ada@", "not an address", "", {"to": 5}, "ada@example.net\r\nBcc: eve@example.net"],
}
_ENDED_WITHIN_S: Final = 90.0


def recipients(addressee: Addressee, count: int) -> tuple[list[Any], list[int]]:
    """So many in all, and which of them cannot be messages."""
    bad = _BAD[addressee.channel]
    made: list[Any] = [{"to": addressee.new_address(), "metadata": {"place": str(n)}} for n in range(count)]
    places = [n * (count // len(bad)) for n in range(len(bad))]
    for place, wrong in zip(places, bad, strict=True):
        made[place] = wrong if isinstance(wrong, dict) else {"to": wrong}
    return made, places


async def ended(world: World, path: str) -> dict[str, Any]:
    """The batch, once all its messages were handed over."""
    seen: dict[str, Any] = {}

    async def is_completed() -> bool:
        seen.update((await world.api.get(path)).json())
        return bool(seen["status"] == "completed")

    await until(is_completed, f"{path} to be completed", lambda: seen, timeout_s=_ENDED_WITHIN_S)
    return seen


@pytest.mark.long
@pytest.mark.timeout(240)
@pytest.mark.parametrize("provider", ["twilio", "sendgrid"])
async def test_a_thousand_at_once_with_bad_ones_among_them(world: World, provider: str) -> None:
    addressee = ADDRESSEES[provider]
    asked, bad = recipients(addressee, MANY)
    body = {name: value for name, value in addressee.message("").items() if name != "to"}
    headers = key()
    answer = await world.api.post(f"{addressee.path}/bulk", json={**body, "recipients": asked}, headers=headers)
    assert answer.status_code == 201, answer.text
    batch = answer.json()
    assert (batch["total"], [one["index"] for one in batch["rejected"]]) == (MANY, bad)
    again = await world.api.post(f"{addressee.path}/bulk", json={**body, "recipients": asked}, headers=headers)
    assert again.json()["id"] == batch["id"]
    shown = await ended(world, f"{addressee.path}/batches/{batch['id']}")
    counts = {status: count for status, count in shown["counts"].items() if status != "rejected"}
    assert sum(counts.values()) == MANY - len(bad)
    messages = await _all_of(world, f"{addressee.path}/batches/{batch['id']}/messages")
    assert {message["metadata"]["place"] for message in messages} == {str(n) for n in range(MANY)} - {
        str(n) for n in bad
    }
    ids = {message["id"] for message in messages}
    taken = await _taken(world, addressee)
    assert ids <= taken.keys()
    assert all(taken[id_] == 1 for id_ in ids)
    await until(partial(_all_is_told, world), "the provider's callbacks to be taken", timeout_s=_ENDED_WITHIN_S)


@pytest.mark.parametrize("provider", sorted(ADDRESSEES))
async def test_a_few_by_each_provider(world: World, provider: str) -> None:
    addressee = ADDRESSEES[provider]
    to = [addressee.new_address() for _ in range(3)]
    body = {name: value for name, value in addressee.message("").items() if name != "to"}
    asked = [{"to": address} for address in to]
    batch = await make(world, f"{addressee.path}/bulk", **body, recipients=asked)
    await ended(world, f"{addressee.path}/batches/{batch['id']}")
    for address in to:
        assert len(await addressee.received(world, address)) == 1


async def _all_of(world: World, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await world.api.get(path, params={"limit": "100", **cursor})).json()
        found += page["data"]
        if not page["has_more"]:
            return found
        cursor = {"cursor": page["next_cursor"]}


async def _all_is_told(world: World) -> bool:
    """What comes after this must not wait behind thousands of callbacks."""
    return set((await world.sandbox.get("/control/callbacks")).json()["counts"]) <= {"delivered"}


async def _taken(world: World, addressee: Addressee) -> dict[str, int]:
    """How often the provider's books have each of our ids."""
    counts: dict[str, int] = {}
    params = {"provider": addressee.provider, "limit": "10000"}
    for effect in (await world.sandbox.get("/control/ledger", params=params)).json()["data"]:
        counts[effect["reference"]] = counts.get(effect["reference"], 0) + 1
    return counts
