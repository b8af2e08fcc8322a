"""The demo tenant's accounts at the sandbox's providers, behind the first one (`seed.py`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from onerouter_local.secret_store import LocalSecrets


@dataclass(frozen=True, slots=True)
class SandboxAccount:
    """One account, as the demo tenant connects it and as the sandbox knows it."""

    provider: str
    label: str
    currency: str
    credentials: Callable[[LocalSecrets], Mapping[str, str]]
    """What the tenant enters to connect."""
    account: Callable[[LocalSecrets], Mapping[str, str]]
    """The body of the sandbox's `POST /control/<provider>/accounts`, without the callback URL and the merchant's name."""


def _stripe_credentials(secrets: LocalSecrets) -> Mapping[str, str]:
    return {
        "secret_key": secrets.sandbox_stripe_secret_key,
        "publishable_key": secrets.sandbox_stripe_publishable_key,
        "webhook_secret": secrets.sandbox_stripe_webhook_secret,
    }


def _stripe_account(secrets: LocalSecrets) -> Mapping[str, str]:
    return {
        "account_id": secrets.sandbox_stripe_account,
        "secret_key": secrets.sandbox_stripe_secret_key,
        "webhook_secret": secrets.sandbox_stripe_webhook_secret,
    }


def _paypal_credentials(secrets: LocalSecrets) -> Mapping[str, str]:
    return {
        "client_id": secrets.sandbox_paypal_client_id,
        "client_secret": secrets.sandbox_paypal_client_secret,
        "webhook_id": secrets.sandbox_paypal_webhook_id,
    }


OTHERS = (
    SandboxAccount("stripe", "sandbox-stripe", "USD", _stripe_credentials, _stripe_account),
    SandboxAccount("paypal", "sandbox-paypal", "USD", _paypal_credentials, _paypal_credentials),
)
