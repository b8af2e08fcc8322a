"""What the payments service is told."""

from collections.abc import Mapping
from string import Formatter

from pydantic import AliasChoices, AnyHttpUrl, Field, field_validator

from onerouter_common.key_settings import CredentialKeySettings
from onerouter_common.settings import DatabaseSettings, settings_config
from onerouter_common.worker.settings import WorkerSettings

PREFIX = "ONEROUTER_PAYMENTS_"


class Settings(WorkerSettings, DatabaseSettings, CredentialKeySettings):
    model_config = settings_config(PREFIX)

    port: int = Field(8082, ge=0, le=65535, description="Port to listen on.")
    registry_url: AnyHttpUrl = Field(
        validation_alias=AliasChoices("ONEROUTER_PAYMENTS_REGISTRY_URL", "ONEROUTER_REGISTRY_URL", "registry_url"),
        description="The registry's internal address.",
    )
    checkout_urls: Mapping[str, str] = Field(
        default_factory=dict,
        description="Pages where a payer pays, for providers that have none of their own: JSON, provider → address with "
        '{order_id} or {payment_id}: {"razorpay": "https://pay.example.com/checkout/{order_id}"}.',
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
