"""What makes the registry complete: people, roles, audit, routing rules, quotas, provider switches, callback tokens.

Rows of a tenant are bound by row-level security as in 0001. People and their sessions belong to no tenant: only the worker
role reaches them, so that whoever acts as a tenant never can. Entries of the audit log can be added, never changed: no
role may, and a trigger refuses even the owner.
"""

from alembic import op

from onerouter_common.db.engine import tenant_role, worker_role
from onerouter_common.db.migrate import do_not_wait_long, tenant_table

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SERVICE = "registry"
_TENANT = tenant_role(_SERVICE)
_WORKER = worker_role(_SERVICE)
_ENVIRONMENT = "text NOT NULL CHECK (environment IN ('test', 'live'))"


def upgrade() -> None:
    do_not_wait_long()
    _tenants()
    _provider_switches()
    _data_keys()
    _api_keys()
    _quota_usage()
    _connections()
    _callback_tokens()
    _routing_policies()
    _people()
    _memberships()
    _audit()
    _outbox()


def downgrade() -> None:
    raise NotImplementedError("what this migration stores (people, audit) cannot be expressed by the one before")


def _tenants() -> None:
    op.execute("""
        ALTER TABLE tenants
            ADD COLUMN status text NOT NULL DEFAULT 'active'
                CHECK (status IN ('active', 'suspended', 'deleting', 'deleted')),
            ADD COLUMN status_reason text, -- why it is suspended, kept while it is being deleted
            ADD COLUMN status_changed_at timestamptz,
            ADD COLUMN delete_after timestamptz,
            ADD COLUMN deletion_by text CHECK (deletion_by IN ('tenant', 'operator')),
            ADD COLUMN plan text NOT NULL DEFAULT 'unlimited',
            ADD COLUMN requests_per_minute integer CHECK (requests_per_minute > 0),
            ADD COLUMN updated_at timestamptz
    """)
    op.execute("CREATE INDEX tenants_to_delete ON tenants (delete_after) WHERE status = 'deleting'")
    op.execute("COMMENT ON COLUMN tenants.requests_per_minute IS 'Set by an operator in place of the plan''s'")
    op.execute(f"GRANT UPDATE ON tenants TO {_WORKER}")


def _provider_switches() -> None:
    op.execute("""
        CREATE TABLE provider_switches (
            category text NOT NULL,
            provider text NOT NULL, -- '*': the whole category
            reason text NOT NULL,
            disabled_by text NOT NULL,
            disabled_at timestamptz NOT NULL,
            PRIMARY KEY (category, provider)
        )
    """)
    # They are every tenant's, and of no tenant's making.
    op.execute("ALTER TABLE provider_switches ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE provider_switches FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenants_see_all ON provider_switches FOR SELECT TO {_TENANT} USING (true)")
    op.execute(f"CREATE POLICY worker_changes_all ON provider_switches TO {_WORKER} USING (true) WITH CHECK (true)")
    op.execute(f"GRANT SELECT ON provider_switches TO {_TENANT}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON provider_switches TO {_WORKER}")


def _data_keys() -> None:
    # Several generations live side by side while what they sealed is sealed anew; one of them seals.
    op.execute("ALTER TABLE data_keys DROP CONSTRAINT data_keys_tenant_id_environment_purpose_key")
    op.execute("ALTER TABLE data_keys ADD COLUMN retired_at timestamptz")
    op.execute(
        "CREATE UNIQUE INDEX data_keys_active ON data_keys (tenant_id, environment, purpose) WHERE retired_at IS NULL"
    )
    op.execute(f"GRANT INSERT, UPDATE, DELETE ON data_keys TO {_WORKER}")
    # One that does not open any more gives way when the tenant enters credentials again.
    op.execute(f"GRANT UPDATE (retired_at) ON data_keys TO {_TENANT}")


def _api_keys() -> None:
    op.execute("""
        ALTER TABLE api_keys
            ADD COLUMN ip_allow_list text[] NOT NULL DEFAULT '{}',
            ADD COLUMN quotas jsonb NOT NULL DEFAULT '{}',
            ADD COLUMN created_by text,
            ADD COLUMN replaced_by text,
            ADD COLUMN family text REFERENCES api_keys (id) -- the first of keys that were rotated into one another
    """)
    op.execute("ALTER TABLE api_keys NO FORCE ROW LEVEL SECURITY")  # else their owner would change nothing
    op.execute("UPDATE api_keys SET family = id")
    op.execute("ALTER TABLE api_keys FORCE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE api_keys ALTER COLUMN family SET NOT NULL")
    op.execute("CREATE INDEX api_keys_family ON api_keys (family)")
    op.execute("CREATE UNIQUE INDEX api_keys_newest ON api_keys (family) WHERE replaced_by IS NULL")
    op.execute(
        "GRANT UPDATE (name, scopes, rate_limit_per_s, rate_burst, expires_at, ip_allow_list, quotas, replaced_by) "
        f"ON api_keys TO {_TENANT}"
    )
    op.execute(f"GRANT UPDATE (revoked_at) ON api_keys TO {_WORKER}")


def _quota_usage() -> None:
    op.execute(f"""
        CREATE TABLE quota_usage (
            family text NOT NULL REFERENCES api_keys (id),
            tenant_id text NOT NULL,
            environment {_ENVIRONMENT},
            category text NOT NULL,
            month text NOT NULL CHECK (month ~ '^[0-9]{{4}}-[0-9]{{2}}$'),
            granted bigint NOT NULL CHECK (granted >= 0),
            PRIMARY KEY (family, category, month)
        )
    """)
    tenant_table("quota_usage", service=_SERVICE, tenant="SELECT", worker="SELECT, INSERT, UPDATE, DELETE")
    # What each gateway was answered last, to be answered so again.
    op.execute(f"""
        CREATE TABLE quota_answers (
            family text NOT NULL,
            tenant_id text NOT NULL,
            environment {_ENVIRONMENT},
            category text NOT NULL,
            month text NOT NULL,
            holder text NOT NULL,
            number bigint NOT NULL,
            granted bigint NOT NULL,
            quota bigint,
            remaining bigint NOT NULL,
            answered_at timestamptz NOT NULL,
            PRIMARY KEY (family, category, month, holder)
        )
    """)
    op.execute("CREATE INDEX quota_answers_by_age ON quota_answers (answered_at)")
    tenant_table("quota_answers", service=_SERVICE, worker="SELECT, INSERT, UPDATE, DELETE")


def _connections() -> None:
    op.execute("""
        ALTER TABLE connections
            ALTER COLUMN position DROP NOT NULL, -- none once it is disconnected
            ADD COLUMN disconnected_at timestamptz,
            ADD COLUMN forget_after timestamptz, -- when the credentials of a disconnected one are destroyed
            ADD COLUMN forgotten_at timestamptz, -- when they were
            -- Those that are there already are asked about one after the other in the course of a day.
            ADD COLUMN next_check_at timestamptz DEFAULT now() + random() * interval '1 day',
            ADD COLUMN told_refused boolean NOT NULL DEFAULT false, -- what the last event said of its credentials
            ADD COLUMN event_sequence integer NOT NULL DEFAULT 0,
            DROP CONSTRAINT connections_label_unique
    """)
    op.execute("ALTER TABLE connections ALTER COLUMN next_check_at DROP DEFAULT")
    op.execute(
        "CREATE UNIQUE INDEX connections_label_unique ON connections (tenant_id, environment, category, provider, label) "
        "WHERE disconnected_at IS NULL"
    )
    op.execute("CREATE INDEX connections_check ON connections (next_check_at) WHERE disconnected_at IS NULL")
    op.execute("CREATE INDEX connections_forget ON connections (forget_after) WHERE forget_after IS NOT NULL")
    op.execute(f"GRANT UPDATE, DELETE ON connections TO {_WORKER}")


def _callback_tokens() -> None:
    """A connection has one that is shown, and for a while those it had before."""
    op.execute(f"""
        CREATE TABLE callback_tokens (
            hash text PRIMARY KEY,
            connection_id text NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
            tenant_id text NOT NULL,
            environment {_ENVIRONMENT},
            provider text NOT NULL,
            sealed text NOT NULL,
            created_at timestamptz NOT NULL,
            expires_at timestamptz
        )
    """)
    op.execute("CREATE INDEX callback_tokens_of_connection ON callback_tokens (connection_id, created_at)")
    op.execute("CREATE INDEX callback_tokens_expiry ON callback_tokens (expires_at) WHERE expires_at IS NOT NULL")
    # Row-level security is forced on connections, so their owner would copy nothing.
    op.execute("ALTER TABLE connections NO FORCE ROW LEVEL SECURITY")
    op.execute("""
        INSERT INTO callback_tokens (hash, connection_id, tenant_id, environment, provider, sealed, created_at)
        SELECT callback_token_hash, id, tenant_id, environment, provider, callback_token, created_at FROM connections
    """)
    op.execute("ALTER TABLE connections FORCE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE connections DROP COLUMN callback_token_hash, DROP COLUMN callback_token")
    tenant_table(
        "callback_tokens",
        service=_SERVICE,
        tenant="SELECT, INSERT, UPDATE, DELETE",
        worker="SELECT, UPDATE, DELETE",
    )


def _routing_policies() -> None:
    op.execute(f"""
        CREATE TABLE routing_policies (
            tenant_id text NOT NULL REFERENCES tenants (id),
            environment {_ENVIRONMENT},
            category text NOT NULL,
            version integer NOT NULL,
            policy jsonb NOT NULL,
            updated_at timestamptz NOT NULL,
            updated_by text NOT NULL,
            PRIMARY KEY (tenant_id, environment, category)
        )
    """)
    tenant_table("routing_policies", service=_SERVICE, tenant="SELECT, INSERT, UPDATE, DELETE", worker="SELECT, DELETE")


def _people() -> None:
    op.execute("""
        CREATE TABLE users (
            id text PRIMARY KEY,
            email text NOT NULL UNIQUE, -- lower case, as the validator normalizes it
            name text NOT NULL,
            password_hash text,
            is_operator boolean NOT NULL DEFAULT false,
            disabled_at timestamptz,
            email_verified_at timestamptz, -- none: they only say that it is theirs
            totp_key text,       -- the user's own data key, wrapped
            totp_secret text,    -- sealed with it
            totp_enabled_at timestamptz,
            totp_last_step bigint,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL
        )
    """)
    op.execute("""
        CREATE TABLE identities (
            issuer text NOT NULL,
            subject text NOT NULL,
            id text NOT NULL UNIQUE,
            user_id text NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            created_at timestamptz NOT NULL,
            PRIMARY KEY (issuer, subject)
        )
    """)
    op.execute("""
        CREATE TABLE sessions (
            hash text PRIMARY KEY,
            id text NOT NULL UNIQUE,
            user_id text NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            tenant_id text REFERENCES tenants (id),
            pending_totp boolean NOT NULL DEFAULT false,
            method text NOT NULL,
            ip text NOT NULL,
            user_agent text NOT NULL,
            created_at timestamptz NOT NULL,
            authenticated_at timestamptz NOT NULL,
            last_seen_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL
        )
    """)
    op.execute("CREATE INDEX sessions_of_user ON sessions (user_id)")
    op.execute("CREATE INDEX sessions_expiry ON sessions (expires_at)")
    op.execute("""
        CREATE TABLE single_use_tokens (
            hash text PRIMARY KEY,
            purpose text NOT NULL CHECK (purpose IN ('password_reset', 'email_change')),
            user_id text NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            data jsonb NOT NULL DEFAULT '{}',
            created_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            used_at timestamptz
        )
    """)
    op.execute("CREATE INDEX single_use_tokens_of_user ON single_use_tokens (user_id, purpose)")
    op.execute("""
        CREATE TABLE recovery_codes (
            user_id text NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            hash text NOT NULL,
            used_at timestamptz,
            PRIMARY KEY (user_id, hash)
        )
    """)
    op.execute("""
        CREATE TABLE throttles (
            key text PRIMARY KEY, -- a keyed hash: no address is stored
            failures integer NOT NULL,
            blocked_until timestamptz NOT NULL,
            window_ends_at timestamptz NOT NULL
        )
    """)
    op.execute("""
        CREATE TABLE oidc_flows (
            state_hash text PRIMARY KEY,
            issuer_id text NOT NULL,
            nonce_hash text NOT NULL,
            code_verifier text NOT NULL, -- sealed for this flow with a key only the browser's cookie has
            return_to text NOT NULL,
            user_id text REFERENCES users (id) ON DELETE CASCADE, -- who links an identity to their account; none: a sign-in
            created_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL
        )
    """)
    op.execute("CREATE INDEX oidc_flows_expiry ON oidc_flows (expires_at)")
    op.execute("CREATE INDEX identities_of_user ON identities (user_id)")
    for table in ("users", "identities", "sessions", "single_use_tokens", "recovery_codes", "throttles", "oidc_flows"):
        # Behind row-level security, too, with no policy that admits a tenant: a grant given by mistake would show nothing.
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY worker_sees_all ON {table} TO {_WORKER} USING (true) WITH CHECK (true)")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {_WORKER}")


def _memberships() -> None:
    op.execute("""
        CREATE TABLE memberships (
            tenant_id text NOT NULL REFERENCES tenants (id),
            user_id text NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            role text NOT NULL CHECK (role IN ('owner', 'admin', 'developer', 'viewer')),
            created_at timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, user_id)
        )
    """)
    op.execute("CREATE INDEX memberships_of_user ON memberships (user_id)")
    op.execute("""
        CREATE TABLE invitations (
            id text PRIMARY KEY,
            tenant_id text NOT NULL REFERENCES tenants (id),
            email text NOT NULL,
            role text NOT NULL CHECK (role IN ('owner', 'admin', 'developer', 'viewer')),
            hash text NOT NULL UNIQUE,
            invited_by text NOT NULL,
            mailed boolean NOT NULL, -- only then does holding the token prove that the address is theirs
            created_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            accepted_at timestamptz,
            revoked_at timestamptz
        )
    """)
    op.execute("CREATE INDEX invitations_of_tenant ON invitations (tenant_id, created_at)")
    for table in ("memberships", "invitations"):
        tenant_table(
            table,
            service=_SERVICE,
            tenant="SELECT, INSERT, UPDATE, DELETE",
            worker="SELECT, INSERT, UPDATE, DELETE",
            environment=False,
        )


def _audit() -> None:
    """`tenant_id` may be `platform`: what operators change for all. So it references nothing."""
    op.execute("""
        CREATE TABLE audit_entries (
            tenant_id text NOT NULL,
            sequence bigint NOT NULL CHECK (sequence > 0),
            id text NOT NULL UNIQUE,
            environment text,
            at timestamptz NOT NULL,
            actor_kind text NOT NULL,
            actor_id text NOT NULL,
            actor_name text,
            action text NOT NULL,
            target_kind text NOT NULL,
            target_id text NOT NULL,
            before jsonb,
            after jsonb,
            ip text,
            user_agent text,
            request_id text,
            hash text NOT NULL,
            PRIMARY KEY (tenant_id, sequence)
        )
    """)
    op.execute("CREATE INDEX audit_entries_target ON audit_entries (tenant_id, target_id, sequence)")
    op.execute("""
        CREATE TABLE audit_heads (
            tenant_id text PRIMARY KEY,
            sequence bigint NOT NULL,
            hash text NOT NULL
        )
    """)
    tenant_table("audit_entries", service=_SERVICE, tenant="SELECT, INSERT", worker="SELECT, INSERT", environment=False)
    # An entry of no environment (a new member, another name) is seen from both.
    own = (
        "tenant_id = current_setting('app.tenant_id', true) "
        "AND (environment IS NULL OR environment = current_setting('app.environment', true))"
    )
    op.execute(f"ALTER POLICY tenant_sees_its_own ON audit_entries USING ({own}) WITH CHECK ({own})")
    tenant_table(
        "audit_heads",
        service=_SERVICE,
        tenant="SELECT, INSERT, UPDATE",
        worker="SELECT, INSERT, UPDATE",
        environment=False,
    )
    op.execute("""
        CREATE FUNCTION audit_entries_are_final() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'audit entries are never changed or removed'; END $$
    """)
    op.execute("""
        CREATE TRIGGER audit_entries_are_final BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
        FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_are_final()
    """)


def _outbox() -> None:
    op.execute("""
        ALTER TABLE outbox
            ADD COLUMN topic text NOT NULL DEFAULT 'registry.changes.v1',
            ADD COLUMN headers jsonb NOT NULL DEFAULT '{}',
            ADD COLUMN attempts integer NOT NULL DEFAULT 0,
            ADD COLUMN due_at timestamptz NOT NULL DEFAULT now(),
            ADD COLUMN parked_at timestamptz
    """)
    # Changes are found at once however many events wait, and an event's predecessor however many other keys do.
    op.execute("CREATE INDEX outbox_of_topic ON outbox (topic, id)")
    op.execute("CREATE INDEX outbox_of_key ON outbox (topic, key, id)")
