"""Teams at Resend: a key, verified domains, where callbacks go, and what becomes of emails."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl

from onerouter_sandbox.ids import random_id

Fate = Literal["none", "sent", "delivered", "delayed", "bounced", "complained", "opened", "suppressed", "failed"]
NAME: Final = "resend"


class Account(BaseModel):
    """One team, as registered by `POST /control/resend/accounts`. Secrets are test secrets and stay in here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account_id: str = Field(default_factory=lambda: random_id("team_", 12), pattern=r"^[A-Za-z0-9_-]{1,60}$")
    api_key: str = Field(pattern=r"^re_[A-Za-z0-9_-]{8,}$", repr=False)
    key_permission: Literal["full_access", "sending_access"] = "full_access"
    domains: tuple[str, ...] = Field(("example.com",), description="Verified; emails come from these only.")
    webhook_url: HttpUrl | None = None
    webhook_secret: str | None = Field(None, pattern=r"^whsec_[A-Za-z0-9+/=]+$", repr=False)
    webhook_secret_previous: str | None = Field(
        None, pattern=r"^whsec_[A-Za-z0-9+/=]+$", repr=False, description="While a secret is changed both sign."
    )
    fate: Fate = Field(
        "delivered",
        description="What becomes of emails to other addresses than Resend's own; none: it is decided later.",
    )
    fate_delay_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    list_lag_s: float = Field(0.0, ge=0, le=86_400, description="What is younger is in no list yet.")
    requests_per_s: int | None = Field(None, ge=1, description="More are answered 429. Unset: no limit.")
    daily_quota: int | None = Field(None, ge=0, description="Emails in 24 hours. Unset: no limit.")
    idempotency_retention_s: float = Field(86_400.0, gt=0, description="How long a key is remembered.")
    reference_tag: str = Field("onerouter_id", description="The tag that is the sender's own reference in the ledger.")

    @property
    def callback_url(self) -> str | None:
        return None if self.webhook_url is None else str(self.webhook_url)

    def record(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    def public(self) -> dict[str, Any]:
        """Without the secrets."""
        shown = self.model_dump(mode="json", exclude={"api_key", "webhook_secret", "webhook_secret_previous"})
        return shown | {"webhook_secret_configured": self.webhook_secret is not None}
