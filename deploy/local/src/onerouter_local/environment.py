"""The environment of every process of a local stack, from one map."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from onerouter_local.ports import LOOPBACK, free_port, free_ports, is_free
from onerouter_local.secret_store import LocalSecrets

USUAL_PORTS: Mapping[str, int] = {
    "gateway": 8080,
    "registry": 8081,
    "payments": 8082,
    "webhooks": 8083,
    "messaging": 8084,
    "storage": 8085,
    "sandbox": 8090,
    "broker": 9092,
    "postgres": 5432,
    "valkey": 6379,
}
_PLAYED_AT = {"sns": "sns/v1", "s3": "s3/v1", "r2": "r2/v1"}
SIMULATED = ("razorpay", "stripe", "paypal", "twilio", "sns", "resend", "sendgrid", "mailgun", "ses", "s3", "r2")
"""The providers that the sandbox plays."""
_WITHOUT_PAGE = ("razorpay", "stripe")
"""Those of them whose payments may come without an address where they are paid."""
OWNERS_OF_DATABASES = ("registry", "payments", "messaging", "storage", "webhooks")
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""Of our own environment the services get only this: a stray ONEROUTER_… of the shell must not reach them."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything listens."""

    ports: Mapping[str, int]

    @classmethod
    def choose(cls, *, usual: bool, fixed: Mapping[str, int]) -> "Addresses":
        """The usual ports where they are free, else any; `usual=False` avoids them altogether."""
        others = dict(zip(USUAL_PORTS, free_ports(len(USUAL_PORTS)), strict=True))
        chosen = {name: port if usual and is_free(port) else others[name] for name, port in USUAL_PORTS.items()}
        return cls({**chosen, **fixed})

    def url(self, service: str) -> str:
        return f"http://{LOOPBACK}:{self.ports[service]}"

    @property
    def kafka(self) -> str:
        return f"{LOOPBACK}:{self.ports['broker']}"

    def simulated(self, provider: str) -> str:
        """Where the sandbox plays this provider."""
        return f"{self.url('sandbox')}/{_PLAYED_AT.get(provider, provider)}"


def redis_url(addresses: Addresses, secrets: LocalSecrets) -> str:
    """Where Valkey answers, with its password."""
    return f"redis://:{secrets.valkey_password}@{LOOPBACK}:{addresses.ports['valkey']}/0"


def database_url(service: str, addresses: Addresses, secrets: LocalSecrets) -> str:
    """The service's own login to its own database."""
    password = getattr(secrets, f"{service}_database_password")
    return f"postgresql://onerouter_{service}:{password}@{LOOPBACK}:{addresses.ports['postgres']}/onerouter_{service}"


def service_environment(
    service: str, port: int, addresses: Addresses, secrets: LocalSecrets, *, data_dir: Path, extra: Mapping[str, str]
) -> dict[str, str]:
    """The complete environment of one service process: each gets only the secrets that are its business."""
    prefix = f"ONEROUTER_{service.upper()}"
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment |= {
        "PYTHONUNBUFFERED": "1",
        "ONEROUTER_MODE": "local",
        "ONEROUTER_LOG_FORMAT": "json",
        f"{prefix}_HOST": LOOPBACK,
        f"{prefix}_PORT": str(port),
    }
    roots = f"{data_dir}/sandbox-roots.pem"
    if service == "sandbox":
        files = {"ONEROUTER_SANDBOX_DATA_FILE": f"{data_dir}/sandbox.sqlite", "ONEROUTER_SANDBOX_ROOTS_FILE": roots}
        return {**environment, **files, **extra}
    if service == "webhooks":
        # PayPal and Amazon SNS sign with certificates. PayPal's of the sandbox no browser's root vouches for; SNS's are
        # believed by their address, which is then the sandbox's.
        environment["ONEROUTER_WEBHOOKS_CERTIFICATE_ROOTS"] = json.dumps({"paypal": roots, "ses": roots})
    environment |= {
        "KAFKA_BOOTSTRAP_SERVERS": addresses.kafka,
        "REDIS_URL": redis_url(addresses, secrets),
        "ONEROUTER_INTERNAL_TOKENS": secrets.internal_token,
        "ONEROUTER_REGISTRY_URL": addresses.url("registry"),
        f"{prefix}_REGISTRY_URL": addresses.url("registry"),
        f"{prefix}_METRICS_PORT": str(free_port()),
        f"{prefix}_DRAIN_TIMEOUT_S": "8",
        # The least a broker allows unless told otherwise: the successor of a killed consumer waits less.
        "ONEROUTER_KAFKA_SESSION_TIMEOUT_S": "6",
    }
    if service in OWNERS_OF_DATABASES:
        environment[f"{prefix}_DATABASE_URL"] = database_url(service, addresses, secrets)
    return {**environment, **_own(service, addresses, secrets), **extra}


def _own(service: str, addresses: Addresses, secrets: LocalSecrets) -> dict[str, str]:
    match service:
        case "gateway":
            return {
                "ONEROUTER_API_KEY_PEPPER": secrets.api_key_pepper,
                "ONEROUTER_GATEWAY_IDEMPOTENCY_SECRET": secrets.idempotency_secret,
                "ONEROUTER_GATEWAY_PAYMENTS_URL": addresses.url("payments"),
                "ONEROUTER_GATEWAY_MESSAGING_URL": addresses.url("messaging"),
                "ONEROUTER_GATEWAY_STORAGE_URL": addresses.url("storage"),
                "ONEROUTER_GATEWAY_WEBHOOKS_URL": addresses.url("webhooks"),
                # Here everybody has the same address: people, scripts and tests together.
                "ONEROUTER_GATEWAY_MANAGEMENT_RATE_PER_S": "100",
                "ONEROUTER_GATEWAY_MANAGEMENT_RATE_BURST": "500",
                "ONEROUTER_GATEWAY_SIGN_IN_RATE_PER_S": "20",
                "ONEROUTER_GATEWAY_SIGN_IN_RATE_BURST": "100",
            }
        case "registry":
            return {
                "ONEROUTER_API_KEY_PEPPER": secrets.api_key_pepper,
                **_credential_keys(secrets),
                **_callback_keys(secrets),
                "ONEROUTER_REGISTRY_SECRET": secrets.registry_secret,
                "ONEROUTER_REGISTRY_PAYMENTS_URL": addresses.url("payments"),
                "ONEROUTER_REGISTRY_WEBHOOKS_URL": addresses.url("webhooks"),
                "ONEROUTER_REGISTRY_MESSAGING_URL": addresses.url("messaging"),
                "ONEROUTER_REGISTRY_STORAGE_URL": addresses.url("storage"),
                "ONEROUTER_CALLBACK_BASE_URL": addresses.url("webhooks"),
                "ONEROUTER_PUBLIC_URL": addresses.url("gateway"),
                # The registry asks providers, too: whether credentials are good.
                "ONEROUTER_PROVIDER_BASE_URLS": _base_urls(addresses),
            }
        case "payments" | "messaging" | "storage":
            return {
                **_credential_keys(secrets),
                "ONEROUTER_PROVIDER_BASE_URLS": _base_urls(addresses),
                **_of_worker(service, addresses, secrets),
            }
        case "webhooks":
            return {
                **_callback_keys(secrets),
                "ONEROUTER_WEBHOOKS_ENCRYPTION_KEYS": secrets.endpoint_keys,
                "ONEROUTER_WEBHOOKS_PAYMENTS_URL": addresses.url("payments"),
                "ONEROUTER_WEBHOOKS_MESSAGING_URL": addresses.url("messaging"),
                # Twilio signs the address that it calls.
                "ONEROUTER_CALLBACK_BASE_URL": addresses.url("webhooks"),
                "ONEROUTER_PROVIDER_BASE_URLS": _base_urls(addresses),
                "ONEROUTER_WEBHOOKS_ALLOW_PRIVATE_TARGETS": "127.0.0.0/8",
            }
    return {}


def _of_worker(service: str, addresses: Addresses, secrets: LocalSecrets) -> dict[str, str]:
    return {
        "payments": {
            # The sandbox is a place to pay by hand, too: an order of Razorpay and an intent of Stripe have no page.
            "ONEROUTER_PAYMENTS_CHECKOUT_URLS": json.dumps(
                {provider: f"{addresses.simulated(provider)}/checkout/{{order_id}}" for provider in _WITHOUT_PAGE}
            ),
        },
        # Twilio is told with each message where to call.
        "messaging": {"ONEROUTER_CALLBACK_BASE_URL": addresses.url("webhooks")},
        "storage": {"ONEROUTER_STORAGE_CURSOR_SECRET": secrets.storage_cursor_secret},
    }[service]


def _base_urls(addresses: Addresses) -> str:
    return json.dumps({provider: addresses.simulated(provider) for provider in SIMULATED})


def _credential_keys(secrets: LocalSecrets) -> dict[str, str]:
    return {
        "ONEROUTER_CREDENTIAL_KEYS_TEST": secrets.credential_keys_test,
        "ONEROUTER_CREDENTIAL_KEYS_LIVE": secrets.credential_keys_live,
    }


def _callback_keys(secrets: LocalSecrets) -> dict[str, str]:
    return {
        "ONEROUTER_CALLBACK_KEYS_TEST": secrets.callback_keys_test,
        "ONEROUTER_CALLBACK_KEYS_LIVE": secrets.callback_keys_live,
    }


def written_environment(addresses: Addresses, secrets: LocalSecrets) -> dict[str, str]:
    """What `.onerouter/env` tells programs on this machine."""
    return {
        "ONEROUTER_BASE_URL": addresses.url("gateway"),
        "ONEROUTER_API_KEY": secrets.demo_api_key,
        "ONEROUTER_DEMO_EMAIL": secrets.demo_email,
        "ONEROUTER_DEMO_PASSWORD": secrets.demo_password,
        "ONEROUTER_WEBHOOKS_URL": addresses.url("webhooks"),
        "ONEROUTER_SANDBOX_URL": addresses.url("sandbox"),
        "KAFKA_BOOTSTRAP_SERVERS": addresses.kafka,
        "REDIS_URL": redis_url(addresses, secrets),
        **{
            f"ONEROUTER_{service.upper()}_DATABASE_URL": database_url(service, addresses, secrets)
            for service in OWNERS_OF_DATABASES
        },
    }
