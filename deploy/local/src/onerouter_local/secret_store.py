"""Secrets of a local stack: made at the first start, kept in one file that only its owner can read."""

import base64
import json
import secrets
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)


def _token() -> str:
    return secrets.token_urlsafe(32)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _keyring() -> str:
    return f"local1:{_base64(secrets.token_bytes(32))}"


def _elliptic_key() -> str:
    """A private key on P-256: base64 of DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    return _base64(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def public_half(key: str) -> str:
    """Of a private key: base64 of DER."""
    private = load_der_private_key(base64.b64decode(key), password=None)
    return _base64(private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


_RENAMED = {"credential_keys": "credential_keys_test", "callback_keys": "callback_keys_test"}
"""Stacks made before test and live had rings of their own: what they sealed for the demo is test's."""


@dataclass(slots=True)
class LocalSecrets:
    """Everything a stack needs to keep to itself. Nothing has a default value that two stacks would share."""

    postgres_password: str = field(default_factory=_token)
    valkey_password: str = field(default_factory=_token)
    registry_database_password: str = field(default_factory=_token)
    payments_database_password: str = field(default_factory=_token)
    messaging_database_password: str = field(default_factory=_token)
    storage_database_password: str = field(default_factory=_token)
    webhooks_database_password: str = field(default_factory=_token)
    internal_token: str = field(default_factory=_token)
    api_key_pepper: str = field(default_factory=_token)
    registry_secret: str = field(default_factory=_token)
    idempotency_secret: str = field(default_factory=_token)
    storage_cursor_secret: str = field(default_factory=_token)
    credential_keys_test: str = field(default_factory=_keyring)
    credential_keys_live: str = field(default_factory=_keyring)
    callback_keys_test: str = field(default_factory=_keyring)
    callback_keys_live: str = field(default_factory=_keyring)
    endpoint_keys: str = field(default_factory=_keyring)
    sandbox_key_id: str = field(default_factory=lambda: f"rzp_test_{secrets.token_hex(7)}")
    sandbox_key_secret: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    sandbox_webhook_secret: str = field(default_factory=_token)
    sandbox_stripe_account: str = field(default_factory=lambda: f"acct_{secrets.token_hex(8)}")
    sandbox_stripe_secret_key: str = field(default_factory=lambda: f"sk_test_{secrets.token_hex(16)}")
    sandbox_stripe_publishable_key: str = field(default_factory=lambda: f"pk_test_{secrets.token_hex(16)}")
    sandbox_stripe_webhook_secret: str = field(default_factory=lambda: f"whsec_{secrets.token_hex(16)}")
    sandbox_paypal_client_id: str = field(default_factory=lambda: f"AX{secrets.token_hex(24)}")
    sandbox_paypal_client_secret: str = field(default_factory=lambda: f"EL{secrets.token_hex(24)}")
    sandbox_paypal_webhook_id: str = field(default_factory=lambda: secrets.token_hex(8).upper())
    sandbox_twilio_account_sid: str = field(default_factory=lambda: f"AC{secrets.token_hex(16)}")
    sandbox_twilio_auth_token: str = field(default_factory=lambda: secrets.token_hex(16))
    sandbox_twilio_api_key_sid: str = field(default_factory=lambda: f"SK{secrets.token_hex(16)}")
    sandbox_twilio_api_key_secret: str = field(default_factory=lambda: secrets.token_hex(16))
    sandbox_twilio_messaging_service_sid: str = field(default_factory=lambda: f"MG{secrets.token_hex(16)}")
    sandbox_sns_access_key_id: str = field(default_factory=lambda: f"AKIA{secrets.token_hex(8).upper()}")
    sandbox_sns_secret_access_key: str = field(default_factory=lambda: secrets.token_hex(20))
    sandbox_resend_api_key: str = field(default_factory=lambda: f"re_{secrets.token_hex(16)}")
    sandbox_resend_webhook_secret: str = field(default_factory=lambda: f"whsec_{_base64(secrets.token_bytes(24))}")
    sandbox_sendgrid_api_key: str = field(
        default_factory=lambda: f"SG.{secrets.token_hex(11)}.{secrets.token_hex(22)[:43]}"
    )
    sandbox_sendgrid_webhook_key: str = field(default_factory=_elliptic_key)
    """With which the sandbox signs; the demo tenant enters its public half."""
    sandbox_mailgun_api_key: str = field(default_factory=lambda: f"key-{secrets.token_hex(16)}")
    sandbox_mailgun_signing_key: str = field(default_factory=lambda: secrets.token_hex(16))
    sandbox_ses_access_key_id: str = field(default_factory=lambda: f"AKIA{secrets.token_hex(8).upper()}")
    sandbox_ses_secret_access_key: str = field(default_factory=lambda: secrets.token_hex(20))
    sandbox_s3_access_key_id: str = field(default_factory=lambda: f"AKIA{secrets.token_hex(8).upper()}")
    sandbox_s3_secret_access_key: str = field(default_factory=lambda: secrets.token_hex(20))
    sandbox_r2_account_id: str = field(default_factory=lambda: secrets.token_hex(16))
    sandbox_r2_access_key_id: str = field(default_factory=lambda: secrets.token_hex(16))
    sandbox_r2_secret_access_key: str = field(default_factory=lambda: secrets.token_hex(32))
    demo_email: str = "demo@example.com"
    demo_password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    """Of the demo person, who owns the demo tenant and operates the installation."""
    demo_person: str = ""
    """Their id, empty until they are made."""
    demo_tenant: str = ""
    """Id of the demo tenant, empty until it is seeded."""
    demo_api_key: str = ""
    """The demo tenant's key in the clear, so that the next start can show it again."""
    demo_callback_path: str = ""
    """Path and token of the callback URL of the demo tenant's first connection."""
    demo_callback_paths: dict[str, str] = field(default_factory=dict)
    """The same of its other connections, by provider; empty: it never calls back. A provider is missing until it is
    connected."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file, or make it; names it does not have yet are made and added."""
        known = {field.name for field in fields(cls)}
        stored = json.loads(path.read_text()) if path.exists() else {}
        named = {_RENAMED.get(name, name): value for name, value in stored.items()}
        loaded = cls(**{name: value for name, value in named.items() if name in known})
        loaded.save(path)
        return loaded

    def save(self, path: Path) -> None:
        """Write the file, readable by its owner only."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")
