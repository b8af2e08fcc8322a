"""The suppression list as callers write and read it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from onerouter_common.contracts.base import Environment
from onerouter_gateway.messages.schemas import MessageRequest
from onerouter_gateway.payments.schemas import Listed

Reason = Literal["bounce", "complaint", "unsubscribe", "stop", "manual"]


class SuppressionCreate(MessageRequest):
    """Nothing is sent to the address any more, by any provider."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"channel": "email", "address": "ada@example.com", "note": "asked by phone"}]}
    )

    channel: Literal["sms", "email"]
    address: Annotated[str, Field(min_length=1, max_length=320)] = Field(
        description="An email address, or a number with its country code."
    )
    reason: Reason = "manual"
    note: Annotated[str, Field(max_length=500)] | None = None
    environment: Environment | None = Field(None, description="A live key may ask for `test`; never the other way.")


class Suppression(BaseModel):
    id: str = Field(examples=["sup_01k9zq3v7m8e5t2r4w6y8a0c1d"])
    object: Literal["suppression"]
    channel: Literal["sms", "email"]
    address: str
    reason: Reason
    source: str = Field(
        description="Who put it there: `api`, or the provider whose callback told it.", examples=["api", "sendgrid"]
    )
    note: str | None
    message_id: str | None = Field(description="The message whose bounce, complaint or answer put it there.")
    created_at: str


class SuppressionList(Listed):
    data: list[Suppression]


class DeletedSuppression(Suppression):
    deleted: Literal[True]


class SuppressionChange(BaseModel):
    """Something that was done about an address."""

    action: str = Field(examples=["added", "removed"])
    reason: str | None
    by_whom: str | None
    note: str | None
    message_id: str | None
    at: str


class SuppressionCheck(BaseModel):
    address: str = Field(description="As it is compared: a number in E.164, an email address in lower case.")
    channel: Literal["sms", "email"]
    suppressed: bool
    suppression: Suppression | None = Field(None, description="The newest.")
    suppressions: list[Suppression] = Field(description="One a reason.")
    history: list[SuppressionChange] = Field(description="What was done about it, newest first; the last hundred.")
