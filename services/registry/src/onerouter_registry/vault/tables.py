"""The wrapped data keys."""

from typing import Final

from sqlalchemy import Column, DateTime, ForeignKey, Table, Text

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
    # Seals nothing new since then; deleted when nothing is sealed with it any more.
    Column("retired_at", DateTime(timezone=True)),
)
