"""One policy a tenant, environment and category. One that was removed stays as an empty one, so that versions go on."""

from typing import Final

from sqlalchemy import Column, DateTime, Integer, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from onerouter_registry.metadata import metadata

routing_policies: Final = Table(
    "routing_policies",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
    Column("category", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("policy", JSONB, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("updated_by", Text, nullable=False),
)
