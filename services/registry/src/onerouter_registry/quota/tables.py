"""How much of each quota has been handed out."""

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Table, Text

from onerouter_registry.metadata import metadata

quota_usage: Final = Table(
    "quota_usage",
    metadata,
    Column("family", Text, ForeignKey("api_keys.id"), primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("category", Text, primary_key=True),
    Column("month", Text, primary_key=True),
    Column("granted", BigInteger, nullable=False),
)
