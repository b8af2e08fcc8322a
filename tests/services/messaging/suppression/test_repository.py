"""Suppression lists: what callbacks and tenants do to them, in whatever order."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.services.messaging.examples import NOW

from onerouter_common.db.engine import Pool
from onerouter_common.errors import InvalidRequest, NotFound, Overloaded
from onerouter_common.reads.paging import Page
from onerouter_common.web.internal import TenantContext
from onerouter_messaging.message.state import Suppression
from onerouter_messaging.suppression.checking import SuppressionCheck
from onerouter_messaging.suppression.repository import SuppressionList, note_override
from onerouter_messaging.suppression.schemas import AddSuppression
from onerouter_messaging.suppression.service import Suppressions

ANN = TenantContext("ten_1", "test")
BOB = TenantContext("ten_2", "test")


def word(minute: int = 0, **changes: Any) -> Suppression:
    given: dict[str, Any] = {
        "channel": "sms",
        "address": "+14155550123",
        "reason": "stop",
        "source": "twilio",
        "at": NOW + timedelta(minutes=minute),
        "tenant_id": "ten_1",
        "environment": "test",
        "message_id": "sms_1",
    }
    return Suppression(**{**given, **changes})


async def audit(pool: Pool) -> list[tuple[Any, ...]]:
    rows = await pool.fetch("SELECT action, reason, by_whom, note, message_id FROM suppression_audit ORDER BY id")
    return [tuple(row) for row in rows]


class TestKeep:
    async def test_the_last_word_holds_whatever_came_first(self, pool: Pool) -> None:
        told = [(0, True), (1, False), (2, True), (3, False)]
        for number, order in enumerate(itertools.permutations(told)):
            address = f"+1415555{number:04}"
            for minute, is_on in order:
                one = word(minute, is_on=is_on, address=address)
                await SuppressionList().keep(pool, [one, one])
            rows = await pool.fetch("SELECT is_on, as_of FROM suppressions WHERE address = $1", address)
            assert tuple(rows[0]) == (False, NOW + timedelta(minutes=3))
        await SuppressionList().keep(pool, [word(minute, is_on=is_on) for minute, is_on in told[:3]])
        assert await SuppressionCheck(pool).on_list("ten_1", "test", "sms", ["+14155550123"]) == {"+14155550123"}

    async def test_start_takes_only_a_stop_away(self, pool: Pool) -> None:
        await SuppressionList().keep(pool, [word(), word(reason="complaint"), word(5, is_on=False)])
        assert await SuppressionCheck(pool).on_list("ten_1", "test", "sms", ["+14155550123"]) == {"+14155550123"}
        rows = await pool.fetch("SELECT reason FROM suppressions WHERE is_on")
        assert [row["reason"] for row in rows] == ["complaint"]

    async def test_only_what_changes_the_list_is_written_down(self, pool: Pool) -> None:
        for one in (word(0), word(0), word(1), word(2, is_on=False), word(3, is_on=False), word(1)):
            await SuppressionList().keep(pool, [one])
        assert await audit(pool) == [
            ("added", "stop", "twilio", None, "sms_1"),
            ("removed", "stop", "twilio", None, "sms_1"),
        ]


class TestByHand:
    async def test_addresses_are_written_as_messages_have_them(self, engine: AsyncEngine, pool: Pool) -> None:
        lists = Suppressions(engine)
        await lists.add(ANN, "email", AddSuppression(address=" Eve@Example.COM ", note="asked us to"))
        await lists.add(ANN, "sms", AddSuppression(address="+1 (415) 555-0123"))
        check = SuppressionCheck(pool)
        assert await check.on_list("ten_1", "test", "email", ["eve@example.com", "bo@example.com"]) == {
            "eve@example.com"
        }
        assert await check.on_list("ten_1", "test", "sms", ["+14155550123"]) == {"+14155550123"}
        with pytest.raises(InvalidRequest, match="address"):
            await lists.add(ANN, "sms", AddSuppression(address="eve@example.com"))

    async def test_twice_is_once_and_the_removal_is_told(self, engine: AsyncEngine, pool: Pool) -> None:
        lists = Suppressions(engine)
        first, second = [
            await lists.add(ANN, "email", AddSuppression(address="eve@example.com", by="key_1")) for _ in range(2)
        ]
        assert first == second
        removed = await lists.remove(ANN, "email", str(first["id"]), by="key_2", note="she asked")
        assert (removed["deleted"], removed["address"]) == (True, "eve@example.com")
        with pytest.raises(NotFound):
            await lists.remove(ANN, "email", str(first["id"]), by="key_2", note=None)
        told: Any = await lists.check(ANN, "email", "EVE@example.com")
        assert (told["suppressed"], told["suppression"]) == (False, None)
        assert [(one["action"], one["by_whom"], one["note"]) for one in told["history"]] == [
            ("removed", "key_2", "she asked"),
            ("added", "key_1", None),
        ]
        again = await lists.add(ANN, "email", AddSuppression(address="eve@example.com", by="key_1"))
        assert (await lists.check(ANN, "email", "eve@example.com"))["suppression"] == again

    async def test_a_late_bounce_from_before_does_not_undo_a_removal(self, engine: AsyncEngine, pool: Pool) -> None:
        bounce = word(channel="email", address="eve@example.com", reason="bounce")
        await SuppressionList().keep(pool, [bounce])
        lists = Suppressions(engine)
        page: Any = await lists.list(ANN, "email", Page(), address=None, reason="bounce")
        await lists.remove(ANN, "email", page["data"][0]["id"], by="key_1", note=None)
        await SuppressionList().keep(
            pool, [bounce, word(1, channel="email", address="eve@example.com", reason="bounce")]
        )
        assert await SuppressionCheck(pool).on_list("ten_1", "test", "email", ["eve@example.com"]) == set()

    async def test_nobody_elses_list_is_there(self, engine: AsyncEngine, pool: Pool) -> None:
        lists = Suppressions(engine)
        made = await lists.add(ANN, "email", AddSuppression(address="eve@example.com"))
        for tenant in (BOB, TenantContext("ten_1", "live")):
            assert (await lists.list(tenant, "email", Page(), address=None, reason=None))["data"] == []
            assert not (await lists.check(tenant, "email", "eve@example.com"))["suppressed"]
            with pytest.raises(NotFound):
                await lists.remove(tenant, "email", str(made["id"]), by="x", note=None)
            check = SuppressionCheck(pool)
            assert not await check.on_list(tenant.tenant_id, tenant.environment, "email", ["eve@example.com"])
        with pytest.raises(NotFound):
            await lists.remove(ANN, "sms", str(made["id"]), by="x", note=None)


class TestCheck:
    async def test_all_that_is_asked_at_once_is_one_query(self, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
        import asyncio

        from onerouter_messaging.suppression import repository

        await SuppressionList().keep(pool, [word(address=f"+1415555{number:04}") for number in range(0, 1_000, 2)])
        queries: list[int] = []
        ask = repository.on_list

        async def counted(connection: Any, asked: Any) -> Any:
            queries.append(len(asked))
            return await ask(connection, asked)

        monkeypatch.setattr(repository, "on_list", counted)
        check = SuppressionCheck(pool)
        asked = [f"+1415555{number:04}" for number in range(1_000)]
        found = await asyncio.gather(*(check.on_list("ten_1", "test", "sms", [address]) for address in asked))
        assert [bool(one) for one in found] == [True, False] * 500
        assert queries == [1_000]
        assert await check.on_list("ten_1", "test", "sms", []) == set()

    async def test_a_database_that_is_away_lets_nothing_pass(self, messaging_database: Any) -> None:
        from onerouter_common.db.engine import worker_pool

        async with worker_pool(messaging_database.dsn, "messaging", size=1) as pool:
            check = SuppressionCheck(pool)
        with pytest.raises(Overloaded):
            await check.on_list("ten_1", "test", "sms", ["+14155550123"])

    async def test_an_override_is_written_down_once_a_message(self, pool: Pool) -> None:
        for _ in range(2):
            await note_override(
                pool,
                whose=("ten_1", "test", "email"),
                addresses=["a@example.com", "b@example.com"],
                by="key_1",
                why="a receipt",
                message_id="em_1",
            )
        assert await audit(pool) == [("overridden", None, "key_1", "a receipt", "em_1")] * 2
