"""Accounts: credentials, senders, and how the account's messages fare."""

import base64
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl


class ApiKey(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    sid: str = Field(pattern=r"^SK[0-9a-fA-F]{32}$")
    secret: str = Field(pattern=r"^[A-Za-z0-9]{32}$", repr=False)


class Account(BaseModel):
    """One account, as registered by `POST /control/twilio/accounts`. Secrets are test secrets and stay in here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account_sid: str = Field(pattern=r"^AC[0-9a-fA-F]{32}$")
    auth_token: str = Field(pattern=r"^[A-Za-z0-9]{32}$", repr=False)
    api_keys: tuple[ApiKey, ...] = ()
    numbers: tuple[str, ...] = Field(("+15005550006",), description="Numbers, short codes and names that may send.")
    messaging_services: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="A service's SID → its pool of senders; empty: all of `numbers`."
    )
    contents: dict[str, str] = Field(
        default_factory=dict, description="A Content template's SID (HX…) → its text, with `{{1}}` for a variable."
    )
    webhook_url: HttpUrl | None = Field(None, description="Where incoming messages are told.")
    delivery: Literal["automatic", "manual"] = Field(
        "automatic", description="manual: each message waits for POST /control/twilio/messages/{sid}/decide."
    )
    sent_after_s: float = Field(0.05, ge=0, le=86_400, description="By the account's own clock.")
    delivered_after_s: float = Field(0.2, ge=0, le=86_400)
    price_per_segment: str = Field("0.00830", pattern=r"^[0-9]+\.[0-9]{5}$")
    priced_after_s: float = Field(0.0, ge=0, le=86_400, description="After it was sent; at a real account minutes.")
    listed_after_s: float = Field(0.0, ge=0, le=3_600, description="How far lists are behind.")
    messages_per_s: int | None = Field(None, ge=1, description="More are answered with a 429. Unset: no bound.")
    balance: str = Field("100.00", pattern=r"^-?[0-9]+\.[0-9]{1,5}$")
    active: bool = Field(True, description="False: suspended; nothing is sent.")

    @property
    def basics(self) -> tuple[bytes, ...]:
        """The Authorization headers that open this account."""
        pairs = [(self.account_sid, self.auth_token), *((key.sid, key.secret) for key in self.api_keys)]
        return tuple(b"Basic " + base64.b64encode(f"{user}:{secret}".encode()) for user, secret in pairs)

    @property
    def callback_url(self) -> str | None:
        return None if self.webhook_url is None else str(self.webhook_url)

    def record(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    def public(self) -> dict[str, Any]:
        """Without the secrets."""
        shown = self.model_dump(mode="json", exclude={"auth_token", "api_keys"})
        return shown | {"api_keys": [key.sid for key in self.api_keys]}
