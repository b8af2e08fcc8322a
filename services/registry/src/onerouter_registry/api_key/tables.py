"""API keys: never the key itself, only its keyed hash."""

from typing import Final

from sqlalchemy import ARRAY, Column, DateTime, ForeignKey, Integer, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from onerouter_registry.metadata import metadata

api_keys: Final = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Text, ForeignKey("tenants.id"), nullable=False),
    Column("environment", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("hash", Text, nullable=False, unique=True),
    Column("display_prefix", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("rate_limit_per_s", Integer, nullable=False),
    Column("rate_burst", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    Column("last_used_at", DateTime(timezone=True)),
    Column("ip_allow_list", ARRAY(Text), nullable=False),
    Column("quotas", JSONB, nullable=False),
    Column("created_by", Text),
    Column("replaced_by", Text),
    Column("family", Text, nullable=False),
)
