"""What the payments service is told."""

from collections.abc import Mapping
from string import Formatter
from typing import Self

from pydantic import AliasChoices, AnyHttpUrl, Field, field_validator, model_validator

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
    def _credentials_travel_by_https(self) -> Self:
        plain = [name for name, url in self.provider_base_urls.items() if not url.lower().startswith("https://")]
        if plain and self.mode is not Mode.LOCAL:
            raise ValueError(
                f"the address for {', '.join(sorted(plain))} must start with https://: tenants' credentials are sent there "
                "(mode local allows others)"
            )
        return self
