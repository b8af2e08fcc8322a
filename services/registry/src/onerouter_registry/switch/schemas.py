"""What operators send and see of switches."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from onerouter_common.contracts.base import Moment
from onerouter_registry.switch.model import WHOLE_CATEGORY, Switch, Switchable


class SwitchOff(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=500, examples=["The provider double-charges since 09:00 UTC."])


class DisabledView(BaseModel):
    reason: str
    by: str = Field(examples=["ops@example.com"])
    at: Moment

    @classmethod
    def of(cls, switch: Switch) -> Self:
        return cls(reason=switch.reason, by=switch.disabled_by, at=switch.disabled_at)


class SwitchableView(BaseModel):
    category: str = Field(examples=["payments"])
    provider: str | None = Field(description="null: the whole category.", examples=["razorpay"])
    display_name: str = Field(examples=["Razorpay"])
    enabled: bool = Field(description="Whether tenants can use it; a provider not where its category is off.")
    disabled: DisabledView | None = Field(description="Its own switch; null: it is on.")


class SwitchablesView(BaseModel):
    data: list[SwitchableView]

    @classmethod
    def of(cls, all_there_is: list[Switchable]) -> Self:
        categories_off = {one.category for one in all_there_is if one.provider == WHOLE_CATEGORY and one.switch}
        return cls(
            data=[
                SwitchableView(
                    category=one.category,
                    provider=None if one.provider == WHOLE_CATEGORY else one.provider,
                    display_name=one.display_name,
                    enabled=one.switch is None and one.category not in categories_off,
                    disabled=None if one.switch is None else DisabledView.of(one.switch),
                )
                for one in all_there_is
            ]
        )
