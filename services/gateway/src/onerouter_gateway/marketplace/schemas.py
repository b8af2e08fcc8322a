"""Vendors and split payments as callers write and read them."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from onerouter_common.contracts.base import Environment
from onerouter_gateway.billing.schemas import IdempotencyKey, Shown, Writes
from onerouter_gateway.edge.amounts import MajorAmount
from onerouter_gateway.edge.described import Described
from onerouter_gateway.payments.schemas import (
    CountryCode,
    Currency,
    CustomerDetails,
    Email,
    HttpUrl,
    Listed,
    Lower,
    Payment,
    Request,
    ShortText,
)

MOST_PARTS = 20
MOST_PAYMENTS = 100

Detail = Annotated[SecretStr, Field(min_length=1, max_length=140)]
Percent = Annotated[Decimal, Field(ge=0, le=100, max_digits=7, decimal_places=4)]


class SplitConfig(Request):
    """A vendor's usual part, where a payment does not say: a percentage of it, a fixed amount, or both."""

    percent: Percent | None = Field(None, examples=["90"])
    fixed: MajorAmount | None = None
    currency: Currency | None = Field(None, description="Of the fixed amount.")


class VendorCreate(Writes):
    """Somebody to be paid through you."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "vendor_id": "seller-7",
                    "name": "Asha Pottery",
                    "email": "asha@example.com",
                    "country": "IN",
                    "account_details": {
                        "account_number": "112233445566",
                        "ifsc": "HDFC0000001",
                        "account_holder": "A Rao",
                    },
                    "split_config": {"percent": "90"},
                }
            ]
        }
    )

    vendor_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z_\-]{1,64}$")] | None = Field(
        None, description="Your own id of it: letters, digits, `_` and `-`."
    )
    name: Annotated[str, Field(min_length=1, max_length=120)]
    email: Email | None = None
    phone: Annotated[str, Field(max_length=32)] | None = None
    country: CountryCode | None = None
    business_type: Annotated[str, Field(max_length=40)] | None = None
    account_details: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")], Detail] | None = Field(
        None,
        max_length=20,
        description="Bank data (`account_number`, `ifsc`, `routing_number`, `iban`, `account_holder`, …). Sealed at "
        "once, opened for the provider alone, then erased; what is shown is masked. PayPal takes `paypal_email` or "
        "`payer_id` instead: which account it is, no secret, and shown as it is (`account_id`).",
    )
    split_config: SplitConfig | None = None
    return_url: HttpUrl | None = Field(None, description="Where the vendor goes after signing up at the provider.")
    refresh_url: HttpUrl | None = Field(None, description="Where it goes when the sign-up link has expired.")


class VendorSplitUpdate(SplitConfig):
    """The vendor's usual part from now on."""


class SplitPart(Request):
    account_id: ShortText | None = Field(
        None, description="A vendor: our id, yours, or its account at the provider. Not needed for `fee` and `tax`."
    )
    amount: MajorAmount | None = Field(None, description="Absent: by the vendor's `split_config`.")
    type: Annotated[Literal["vendor", "fee", "tax"], Lower] = "vendor"


class SplitPaymentCreate(Writes):
    """A payment whose money goes to vendors, fees and taxes. The parts add up to the amount."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "amount": 1000.00,
                    "currency": "INR",
                    "splits": [
                        {"account_id": "seller-7", "amount": 900.00, "type": "vendor"},
                        {"amount": 100.00, "type": "fee"},
                    ],
                }
            ]
        }
    )

    amount: MajorAmount
    currency: Currency | None = Field(None, description="Absent: the default of the key's connections.")
    splits: Annotated[list[SplitPart], Field(min_length=1, max_length=MOST_PARTS)]
    description: Annotated[str, Field(max_length=2048)] | None = None
    receipt: Annotated[str, Field(max_length=40)] | None = None
    customer: CustomerDetails | None = None
    return_url: HttpUrl | None = None
    cancel_url: HttpUrl | None = None


class BulkSplit(Request):
    """Several split payments; each is an operation of its own, and one that is wrong stops no other."""

    payments: Annotated[
        list[Annotated[dict[str, Any], Described(SplitPaymentCreate)]], Field(min_length=1, max_length=MOST_PAYMENTS)
    ] = Field(description="Each as of `POST /v1/marketplace/payments/split`.")
    process_immediately: bool = Field(True, description="False: accept them all and do not wait for the provider.")
    idempotency_key: IdempotencyKey | None = Field(None, description="The same as the `Idempotency-Key` header.")
    environment: Environment | None = Field(None, description="A live key may ask for `test`; never the other way.")


class Vendor(Shown):
    object: Literal["vendor"]
    vendor_id: str = Field(description="Your own id of it, else ours.")
    account_id: str | None = Field(description="Its account at the provider.")
    status: Literal["failed", "pending", "active", "restricted", "rejected"]
    name: str
    email: str | None
    country: str | None
    account_details: dict[str, str] | None = Field(description="Masked.")
    split_config: dict[str, Any] | None
    onboarding_url: str | None = Field(description="Where the vendor signs up, where the provider wants that.")
    charges_enabled: bool | None
    payouts_enabled: bool | None
    requirements: list[str] | None


class VendorList(Listed):
    data: list[Vendor]


class SplitPartShown(BaseModel):
    type: Literal["vendor", "fee", "tax"]
    account_id: str | None
    amount: float
    amount_minor: int
    transfer_id: str | None
    status: str | None = Field(
        description="Of a vendor's part: `waiting` for the money, then as its transfer stands. `canceled`: the payment came "
        "to nothing. `withheld`: another amount came in than was asked for, or some of it was refunded before we heard of "
        "the success; nothing was transferred, and a person has to decide."
    )
    failure: dict[str, str] | None


class SplitPayment(Payment):
    object: Literal["split_payment"]  # type: ignore[assignment]
    splits: list[SplitPartShown]


class BulkSplitItem(BaseModel):
    index: int
    status_code: int
    payment: dict[str, Any] | None
    error: dict[str, Any] | None


class BulkSplitResult(BaseModel):
    object: Literal["bulk_split"]
    data: list[BulkSplitItem]
    succeeded: int
    failed: int


class MarketplaceFees(BaseModel):
    """Sums over the split payments created in the period whose money came in as it was asked for, as they were divided."""

    object: Literal["marketplace_fees"]
    period: Literal["day", "week", "month", "year"]
    currency: str
    payments: int
    gross: float
    gross_minor: int
    vendor: float
    vendor_minor: int
    fee: float
    fee_minor: int
    tax: float
    tax_minor: int
    refunded: float = Field(description="What payers got back. Not taken off the other sums.")
    refunded_minor: int
    provider_fee: float = Field(
        description="What the provider kept, as far as it has told yet and in this currency. Part of your own `fee`, not "
        "beside it."
    )
    provider_fee_minor: int
    since: str = Field(alias="from")
    until: str = Field(alias="to")
