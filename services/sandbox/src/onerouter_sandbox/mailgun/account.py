"""A sending domain with its keys, where callbacks go, and how its mail fares."""

import base64
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl


class Account(BaseModel):
    """One domain, as registered by `POST /control/mailgun/accounts`. Secrets are test secrets and stay in here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    domain: str = Field(pattern=r"^[a-z0-9.-]{4,253}$")
    api_key: str = Field(min_length=8, repr=False)
    sending_key: str | None = Field(None, min_length=8, repr=False, description="May send, and nothing else.")
    state: Literal["active", "unverified", "disabled"] = "active"
    authorized_recipients: tuple[str, ...] | None = Field(
        None, description="As of Mailgun's sandbox domains, which send to nobody else. Unset: the domain sends to all."
    )
    webhook_url: HttpUrl | None = None
    webhook_signing_key: str | None = Field(None, min_length=8, repr=False)
    delivery: Literal["automatic", "manual"] = Field(
        "automatic", description="manual: mail stays accepted until its fate is decided by the control API."
    )
    delivery_delay_s: float = Field(0.05, ge=0, le=3_600, description="By the account's own clock.")
    index_delay_s: float = Field(0, ge=0, le=7_200, description="How far the Events API lags behind.")
    messages_per_second: int | None = Field(None, ge=1, description="More than these are answered with 429.")

    def key_of(self, authorization: bytes | None) -> Literal["account", "sending"] | None:
        """Which key an Authorization header holds; None: none of this domain's."""
        if authorization == _basic(self.api_key):
            return "account"
        return "sending" if self.sending_key is not None and authorization == _basic(self.sending_key) else None

    @property
    def callback_url(self) -> str | None:
        return None if self.webhook_url is None else str(self.webhook_url)

    def record(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    def public(self) -> dict[str, Any]:
        """Without the secrets."""
        shown = self.model_dump(mode="json", exclude={"api_key", "sending_key", "webhook_signing_key"})
        return shown | {"webhook_signing_key_configured": self.webhook_signing_key is not None}


def _basic(key: str) -> bytes:
    return b"Basic " + base64.b64encode(f"api:{key}".encode())
