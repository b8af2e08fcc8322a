"""The heart's tables, made inside each category service's first migration.

operation_ids      one row an operation, kept as long as it: what makes a repeat find the first
operations         partitioned by month: the command and its state; `due_at` is set while something is still to be done
attempts           partitioned by month: each wire call, before and after
outbox             what was decided and is not yet published
workers            which processes are alive
pending_callbacks  callbacks whose resource is not known yet
history            partitioned by month: callbacks that were applied, events that were published, what persons decided
operation_metadata partitioned by month: what finds an operation by its metadata (`tags`)
"""

from typing import Final

from alembic import op

from onerouter_common.db.indexes import Index
from onerouter_common.db.migrate import partition_by_month, tenant_table
from onerouter_common.worker.kinds import PROVIDER

_TABLES = """
CREATE TABLE operation_ids (
    operation_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    environment text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX operation_ids_age ON operation_ids USING brin (created_at);
CREATE SEQUENCE operations_sequence;
CREATE TABLE operations (
    id text NOT NULL,
    sequence bigint NOT NULL DEFAULT nextval('operations_sequence'),
    tenant_id text NOT NULL,
    environment text NOT NULL,
    category text NOT NULL,
    operation text NOT NULL,
    resource_id text NOT NULL,
    ordering_key text NOT NULL,
    payload jsonb NOT NULL,
    fingerprint text NOT NULL,
    made_by text NOT NULL,
    api_key_id text NOT NULL,
    traceparent text,
    reply_partitions int[] NOT NULL DEFAULT '{}',
    accepted_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    not_before timestamptz,
    state text NOT NULL CHECK (state IN
        ('scheduled', 'accepted', 'executing', 'retrying', 'unknown', 'succeeded', 'failed', 'canceled')),
    due_at timestamptz,
    owner text,
    generation int NOT NULL DEFAULT 0,
    attempts int NOT NULL DEFAULT 0,
    failures int NOT NULL DEFAULT 0,
    open_attempt_at timestamptz,
    connection_id text,
    provider text,
    effect_guarantee text,
    status int,
    result jsonb,
    problem jsonb,
    provider_ms double precision NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    PRIMARY KEY (id, created_at),
    CHECK ((due_at IS NULL) = (state IN ('succeeded', 'failed', 'canceled')))
) PARTITION BY RANGE (created_at);
CREATE INDEX operations_due ON operations (tenant_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX operations_order ON operations (ordering_key, sequence) WHERE due_at IS NOT NULL;
CREATE INDEX operations_owner ON operations (owner) WHERE state = 'executing';
CREATE INDEX operations_list ON operations (tenant_id, environment, created_at DESC, id);
CREATE INDEX operations_resource ON operations (resource_id);
CREATE TABLE attempts (
    id text NOT NULL,
    operation_id text NOT NULL,
    tenant_id text NOT NULL,
    environment text NOT NULL,
    number int NOT NULL,
    kind text NOT NULL CHECK (kind IN ('call', 'repeat', 'lookup')),
    connection_id text NOT NULL,
    provider text NOT NULL,
    capability text NOT NULL,
    provider_key text NOT NULL,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    duration_ms double precision,
    outcome text,
    reason text,
    provider_code text,
    provider_request_id text,
    http_status int,
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX attempts_operation ON attempts (operation_id, created_at);
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id text NOT NULL,
    environment text NOT NULL,
    topic text NOT NULL,
    key text NOT NULL,
    value bytea NOT NULL,
    headers jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE TABLE workers (
    id text PRIMARY KEY,
    host text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE TABLE pending_callbacks (
    callback_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    environment text NOT NULL,
    record jsonb NOT NULL,
    failures int NOT NULL DEFAULT 0,
    received_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz NOT NULL
);
CREATE INDEX pending_callbacks_due ON pending_callbacks (due_at);
"""


def create_worker_tables(service: str) -> None:
    """Called by the migration that makes a category service's database.

    What was added since has a function of its own below: a service calls each once, in this order, in whichever of its
    migrations comes next.
    """
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
    tenant_table("operation_ids", service=service)
    tenant_table("operations", service=service, tenant="SELECT")
    tenant_table("attempts", service=service, tenant="SELECT")
    tenant_table("outbox", service=service)
    tenant_table("pending_callbacks", service=service)
    partition_by_month("operations")
    partition_by_month("attempts")
    worker = f"onerouter_{service}_worker"
    op.execute(f"GRANT USAGE ON SEQUENCE operations_sequence TO {worker}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON workers TO {worker}")


def add_routing_decision() -> None:
    """What was decided about where an operation goes, and why (`routing.decision.Decision.to_json`)."""
    op.execute("ALTER TABLE operations ADD COLUMN routing jsonb")


_HISTORY = (
    """
CREATE TABLE history (
    id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('callback', 'event', 'resolution')),
    tenant_id text NOT NULL,
    environment text NOT NULL,
    ordering_key text NOT NULL,
    resource_ids text[] NOT NULL,
    operation_id text,
    data jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at)
""",
    "CREATE INDEX history_of_resource ON history (ordering_key, created_at, id)",
)


def add_history(service: str) -> None:
    """What timelines are made of, and what finds the operations that wait for a person."""
    for statement in _HISTORY:
        op.execute(statement)
    # Nothing is changed or taken away: old months are dropped as a whole.
    tenant_table("history", service=service, tenant="SELECT", worker="SELECT, INSERT")
    partition_by_month("history")
    op.execute("CREATE INDEX operations_unknown ON operations (created_at, id) WHERE state = 'unknown'")


def add_stuck_alarm() -> None:
    """When it was told that an operation has not ended in time (`alarm`), and the index by which those are found.

    Few rows are in it at any time: an operation that goes well never waits.
    """
    op.execute("ALTER TABLE operations ADD COLUMN stuck_at timestamptz")
    op.execute(
        "CREATE INDEX operations_waiting ON operations (created_at) "
        "WHERE due_at IS NOT NULL AND stuck_at IS NULL AND state IN ('retrying', 'unknown')"
    )


def add_priority() -> None:
    """How urgent an operation is, and since when it has had a turn at a connection that is in use as fast as it may be.

    What is due is looked for by priority: each of them is one range of the index, so that what is due later, however much,
    is never passed by.
    """
    op.execute("ALTER TABLE operations ADD COLUMN priority smallint NOT NULL DEFAULT 0 CHECK (priority IN (0, 1))")
    op.execute("ALTER TABLE operations ADD COLUMN turn_at timestamptz")
    op.execute("DROP INDEX operations_due")
    op.execute("CREATE INDEX operations_due ON operations (tenant_id, priority, due_at) WHERE due_at IS NOT NULL")


def add_metadata_search(service: str) -> None:
    """What finds operations by their metadata. Those that are there already are found by everything else."""
    op.execute(
        "CREATE TABLE operation_metadata (tenant_id text NOT NULL, environment text NOT NULL, tag bytea NOT NULL, "
        "created_at timestamptz NOT NULL, operation_id text NOT NULL) PARTITION BY RANGE (created_at)"
    )
    op.execute(
        "CREATE INDEX operation_metadata_list ON operation_metadata "
        "(tenant_id, environment, tag, created_at DESC, operation_id DESC)"
    )
    tenant_table("operation_metadata", service=service, tenant="SELECT", worker="SELECT, INSERT")
    partition_by_month("operation_metadata")


INDEXES: Final = (
    # The transaction log asks by any of these. Few of their combinations exist, so each is looked at by itself and none is
    # read past. There is no index by time alone beside it: who plans without good statistics would take that one, and read
    # everything for what is rare. INCLUDE, as an expression is in no index-only scan unless its column is there too.
    Index(
        "operations_kinds",
        "operations",
        f"(tenant_id, environment, category, state, operation, ({PROVIDER.format(of='')}), created_at DESC, id DESC) "
        "INCLUDE (provider)",
        replaces="operations_list",
    ),
)
"""Of tables that are large by then: every category service names them in its migrations' package as `INDEXES`."""
