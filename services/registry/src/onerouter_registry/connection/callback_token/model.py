"""A callback token as it is stored, and what is shown of a connection's."""

from dataclasses import dataclass, field
from datetime import datetime

from pydantic import SecretStr

from onerouter_common.contracts.base import Environment


@dataclass(frozen=True, slots=True)
class CallbackToken:
    hash: str
    """How it is looked up: the service that is called needs no more."""
    connection_id: str
    tenant_id: str
    environment: Environment
    provider: str
    sealed: str = field(repr=False)
    """With the credential keyring's data key: the address can be shown again."""
    created_at: datetime
    expires_at: datetime | None = None
    """None: the one that is shown. Those before it work until then."""


@dataclass(frozen=True, slots=True)
class CallbackAddress:
    """Where a connection's provider calls back."""

    token: SecretStr | None
    """None: the provider never calls back, or the token cannot be opened any more."""
    earlier_until: datetime | None = None
    """How long addresses before this one still work; None: there are none."""


@dataclass(frozen=True, slots=True)
class CallbackUrls:
    base: str | None
    """Where providers reach the webhooks service; None: only paths are shown."""

    def of(self, provider: str, token: SecretStr) -> str:
        """The address to enter at the provider. Who knows it can send us callbacks (that must still be signed)."""
        return f"{(self.base or '').rstrip('/')}/callbacks/{provider}/{token.get_secret_value()}"
