from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from onerouter_common.db.engine import tenant_engine, worker_pool
from onerouter_common.db.tenancy import tenant_transaction
from onerouter_local.testing import Database

Create = Callable[[str], Awaitable[Database]]
WHO = text("SELECT current_setting('app.tenant_id', true), current_setting('app.environment', true)")


async def test_whose_rows_are_seen_ends_with_the_transaction(shared_database: Create) -> None:
    made = await shared_database("payments")
    async with tenant_engine(made.dsn, size=1) as engine:
        async with tenant_transaction(engine, "ten_1", "live") as connection:
            assert tuple((await connection.execute(WHO)).one()) == ("ten_1", "live")
        async with engine.begin() as connection:  # the same pooled connection
            assert not any((await connection.execute(WHO)).one())
        with pytest.raises(ZeroDivisionError):
            async with tenant_transaction(engine, "ten_1", "live"):
                raise ZeroDivisionError
        async with engine.begin() as connection:
            assert not any((await connection.execute(WHO)).one())


async def test_a_tenants_name_is_a_value_and_never_sql(shared_database: Create) -> None:
    made = await shared_database("payments")
    odd = "ten'; SET ROLE onerouter_payments_worker; --"
    async with tenant_engine(made.dsn) as engine, tenant_transaction(engine, odd, "test") as connection:
        assert (await connection.execute(WHO)).one()[0] == odd


async def test_an_error_does_not_quote_what_a_statement_was_given(shared_database: Create) -> None:
    made = await shared_database("payments")
    async with tenant_engine(made.dsn) as engine, engine.connect() as connection:
        with pytest.raises(DBAPIError) as failed:
            await connection.execute(text("SELECT 1 / length(left(:secret, 0))"), {"secret": "hunter2"})
    assert "hunter2" not in str(failed.value)


async def test_the_workers_connections_have_its_role_and_read_json(shared_database: Create) -> None:
    made = await shared_database("payments")
    async with worker_pool(made.dsn, "payments", size=2) as pool:
        row = await pool.fetchrow("SELECT current_user::text AS who, $1::jsonb AS json", {"a": [1, None, "ü"]})
    assert row is not None
    assert tuple(row) == ("onerouter_payments_worker", {"a": [1, None, "ü"]})
