"""What the registry, and an operator's tools beside it, are told."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import AliasChoices, AnyHttpUrl, Field, SecretStr, field_validator, model_validator

from onerouter_common.contracts.registry import HEARTBEAT_S
from onerouter_common.key_settings import CallbackKeySettings, CredentialKeySettings
from onerouter_common.settings import DatabaseSettings, Mode, ServiceSettings, settings_config
from onerouter_registry.oidc.model import Issuer, require_distinct
from onerouter_registry.tenant.plans import REQUESTS_PER_MINUTE

PREFIX = "ONEROUTER_REGISTRY_"


class ManagementSettings(DatabaseSettings, CredentialKeySettings, CallbackKeySettings):
    """Enough to change what tenants configure: the database and the keys. Read by `onerouter admin`."""

    model_config = settings_config(PREFIX)

    api_key_pepper: SecretStr = Field(
        validation_alias=AliasChoices("ONEROUTER_API_KEY_PEPPER", "api_key_pepper"),
        min_length=32,
        description="Secret under which API keys are hashed, shared with the gateway. Changing it voids every key.",
    )
    secret: SecretStr = Field(
        min_length=32,
        description="Chains the audit log and derives CSRF tokens and the like. Never changed: the audit log could no longer "
        "be verified.",
    )
    callback_base_url: AnyHttpUrl | None = Field(
        None,
        validation_alias=AliasChoices("ONEROUTER_CALLBACK_BASE_URL", "callback_base_url"),
        description="Where providers reach the webhooks service from outside; absent: only the path is shown.",
    )

    tenant_deletion_grace_days: int = Field(
        30,
        ge=1,
        le=365,
        description="How long the deletion of a tenant can be undone; then its credentials are destroyed.",
    )
    disconnected_retention_days: int = Field(
        30,
        ge=0,
        le=3_650,
        description="How long the credentials of a disconnected connection are kept, so that what it took can be refunded; "
        "then they are destroyed.",
    )
    probe_timeout_s: float = Field(
        10.0, gt=0, le=60, description="How long a provider may take to say whether it accepts credentials."
    )
    provider_base_urls: Mapping[str, str] = Field(
        default_factory=dict,
        validation_alias=AliasChoices("ONEROUTER_PROVIDER_BASE_URLS", "provider_base_urls"),
        description='Other addresses of providers, a sandbox\'s: JSON {"razorpay": "http://127.0.0.1:8090/razorpay"}.',
    )

    payments_url: AnyHttpUrl = Field(
        AnyHttpUrl("http://127.0.0.1:8082"),
        description="Base URL of the payments service's internal API: operators end what only a person can.",
    )
    messaging_url: AnyHttpUrl = Field(
        AnyHttpUrl("http://127.0.0.1:8084"), description="The same of the messaging service."
    )
    storage_url: AnyHttpUrl = Field(AnyHttpUrl("http://127.0.0.1:8085"), description="The same of the storage service.")
    webhooks_url: AnyHttpUrl = Field(
        AnyHttpUrl("http://127.0.0.1:8083"),
        description="Base URL of the webhooks service's internal API: operators have callbacks read again, or redacted.",
    )
    internal_tokens: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("ONEROUTER_INTERNAL_TOKENS", "internal_tokens"),
        description="Comma-separated tokens of service-to-service calls; `onerouter admin operations` sends the first.",
    )
    public_url: AnyHttpUrl = Field(
        AnyHttpUrl("http://127.0.0.1:8080"),
        validation_alias=AliasChoices("ONEROUTER_PUBLIC_URL", "public_url"),
        description="Where people reach the gateway: the start of the links in mails, and of OpenID Connect redirects.",
    )
    sign_up: Literal["open", "invited", "closed"] | None = Field(
        None,
        description="Who may become a person here: anyone, those invited to a tenant, or nobody. Absent: `open` in local "
        "mode, else `invited`.",
    )
    default_plan: str = Field("starter", description="The plan of a tenant that a person makes.")

    @property
    def sign_up_policy(self) -> Literal["open", "invited", "closed"]:
        return self.sign_up or "invited"

    @property
    def first_person_operates(self) -> bool:
        """Whether the very first person becomes an operator of the installation."""
        return False

    @field_validator("default_plan")
    @classmethod
    def _is_a_plan(cls, value: str) -> str:
        if value not in REQUESTS_PER_MINUTE:
            raise ValueError(f"must be one of {', '.join(REQUESTS_PER_MINUTE)}")
        return value


class Settings(ServiceSettings, ManagementSettings):
    """The registry service's."""

    model_config = settings_config(PREFIX)

    port: int = Field(8081, ge=0, le=65535, description="Port to listen on.")
    relay_poll_s: float = Field(
        HEARTBEAT_S,
        gt=0,
        le=HEARTBEAT_S,
        description="How often the outbox is looked at when no notification came, and a heartbeat published; bounds how long "
        "a revoked key works while notifications are cut off.",
    )
    tenant_sweep_s: float = Field(
        60.0, gt=0, le=3_600, description="How often tenants whose deletion can no longer be undone are looked for."
    )
    connection_check_poll_s: float = Field(
        60.0,
        gt=0,
        le=3_600,
        description="How often connections are looked for whose credentials are to be checked again: accepted ones daily, "
        "others hourly.",
    )
    connection_checks_at_once: int = Field(
        8, ge=1, le=100, description="How many providers are asked about credentials at the same time by this process."
    )
    connection_sweep_s: float = Field(
        60.0, gt=0, le=3_600, description="How often credentials and callback addresses that are due are destroyed."
    )
    usage_flush_s: float = Field(60.0, gt=0, description="How often the keys' last use is written.")
    mail_api_key: SecretStr | None = Field(
        None, description="An API key with email:write of the tenant whose email connection carries our own mail."
    )
    mail_from: str | None = Field(
        None, max_length=254, description="The sender of our own mail; needed together with the key."
    )
    mail_gateway_url: AnyHttpUrl | None = Field(
        None,
        description="Where this process reaches the gateway to send mail; absent: as people do, ONEROUTER_PUBLIC_URL.",
    )
    oidc_issuers: tuple[Issuer, ...] = Field(
        (),
        max_length=20,
        description="Where people can sign in by OpenID Connect, and whose bearer tokens are accepted: JSON "
        '[{"id": "google", "name": "Google", "issuer": "https://accounts.google.com", "client_id": "…", '
        '"client_secret": "…", "sign_up": true}]; all fields: docs/security.md.',
    )

    @property
    def sign_up_policy(self) -> Literal["open", "invited", "closed"]:
        return self.sign_up or ("open" if self.mode is Mode.LOCAL else "invited")

    @property
    def first_person_operates(self) -> bool:
        return self.mode is Mode.LOCAL

    @model_validator(mode="after")
    def _issuers_are_distinct_and_safe(self) -> Self:
        require_distinct(self.oidc_issuers)
        for one in self.oidc_issuers:
            if self.mode is not Mode.LOCAL and not one.issuer.startswith("https://"):
                raise ValueError(f"the OpenID Connect issuer '{one.id}' must be https outside local mode")
        return self

    @model_validator(mode="after")
    def _mail_is_complete(self) -> Self:
        if (self.mail_api_key is None) != (self.mail_from is None):
            raise ValueError("mail_api_key and mail_from belong together")
        return self
