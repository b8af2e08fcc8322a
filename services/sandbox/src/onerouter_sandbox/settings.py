"""What an operator can set; every field is read from `ONEROUTER_SANDBOX_<NAME>`."""

from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The sandbox's settings. The defaults give an empty sandbox that remembers nothing and breaks nothing."""

    model_config = SettingsConfigDict(env_prefix="ONEROUTER_SANDBOX_", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(8090, ge=0, le=65_535, description="0 takes any free port.")
    log_level: str = "info"
    drain_timeout_s: float = Field(2.0, ge=1, le=60, description="How long the end waits for held or slow answers.")
    control_token: SecretStr | None = Field(
        None, description="Bearer token of /control. Unset: /control answers to loopback only."
    )
    accounts: dict[str, tuple[dict[str, Any], ...]] = Field(
        default_factory=dict,
        description='Accounts to start with, per provider, as JSON: {"razorpay": [{"key_id": …, "key_secret": …}]}.',
    )
    data_file: Path | None = Field(None, description="SQLite file that keeps everything between runs. Unset: memory.")
    data_flush_s: float = Field(0.2, gt=0, le=10, description="How often changes are written to data_file.")
    roots_file: Path | None = Field(
        None, description="Where the root (PEM) is written that vouches for the certificate of PayPal's callbacks."
    )
    latency_ms: float = Field(0, ge=0, le=60_000, description="Every answer of a provider waits this long.")
    callback_timeout_s: float = Field(5.0, gt=0, le=60, description="One delivery, connect to answer.")
    callback_concurrency: int = Field(64, ge=1, le=1_000, description="Deliveries in flight at once.")
    callback_retry_first_s: float = Field(1.0, gt=0, description="Wait before the second try; doubles from then on.")
    callback_retry_most_s: float = Field(60.0, gt=0, description="The longest wait between two tries.")
    callback_give_up_h: float = Field(24.0, gt=0, description="Nothing is retried longer than this.")
