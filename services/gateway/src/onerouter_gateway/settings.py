"""What a gateway process is told."""

from typing import Annotated

from pydantic import AliasChoices, AnyHttpUrl, Field, SecretStr, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from onerouter_common.settings import RedisSettings, ServiceSettings, settings_config
from onerouter_gateway.authentication.address import networks_of


class Settings(ServiceSettings, RedisSettings):
    model_config = SettingsConfigDict(**settings_config("ONEROUTER_GATEWAY_"))

    api_key_pepper: SecretStr = Field(
        min_length=32,
        validation_alias=AliasChoices("ONEROUTER_API_KEY_PEPPER", "api_key_pepper"),
        description="Key of the hash under which API keys are looked up; the registry holds the same one.",
    )
    idempotency_secret: SecretStr = Field(
        min_length=32,
        description="Derives operation ids from idempotency keys. The same on every gateway, and never changed: with "
        "another secret a retry would be a new operation.",
    )
    registry_url: AnyHttpUrl = Field(AnyHttpUrl("http://127.0.0.1:8081"), description="Base URL of the registry.")
    payments_url: AnyHttpUrl = Field(
        AnyHttpUrl("http://127.0.0.1:8082"), description="Base URL of the payments service's internal reads."
    )
    messaging_url: AnyHttpUrl = Field(
        AnyHttpUrl("http://127.0.0.1:8084"), description="Base URL of the messaging service's internal API."
    )
    webhooks_url: AnyHttpUrl = Field(
        AnyHttpUrl("http://127.0.0.1:8083"), description="Base URL of the webhooks service's internal API."
    )
    storage_url: AnyHttpUrl = Field(
        AnyHttpUrl("http://127.0.0.1:8085"), description="Base URL of the storage service's internal API."
    )
    storage_timeout_s: float = Field(
        20.0,
        gt=0,
        le=60,
        description="Longest wait for its answer to what it has to ask a provider for: reads, lists, signed addresses.",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Comma-separated networks (CIDR) of our own proxies: of a request that comes from one, the right-most "
        "hop of X-Forwarded-For that is in none of them is the client. None: the peer is, and the header is never read.",
    )
    upstream_timeout_s: float = Field(5.0, gt=0, le=30, description="Longest wait for another service's answer.")

    management_timeout_s: float = Field(
        30.0,
        gt=0,
        le=60,
        description="Longest wait for the registry's answer to a request under /api (connecting a provider asks it, too).",
    )
    management_rate_per_s: int = Field(
        20, ge=1, description="Requests a second under /api of one client address, for who presents no API key…"
    )
    management_rate_burst: int = Field(60, ge=1, description="…of which so many may come at once.")
    sign_in_rate_per_s: int = Field(5, ge=1, description="Of these, under /api/auth…")
    sign_in_rate_burst: int = Field(30, ge=1, description="…of which so many may come at once.")
    refused_rate_per_s: int = Field(
        20,
        ge=1,
        description="Requests a second of one client address that are refused with 401; beyond, 429, and no API key "
        "from there is looked up that was not seen before. Requests with a valid key are never counted…",
    )
    refused_rate_burst: int = Field(200, ge=1, description="…of which so many may come at once.")

    reply_partition: int | None = Field(
        None,
        ge=0,
        description="Partition of the reply topic this instance reads; absent: a random one. Two instances on one "
        "partition both read it, which costs reading, never a reply.",
    )
    default_wait_s: float = Field(
        20.0, gt=0, le=60, description="How long a request waits for its outcome without `Prefer: wait`; then 202."
    )
    max_wait_s: float = Field(60.0, gt=0, le=60, description="Longest wait that `Prefer: wait` can ask for.")
    max_pending: int = Field(
        5_000, ge=1, description="Most operations this instance waits for at once; a request beyond is shed with 503."
    )
    max_pending_per_tenant: int = Field(2_000, ge=1, description="Of these, for one tenant.")
    max_requests: int = Field(
        8_000, ge=1, description="Most requests this instance works on at once, of any kind; beyond: 503."
    )
    max_downloads: int = Field(512, ge=1, description="Objects on their way to callers in this instance; beyond: 503…")
    max_downloads_per_tenant: int = Field(128, ge=1, description="…and of one tenant; beyond: 429.")
    max_event_streams: int = Field(1_000, ge=1, description="Event streams open in this instance; beyond: 503…")
    max_event_streams_per_key: int = Field(10, ge=1, description="…of these, of one API key; beyond: 429…")
    max_event_streams_per_tenant: int = Field(50, ge=1, description="…and of one tenant; beyond: 429.")
    shed_wait_s: float = Field(
        5.0,
        gt=0,
        description="A wait at least this long that ends without a reply speaks of workers that do not keep up.",
    )
    shed_window_s: float = Field(10.0, gt=0, description="How far back waits are counted for that.")
    shed_share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="A tenant's new commands are refused with 503 when this share of its waits ended without a reply…",
    )
    shed_least: int = Field(
        20,
        ge=1,
        description="…of at least this many; everybody's when that is so for several tenants and this share of all.",
    )

    principal_ttl_s: float = Field(60.0, gt=0, le=300, description="How long an API key's rights are believed.")
    principal_cache_size: int = Field(50_000, ge=1, description="API keys remembered at once.")
    unknown_key_ttl_s: float = Field(5.0, gt=0, le=60, description="How long an unknown API key is remembered as such.")

    rate_limit_timeout_s: float = Field(
        0.15, gt=0, le=2, description="Longest wait for Redis before this instance limits by itself."
    )
    rate_limit_retry_s: float = Field(
        1.0, gt=0, le=60, description="How long Redis is left alone after it failed, before it is asked again."
    )
    quota_debt: int = Field(
        1_000,
        ge=0,
        description="Operations of one key and category this instance begins unpaid while the registry cannot be asked, "
        "charged to the monthly quota when it is back. Never more than what was left when it was asked last; beyond: 503.",
    )
    expected_instances: int = Field(
        1,
        ge=1,
        description="Gateway instances in service: while Redis is away each admits its share (limit / instances).",
    )

    max_body_bytes: int = Field(1 << 20, ge=1024, description="Largest request body, as sent and after inflation.")
    max_email_body_bytes: int = Field(
        10 << 20, ge=1024, description="The same of a request that sends email, which may hold attachments."
    )
    max_large_bodies: int = Field(
        16,
        ge=1,
        description="Bodies beyond max_body_bytes that are taken in at once; the next ones wait, then get 503.",
    )

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        networks_of(value)
        return value
