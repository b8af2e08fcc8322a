"""Settings every service has. Read once where the process starts, typed, passed by hand."""

from enum import StrEnum

from pydantic import AliasChoices, Field, PostgresDsn, RedisDsn, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from onerouter_common.secrets import KeyRing, Kms


class Mode(StrEnum):
    LOCAL = "local"
    PRODUCTION = "production"


def settings_config(prefix: str) -> SettingsConfigDict:
    """The configuration of a service's settings model: `ONEROUTER_PAYMENTS_` plus the field's name."""
    return SettingsConfigDict(
        env_prefix=prefix,
        frozen=True,
        populate_by_name=True,
        extra="ignore",
        hide_input_in_errors=True,  # a refused keyring or token must not be printed by the refusal
    )


class ServiceSettings(BaseSettings):
    """What every process is told, whichever service it is."""

    model_config = settings_config("ONEROUTER_")

    mode: Mode = Field(
        Mode.PRODUCTION,
        validation_alias=AliasChoices("ONEROUTER_MODE", "mode"),
        description="`local` allows plain-http endpoints and loopback addresses; production refuses them.",
    )
    host: str = Field("0.0.0.0", description="Address to listen on.")  # noqa: S104 - a container's own network
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on.")
    metrics_port: int = Field(
        9464, ge=1, le=65535, description="Port of `/metrics` (Prometheus), which is not for the outside."
    )
    kafka_bootstrap_servers: str = Field(
        validation_alias=AliasChoices("KAFKA_BOOTSTRAP_SERVERS", "kafka_bootstrap_servers"),
        description="host:port[,host:port…] of the brokers.",
    )
    kafka_session_timeout_s: float = Field(
        10.0,
        ge=1,
        le=300,
        validation_alias=AliasChoices("ONEROUTER_KAFKA_SESSION_TIMEOUT_S", "kafka_session_timeout_s"),
        description="A consumer that said nothing for so long is dead: others get its partitions. At least the brokers' "
        "group.min.session.timeout.ms, 6 s unless they are told otherwise.",
    )
    log_level: str = Field(
        "INFO",
        validation_alias=AliasChoices("ONEROUTER_LOG_LEVEL", "log_level"),
        description="Least severe of our own lines that is written: DEBUG, INFO, WARNING or ERROR.",
    )
    log_format: str = Field(
        "json",
        pattern="^(json|console)$",
        validation_alias=AliasChoices("ONEROUTER_LOG_FORMAT", "log_format"),
        description="`json` for machines, `console` for a person.",
    )
    otlp_endpoint: str | None = Field(
        None,
        validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_ENDPOINT", "otlp_endpoint"),
        description="Base URL of an OTLP/HTTP collector; absent: spans are made and propagated but not exported.",
    )
    trace_sample_ratio: float = Field(
        1.0,
        ge=0,
        le=1,
        validation_alias=AliasChoices("ONEROUTER_TRACE_SAMPLE_RATIO", "trace_sample_ratio"),
        description="Share of new traces that are recorded; a caller's own decision is honoured.",
    )
    internal_tokens: SecretStr = Field(
        validation_alias=AliasChoices("ONEROUTER_INTERNAL_TOKENS", "internal_tokens"),
        description="Comma-separated tokens of service-to-service calls: the first is sent, all are accepted.",
    )
    nice: int = Field(
        0,
        ge=0,
        le=19,
        description="How far this process leaves the processors of its machine to others (nice(2)). Where all services run "
        "on one machine, 10 for webhooks: nobody who calls the API waits for it.",
    )
    drain_timeout_s: float = Field(
        25.0, gt=0, description="How long a stopping process lets work in flight finish before it leaves it to others."
    )

    @field_validator("internal_tokens")
    @classmethod
    def _tokens_are_long(cls, value: SecretStr) -> SecretStr:
        if any(len(token.strip()) < 32 for token in value.get_secret_value().split(",")):
            raise ValueError("each internal token must have at least 32 characters")
        return value


class DatabaseSettings(BaseSettings):
    """Mixed into the settings of a service that owns a database."""

    database_url: PostgresDsn = Field(
        description="The service's own database; its login is bound by row-level security."
    )
    database_pool_size: int = Field(8, ge=2, le=200, description="Most connections of each pool of this process.")


class RedisSettings(BaseSettings):
    redis_url: RedisDsn = Field(
        validation_alias=AliasChoices("REDIS_URL", "redis_url"),
        description="Valkey or Redis, one primary (no Redis Cluster); a cache, never the truth.",
    )


def keyring_of(value: SecretStr, kms: Kms | None = None) -> KeyRing:
    """The keyring a setting describes (`id:base64[,id2:…]`, first is primary); without a KMS only to check it."""
    return KeyRing.parse(value.get_secret_value(), kms)
