"""Accounts at SendGrid: a key and its scopes, verified senders, where events go, and what becomes of emails."""

import base64
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, Literal

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)
from pydantic import BaseModel, ConfigDict, Field, HttpUrl

from onerouter_sandbox.ids import random_id

Fate = Literal[
    "none",
    "processed",
    "delivered",
    "deferred",
    "bounced",
    "blocked",
    "dropped",
    "opened",
    "spamreport",
    "unsubscribed",
]
NAME: Final = "sendgrid"


def _new_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return base64.b64encode(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode()


class Account(BaseModel):
    """One account, as registered by `POST /control/sendgrid/accounts`. Secrets are test secrets and stay in here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account_id: str = Field(default_factory=lambda: random_id("sg_", 12), pattern=r"^[A-Za-z0-9_-]{1,60}$")
    api_key: str = Field(pattern=r"^SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}$", repr=False)
    scopes: tuple[str, ...] = ("mail.send", "mail.batch.create", "user.scheduled_sends.create", "messages.read")
    senders: tuple[str, ...] = Field(("example.com",), description="Verified: whole domains, or single addresses.")
    webhook_url: HttpUrl | None = None
    webhook_private_key: str = Field(
        default_factory=_new_key, repr=False, description="Base64 of DER, P-256; made anew unless given."
    )
    webhook_signed: bool = Field(True, description="Off, as at SendGrid at first, events come unsigned.")
    batch_s: float = Field(0.0, ge=0, le=60, description="Events are gathered this long (at SendGrid 30 s).")
    fate: Fate = Field("delivered", description="What becomes of emails; none: it is decided later.")
    fates: Mapping[str, Fate] = Field({}, description="Of single addresses.")
    fate_delay_s: float = Field(0.0, ge=0, le=86_400)
    log_lag_s: float = Field(0.0, ge=0, le=86_400, description="What is younger is not in the logs yet.")
    requests_per_s: int | None = Field(None, ge=1, description="More are answered 429. Unset: no limit.")
    credits: int | None = Field(None, ge=0, description="Emails that may be sent in all. Unset: no limit.")
    reference_arg: str = Field("onerouter_id", description="The custom argument that is the reference in the ledger.")

    @property
    def callback_url(self) -> str | None:
        return None if self.webhook_url is None else str(self.webhook_url)

    @property
    def webhook_public_key(self) -> str:
        public = private_key(self.webhook_private_key).public_key()
        return base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()

    def record(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    def public(self) -> dict[str, Any]:
        """Without the secrets; with the key that who receives events verifies them by."""
        shown = self.model_dump(mode="json", exclude={"api_key", "webhook_private_key"})
        return shown | {"webhook_public_key": self.webhook_public_key}


@lru_cache(maxsize=1_024)
def private_key(text: str) -> ec.EllipticCurvePrivateKey:
    """Raises ValueError for what is no key on a curve."""
    key = load_der_private_key(base64.b64decode(text), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not a key on an elliptic curve")  # noqa: TRY004 - the text is wrong, not its type
    return key
