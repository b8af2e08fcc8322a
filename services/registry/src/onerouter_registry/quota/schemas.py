"""What is asked and answered about quotas."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from onerouter_common.contracts.base import Category, Environment, Moment
from onerouter_registry.quota.model import LeaseRequest, Usage

_Count = Annotated[int, Field(ge=0, le=1_000_000_000)]


class LeaseBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    family: str = Field(pattern=r"^key_[0-9a-z]{26}$")
    category: Category
    month: str = Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")
    holder: str = Field(pattern=r"^[0-9a-z_-]{1,64}$")
    number: int = Field(ge=1, le=2**62)
    needed: _Count = 0
    wanted: _Count = 0
    returned: _Count = 0
    owed: _Count = 0

    def to_request(self) -> LeaseRequest:
        return LeaseRequest(**self.model_dump())


class CategoryUsage(BaseModel):
    category: str = Field(examples=["payments"])
    used: int = Field(
        description="Operations of this month. Includes what gateways hold in advance: at most a 64th of what was left.",
        examples=[1204],
    )
    quota: int | None = Field(description="Most operations of a month; null: unlimited.", examples=[10_000])
    remaining: int | None = Field(examples=[8796])


class ApiKeyUsage(BaseModel):
    """How a key's month stands, for the categories with a quota."""

    object: Literal["api_key_usage"] = "api_key_usage"
    api_key_id: str
    environment: Environment
    month: str = Field(description="Calendar month in UTC.", examples=["2026-11"])
    resets_at: Moment
    categories: list[CategoryUsage]

    @classmethod
    def of(cls, usage: Usage) -> "ApiKeyUsage":
        return cls(
            api_key_id=usage.api_key_id,
            environment=usage.environment,
            month=usage.month,
            resets_at=usage.resets_at,
            categories=[
                _category(category, usage.used.get(category, 0), usage.quotas.get(category))
                for category in sorted({*usage.quotas, *usage.used})
            ],
        )


def _category(category: str, used: int, quota: int | None) -> CategoryUsage:
    remaining = None if quota is None else max(0, quota - used)
    return CategoryUsage(category=category, used=used, quota=quota, remaining=remaining)
