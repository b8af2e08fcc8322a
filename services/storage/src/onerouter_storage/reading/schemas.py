"""What the gateway may ask of a bucket as it stands, and what it is answered."""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from onerouter_common.contracts.storage import EXPIRES_IN_S, MOST_EXPIRES_IN_S

LIST_MOST: Final = 100


class DownloadWanted(BaseModel):
    """POST /internal/buckets/{bucket}/downloads."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    key: str
    provider: str | None = None
    connection_id: str | None = None
    expires_in: int = Field(EXPIRES_IN_S, ge=1, le=MOST_EXPIRES_IN_S)
    filename: str | None = Field(None, max_length=255)
    content_type: str | None = Field(None, max_length=255)
    disposition: Literal["attachment", "inline"] = "attachment"
