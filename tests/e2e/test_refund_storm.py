"""However many refunds of one payment are asked for at once: never more is returned than was taken."""

import asyncio
from collections import Counter
from typing import Any, Final
from uuid import uuid4

import pytest
from tests.e2e.payers import PAYERS, Payer
from tests.e2e.world import World

_AT_ONCE: Final = 50
_PART_MINOR: Final = 900
_TAKEN_MINOR: Final = 10_000


async def _refunds_at(world: World, payer: Payer) -> list[dict[str, Any]]:
    """What the provider's books show of the account."""
    wanted: dict[str, str | int] = {
        "kind": "refund.created",
        "provider": payer.provider,
        "account": payer.account_of(world.stack.secrets),
        "limit": 10_000,
    }
    found: list[dict[str, Any]] = (await world.sandbox.get("/control/ledger", params=wanted)).json()["data"]
    return found


@pytest.mark.parametrize("payer", PAYERS.values(), ids=PAYERS)
async def test_fifty_at_once_return_what_was_taken_and_no_more(world: World, payer: Payer) -> None:
    payment = await payer.paid(world)
    before = len(await _refunds_at(world, payer))
    part = {"payment_id": payment["id"], "amount": f"{_PART_MINOR / 100:.2f}"}
    answers = await asyncio.gather(
        *(
            (world.api, world.api_2)[number % 2].post(
                "/v1/refunds", json=part, headers={"Idempotency-Key": str(uuid4()), "Prefer": "wait=60"}, timeout=70
            )
            for number in range(_AT_ONCE)
        )
    )
    fit = _TAKEN_MINOR // _PART_MINOR
    assert Counter(answer.status_code for answer in answers) == {201: fit, 422: _AT_ONCE - fit}
    made = {answer.json()["id"] for answer in answers if answer.is_success}
    returned = (await _refunds_at(world, payer))[before:]
    assert [one["amount"] for one in returned] == [_PART_MINOR] * fit
    for id_ in made:
        await world.reached(f"/v1/refunds/{id_}", "succeeded")
    await world.refund(payment)  # what is left
    whole = await world.reached(f"/v1/payments/{payment['id']}", "refunded")
    assert whole["amount_refunded_minor"] == _TAKEN_MINOR
    assert sum(one["amount"] for one in (await _refunds_at(world, payer))[before:]) == _TAKEN_MINOR
