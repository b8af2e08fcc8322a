"""Merchant accounts: a key pair, where callbacks go, and how the account behaves."""

import base64
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl

from onerouter_sandbox.ids import random_id


class Account(BaseModel):
    """One key pair, as registered by `POST /control/razorpay/accounts`. Secrets are test secrets and stay in here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key_id: str = Field(pattern=r"^rzp_(test|live)_[A-Za-z0-9_]+$")
    key_secret: str = Field(min_length=8, repr=False)
    account_id: str = Field(default_factory=lambda: random_id("acc_"), pattern=r"^acc_[A-Za-z0-9]+$")
    merchant_name: str = Field("Demo merchant", min_length=1, max_length=80)
    webhook_url: HttpUrl | None = None
    webhook_secret: str | None = Field(None, repr=False)
    auto_capture: bool = Field(True, description="Unless the order says otherwise.")
    unique_receipt: Literal["same_order", "refused", "unsupported"] = Field(
        "same_order",
        description="What `unique_receipt: true` on an order does when the receipt was used before; "
        "unsupported: the account lacks the feature and the field itself is refused.",
    )
    refund_mode: Literal["processed", "pending", "failed"] = Field(
        "processed", description="processed at once; pending (then processed) or failed after refund_delay_s."
    )
    refund_delay_s: float = Field(2.0, ge=0, le=3_600)
    vendor_activation: Literal["activated", "under_review"] = Field(
        "activated", description="What a linked account's Route product becomes once its bank account is known."
    )
    transfer_mode: Literal["processed", "pending", "failed"] = Field(
        "processed", description="Right after the answer; pending (then processed) or failed after transfer_delay_s."
    )
    transfer_delay_s: float = Field(2.0, ge=0, le=30 * 86_400, description="By the account's own clock.")

    @property
    def basic(self) -> bytes:
        """The one Authorization header that opens this account; the word Basic is case-sensitive here."""
        return b"Basic " + base64.b64encode(f"{self.key_id}:{self.key_secret}".encode())

    @property
    def callback_url(self) -> str | None:
        return None if self.webhook_url is None else str(self.webhook_url)

    def record(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    def public(self) -> dict[str, Any]:
        """Without the secrets."""
        shown = self.model_dump(mode="json", exclude={"key_secret", "webhook_secret"})
        return shown | {"webhook_secret_configured": self.webhook_secret is not None}
