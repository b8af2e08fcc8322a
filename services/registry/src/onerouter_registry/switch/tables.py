"""What is switched off. A row that is not there is on."""

from typing import Final

from sqlalchemy import Column, DateTime, Table, Text

from onerouter_registry.metadata import metadata

provider_switches: Final = Table(
    "provider_switches",
    metadata,
    Column("category", Text, primary_key=True),
    Column("provider", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("disabled_by", Text, nullable=False),
    Column("disabled_at", DateTime(timezone=True), nullable=False),
)
