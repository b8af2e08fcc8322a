"""What `/api/v1` takes and shows: amounts in integer minor units, status words of its own, `trace_id` on each answer."""

from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, RootModel

from onerouter_common.contracts.base import Environment
from onerouter_gateway.billing.schemas import Customer, CustomerList
from onerouter_gateway.email.schemas import Email, EmailBatch, EmailList
from onerouter_gateway.payments.schemas import Pairs, PaymentCreate, Request, ShortText
from onerouter_gateway.sms.schemas import Sms, SmsBatch, SmsList
from onerouter_gateway.storage.schemas import DeletedObject, Download, ObjectList, StorageObject, Upload
from onerouter_gateway.templates.schemas import Template, TemplateList, TemplateRendered

DATA: Final = ("data", "params")
"""What an action's own fields are sent in; the first that is there counts."""

LegacyStatus = Literal["pending", "processing", "completed", "failed", "refunded"]


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


class LegacyPaymentCreate(PaymentCreate):
    """As of `POST /v1/payments`, but for the amount."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": 49_900, "currency": "INR"}]})

    amount: MinorAmount  # type: ignore[assignment]


class LegacyPaymentCapture(Request):
    amount: MinorAmount | None = Field(None, description="Absent: all that is authorized.")


class LegacyRefundCreate(Request):
    amount: MinorAmount | None = Field(None, description="Absent: all that is left.")
    reason: Annotated[str, Field(max_length=255)] | None = None
    speed: Literal["normal", "optimum"] = "normal"
    notes: Pairs = Field(default_factory=dict)
    idempotency_key: ShortText | None = None


class ServiceRequest(Request):
    """`{action, data}`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"action": "create", "data": {"amount": 49_900, "currency": "INR"}},
                {"action": "send", "data": {"to": "+14155552671", "body": "Your code is 481-223."}},
                {"action": "status_check", "data": {"messageId": "sms_01k9zq3v7m8e5t2r4w6y8a0c1d"}},
            ]
        }
    )

    action: Annotated[str, Field(max_length=64)]
    data: dict[str, Any] = Field(default_factory=dict, validation_alias=AliasChoices(*DATA))


class LegacyPayment(BaseModel):
    id: str
    provider: str | None
    provider_transaction_id: str | None
    amount: int = Field(description="Minor units.")
    currency: str
    status: LegacyStatus
    checkout_url: str | None
    metadata: dict[str, str]
    provider_metadata: dict[str, Any]
    created_at: str
    environment: str
    trace_id: str


class LegacyRefund(BaseModel):
    id: str
    refund_id: str
    payment_id: str
    provider: str | None
    provider_refund_id: str | None
    amount: int = Field(description="Minor units.")
    currency: str
    status: LegacyStatus
    created_at: str
    trace_id: str


class LegacyPaymentList(BaseModel):
    payments: list[LegacyPayment]
    data: list[LegacyPayment] = Field(description="The same.")
    total: int = Field(description="How many there are, counted to 10,000.")
    limit: int
    offset: int
    has_more: bool
    trace_id: str


class LegacyPaymentStatus(BaseModel):
    id: str
    status: LegacyStatus
    trace_id: str


class LegacyAccepted(BaseModel):
    """The body of a 202: what was asked for is stored and being worked on, or done, and to be read by its id."""

    id: str
    status: Literal["processing", "completed"]
    operation_id: str
    effect: Literal["none", "unknown", "committed"]
    detail: str
    trace_id: str


class LegacyCustomer(Customer):
    trace_id: str


class LegacyCustomerList(CustomerList):
    customers: list[Customer] = Field(description="The same as `data`.")
    trace_id: str


class LegacyApiKeyCreate(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "backend", "scopes": ["payments:write"]}]})

    name: Annotated[str, Field(min_length=1, max_length=100, description="For people, to tell it from other keys.")]
    environment: Environment | None = Field(None, description="Absent: that of the request.")
    scopes: list[Annotated[str, Field(max_length=60)]] | None = Field(
        None, max_length=50, description="What it may do; `GET /api/api-keys/scopes` lists all."
    )
    expires_at: Annotated[str, Field(max_length=64)] | None = Field(None, description="ISO 8601. Absent: never.")
    ip_allow_list: list[Annotated[str, Field(max_length=60)]] = Field(
        default_factory=list, max_length=100, description="Networks it may be used from. None: from anywhere."
    )
    rate_limit_per_s: int = Field(100, ge=1, description="Requests a second.")
    rate_burst: int = Field(200, ge=1, description="Requests at once after a quiet time.")


class LegacyApiKeyChange(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [{"action": "rotate"}, {"name": "backend"}]})

    action: Literal["revoke", "rotate"] | None = None
    name: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    overlap_s: int | None = Field(None, ge=0, description="`rotate`: how long the old key works. Absent: a day.")


class LegacyCreator(BaseModel):
    kind: str = Field(examples=["user"])
    id: str = Field(examples=["usr_01k9zq3v9yf7w8r2m4t6x8z0bc"])


class ListedApiKey(BaseModel):
    id: str = Field(examples=["key_01k9zq3v9yf7w8r2m4t6x8z0bc"])
    name: str
    environment: Environment
    display: str = Field(description="What the key begins with.", examples=["unf_test_9aF3…"])
    status: Literal["active", "revoked", "expired"]
    scopes: list[str]
    rate_limit_per_s: int
    rate_burst: int
    quotas: dict[str, int]
    ip_allow_list: list[str]
    created_at: str
    created_by: LegacyCreator | None
    expires_at: str | None
    last_used_at: str | None
    revoked_at: str | None
    replaced_by: str | None


class LegacyApiKey(ListedApiKey):
    trace_id: str


class LegacyApiKeyMade(LegacyApiKey):
    key: str | None = Field(
        None,
        description="A new key itself, shown this once; null in a repeat of the request that made it.",
        examples=["unf_test_…"],
    )
    note: str | None = Field(None, description="Why there is no new key, where one was made.")
    previous: ListedApiKey | None = Field(None, description="The key that it replaces.")


class LegacyApiKeyList(BaseModel):
    keys: list[ListedApiKey]
    data: list[ListedApiKey] = Field(description="The same.")
    total: int = Field(description="How many there are, counted to 1,000.")
    limit: int
    offset: int
    has_more: bool
    trace_id: str


class ActionAnswer(
    RootModel[
        LegacyPayment
        | LegacyRefund
        | LegacyPaymentList
        | LegacyPaymentStatus
        | Sms
        | SmsList
        | SmsBatch
        | Email
        | EmailList
        | EmailBatch
        | Template
        | TemplateList
        | TemplateRendered
        | DeletedObject
        | StorageObject
        | ObjectList
        | Upload
        | Download
    ]
):
    """As the action has it."""
