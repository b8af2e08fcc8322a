"""What the messaging service is told."""

from pathlib import Path

from pydantic import AliasChoices, AnyHttpUrl, Field

from onerouter_common.key_settings import CredentialKeySettings
from onerouter_common.settings import DatabaseSettings, settings_config
from onerouter_common.worker.settings import WorkerSettings
from onerouter_messaging.attachment.schemas import ATTACHMENT_BYTES, MOST_BYTES

PREFIX = "ONEROUTER_MESSAGING_"


class Settings(WorkerSettings, DatabaseSettings, CredentialKeySettings):
    model_config = settings_config(PREFIX)

    port: int = Field(8084, ge=0, le=65535, description="Port to listen on.")
    registry_url: AnyHttpUrl = Field(
        validation_alias=AliasChoices("ONEROUTER_MESSAGING_REGISTRY_URL", "ONEROUTER_REGISTRY_URL", "registry_url"),
        description="The registry's internal address.",
    )
    callback_base_url: AnyHttpUrl | None = Field(
        None,
        validation_alias=AliasChoices("ONEROUTER_CALLBACK_BASE_URL", "callback_base_url"),
        description="Where providers reach the webhooks service. Twilio is told it with each message; absent: no message "
        "names it, and what became of an SMS is asked for instead.",
    )
    poll_interval_s: float = Field(
        5.0,
        gt=0,
        description="How often is looked for messages that no callback came for, or whose price is not known.",
    )
    poll_batch: int = Field(64, ge=1, le=1_000, description="Most of them asked about at a time.")
    price_list: Path | None = Field(
        None,
        description="TOML file with what your accounts pay for messages, before the providers' public prices; read when the "
        "service starts. The format is at the top of `onerouter_providers/price_list.py`.",
    )
    message_content_days: int = Field(
        90,
        ge=1,
        le=3_650,
        description="How long subjects and texts of messages and the names of their recipients are kept, also in what was "
        "asked and answered. Statuses, costs and addresses stay.",
    )
    content_interval_s: float = Field(60.0, gt=0, description="How often is looked for content to be removed.")
    attachment_interval_s: float = Field(
        3_600.0, gt=0, description="How often is looked for files that no email needs any more."
    )
    attachment_bytes: int = Field(
        MOST_BYTES,
        ge=ATTACHMENT_BYTES,
        description="Most bytes of files that are kept for a tenant in an environment at a time, until what names them is "
        "sent. Beyond it an email with files is refused (429).",
    )
    renderers: int = Field(
        2,
        ge=1,
        le=32,
        description="Most processes that render templates; each is started when it is needed, and may take 512 MB.",
    )
