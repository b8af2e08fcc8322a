"""SMS as callers write and read them."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, ConfigDict, Field

from onerouter_gateway.edge.described import Described
from onerouter_gateway.messages.schemas import (
    MOST_RECIPIENTS,
    BatchShown,
    BulkItem,
    Engagement,
    MessageShown,
    Sends,
)
from onerouter_gateway.payments.schemas import Listed


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value


SmsText = Annotated[str, Field(min_length=1, max_length=1_600), AfterValidator(_not_blank)]
Number = Annotated[str, Field(max_length=64)]


class _SmsContent(Sends):
    body: SmsText | None = Field(
        None, description="1 to 1,600 characters. What one SMS does not hold is sent, and charged, as several segments."
    )
    from_number: Number | None = Field(
        None,
        validation_alias=AliasChoices("from_number", "from"),
        description="A number, short code, sender name or messaging service. Absent: the connection's own.",
    )
    provider_template: Annotated[str, Field(min_length=1, max_length=255)] | None = Field(
        None,
        description="In place of the body: the SID of a Content template at Twilio, with `provider`; `variables` are its.",
        examples=["HX0123456789abcdef0123456789abcdef"],
    )


class SmsSend(_SmsContent):
    """A text message to one number."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"to": "+14155552671", "body": "Your code is 481-223.", "metadata": {"user": "u-77"}},
                {
                    "to": "+919876543210",
                    "template_id": "tpl_01k9zq3v7m8e5t2r4w6y8a0c1d",
                    "variables": {"name": "Asha"},
                    "send_at": "2026-01-31T09:30:00Z",
                },
            ]
        }
    )

    to: Number = Field(
        description="With its country code (E.164), or as it is dialled in the account's default region.",
        examples=["+14155552671"],
    )


class SmsBulkItem(BulkItem):
    """One message of a bulk send."""

    to: Number
    body: SmsText | None = Field(None, description="Absent: that of the whole.")


class SmsBulk(_SmsContent):
    """One text, or one template, to many numbers; each is a message of its own, and one that is wrong stops no other."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "template_id": "tpl_01k9zq3v7m8e5t2r4w6y8a0c1d",
                    "recipients": [
                        {"to": "+14155552671", "variables": {"name": "Ada"}},
                        {"to": "+919876543210", "variables": {"name": "Asha"}},
                    ],
                }
            ]
        }
    )

    recipients: Annotated[
        list[Annotated[Any, Described(SmsBulkItem)]], Field(min_length=1, max_length=MOST_RECIPIENTS)
    ] = Field(description="Each is a message of its own.")


class Sms(MessageShown):
    """A text message as it stands."""

    id: str = Field(examples=["sms_01k9zq3v7m8e5t2r4w6y8a0c1d"])
    message_id: str = Field(description="The same as `id`.")
    object: Literal["sms"]
    direction: Literal["outbound", "inbound"]
    status: Literal["scheduled", "queued", "sent", "delivered", "undelivered", "failed", "canceled", "received"]
    to: str
    sender: str | None = Field(alias="from")
    body: str | None = Field(description="Of a template: known once it is sent.")
    segments: int | None
    encoding: Literal["GSM-7", "UCS-2"] | None
    country: str | None = Field(description="Of the number, ISO 3166 alpha-2.")
    read: Engagement | None


class SmsList(Listed):
    data: list[Sms]


class SmsBatch(BatchShown):
    object: Literal["sms_batch"]
