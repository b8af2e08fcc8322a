"""An entry stands or falls with its change; nothing takes it away."""

import asyncio

import asyncpg
import pytest

from onerouter_common.ids import TENANT, new_id
from onerouter_registry.actor import Actor
from onerouter_registry.audit.model import Filter
from onerouter_registry.audit.trail import AuditTrail
from onerouter_registry.transactions import operator_transaction

from .conftest import Books


class TestRecord:
    async def test_says_who_what_and_from_where(self, books: Books) -> None:
        chain = new_id(TENANT)
        by = Actor("user", "usr_1", "ada@example.com", ip="203.0.113.9", user_agent="Firefox", request_id="req_7")
        await books.record(chain, "api_key.created", by=by, after={"name": "backend"})
        page = await AuditTrail(books.engine).of_chain(chain, Filter(), limit=10)
        (entry,) = page.entries
        assert (entry.sequence, entry.action, entry.actor_kind, entry.actor_name) == (
            *(1, "api_key.created"),
            *("user", "ada@example.com"),
        )
        assert (entry.ip, entry.user_agent, entry.request_id) == ("203.0.113.9", "Firefox", "req_7")
        assert entry.before is None
        assert entry.after == {"name": "backend"}

    async def test_twenty_at_once_make_one_chain_without_a_gap(self, books: Books) -> None:
        chain = new_id(TENANT)
        await asyncio.gather(*(books.record(chain, after={"number": number}) for number in range(20)))
        entries = (await AuditTrail(books.engine).of_chain(chain, Filter(), limit=100)).entries
        assert [entry.sequence for entry in entries] == list(range(20, 0, -1))
        assert {entry.after["number"] for entry in entries if entry.after} == set(range(20))
        result = await books.verification.verify(chain)
        assert result.problem is None
        assert result.head.sequence == 20

    async def test_is_undone_with_its_change(self, books: Books) -> None:
        chain = await books.chain_of(2)

        class Failed(Exception):
            pass

        with pytest.raises(Failed):
            async with operator_transaction(books.engine) as tx:
                await books.log.record(
                    tx, Actor("system", "x"), "a.b", tenant_id=chain, environment=None, target=("a", "b")
                )
                raise Failed
        await books.record(chain)
        result = await books.verification.verify(chain)
        assert result.problem is None
        assert result.head.sequence == 3


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET action = 'nothing'",
        "DELETE FROM audit_entries",
        "UPDATE audit_entries SET hash = hash WHERE false",
        "TRUNCATE audit_entries",
    ],
)
async def test_even_the_owner_of_the_database_is_refused(books: Books, statement: str) -> None:
    chain = await books.chain_of(1)
    connection = await asyncpg.connect(books.database.admin_dsn)
    try:
        with pytest.raises(asyncpg.RaiseError, match="never changed or removed"):
            await connection.execute(statement)
    finally:
        await connection.close()
    assert (await books.verification.verify(chain)).head.sequence == 1
