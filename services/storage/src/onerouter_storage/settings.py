"""What the storage service is told."""

from pydantic import AliasChoices, AnyHttpUrl, Field, SecretStr

from onerouter_common.contracts.storage import INLINE_BYTES
from onerouter_common.key_settings import CredentialKeySettings
from onerouter_common.settings import DatabaseSettings, settings_config
from onerouter_common.worker.settings import WorkerSettings
from onerouter_storage.content.schemas import KEPT_BYTES

PREFIX = "ONEROUTER_STORAGE_"


class Settings(WorkerSettings, DatabaseSettings, CredentialKeySettings):
    model_config = settings_config(PREFIX)

    port: int = Field(8085, ge=0, le=65535, description="Port to listen on.")
    registry_url: AnyHttpUrl = Field(
        validation_alias=AliasChoices("ONEROUTER_STORAGE_REGISTRY_URL", "ONEROUTER_REGISTRY_URL", "registry_url"),
        description="The registry's internal address.",
    )
    cursor_secret: SecretStr = Field(
        min_length=32,
        description="Signs where lists of objects go on. Several, separated by commas: the first signs, all are believed.",
    )
    read_timeout_s: float = Field(
        15.0, gt=0, le=300, description="Longest wait for a bucket's answer to a read, where its own limit is longer."
    )
    reads_in_flight: int = Field(
        32,
        ge=1,
        le=1_000,
        description="Room for so many objects of 5 MiB that are read at once, or for more that are smaller, until readers "
        "have them. A tenant takes a quarter of it at most.",
    )
    puts_in_flight: int = Field(
        32,
        ge=1,
        le=1_000,
        description="The same of objects that are put. Each may take its size in memory several times over.",
    )
    content_bytes: int = Field(
        KEPT_BYTES,
        ge=INLINE_BYTES,
        description="Most bytes that are kept for a tenant in an environment at a time, until the bucket has them. Beyond it "
        "an object that goes through us is refused (429).",
    )
    content_interval_s: float = Field(
        2.0, gt=0, description="How often is looked for bytes that no operation needs any more."
    )
    sweep_interval_s: float = Field(
        60.0, gt=0, description="How often is looked for uploads that nobody has completed or aborted."
    )
