"""What the management API takes and shows of connections."""

from typing import Annotated, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator

from onerouter_common.contracts.base import Category, Environment, Moment
from onerouter_registry.connection.callback_token.service import OVERLAP, OVERLAP_MOST
from onerouter_registry.connection.model import ConnectionChanges
from onerouter_registry.connection.rules import LEAST_PER_S, MOST_CONNECTIONS, MOST_IN_FLIGHT, MOST_PER_S

_EXAMPLE = {"key_id": "rzp_test_1DP5mmOlF5G5ag", "key_secret": "…", "webhook_secret": "…"}
_FIELD = r"^[A-Za-z0-9_]{1,60}$"

Label = Annotated[str, Field(min_length=1, max_length=100, description="To tell two accounts at one provider apart.")]
Currency = Annotated[
    str,
    StringConstraints(pattern="^[A-Za-z]{3}$"),
    Field(description="Used where a request names none; ISO 4217.", examples=["INR"]),
]
InFlight = Annotated[
    int, Field(strict=True, ge=1, le=MOST_IN_FLIGHT, description="Most calls to the provider at once.")
]
RatePerS = Annotated[
    float,
    Field(
        strict=True,
        ge=LEAST_PER_S,
        le=MOST_PER_S,
        allow_inf_nan=False,
        description="Most messages in any second, as your account at the provider allows; more wait for their turn. null: "
        "the provider's usual figure, `limits.messages_per_s` in the catalogue. Where that has `recipients_per_s`, each "
        "recipient of a message counts.",
    ),
]
Priority = Annotated[
    int,
    Field(strict=True, ge=1, le=1_000_000, description="Its place in the route: 1 is tried first. Past the end: last."),
]
Credentials = Annotated[
    dict[Annotated[str, StringConstraints(pattern=_FIELD)], Annotated[SecretStr, Field(max_length=8_192)]],
    Field(max_length=50, description="By the field's key, as the catalogue lists them.", examples=[_EXAMPLE]),
]
Verify = Annotated[
    bool, Field(description="Ask the provider first, and store nothing it refuses. false: store without asking.")
]


_MAY_BE_NONE = frozenset({"currency", "rate_per_s"})


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class _WithCredentials(_Body):
    @model_validator(mode="after")
    def _are_texts(self) -> Self:
        given: dict[str, SecretStr] | None = getattr(self, "credentials", None)
        # PostgreSQL has no text with NUL, and half a surrogate pair is no text at all. Line breaks are in PEM keys.
        for key, value in (given or {}).items():
            if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value.get_secret_value()):
                raise ValueError(f"credentials.{key} holds characters that no credential has")
        return self


class Connect(_WithCredentials):
    credentials: Credentials
    label: Label = "default"
    currency: Currency | None = None
    max_in_flight: InFlight = 64
    rate_per_s: RatePerS | None = None
    enabled: bool = Field(True, description="false: it takes no operation until it is enabled.")
    priority: Priority | None = Field(None, description="Its place in the route: 1 is tried first; absent: last.")
    verify: Verify = True


class ConnectionPatch(_WithCredentials):
    """What is absent stays. Given credentials replace theirs, the others stay; an empty one removes an optional field."""

    enabled: bool | None = Field(None, description="A disabled one takes nothing new; what it took still reaches it.")
    label: Label | None = None
    priority: Priority | None = None
    currency: Currency | None = Field(None, description="null: none of its own.")
    max_in_flight: InFlight | None = None
    rate_per_s: RatePerS | None = None
    credentials: Credentials | None = None
    verify: Verify = True

    @model_validator(mode="after")
    def _null_is_for_what_may_be_none(self) -> Self:
        wrong = [name for name in self.model_fields_set - _MAY_BE_NONE if getattr(self, name) is None]
        if wrong:
            raise ValueError(f"{sorted(wrong)[0]} must not be null; leave it out to keep what it is")
        return self

    def changes(self) -> ConnectionChanges:
        named = self.model_fields_set - {"credentials", "verify"}
        return cast("ConnectionChanges", {name: getattr(self, name) for name in named})


class Rotation(_Body):
    overlap_s: int = Field(
        int(OVERLAP.total_seconds()),
        strict=True,
        ge=0,
        le=int(OVERLAP_MOST.total_seconds()),
        description="How long earlier addresses still work, in seconds; 0: they end now.",
    )


class ConnectionView(BaseModel):
    id: str = Field(examples=["con_01k9zq3v9yf7w8r2m4t6x8z0bc"])
    object: Literal["connection"] = "connection"
    service: Category
    provider: str = Field(examples=["razorpay"])
    display_name: str = Field(examples=["Razorpay"])
    label: str
    environment: Environment
    status: Literal["enabled", "disabled", "disconnected"]
    unavailable_reason: str | None = Field(description="Why the operator of this installation keeps it switched off.")
    priority: int | None = Field(description="Its place in the route of its service, 1 first; null: disconnected.")
    currency: str | None
    max_in_flight: int
    rate_per_s: float | None = Field(description="Most messages in any second; null: the provider's usual figure.")
    credentials: dict[str, str] = Field(description="Secret ones masked: they are never shown again.")
    verification: Literal["unverified", "accepted", "refused"] = Field(
        description="What the provider last said of them."
    )
    last_verified_at: Moment | None = Field(description="When it last accepted them.")
    verified_error: str | None = Field(description="Why it refused, the last time it was asked.")
    callback_url: str | None = Field(description="To enter at the provider; null: it never calls back.")
    earlier_callback_urls_until: Moment | None = Field(description="How long addresses before this one still work.")
    capabilities: list[str] = Field(examples=[["payment.create", "refund.create"]])
    created_at: Moment
    updated_at: Moment
    disconnected_at: Moment | None
    credentials_kept_until: Moment | None = Field(description="Until then what it took can be refunded.")
    credentials_destroyed_at: Moment | None


class TestedConnection(ConnectionView):
    accepted: bool = Field(description="What the provider said just now; `verified_error` says why not.")


class ConnectionPage(BaseModel):
    data: list[ConnectionView]
    has_more: bool
    next_cursor: str | None


class AvailableProvider(BaseModel):
    provider: str
    display_name: str
    unavailable_reason: str | None


class ServiceView(BaseModel):
    service: Category
    display_name: str = Field(examples=["Payments"])
    unavailable_reason: str | None
    connections: list[ConnectionView] = Field(
        description=f"In the order they are tried, at most {MOST_CONNECTIONS}; disconnected ones, when included, last."
    )
    not_connected: list[AvailableProvider] = Field(description="What can be connected besides.")


class ServiceList(BaseModel):
    environment: Environment
    data: list[ServiceView]
    has_more: bool = Field(description="Of disconnected ones, when included; each provider's own list has them all.")
    next_cursor: None = None
