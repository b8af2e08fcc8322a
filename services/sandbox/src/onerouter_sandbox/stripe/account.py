"""Merchant accounts: a secret key, where webhooks go, and how the account behaves."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl

from onerouter_sandbox.ids import random_id


class Account(BaseModel):
    """One account, as registered by `POST /control/stripe/accounts`. Secrets are test secrets and stay in here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account_id: str = Field(default_factory=lambda: random_id("acct_", 16), pattern=r"^acct_[A-Za-z0-9]+$")
    secret_key: str = Field(pattern=r"^(sk|rk)_(test|live)_[A-Za-z0-9_]{8,}$", repr=False)
    merchant_name: str = Field("Demo merchant", min_length=1, max_length=80)
    country: str = Field("US", pattern=r"^[A-Z]{2}$", description="IN has no search, as at Stripe.")
    webhook_url: HttpUrl | None = None
    webhook_secret: str | None = Field(None, repr=False)
    webhook_secret_previous: str | None = Field(
        None, repr=False, description="While a secret is rolled every event is signed with both."
    )
    connect_webhook_secret: str | None = Field(
        None, repr=False, description="Signs events of connected accounts; unset: webhook_secret does."
    )
    reference_metadata: str = Field(
        "onerouter_payment_id", description="The metadata that is the merchant's own reference in the ledger."
    )
    resource_metadata: str = Field(
        "onerouter_id", description="The same for what is neither a payment nor a refund: customers, subscriptions, …"
    )
    retry_days: tuple[Annotated[int, Field(ge=1, le=60)], ...] = Field(
        (3, 5, 7), max_length=8, description="Days between the tries of a renewal that fails."
    )
    after_retries: Literal["unpaid", "cancel", "past_due"] = Field(
        "unpaid", description="What becomes of a subscription when the last try has failed."
    )
    payout_days: int = Field(2, ge=0, le=30, description="How long money is under way to a bank.")
    search_lag_s: float = Field(60.0, ge=0, le=86_400, description="What is younger is not found by search.")
    idempotency_retention_s: float = Field(86_400.0, gt=0, description="How long a key is remembered.")
    refund_mode: Literal["succeeded", "pending", "failed"] = Field(
        "succeeded", description="succeeded at once; pending (then succeeded) or failed after refund_delay_s."
    )
    refund_delay_s: float = Field(2.0, ge=0, le=3_600)

    @property
    def livemode(self) -> bool:
        return "_live_" in self.secret_key

    @property
    def callback_url(self) -> str | None:
        return None if self.webhook_url is None else str(self.webhook_url)

    def record(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    def public(self) -> dict[str, Any]:
        """Without the secrets."""
        secrets = {"secret_key", "webhook_secret", "webhook_secret_previous", "connect_webhook_secret"}
        shown = self.model_dump(mode="json", exclude=secrets)
        return shown | {"webhook_secret_configured": self.webhook_secret is not None}
