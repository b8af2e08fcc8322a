"""Migrations: Alembic inside each service, and the operations every tenant-owned table goes through.

Run as the owner of the database (`onerouter migrate`), never by a service: the services' roles own no table.
"""

import re
from importlib import import_module
from pathlib import Path
from typing import Final

import asyncpg
from alembic import command, op
from alembic.config import Config
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from onerouter_common.db import indexes
from onerouter_common.db.engine import tenant_role, worker_role

SERVICES: Final = ("registry", "payments", "messaging", "storage", "webhooks")
LOCK_TIMEOUT_S: Final = 3.0
"""How long a change of a table waits for those who use it: whoever comes next queues up behind the waiting migration."""
_LOCK_NOT_AVAILABLE: Final = "55P03"
_LOGIN: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")

_PARTITIONS_FUNCTION: Final = """
CREATE OR REPLACE FUNCTION onerouter_ensure_partitions(parent text, months_ahead int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE first date; made int := 0; child text;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('onerouter.partitions.' || parent, 0));  -- workers take turns
  FOR ahead IN -1..months_ahead LOOP
    first := (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead))::date;
    child := parent || '_' || to_char(first, 'YYYYMM');
    IF to_regclass(child) IS NULL THEN
      EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', child, parent,
                     first::timestamp AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC');
      EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', child);
      EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', child);
      made := made + 1;
    END IF;
  END LOOP;
  RETURN made;
END $$;
CREATE OR REPLACE FUNCTION onerouter_drop_partitions(parent text, older_than interval) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE child text; dropped int := 0;
BEGIN
  FOR child IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
               WHERE i.inhparent = to_regclass(parent) AND c.relname ~ '_[0-9]{6}$' LOOP
    IF to_date(right(child, 6), 'YYYYMM') + interval '1 month' < now() - older_than THEN
      EXECUTE format('DROP TABLE %I', child);
      dropped := dropped + 1;
    END IF;
  END LOOP;
  RETURN dropped;
END $$;
REVOKE ALL ON FUNCTION onerouter_ensure_partitions(text, int), onerouter_drop_partitions(text, interval) FROM PUBLIC;
"""


class TablesBusy(Exception):
    """A migration did not get hold of a table in time; nothing was changed, and it can be run again."""


def migrate(service: str, admin_dsn: str) -> None:
    """Bring the service's database to its newest shape. `admin_dsn` must own the database and may create roles.

    All or nothing; the indexes that the package names as `INDEXES` follow, one after the other. Raises TablesBusy.
    """
    package = import_module(f"onerouter_{service}.migrations")
    config = Config()
    config.set_main_option("script_location", str(Path(str(package.__file__)).parent))
    engine = create_engine(_sqlalchemy_url(admin_dsn))
    try:
        with engine.begin() as connection:
            # Two migrators at once (two pods, two checkouts on one cluster) take turns.
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('onerouter.migrate'))"))
            for role in (tenant_role(service), worker_role(service)):
                connection.execute(text(_create_role(role)))
            connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {tenant_role(service)}, {worker_role(service)}"))
            connection.execute(text(_PARTITIONS_FUNCTION))  # text() keeps its percent signs from the driver
            connection.exec_driver_sql(
                "GRANT EXECUTE ON FUNCTION onerouter_ensure_partitions(text, int), "
                f"onerouter_drop_partitions(text, interval) TO {worker_role(service)}"
            )
            config.attributes.update(connection=connection, service=service)
            command.upgrade(config, "head")
        indexes.build(engine, getattr(package, "INDEXES", ()), lock_timeout_s=LOCK_TIMEOUT_S)
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        raise TablesBusy(
            f"The tables of {service} are in use by longer transactions; nothing was changed. Run it again."
        ) from error
    finally:
        engine.dispose()


async def ensure_login(admin_dsn: str, service: str, login: str, password: str) -> None:
    """Create (or re-key) the service's login role: bound by row-level security, may become the worker role."""
    if not _LOGIN.fullmatch(login):
        raise ValueError(f"'{login}' is not a plain role name")
    connection = await asyncpg.connect(admin_dsn)
    try:
        await connection.execute(_create_role(login))
        secret = await connection.fetchval("SELECT quote_literal($1::text)", password)
        await connection.execute(f"ALTER ROLE {login} LOGIN PASSWORD {secret}")
        await connection.execute(f"GRANT {tenant_role(service)} TO {login} WITH INHERIT TRUE, SET TRUE")
        await connection.execute(f"GRANT {worker_role(service)} TO {login} WITH INHERIT FALSE, SET TRUE")
    finally:
        await connection.close()


def run_environment() -> None:
    """The body of every service's `migrations/env.py`: run on the connection that `migrate` opened."""
    from alembic import context

    connection = context.config.attributes["connection"]
    context.configure(connection=connection, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


def do_not_wait_long() -> None:
    """Called first by every migration that alters a table that services may be using: it gives up instead."""
    op.execute(f"SET LOCAL lock_timeout = '{int(LOCK_TIMEOUT_S * 1000)}ms'")


def tenant_table(
    name: str,
    *,
    service: str,
    tenant: str = "",
    worker: str = "SELECT, INSERT, UPDATE, DELETE",
    environment: bool = True,
) -> None:
    """Put a table with a `tenant_id` (and `environment`) column behind row-level security, and grant what each role may.

    `tenant` and `worker` are lists of privileges; an empty string grants nothing. Called in the migration that makes it.
    """
    op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
    own = "tenant_id = current_setting('app.tenant_id', true)"
    if environment:
        own += " AND environment = current_setting('app.environment', true)"
    op.execute(
        f"CREATE POLICY tenant_sees_its_own ON {name} TO {tenant_role(service)} USING ({own}) WITH CHECK ({own})"
    )
    op.execute(f"CREATE POLICY worker_sees_all ON {name} TO {worker_role(service)} USING (true) WITH CHECK (true)")
    if tenant:
        op.execute(f"GRANT {tenant} ON {name} TO {tenant_role(service)}")
    if worker:
        op.execute(f"GRANT {worker} ON {name} TO {worker_role(service)}")


def partition_by_month(name: str, *, months_ahead: int = 3) -> None:
    """Make the first partitions of a table declared `PARTITION BY RANGE (created_at)`, and its default one.

    The default partition is a safety net for a maintenance loop that did not run; it should stay empty.
    """
    op.execute(f"CREATE TABLE {name}_default PARTITION OF {name} DEFAULT")
    op.execute(f"ALTER TABLE {name}_default ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {name}_default FORCE ROW LEVEL SECURITY")
    op.execute(f"SELECT onerouter_ensure_partitions('{name}', {months_ahead})")


def _create_role(role: str) -> str:
    # Roles belong to the cluster, not to the database, so another migrator may win the race.
    return (
        f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )


def _sqlalchemy_url(dsn: str) -> str:
    return dsn.replace("postgresql://", "postgresql+psycopg://", 1)
