"""Connections with their sealed credentials and callback tokens."""

from typing import Final

from sqlalchemy import Boolean, Column, DateTime, Double, ForeignKey, Integer, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from onerouter_registry.metadata import metadata

connections: Final = Table(
    "connections",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Text, ForeignKey("tenants.id"), nullable=False),
    Column("environment", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("position", Integer),
    Column("enabled", Boolean, nullable=False),
    Column("currency", Text),
    Column("max_in_flight", Integer, nullable=False),
    Column("rate_per_s", Double),
    # Field -> value sealed with the credential keyring's data key: what the API client needs.
    Column("credentials", JSONB, nullable=False),
    # Field -> value sealed with the callback keyring's data key: what verifies callbacks.
    Column("callback_credentials", JSONB, nullable=False),
    # Field -> value of what is not sensitive.
    Column("public_credentials", JSONB, nullable=False),
    # Field -> what may be shown of a sensitive one.
    Column("masked_credentials", JSONB, nullable=False),
    Column("version", Integer, nullable=False),
    Column("verified_at", DateTime(timezone=True)),
    Column("verified_error", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("disconnected_at", DateTime(timezone=True)),
    Column("forget_after", DateTime(timezone=True)),
    Column("forgotten_at", DateTime(timezone=True)),
    Column("next_check_at", DateTime(timezone=True)),
    Column("told_refused", Boolean, nullable=False),
    Column("event_sequence", Integer, nullable=False),
)

callback_tokens: Final = Table(
    "callback_tokens",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("connection_id", Text, ForeignKey("connections.id", ondelete="CASCADE"), nullable=False),
    Column("tenant_id", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("provider", Text, nullable=False),
    # With the credential keyring's data key: the address is shown again, the service that is called needs only the hash.
    Column("sealed", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
)
