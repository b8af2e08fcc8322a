"""An operation is found by its metadata, whichever way it came in, and as long as its row is there."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest
from tests.libs.common.worker.rig import Rig, create_payment

from onerouter_common.contracts.commands import Command
from onerouter_common.ids import COMMAND, new_id
from onerouter_common.worker import following
from onerouter_common.worker.tags import tag_of

MONEY: Final = {"amount_minor": 49_900, "currency": "INR"}
PAIRS: Final = {"order": "1042", "größe": "XL ✓ \\ ' \"", "12:a": "", "long": "x" * 10_000}


def noted(metadata: Any, **payload: Any) -> Command:
    return create_payment(payload={**MONEY, **({} if metadata is None else {"metadata": metadata}), **payload})


async def found_by(rig: Rig, **metadata: str) -> list[set[str]]:
    """For each pair, the operations that are found by it."""
    query = (
        "SELECT operation_id FROM operation_metadata WHERE tag = $1 AND tenant_id = 'ten_1' AND environment = 'test'"
    )
    rows = [await rig.pool.fetch(query, tag_of(*pair)) for pair in metadata.items()]
    return [{row["operation_id"] for row in each} for each in rows]


async def test_what_comes_from_the_log_is_found_by_each_pair_once(rig: Rig) -> None:
    with_some, without = noted(PAIRS), noted(None)
    async with rig.worker():
        for command in (with_some, without):
            await rig.ask(command)
        await rig.ask(with_some.model_copy(update={"command_id": new_id(COMMAND)}))
    assert await found_by(rig, **PAIRS) == [{with_some.operation_id}] * len(PAIRS)
    assert await rig.pool.fetchval("SELECT count(*) FROM operation_metadata") == len(PAIRS)
    together = "operation_metadata m JOIN operations o ON o.id = m.operation_id AND o.created_at = m.created_at"
    assert await rig.pool.fetchval(f"SELECT count(*) FROM {together}") == len(PAIRS)


@pytest.mark.parametrize("metadata", [{}, None, "text", ["order"], {"order": None}])
async def test_what_follows_is_found_too_and_what_is_no_pair_is_none(rig: Rig, metadata: Any) -> None:
    own = noted({"order": "1"})
    bulk = noted(None, common={"metadata": {"campaign": "Diwali"}})
    odd = noted(metadata)
    async with rig.pool.acquire() as connection, connection.transaction():
        await following.store(connection, [(one, None) for one in (own, bulk, odd)], now=datetime.now(UTC))
    assert await found_by(rig, order="1", campaign="Diwali") == [{own.operation_id}, {bulk.operation_id}]
    assert await rig.pool.fetchval("SELECT count(*) FROM operation_metadata") == 2


def test_no_two_pairs_are_taken_for_one() -> None:
    pairs = [("ab", "c"), ("a", "bc"), ("1:a", ""), ("a", ":1"), ("", "abc"), ("11", ":x"), ("1", "1:x")]
    assert len({tag_of(*pair) for pair in pairs}) == len(pairs)
