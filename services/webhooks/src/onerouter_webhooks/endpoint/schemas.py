"""Bodies of the endpoint management API, as the gateway forwards them."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from onerouter_common.contracts.base import Moment
from onerouter_webhooks.endpoint.auth import Auth
from onerouter_webhooks.endpoint.headers import MOST as MOST_HEADERS
from onerouter_webhooks.endpoint.headers import why_wrong
from onerouter_webhooks.event.filter import check
from onerouter_webhooks.event.matching import is_channel, is_pattern

_WEEK_S: Final = 7 * 86_400

MetadataKey = Annotated[str, StringConstraints(min_length=1, max_length=40)]
MetadataValue = Annotated[str, StringConstraints(max_length=500)]
Wait = Annotated[int, Field(ge=1, le=_WEEK_S, strict=True)]


def _clean(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not contain NUL characters")
    return value


class _Wanted(BaseModel):
    """What an endpoint says of itself; null is the same as never said."""

    model_config = ConfigDict(extra="forbid")

    event_types: list[str] | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="`payment.succeeded`, `payment.*` for all below a name, `*` for all; absent: every event.",
    )
    channels: list[str] | None = Field(
        None,
        min_length=1,
        max_length=10,
        description="Only events of resources whose metadata names one of these as `channel`; absent: any or none.",
    )
    filter: dict[str, Any] | None = Field(None, description="Conditions on the event's body; absent: none.")
    description: str | None = Field(None, max_length=500)
    metadata: dict[MetadataKey, MetadataValue] | None = Field(None, max_length=50)
    headers: dict[str, SecretStr] | None = Field(
        None, max_length=MOST_HEADERS, description="Sent with each delivery. Their values are never shown."
    )
    auth: Auth | None = Field(None, description="How deliveries are authorized, beyond their signature.")
    timeout_s: float | None = Field(None, ge=1, le=30, allow_inf_nan=False, description="Of one attempt.")
    max_in_flight: int | None = Field(
        None, ge=1, le=100, strict=True, description="Requests at once from one of our senders; absent: 10."
    )
    retry_schedule_s: list[Wait] | None = Field(
        None, max_length=20, description="Waits before attempt 2, 3, …, at most 7 days in all; []: one attempt."
    )

    rate_per_s: float | None = Field(
        None, ge=0.1, le=1_000, allow_inf_nan=False, description="Most requests a second; absent: no bound."
    )
    ordering: Literal["none", "resource"] | None = Field(
        None,
        description="`resource`: of one resource the next event is sent when the one before was taken or given up.",
    )

    @field_validator("event_types")
    @classmethod
    def _are_patterns(cls, value: list[str] | None) -> list[str] | None:
        wrong = next((one for one in value or () if not is_pattern(one)), None)
        if wrong is not None:
            raise ValueError(f"'{_shown(wrong)}' is not an event type such as payment.succeeded, payment.* or *")
        return None if value is None else list(dict.fromkeys(value))

    @field_validator("channels")
    @classmethod
    def _are_channels(cls, value: list[str] | None) -> list[str] | None:
        wrong = next((one for one in value or () if not is_channel(one)), None)
        if wrong is not None:
            raise ValueError(f"'{_shown(wrong)}' is not a channel: 1 to 128 letters, digits, . _ : / -")
        return None if value is None else list(dict.fromkeys(value))

    @field_validator("filter", mode="before")
    @classmethod
    def _is_filter(cls, value: object) -> object:
        if value is not None:
            check(value)
        return value

    @field_validator("description")
    @classmethod
    def _text(cls, value: str | None) -> str | None:
        return None if value is None else _clean(value)

    @field_validator("metadata")
    @classmethod
    def _texts(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        return None if value is None else {_clean(key): _clean(text) for key, text in value.items()}

    @field_validator("headers")
    @classmethod
    def _may_be_set(cls, value: dict[str, SecretStr] | None) -> dict[str, SecretStr] | None:
        if value and (wrong := why_wrong({name: text.get_secret_value() for name, text in value.items()})):
            raise ValueError(wrong)
        return value or None

    @field_validator("retry_schedule_s")
    @classmethod
    def _ends(cls, value: list[int] | None) -> list[int] | None:
        if value is not None and sum(value) > _WEEK_S:
            raise ValueError("must end within 7 days (604800 s in all)")
        return value

    @model_validator(mode="after")
    def _authorized_once(self) -> Self:
        if self.auth is not None and any(name.lower() == "authorization" for name in self.headers or ()):
            raise ValueError("headers must not set authorization where auth does")
        return self


Url = Annotated[str, StringConstraints(min_length=1, max_length=2048), Field(description="Where deliveries go: https.")]


class CreateEndpoint(_Wanted):
    url: Url

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        return _clean(value)


class UpdateEndpoint(_Wanted):
    """What is absent stays as it is; what is null goes back to what it is without."""

    url: Url | None = None

    @field_validator("url")
    @classmethod
    def _address(cls, value: str | None) -> str:
        if value is None:
            raise ValueError("must not be null")
        return _clean(value)


class RotateSecret(BaseModel):
    model_config = ConfigDict(extra="forbid")

    expire_old_after_s: int = Field(
        86_400, ge=0, le=_WEEK_S, strict=True, description="Until then the secrets so far sign as well."
    )


class SendTest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    type: str | None = Field(None, max_length=100, description="Of which event the example is sent.")


class ShownAuth(BaseModel):
    """`auth` without what is secret."""

    type: Literal["basic", "bearer", "oauth2_client_credentials"]
    username: str | None = None
    token_url: str | None = None
    client_id: str | None = None
    scope: str | None = None
    audience: str | None = None
    client_authentication: str | None = None


class Endpoint(BaseModel):
    """A webhook endpoint as tenants see it."""

    id: str
    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    url: str
    event_types: list[str] | None
    channels: list[str] | None
    filter: dict[str, Any] | None
    description: str | None
    metadata: dict[str, str]
    header_names: list[str]
    auth: ShownAuth | None
    timeout_s: float | None
    max_in_flight: int | None
    retry_schedule_s: list[int] | None
    rate_per_s: float | None
    ordering: Annotated[Literal["none", "resource"], BeforeValidator(lambda value: value or "none")]
    public_key: str | None = Field(description="Verifies `v1a` signatures. Null: it is made by the next rotation.")
    status: Literal["enabled", "paused", "disabled"]
    disabled_reason: str | None
    environment: str
    created_at: Moment
    updated_at: Moment


class CreatedEndpoint(Endpoint):
    secret: str | None = Field(description="Verifies deliveries (Standard Webhooks). Shown only here.")
    note: str | None = Field(None, description="Why there is no secret.")


class RotatedSecret(BaseModel):
    """The new secret, shown only here."""

    id: str
    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    secret: str | None
    note: str | None = Field(None, description="Why there is no secret.")
    old_expire_at: Moment = Field(description="Those before sign until then, or until they were to end anyway.")
    live_secrets: int = Field(description="How many sign now, at most 10.")
    public_key: str


class SentTest(BaseModel):
    """What is on its way."""

    object: Literal["webhook_test"] = "webhook_test"
    endpoint_id: str
    event_id: str
    delivery_id: str
    type: str


class EndpointList(BaseModel):
    data: list[Endpoint]
    has_more: bool
    next_cursor: str | None


class DeletedEndpoint(BaseModel):
    id: str
    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    deleted: Literal[True] = True


def _shown(text: str) -> str:
    return text[:100].encode("utf-8", "replace").decode()
