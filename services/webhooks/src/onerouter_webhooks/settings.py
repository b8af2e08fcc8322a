"""What the webhooks service is told, by environment variables `ONEROUTER_WEBHOOKS_*` and the shared ones."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, AnyHttpUrl, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from onerouter_common.key_settings import CallbackKeySettings, KeyringText
from onerouter_common.settings import DatabaseSettings, Mode, ServiceSettings, settings_config
from onerouter_providers.certificates import Override

Networks = tuple[IPv4Network | IPv6Network, ...]


class Settings(ServiceSettings, DatabaseSettings, CallbackKeySettings):
    """Times in seconds, sizes in bytes."""

    model_config = settings_config("ONEROUTER_WEBHOOKS_")

    port: int = Field(8083, ge=0, le=65535, description="Port to listen on.")
    registry_url: AnyHttpUrl = Field(
        AnyHttpUrl("http://127.0.0.1:8081"),
        validation_alias=AliasChoices("ONEROUTER_WEBHOOKS_REGISTRY_URL", "ONEROUTER_REGISTRY_URL", "registry_url"),
        description="Base URL of the registry's internal API.",
    )
    encryption_keys: KeyringText = Field(
        description="Keyring (as those for callbacks) that seals the signing secrets of tenants' endpoints."
    )

    provider_base_urls: Mapping[str, str] = Field(
        default_factory=dict,
        validation_alias=AliasChoices("ONEROUTER_PROVIDER_BASE_URLS", "provider_base_urls"),
        description="Other addresses of providers, a sandbox's, as the payments service has them. Only from there is the "
        "certificate fetched that such a provider signs callbacks with.",
    )
    certificate_roots: Mapping[str, Path] = Field(
        default_factory=dict,
        description='Files (PEM) with the root that vouches for such a certificate: JSON {"paypal": "/run/roots.pem"}. '
        "Only for providers with another address, and only in mode `local`; for all others the browsers' roots do.",
    )

    verify_by_asking: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Comma-separated providers that are asked whether a callback is theirs, in place of checking its "
        "certificate here: `paypal` can be. Costs a call for each callback, which the payments service makes with the "
        "connection's credentials.",
    )
    payments_url: AnyHttpUrl = Field(
        AnyHttpUrl("http://127.0.0.1:8082"),
        description="Base URL of the payments service's internal API; only used with verify_by_asking.",
    )
    messaging_url: AnyHttpUrl = Field(
        AnyHttpUrl("http://127.0.0.1:8084"),
        description="Base URL of the messaging service's internal API: it says yes where a provider asks before it calls "
        "back (Amazon SNS).",
    )

    callback_base_url: AnyHttpUrl | None = Field(
        None,
        validation_alias=AliasChoices("ONEROUTER_CALLBACK_BASE_URL", "callback_base_url"),
        description="Where providers reach this service from outside, as the registry has it. Twilio signs the address: "
        "absent, none of its callbacks can be verified.",
    )

    callback_body_limit: int = Field(
        1024 * 1024,
        gt=0,
        description="A larger callback is answered 413, but for providers that are known to send more.",
    )
    max_callbacks: int = Field(500, gt=0, description="Callbacks worked on at once in this process; one beyond: 503.")
    callback_deadline_s: float = Field(
        4.5, gt=0, le=5, description="A callback is answered within this, with 503 if need be; Razorpay waits 5 s."
    )
    callback_cache_ttl_s: float = Field(60.0, gt=0, le=300, description="How long a token's target is remembered.")
    callback_cache_size: int = Field(10_000, gt=0, description="How many tokens' targets are remembered.")
    callback_relay_after_s: float = Field(
        5.0,
        gt=0,
        description="A stored callback that was not published by now was left by a crash: the relay takes it.",
    )
    callback_retention_days: int = Field(
        30,
        ge=16,
        description="How long it is remembered which callbacks came: longer than any provider repeats one, or than a "
        "signature stays good.",
    )
    callback_raw_retention_days: int = Field(
        30,
        ge=1,
        description="How long headers and bodies of callbacks are kept, sealed, to be read again when a mapping was added.",
    )

    allow_private_targets: Annotated[Networks, NoDecode] = Field(
        (),
        description="Comma-separated networks endpoints may be in although they are not public, then also by plain http "
        "and on any port. Only in mode `local`.",
    )
    blocked_targets: Annotated[Networks, NoDecode] = Field(
        (), description="Comma-separated networks never to call, such as our own public ones."
    )
    target_ports: Annotated[tuple[int, ...], NoDecode] = Field(
        (443,), description="Comma-separated ports an endpoint may have (80 and 8443 are the usual additions)."
    )
    egress_proxy: SecretStr | None = Field(
        None,
        description="URL (http or https, may have a user name and password) of a proxy that all requests to tenants' "
        "addresses go through: by CONNECT, or whole where the address is plain http. What can be checked here before it "
        "is asked, is; the proxy must refuse private addresses by itself, as Smokescreen does.",
    )
    max_endpoints: int = Field(50, gt=0, description="Most endpoints a tenant may have in one environment.")

    delivery_timeout_s: float = Field(15.0, gt=0, le=30, description="One attempt: connect to the last byte read.")
    delivery_connect_timeout_s: float = Field(5.0, gt=0, le=30, description="Part of it: until the connection stands.")
    delivery_lease_margin_s: float = Field(
        5.0,
        ge=1,
        description="A claimed delivery is free for others this long after its attempt must have ended; so a crashed "
        "process's deliveries go on after delivery_timeout_s + this.",
    )
    retry_schedule_s: Annotated[tuple[float, ...], NoDecode] = Field(
        (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400),
        description="Comma-separated waits before attempt 2, 3, …; after the last the delivery is exhausted.",
    )
    retry_jitter: float = Field(0.2, ge=0, lt=1, description="Each wait is spread by ± this share.")
    retry_overload_floor_s: float = Field(
        60.0, ge=0, description="Least wait after 429, 502, 504 or a timeout: the endpoint is asked to do less."
    )
    poll_interval_s: float = Field(1.0, gt=0, le=10, description="How often the queue is looked at when nothing wakes.")
    max_in_flight: int = Field(
        1_100, gt=0, description="Deliveries in flight in this process; an endpoint may hold a tenth of what is free."
    )
    max_in_flight_per_tenant: int = Field(100, gt=0, description="Of these, for one tenant.")
    max_in_flight_per_endpoint: int = Field(10, gt=0, description="Of these, to one endpoint.")
    response_read_limit: int = Field(64 * 1024, gt=0, description="An answer is read up to here, then cut off.")
    response_stored_limit: int = Field(16 * 1024, ge=0, description="Of it, this much is kept with the attempt.")
    max_event_streams: int = Field(1_000, gt=0, description="Readers of event streams in this process; beyond: 503.")
    event_retention_days: int = Field(
        30,
        ge=8,
        description="Events older than this are dropped, by whole days; what is still owed of them is canceled.",
    )
    delivery_retention_days: int = Field(
        90, ge=8, description="Deliveries and their attempts older than this are dropped, by whole days."
    )

    @field_validator(
        "allow_private_targets",
        "blocked_targets",
        "target_ports",
        "retry_schedule_s",
        "verify_by_asking",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("egress_proxy")
    @classmethod
    def _is_a_proxy(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parts = urlsplit(value.get_secret_value())
            path = parts.path.strip("/") + parts.query + parts.fragment
            if parts.scheme not in ("http", "https") or not parts.hostname or path or parts.port == 0:
                raise ValueError("egress_proxy must be http://host:port or https://host:port")
        return value

    @model_validator(mode="after")
    def _private_targets_are_local(self) -> Self:
        if self.allow_private_targets and self.mode is not Mode.LOCAL:
            raise ValueError("allow_private_targets is for mode local only: in production nobody may reach our network")
        return self

    @model_validator(mode="after")
    def _deliveries_outlive_their_events(self) -> Self:
        if self.delivery_retention_days < self.event_retention_days:
            raise ValueError("delivery_retention_days must be at least event_retention_days")
        return self

    @model_validator(mode="after")
    def _other_roots_are_local(self) -> Self:
        if self.certificate_roots and self.mode is not Mode.LOCAL:
            raise ValueError("certificate_roots is for mode local only: in production the browsers' roots vouch")
        lost = sorted(self.certificate_roots.keys() - self.provider_base_urls.keys())
        if lost:
            raise ValueError(f"certificate_roots names {', '.join(lost)}, which provider_base_urls does not")
        return self

    def certificate_overrides(self) -> dict[str, Override]:
        """Of the providers that a simulator stands in for."""
        return {name: Override(self.provider_base_urls[name], path) for name, path in self.certificate_roots.items()}

    def category_urls(self) -> dict[str, str]:
        """Category → base URL of the service that has its connections' credentials."""
        messaging = str(self.messaging_url)
        return {"payments": str(self.payments_url), "sms": messaging, "email": messaging}

    @property
    def delivery_lease_s(self) -> float:
        """Longer than any attempt by construction, so that a living process never loses a delivery it works on."""
        return self.delivery_timeout_s + self.delivery_lease_margin_s
