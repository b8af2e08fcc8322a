"""What a key can use, as callers read it."""

from typing import Literal

from pydantic import BaseModel, Field

from onerouter_common.contracts.base import Category, Environment
from onerouter_gateway.payments.schemas import Listed


class ServiceCapability(BaseModel):
    name: str = Field(examples=["payment.create"])
    guarantee: Literal["exactly_once", "at_most_once"] = Field(
        description="What is promised of its effect, also where an answer is lost."
    )


class ServiceConnection(BaseModel):
    id: str = Field(examples=["con_01k9zq3v7m8e5t2r4w6y8a0c1d"])
    label: str = Field(examples=["default"])
    currency: str | None = Field(examples=["INR"])
    bucket: str | None = Field(
        description="Of storage: where its objects are, `/v1/storage/{bucket}`.", examples=[None]
    )


class UsableService(BaseModel):
    """A provider that can be used now."""

    object: Literal["service"]
    category: Category
    environment: Environment
    provider: str = Field(examples=["razorpay"])
    display_name: str = Field(examples=["Razorpay"])
    scopes: list[str] = Field(
        description="What this key may do here.", examples=[["payments:read", "payments:write", "refunds:read"]]
    )
    connections: list[ServiceConnection] = Field(description="Your enabled accounts there, the first is tried first.")
    capabilities: list[ServiceCapability]
    unsupported: dict[str, str] = Field(
        description="Capability of the category that it lacks → what to do instead.",
        examples=[{"payment.cancel": "Let the order expire."}],
    )
    currencies: list[str] | None = Field(description="Null: the provider decides.", examples=[["INR", "USD"]])
    limits: dict[str, int] = Field(description="Of the provider's API.", examples=[{"notes_pairs": 15}])


class UsableServiceList(Listed):
    data: list[UsableService]
