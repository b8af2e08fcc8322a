"""The demo tenant's accounts at the sandbox's providers, behind the first one (`seed.py`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from onerouter_local.secret_store import LocalSecrets, public_half

TENANT: Final = "Demo shop"
_ACCOUNT: Final = "demo"
_DOMAIN: Final = "example.com"
"""Verified at every email provider."""
_NUMBER: Final = "+15005550006"
_REGION: Final = "us-east-1"
_FILES: Final = "demo-files"
_MEDIA: Final = "demo-media"
_TOPIC: Final = "arn:aws:sns:us-east-1:123456789012:onerouter-ses"


@dataclass(frozen=True, slots=True)
class SandboxAccount:
    """One account, as the demo tenant connects it and as the sandbox knows it."""

    category: str
    provider: str
    credentials: Callable[[LocalSecrets], Mapping[str, str]]
    """What the tenant enters to connect."""
    account: Callable[[LocalSecrets], Mapping[str, Any]]
    """The body of the sandbox's `POST /control/<provider>/accounts`, without the callback URL."""
    currency: str | None = None
    """What money is taken in; None: none is."""
    calls_back: bool = True

    @property
    def label(self) -> str:
        return f"sandbox-{self.provider}"


def _stripe_credentials(secrets: LocalSecrets) -> Mapping[str, str]:
    return {
        "secret_key": secrets.sandbox_stripe_secret_key,
        "publishable_key": secrets.sandbox_stripe_publishable_key,
        "webhook_secret": secrets.sandbox_stripe_webhook_secret,
    }


def _stripe_account(secrets: LocalSecrets) -> Mapping[str, Any]:
    return {
        "merchant_name": TENANT,
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


def _paypal_account(secrets: LocalSecrets) -> Mapping[str, Any]:
    return {**_paypal_credentials(secrets), "merchant_name": TENANT}


def _twilio_credentials(secrets: LocalSecrets) -> Mapping[str, str]:
    return {
        "account_sid": secrets.sandbox_twilio_account_sid,
        "api_key_sid": secrets.sandbox_twilio_api_key_sid,
        "api_key_secret": secrets.sandbox_twilio_api_key_secret,
        "auth_token": secrets.sandbox_twilio_auth_token,
        "messaging_service_sid": secrets.sandbox_twilio_messaging_service_sid,
        "from_number": _NUMBER,
    }


def _twilio_account(secrets: LocalSecrets) -> Mapping[str, Any]:
    return {
        "account_sid": secrets.sandbox_twilio_account_sid,
        "auth_token": secrets.sandbox_twilio_auth_token,
        "api_keys": [
            {"sid": secrets.sandbox_twilio_api_key_sid, "secret": secrets.sandbox_twilio_api_key_secret},
        ],
        "numbers": [_NUMBER],
        "messaging_services": {secrets.sandbox_twilio_messaging_service_sid: [_NUMBER]},
    }


def _sns_credentials(secrets: LocalSecrets) -> Mapping[str, str]:
    return {
        "access_key_id": secrets.sandbox_sns_access_key_id,
        "secret_access_key": secrets.sandbox_sns_secret_access_key,
        "region": _REGION,
    }


def _sns_account(secrets: LocalSecrets) -> Mapping[str, Any]:
    return {"access_key_id": secrets.sandbox_sns_access_key_id, "region": _REGION}


def _resend_credentials(secrets: LocalSecrets) -> Mapping[str, str]:
    return {
        "api_key": secrets.sandbox_resend_api_key,
        "key_permission": "full_access",
        "default_from": f"Demo shop <hello@{_DOMAIN}>",
        "webhook_secret": secrets.sandbox_resend_webhook_secret,
    }


def _resend_account(secrets: LocalSecrets) -> Mapping[str, Any]:
    return {
        "account_id": _ACCOUNT,
        "api_key": secrets.sandbox_resend_api_key,
        "domains": [_DOMAIN],
        "webhook_secret": secrets.sandbox_resend_webhook_secret,
    }


def _sendgrid_credentials(secrets: LocalSecrets) -> Mapping[str, str]:
    return {
        "api_key": secrets.sandbox_sendgrid_api_key,
        "default_from": f"hello@{_DOMAIN}",
        "default_from_name": "Demo shop",
        "webhook_public_key": public_half(secrets.sandbox_sendgrid_webhook_key),
    }


def _sendgrid_account(secrets: LocalSecrets) -> Mapping[str, Any]:
    return {
        "account_id": _ACCOUNT,
        "api_key": secrets.sandbox_sendgrid_api_key,
        "senders": [_DOMAIN],
        "webhook_private_key": secrets.sandbox_sendgrid_webhook_key,
    }


def _mailgun_credentials(secrets: LocalSecrets) -> Mapping[str, str]:
    return {
        "api_key": secrets.sandbox_mailgun_api_key,
        "domain": _DOMAIN,
        "default_from": f"Demo shop <hello@{_DOMAIN}>",
        "webhook_signing_key": secrets.sandbox_mailgun_signing_key,
    }


def _mailgun_account(secrets: LocalSecrets) -> Mapping[str, Any]:
    return {
        "domain": _DOMAIN,
        "api_key": secrets.sandbox_mailgun_api_key,
        "webhook_signing_key": secrets.sandbox_mailgun_signing_key,
    }


def _ses_credentials(secrets: LocalSecrets) -> Mapping[str, str]:
    return {
        "access_key_id": secrets.sandbox_ses_access_key_id,
        "secret_access_key": secrets.sandbox_ses_secret_access_key,
        "region": _REGION,
        "default_from": f"Demo shop <hello@{_DOMAIN}>",
        "configuration_set": "onerouter",
        "sns_topic_arn": _TOPIC,
        "sns_signature_version": "2",
    }


def _ses_account(secrets: LocalSecrets) -> Mapping[str, Any]:
    return {
        "access_key_id": secrets.sandbox_ses_access_key_id,
        "region": _REGION,
        "identities": [_DOMAIN],
        "topic_arn": _TOPIC,
    }


def _s3_credentials(secrets: LocalSecrets) -> Mapping[str, str]:
    return {
        "access_key_id": secrets.sandbox_s3_access_key_id,
        "secret_access_key": secrets.sandbox_s3_secret_access_key,
        "region": _REGION,
        "bucket": _FILES,
    }


def _s3_account(secrets: LocalSecrets) -> Mapping[str, Any]:
    return {
        "access_key_id": secrets.sandbox_s3_access_key_id,
        "secret_access_key": secrets.sandbox_s3_secret_access_key,
        "region": _REGION,
        "buckets": [_FILES],
    }


def _r2_credentials(secrets: LocalSecrets) -> Mapping[str, str]:
    return {
        "access_key_id": secrets.sandbox_r2_access_key_id,
        "secret_access_key": secrets.sandbox_r2_secret_access_key,
        "account_id": secrets.sandbox_r2_account_id,
        "bucket": _MEDIA,
    }


def _r2_account(secrets: LocalSecrets) -> Mapping[str, Any]:
    return {
        "access_key_id": secrets.sandbox_r2_access_key_id,
        "secret_access_key": secrets.sandbox_r2_secret_access_key,
        "region": "auto",
        "buckets": [_MEDIA],
    }


# The first one of a category takes what may go anywhere.
OTHERS = (
    SandboxAccount("payments", "stripe", _stripe_credentials, _stripe_account, currency="USD"),
    SandboxAccount("payments", "paypal", _paypal_credentials, _paypal_account, currency="USD"),
    SandboxAccount("sms", "twilio", _twilio_credentials, _twilio_account),
    SandboxAccount("sms", "sns", _sns_credentials, _sns_account, calls_back=False),
    SandboxAccount("email", "resend", _resend_credentials, _resend_account),
    SandboxAccount("email", "sendgrid", _sendgrid_credentials, _sendgrid_account),
    SandboxAccount("email", "mailgun", _mailgun_credentials, _mailgun_account),
    SandboxAccount("email", "ses", _ses_credentials, _ses_account),
    SandboxAccount("storage", "s3", _s3_credentials, _s3_account, calls_back=False),
    SandboxAccount("storage", "r2", _r2_credentials, _r2_account, calls_back=False),
)
