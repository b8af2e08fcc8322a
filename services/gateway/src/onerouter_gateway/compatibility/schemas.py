"""Payments as `/api/v1` has always written and read them: amounts in integer minor units, status words of its own."""

from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, RootModel

from onerouter_gateway.payments.schemas import Pairs, PaymentCreate, Request, ShortText

DATA: Final = ("data", "params")
"""What an action's own fields are sent in; the first that is there counts."""

OldStatus = Literal["pending", "processing", "completed", "failed", "refunded"]


def _whole(value: Any) -> Any:
    """JSON numbers come as int or Decimal: 49900 and 49900.0 are the same, 499.5 is not a minor unit."""
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be an integer in minor units: 49900 is 499.00")  # noqa: TRY004 - pydantic's protocol
    return value


MinorAmount = Annotated[
    int,
    BeforeValidator(_whole),
    Field(gt=0, le=10**15, description="In minor units: 49900 is 499.00.", examples=[49_900]),
]


class OldPaymentCreate(PaymentCreate):
    """As of `POST /v1/payments`, but for the amount."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": 49_900, "currency": "INR"}]})

    amount: MinorAmount  # type: ignore[assignment]


class OldPaymentCapture(Request):
    amount: MinorAmount | None = Field(None, description="Absent: all that is authorized.")


class OldRefundCreate(Request):
    amount: MinorAmount | None = Field(None, description="Absent: all that is left.")
    reason: Annotated[str, Field(max_length=255)] | None = None
    speed: Literal["normal", "optimum"] = "normal"
    notes: Pairs = Field(default_factory=dict)
    idempotency_key: ShortText | None = None


class ServiceRequest(Request):
    """`{action, data}`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"action": "create", "data": {"amount": 49_900, "currency": "INR"}}]}
    )

    action: Annotated[str, Field(max_length=64)]
    data: dict[str, Any] = Field(default_factory=dict, validation_alias=AliasChoices(*DATA))


class OldPayment(BaseModel):
    id: str
    provider: str | None
    provider_transaction_id: str | None
    amount: int = Field(description="Minor units.")
    currency: str
    status: OldStatus
    checkout_url: str | None
    metadata: dict[str, str]
    provider_metadata: dict[str, Any]
    created_at: str
    environment: str
    trace_id: str


class OldRefund(BaseModel):
    id: str
    refund_id: str
    payment_id: str
    provider: str | None
    provider_refund_id: str | None
    amount: int = Field(description="Minor units.")
    currency: str
    status: OldStatus
    created_at: str
    trace_id: str


class OldPaymentList(BaseModel):
    payments: list[OldPayment]
    data: list[OldPayment] = Field(description="The same.")
    total: int = Field(description="How many there are, counted to 10,000.")
    limit: int
    offset: int
    has_more: bool
    trace_id: str


class OldPaymentStatus(BaseModel):
    id: str
    status: OldStatus
    trace_id: str


class OldAccepted(BaseModel):
    """The body of a 202: what was asked for is stored and being worked on."""

    id: str
    status: Literal["processing"]
    operation_id: str
    effect: Literal["none", "unknown"]
    detail: str
    trace_id: str


class ActionAnswer(RootModel[OldPayment | OldRefund | OldPaymentList | OldPaymentStatus]):
    """As the action has it."""
