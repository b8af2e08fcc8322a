"""The registry's tables: tenants, data keys, API keys, connections, outbox.

Which role may do what is part of the shape: a tenant's own management runs as the tenant role and may create and change
its keys and connections, never read the outbox, never touch another tenant's rows; internal lookups, key usage and the
relay run as the worker role.
"""

from alembic import op

from onerouter_common.db.engine import tenant_role, worker_role
from onerouter_common.db.migrate import tenant_table

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SERVICE = "registry"


def upgrade() -> None:
    _tenants()
    _data_keys()
    _api_keys()
    _connections()
    _outbox()


def downgrade() -> None:
    for table in ("outbox", "connections", "api_keys", "data_keys", "tenants"):
        op.execute(f"DROP TABLE {table}")


def _tenants() -> None:
    op.execute("CREATE TABLE tenants (id text PRIMARY KEY, name text NOT NULL, created_at timestamptz NOT NULL)")
    # The tenant is the row itself, so the policy of tenant_table (tenant_id, environment) does not fit.
    op.execute("ALTER TABLE tenants ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE tenants FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant_sees_itself ON tenants TO {tenant_role(_SERVICE)} "
        "USING (id = current_setting('app.tenant_id', true)) WITH CHECK (false)"
    )
    op.execute(f"CREATE POLICY worker_sees_all ON tenants TO {worker_role(_SERVICE)} USING (true) WITH CHECK (true)")
    op.execute(f"GRANT SELECT ON tenants TO {tenant_role(_SERVICE)}")
    op.execute(f"GRANT SELECT, INSERT ON tenants TO {worker_role(_SERVICE)}")


def _data_keys() -> None:
    op.execute("""
        CREATE TABLE data_keys (
            id text PRIMARY KEY,
            tenant_id text NOT NULL REFERENCES tenants (id),
            environment text NOT NULL CHECK (environment IN ('test', 'live')),
            purpose text NOT NULL CHECK (purpose IN ('credentials', 'callbacks')),
            wrapped text NOT NULL,
            created_at timestamptz NOT NULL,
            UNIQUE (tenant_id, environment, purpose)
        )
    """)
    tenant_table("data_keys", service=_SERVICE, tenant="SELECT, INSERT", worker="SELECT")


def _api_keys() -> None:
    op.execute("""
        CREATE TABLE api_keys (
            id text PRIMARY KEY,
            tenant_id text NOT NULL REFERENCES tenants (id),
            environment text NOT NULL CHECK (environment IN ('test', 'live')),
            name text NOT NULL,
            hash text NOT NULL UNIQUE,
            display_prefix text NOT NULL,
            scopes text[] NOT NULL,
            rate_limit_per_s integer NOT NULL CHECK (rate_limit_per_s > 0),
            rate_burst integer NOT NULL CHECK (rate_burst > 0),
            created_at timestamptz NOT NULL,
            expires_at timestamptz,
            revoked_at timestamptz,
            last_used_at timestamptz
        )
    """)
    op.execute("CREATE INDEX api_keys_of_tenant ON api_keys (tenant_id, environment, created_at)")
    tenant_table("api_keys", service=_SERVICE, tenant="SELECT, INSERT", worker="SELECT")
    # Whose a key is and what it hashes to never changes.
    op.execute(f"GRANT UPDATE (revoked_at) ON api_keys TO {tenant_role(_SERVICE)}")
    op.execute(f"GRANT UPDATE (last_used_at) ON api_keys TO {worker_role(_SERVICE)}")


def _connections() -> None:
    op.execute("""
        CREATE TABLE connections (
            id text PRIMARY KEY,
            tenant_id text NOT NULL REFERENCES tenants (id),
            environment text NOT NULL CHECK (environment IN ('test', 'live')),
            category text NOT NULL,
            provider text NOT NULL,
            label text NOT NULL,
            position integer NOT NULL,
            enabled boolean NOT NULL,
            currency text CHECK (currency ~ '^[A-Z]{3}$'),
            max_in_flight integer NOT NULL CHECK (max_in_flight > 0),
            credentials jsonb NOT NULL,
            callback_credentials jsonb NOT NULL,
            public_credentials jsonb NOT NULL,
            masked_credentials jsonb NOT NULL,
            callback_token_hash text NOT NULL UNIQUE,
            callback_token text NOT NULL,
            version integer NOT NULL,
            verified_at timestamptz,
            verified_error text,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            CONSTRAINT connections_label_unique UNIQUE (tenant_id, environment, category, provider, label),
            -- Checked at commit, so that a new order can be written row by row.
            CONSTRAINT connections_position_unique UNIQUE (tenant_id, environment, category, position)
                DEFERRABLE INITIALLY DEFERRED
        )
    """)
    tenant_table("connections", service=_SERVICE, tenant="SELECT, INSERT, UPDATE, DELETE", worker="SELECT")


def _outbox() -> None:
    op.execute("""
        CREATE TABLE outbox (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            tenant_id text NOT NULL,
            environment text,
            key text NOT NULL,
            value bytea NOT NULL,
            created_at timestamptz NOT NULL
        )
    """)
    tenant_table("outbox", service=_SERVICE, tenant="INSERT", worker="SELECT, INSERT, UPDATE, DELETE")
