"""Payments as callers write and read them. Fields we do not know are ignored: older clients send more than we use."""

import re
from decimal import Decimal
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from onerouter_common.contracts.base import Environment
from onerouter_common.countries import COUNTRIES
from onerouter_gateway.edge.amounts import MajorAmount

_EMAIL: Final = re.compile(r"^[^@\s]+@[^@\s]+$")
_KEY_CHARACTERS: Final = 64
_VALUE_CHARACTERS: Final = 512
_MOST_PAIRS: Final = 50


class Page(BaseModel):
    """A part of a list."""

    has_more: bool
    next_cursor: str | None


class Listed(Page):
    """The same, and it says so."""

    object: Literal["list"]


class Request(BaseModel):
    """Base of request bodies."""

    model_config = ConfigDict(extra="ignore", frozen=True, str_strip_whitespace=True)


def _pairs(value: Any) -> Any:
    """Scalars become text, as every provider stores them; anything nested is refused."""
    if not isinstance(value, dict):
        return value
    if len(value) > _MOST_PAIRS:
        raise ValueError(f"must have at most {_MOST_PAIRS} entries")
    pairs = {str(name): _text(item) for name, item in value.items() if item is not None}
    if any(not name or len(name) > _KEY_CHARACTERS for name in pairs):
        raise ValueError(f"must have names of 1 to {_KEY_CHARACTERS} characters")
    if any(len(item) > _VALUE_CHARACTERS for item in pairs.values()):
        raise ValueError(f"must have values of at most {_VALUE_CHARACTERS} characters")
    return pairs


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | Decimal):
        return str(value)
    raise ValueError("must hold only strings, numbers and booleans")


def _http_url(value: str) -> str:
    try:
        parts = urlsplit(value)
    except ValueError:
        raise ValueError("must be a complete http(s) address") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be a complete http(s) address")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user name or password")
    return value


def _email(value: str) -> str:
    if _EMAIL.match(value) is None:
        raise ValueError("must be an email address")
    return value


def _country(value: str) -> str:
    code = value.upper()
    if code not in COUNTRIES:
        raise ValueError("must be an ISO 3166 country code such as IN")
    return code


def _country_or_none(value: Any) -> Any:
    """Older clients sent addresses of any form when nobody looked at them: they must not be refused now."""
    code = value.strip().upper() if isinstance(value, str) else None
    return code if code in COUNTRIES else None


def _object_or_none(value: Any) -> Any:
    return value if isinstance(value, dict | CustomerAddress) else None


def _lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


Pairs = Annotated[
    dict[str, str],
    BeforeValidator(_pairs),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": _MOST_PAIRS}),
]
HttpUrl = Annotated[str, Field(max_length=2048), AfterValidator(_http_url)]
Currency = Annotated[str, Field(max_length=16, description="ISO 4217 code.", examples=["INR", "JPY", "KWD"])]
ShortText = Annotated[str, Field(max_length=255)]
Email = Annotated[str, Field(max_length=254), AfterValidator(_email)]
Lower = BeforeValidator(_lower)
CountryCode = Annotated[str, Field(max_length=2), AfterValidator(_country)]


class CustomerAddress(Request):
    country: Annotated[str | None, BeforeValidator(_country_or_none)] = Field(
        None, description="ISO 3166 alpha-2; what is not one is ignored.", examples=["IN"]
    )


class CustomerDetails(Request):
    id: ShortText | None = None
    name: ShortText | None = None
    email: Email | None = None
    phone: Annotated[str, Field(max_length=32)] | None = None
    # Not part of the fingerprint: it was ignored before, and an old request sent again is still the same one.
    address: Annotated[CustomerAddress | None, BeforeValidator(_object_or_none)] = Field(
        None, exclude=True, description="Its country counts for routing where the payment names none."
    )


class PaymentCreate(Request):
    """A payment to be made."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "amount": 499.00,
                    "currency": "INR",
                    "method": "upi",
                    "receipt": "order-1042",
                    "customer": {"name": "Asha Rao", "email": "asha@example.com"},
                    "metadata": {"cart": "c-77"},
                }
            ]
        }
    )

    amount: MajorAmount
    currency: Currency | None = Field(None, description="Absent: the default of the key's connections.")
    method: Annotated[Literal["upi", "card", "netbanking", "wallet", "emi", "paylater"], Lower] | None = Field(
        None, description="Absent: the customer chooses at the provider's checkout."
    )
    provider: Annotated[str, Field(max_length=64), Lower] | None = Field(
        None, description="Only this provider may serve it. Absent: the route of the environment decides."
    )
    capture: Literal["automatic", "manual"] = Field(
        "automatic", description="`manual` only authorizes; capture or cancel it later."
    )
    receipt: Annotated[str, Field(max_length=40)] | None = Field(None, description="Your own number of the order.")
    description: Annotated[str, Field(max_length=2048)] | None = None
    notes: Pairs = Field(default_factory=dict, description="Shown at the provider.")
    metadata: Pairs = Field(default_factory=dict, description="Yours; kept with the payment and in its events.")
    customer: CustomerDetails | None = None
    return_url: HttpUrl | None = Field(None, description="Where the customer goes after paying.")
    cancel_url: HttpUrl | None = Field(None, description="Where the customer goes after giving up.")
    upi_app: ShortText | None = None
    emi_plan: ShortText | None = None
    card_network: ShortText | None = None
    wallet_provider: ShortText | None = None
    bank_code: ShortText | None = None
    save_card: bool = False
    country: CountryCode | None = Field(
        None,
        description="Of the customer, ISO 3166 alpha-2; for your routing rules. Absent: `customer.address.country`.",
        examples=["IN"],
    )
    channel: Annotated[str, Field(max_length=40)] | None = Field(
        None, description="Where the sale is made, in your own words; for your routing rules.", examples=["web", "pos"]
    )
    idempotency_key: Annotated[str, Field(max_length=255)] | None = Field(
        None, description="The same as the `Idempotency-Key` header, for clients that cannot set headers."
    )
    environment: Environment | None = Field(None, description="A live key may ask for `test`; never the other way.")


class PaymentCapture(Request):
    amount: MajorAmount | None = Field(None, description="Absent: all that is authorized.")


class PaymentCancel(Request):
    """Nothing is needed: an empty body will do."""


class PaymentFailure(BaseModel):
    code: str
    message: str


class Amount(BaseModel):
    amount: float = Field(description="Major units.")
    amount_minor: int
    currency: str


class AmountMismatch(BaseModel):
    expected: Amount
    received: Amount


class Cost(Amount):
    """What the provider keeps of a payment, taxes included where it says so."""

    estimated: bool = Field(description="By the provider's public price list; it has not said itself.")


class Dispute(BaseModel):
    """What a payer or a bank contests. Won: the money is yours; closed: it ended without a decision."""

    id: str = Field(examples=["dis_01k9zq3v7m8e5t2r4w6y8a0c1d"])
    object: Literal["dispute"]
    payment_id: str
    provider: str
    provider_dispute_id: str
    status: Literal["warning", "needs_response", "under_review", "won", "lost", "closed"]
    amount: float | None
    amount_minor: int | None
    currency: str | None
    reason: str | None = Field(description="In the provider's words.")
    due_by: str | None = Field(description="Until when the provider takes an answer.")
    created_at: str
    created: int
    updated_at: str
    environment: Environment
    version: int


class Payment(BaseModel):
    """A payment as it stands."""

    id: str = Field(examples=["pay_01k9zq3v7m8e5t2r4w6y8a0c1d"])
    transaction_id: str = Field(description="The same as `id`.")
    object: Literal["payment"]
    provider: str | None
    provider_order_id: str | None
    provider_payment_id: str | None
    amount: float = Field(description="Major units.", examples=[499.0])
    amount_minor: int = Field(examples=[49_900])
    amount_received: float | None = Field(
        description="What was really taken, in `currency`: 0 where it came in another. Null: nothing was taken yet.",
    )
    amount_received_minor: int | None
    amount_mismatch: AmountMismatch | None = Field(
        description="Set where something else was received than was asked for. Then the event is "
        "`payment.amount_mismatch`, in place of `payment.succeeded`.",
    )
    amount_refunded: float
    amount_refunded_minor: int
    currency: str = Field(examples=["INR"])
    status: Literal[
        "created",
        "requires_action",
        "processing",
        "authorized",
        "succeeded",
        "partially_refunded",
        "refunded",
        "failed",
        "canceled",
        "expired",
    ]
    checkout_url: str | None
    client_secret: str | None
    checkout: dict[str, Any] | None = Field(description="What the provider's own checkout script needs.")
    payment_method: str | None
    method_details: dict[str, str]
    capture: Literal["automatic", "manual"]
    receipt: str | None
    description: str | None
    notes: dict[str, str]
    metadata: dict[str, str]
    customer: dict[str, Any] | None
    failure: PaymentFailure | None
    subscription_id: str | None = Field(description="Of a subscription's charge.")
    disputes: list[Dispute] = Field(description="Answer them at the provider; each change is an event of its own.")
    cost: Cost | None = Field(description="Null: nothing was taken yet, or it is not known.")
    created_at: str = Field(examples=["2026-01-31T09:30:00.125Z"])
    created: int = Field(description="Unix seconds.")
    updated_at: str
    environment: Environment
    effect_guarantee: Literal["exactly_once", "at_most_once"]
    version: int = Field(description="Grows with each change.")


class PaymentList(Listed):
    data: list[Payment]
