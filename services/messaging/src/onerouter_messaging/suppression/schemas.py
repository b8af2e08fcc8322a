"""What the gateway may ask of suppression lists."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Channel = Literal["sms", "email"]
Reason = Literal["bounce", "complaint", "unsubscribe", "stop", "manual"]


class AddSuppression(BaseModel):
    """POST /internal/suppressions/{channel}: answers the suppression, also when the address was on the list already."""

    model_config = ConfigDict(extra="forbid")

    address: str = Field(min_length=1, max_length=320)
    """As written by the caller: it is normalized here; a number needs its country code."""
    reason: Reason = "manual"
    note: str | None = Field(None, max_length=500)
    by: str = Field("system", max_length=64)
    """The API key it was asked with."""


class RemoveSuppression(BaseModel):
    """The query of DELETE /internal/suppressions/{channel}/{id}: answers the suppression that was removed."""

    by: str = Field("system", max_length=64)
    note: str | None = Field(None, max_length=500)


class ShownSuppression(BaseModel):
    """Lists are `{data, has_more, next_cursor}` of these. GET …/check?address= is
    `{address, suppressed, suppression|null, suppressions, history}`."""

    id: str
    object: Literal["suppression"] = "suppression"
    channel: Channel
    address: str
    reason: Reason
    source: str
    """`api`, or the provider that told."""
    note: str | None
    message_id: str | None
    """Whose callback put it there."""
    created_at: str
