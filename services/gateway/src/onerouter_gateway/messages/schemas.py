"""What every message may say, and what every message shows."""

import re
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from onerouter_common.contracts.base import Environment
from onerouter_gateway.billing.schemas import IdempotencyKey, ProviderName
from onerouter_gateway.edge.moments import AnyMoment
from onerouter_gateway.payments.schemas import Pairs

MOST_RECIPIENTS: Final = 1_000
"""Of one bulk send."""
_VARIABLES_BYTES: Final = 65_536
_VARIABLE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_\-]{0,63}", re.ASCII)  # Twilio's templates number theirs
_TAG: Final = re.compile(r"[A-Za-z0-9_\-]{1,128}", re.ASCII)
_MOST_TAGS: Final = 10
_TEMPLATE_ID: Final = re.compile(r"[0-9A-Za-z_\-]{1,64}", re.ASCII)


class MessageRequest(BaseModel):
    """Base of request bodies about messages. Texts stay as they were written, blanks at their ends included."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def plain_json(value: Any) -> Any:
    """With numbers as JSON has them: a decimal that no float holds exactly stays as it was written, as text."""
    if isinstance(value, Decimal):
        return float(value) if Decimal(repr(float(value))) == value else str(value)
    if isinstance(value, dict):
        return {name: plain_json(item) for name, item in value.items()}
    return [plain_json(item) for item in value] if isinstance(value, list) else value


def _variables(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if any(_VARIABLE.fullmatch(name) is None for name in value):
        raise ValueError("must have names of letters, digits, _ and -, at most 64 characters")
    plain = plain_json(value)
    try:
        size = len(orjson.dumps(plain))
    except TypeError:  # an integer beyond 64 bits
        raise ValueError("must not hold numbers beyond 64 bits; send them as strings") from None
    if size > _VARIABLES_BYTES:
        raise ValueError(f"must have at most {_VARIABLES_BYTES} bytes")
    return plain


def _tag(value: str) -> str:
    if _TAG.fullmatch(value) is None:
        raise ValueError("must have 1 to 128 letters, digits, _ and -")
    return value


def _template_id(value: str) -> str:
    if _TEMPLATE_ID.fullmatch(value) is None:
        raise ValueError("must be the id of a template, such as tpl_01k9zq3v7m8e5t2r4w6y8a0c1d")
    return value


Variables = Annotated[dict[str, Any], BeforeValidator(_variables), WithJsonSchema({"type": "object"})]
Tags = Annotated[list[Annotated[str, AfterValidator(_tag)]], Field(max_length=_MOST_TAGS)]
TemplateId = Annotated[str, Field(examples=["tpl_01k9zq3v7m8e5t2r4w6y8a0c1d"]), AfterValidator(_template_id)]


class SuppressionOverride(MessageRequest):
    reason: Annotated[str, Field(min_length=3, max_length=255)] = Field(
        description="Why it is sent all the same; kept with the operation."
    )


class Sends(MessageRequest):
    """What can be said of every message."""

    template_id: TemplateId | None = Field(None, description="In place of the text: a published template.")
    template_version: int | None = Field(
        None, ge=1, le=1_000_000, description="Absent: the one that is published when the request comes."
    )
    variables: Variables = Field(default_factory=dict, description="What the template's names stand for.")
    provider: ProviderName | None = Field(None, description="Only this provider. Absent: your route decides.")
    providers: Annotated[list[ProviderName], Field(max_length=10)] = Field(
        default_factory=list, description="Only these, in this order, whatever your route prefers."
    )
    priority: Literal["transactional", "bulk"] | None = Field(
        None, description="`bulk` gives way to `transactional`. Absent: `bulk` for bulk sends, else `transactional`."
    )
    send_at: AnyMoment | None = Field(
        None, description="Send it then, up to 35 days ahead: ISO 8601 with an offset, or Unix seconds. Absent: now."
    )
    suppression_override: SuppressionOverride | None = Field(
        None, description="Send it although a recipient is on your suppression list."
    )
    metadata: Pairs = Field(default_factory=dict, description="Yours; kept with the message and in its events.")
    tags: Tags = Field(default_factory=list, description="Words to find messages by: lists take `tag`.")
    idempotency_key: IdempotencyKey | None = Field(None, description="The same as the `Idempotency-Key` header.")
    environment: Environment | None = Field(None, description="A live key may ask for `test`; never the other way.")


class BulkItem(MessageRequest):
    """What is said of one message of a bulk send, beside to whom."""

    variables: Variables = Field(default_factory=dict, description="Beside those of the whole.")
    metadata: Pairs = Field(default_factory=dict, description="Beside that of the whole.")


class MessageCancel(MessageRequest):
    """Nothing is needed: an empty body will do."""


class TemplateOfMessage(BaseModel):
    id: str
    version: int


class Engagement(BaseModel):
    count: int
    first_at: str


class MessageFailure(BaseModel):
    code: str
    message: str
    provider_code: str | None = Field(None, description="The provider's own word for it, where it has one.")


class MessageShown(BaseModel):
    """What SMS and emails have in common."""

    provider: str | None
    service: str | None = Field(description="The same as `provider`.")
    cost: float | None = Field(description="In major units of `currency`. Null: no price is known, or not yet.")
    currency: str | None
    cost_estimated: bool = Field(description="By a price list; the provider has not said itself.")
    provider_message_id: str | None
    provider_data: dict[str, Any] = Field(description="What the provider tells beside that.")
    error: MessageFailure | None = Field(description="Why it failed.")
    metadata: dict[str, str]
    tags: list[str]
    template: TemplateOfMessage | None
    batch_id: str | None
    priority: Literal["transactional", "bulk"]
    send_at: str | None
    sent_at: str | None
    delivered_at: str | None
    created_at: str = Field(examples=["2026-01-31T09:30:00.125Z"])
    created: int = Field(description="Unix seconds.")
    updated_at: str
    environment: Environment
    effect_guarantee: Literal["exactly_once", "at_most_once"] = Field(
        description="`exactly_once` where the provider lets a repeat be told, or a message be found; else `at_most_once`."
    )
    delivery_tracking: Literal["callbacks", "unavailable"] | None = Field(
        description="`callbacks`: the provider tells what becomes of it, and is asked where it does not. `unavailable`: "
        "nobody tells, and `sent` is the last word. Null until a provider has it, and for what came in."
    )
    version: int = Field(description="Grows with each change.")


class RejectedRecipient(BaseModel):
    index: int = Field(description="Its place in `recipients`, from 0.")
    to: str
    message: str = Field(examples=["to must be a phone number with its country code, such as +14155552671."])


class BatchMessage(BaseModel):
    index: int = Field(description="Its recipient's place in `recipients`, from 0.")
    id: str
    to: str
    status: str


class BatchCanceled(BaseModel):
    id: str = Field(examples=["bat_01k9zq3v7m8e5t2r4w6y8a0c1d"])
    object: Literal["sms_batch", "email_batch"]
    status: Literal["canceled"]
    canceling: int = Field(description="Messages that had not left; each is canceled by itself.")


class BatchShown(BaseModel):
    """Several messages that were asked for at once."""

    id: str = Field(examples=["bat_01k9zq3v7m8e5t2r4w6y8a0c1d"])
    status: Literal["processing", "completed", "canceled"]
    total: int
    counts: dict[str, int] = Field(description="Messages by status.", examples=[{"sent": 2, "delivered": 1}])
    rejected: list[RejectedRecipient] = Field(description="What could not be a message; the others went on.")
    messages: list[BatchMessage] | None = Field(
        None, description="What each recipient became; in the first answer only."
    )
    send_at: str | None
    canceled_at: str | None
    created_at: str
    created: int
    environment: Environment
