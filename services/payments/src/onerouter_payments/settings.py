"""What the payments service is told."""

from collections.abc import Mapping
from string import Formatter
from typing import Self

from pydantic import AliasChoices, AnyHttpUrl, Field, RedisDsn, field_validator, model_validator

from onerouter_common.key_settings import CredentialKeySettings
from onerouter_common.settings import DatabaseSettings, Mode, ServiceSettings, settings_config

PREFIX = "ONEROUTER_PAYMENTS_"


class Settings(ServiceSettings, DatabaseSettings, CredentialKeySettings):
    model_config = settings_config(PREFIX)

    port: int = Field(8082, ge=0, le=65535, description="Port to listen on.")
    registry_url: AnyHttpUrl = Field(
        validation_alias=AliasChoices("ONEROUTER_PAYMENTS_REGISTRY_URL", "ONEROUTER_REGISTRY_URL", "registry_url"),
        description="The registry's internal address.",
    )
    provider_base_urls: Mapping[str, str] = Field(
        default_factory=dict,
        validation_alias=AliasChoices("ONEROUTER_PROVIDER_BASE_URLS", "provider_base_urls"),
        description='Other addresses of providers, a sandbox\'s: JSON {"razorpay": "http://127.0.0.1:8090/razorpay"}.',
    )
    checkout_urls: Mapping[str, str] = Field(
        default_factory=dict,
        description="Pages where a payer pays, for providers that have none of their own: JSON, provider → address with "
        '{order_id} or {payment_id}: {"razorpay": "https://pay.example.com/checkout/{order_id}"}.',
    )
    in_flight: int = Field(1_000, ge=1, description="Most operations this process executes at once.")
    in_flight_per_tenant: int = Field(
        400, ge=1, description="Most of them of one tenant, so that none starves another."
    )
    lease_ttl_s: float = Field(
        10.0, ge=2, le=300, description="A process that said nothing for so long is dead: others take its work over."
    )
    provider_timeout_s: float | None = Field(
        None,
        gt=0,
        le=300,
        description="Longest wait for a provider, where its own limit (from its manifest) is longer. Absent: its own.",
    )
    provider_absence_s: float | None = Field(
        None,
        ge=0,
        le=86_400,
        description="Longest wait before a provider's word that it has nothing of a call without an answer is believed. For "
        "providers that are never behind, as the sandbox is; at others it makes things happen twice. Absent: each its own.",
    )
    redis_url: RedisDsn | None = Field(
        None,
        validation_alias=AliasChoices("REDIS_URL", "redis_url"),
        description="Valkey or Redis, one primary (no Redis Cluster), through which workers tell each other of connections "
        "whose calls fail; never the truth. Absent: each goes by what it sees itself.",
    )
    redis_timeout_s: float = Field(
        0.15, gt=0, le=5, description="Longest wait for Redis before this worker goes by what it sees itself."
    )
    circuit_failures: int = Field(
        5,
        ge=1,
        description="So many calls in a row that were not reached or not answered open a connection's circuit: nothing new "
        "is sent there for a while. Declines and refused requests never do.",
    )
    circuit_failure_ratio: float = Field(
        0.5, gt=0, le=1, description="So large a share of them opens it, too, once there were enough calls."
    )
    circuit_least_calls: int = Field(20, ge=1, description="How many calls are enough for that.")
    circuit_window_s: float = Field(
        30.0, gt=0, description="Half-life of what counts for the share: a call this old counts half."
    )
    circuit_throttled_s: float = Field(
        60.0, gt=0, description="A connection that only throttles for so long, or says it will, is left alone, too."
    )
    circuit_open_s: float = Field(
        5.0, gt=0, description="How long a circuit stays open the first time; twice as long after each failed probe."
    )
    circuit_open_most_s: float = Field(60.0, gt=0, description="The longest it stays open.")
    circuit_probes: int = Field(
        3,
        ge=1,
        description="Operations that are then let through at a time, by all workers together; so many answers close it.",
    )
    circuit_ask_every_s: float = Field(
        1.0,
        ge=0,
        description="How often a worker asks a connection whose circuit is open about calls of unknown outcome.",
    )
    stuck_after_s: float = Field(
        900.0,
        gt=0,
        description="An operation that is still executing, retrying or unknown so long after it should have begun is told "
        "of, once: the tenant by the event operation.stuck, operators by the log and a metric.",
    )
    retention_days: int = Field(
        400,
        ge=31,
        description="How long operations and their idempotency keys are kept; dropped by whole months. At least 31, "
        "because a key is promised to be remembered for 30 days.",
    )
    poll_interval_s: float = Field(
        5.0, gt=0, description="How often is looked for payments and refunds that no callback came for."
    )
    poll_batch: int = Field(64, ge=1, le=1_000, description="Most of them asked about at a time.")
    vendor_details_interval_s: float = Field(
        60.0,
        gt=0,
        description="How often vendors' bank data is erased that their provider has, and wrapped by newer keys.",
    )

    @field_validator("checkout_urls")
    @classmethod
    def _are_templates(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for provider, template in value.items():
            names = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
            if not names or not names <= {"order_id", "payment_id"}:
                raise ValueError(
                    f"the address for {provider} must contain {{order_id}} or {{payment_id}}, nothing else"
                )
        return value

    @model_validator(mode="after")
    def _circuits_open_for_some_time(self) -> Self:
        if self.circuit_open_most_s < self.circuit_open_s:
            raise ValueError("circuit_open_most_s must not be less than circuit_open_s")
        return self

    @model_validator(mode="after")
    def _credentials_travel_by_https(self) -> Self:
        plain = [name for name, url in self.provider_base_urls.items() if not url.lower().startswith("https://")]
        if plain and self.mode is not Mode.LOCAL:
            raise ValueError(
                f"the address for {', '.join(sorted(plain))} must start with https://: tenants' credentials are sent there "
                "(mode local allows others)"
            )
        return self
