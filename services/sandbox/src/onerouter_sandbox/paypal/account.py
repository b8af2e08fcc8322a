"""Merchant applications: a client id and secret, where callbacks go, and how the account behaves."""

import base64
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl

from onerouter_sandbox.paypal.ids import merchant_id, object_id


class Account(BaseModel):
    """One app, as registered by `POST /control/paypal/accounts`. Secrets are test secrets and stay in here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    client_id: str = Field(pattern=r"^[A-Za-z0-9_-]{16,128}$")
    client_secret: str = Field(min_length=16, repr=False)
    merchant_id: str = Field(default_factory=merchant_id, pattern=r"^[2-9A-HJ-NP-Z]{13}$")
    merchant_name: str = Field("Demo merchant", min_length=1, max_length=80)
    webhook_url: HttpUrl | None = None
    webhook_id: str = Field(default_factory=object_id, pattern=r"^[A-Z0-9]{8,32}$")
    token_lasts_s: int = Field(32_400, ge=1, le=86_400)
    unique_invoices: bool = Field(True, description="A second payment for an invoice id is refused, as by default.")
    refund_mode: Literal["completed", "pending", "failed"] = Field(
        "completed", description="completed at once; pending (then completed) or failed after refund_delay_s."
    )
    refund_delay_s: float = Field(2.0, ge=0, le=3_600)
    payout_mode: Literal["success", "unclaimed", "failed", "pending", "denied"] = Field(
        "success",
        description="What becomes of payout items after payout_delay_s; pending: what the control API says; denied: the "
        "whole batch, for want of money.",
    )
    payout_delay_s: float = Field(0.0, ge=0, le=30 * 86_400)

    @property
    def basic(self) -> bytes:
        """The one Authorization header that the token endpoint takes from this app."""
        return b"Basic " + base64.b64encode(f"{self.client_id}:{self.client_secret}".encode())

    @property
    def callback_url(self) -> str | None:
        return None if self.webhook_url is None else str(self.webhook_url)

    def record(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    def public(self) -> dict[str, Any]:
        """Without the secret."""
        return self.model_dump(mode="json", exclude={"client_secret"})
