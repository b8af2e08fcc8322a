"""The audit log and the end of each tenant's chain."""

from typing import Final

from sqlalchemy import BigInteger, Column, DateTime, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from onerouter_registry.metadata import metadata

audit_entries: Final = Table(
    "audit_entries",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("environment", Text),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("actor_name", Text),
    Column("action", Text, nullable=False),
    Column("target_kind", Text, nullable=False),
    Column("target_id", Text, nullable=False),
    Column("before", JSONB(none_as_null=True)),
    Column("after", JSONB(none_as_null=True)),
    Column("ip", Text),
    Column("user_agent", Text),
    Column("request_id", Text),
    Column("hash", Text, nullable=False),
)

audit_heads: Final = Table(
    "audit_heads",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)
