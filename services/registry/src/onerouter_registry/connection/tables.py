"""Connections with their sealed credentials, and the wrapped data keys these are sealed with."""

from typing import Final

from sqlalchemy import Boolean, Column, DateTime, ForeignKey, Integer, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from onerouter_registry.metadata import metadata

data_keys: Final = Table(
    "data_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Text, ForeignKey("tenants.id"), nullable=False),
    Column("environment", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("wrapped", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("retired_at", DateTime(timezone=True)),
)

connections: Final = Table(
    "connections",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Text, ForeignKey("tenants.id"), nullable=False),
    Column("environment", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("currency", Text),
    Column("max_in_flight", Integer, nullable=False),
    # Field -> value sealed with the credential keyring's data key: what the API client needs.
    Column("credentials", JSONB, nullable=False),
    # Field -> value sealed with the callback keyring's data key: what verifies callbacks.
    Column("callback_credentials", JSONB, nullable=False),
    # Field -> value of what is not sensitive.
    Column("public_credentials", JSONB, nullable=False),
    # Field -> what may be shown of a sensitive one.
    Column("masked_credentials", JSONB, nullable=False),
    Column("callback_token_hash", Text, nullable=False, unique=True),
    Column("callback_token", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("verified_at", DateTime(timezone=True)),
    Column("verified_error", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)
