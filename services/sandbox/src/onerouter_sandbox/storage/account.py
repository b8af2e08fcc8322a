"""Who may do what: an access key, the buckets it may use, and how it fares."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Account(BaseModel):
    """One access key, as registered by `POST /control/s3/accounts`. Keys that name the same bucket share what is in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    access_key_id: str = Field(pattern=r"^[A-Za-z0-9]{16,128}$")
    secret_access_key: str = Field(min_length=8, max_length=128)
    session_token: str | None = Field(None, description="Of temporary credentials: then each request must carry it.")
    region: str = Field("us-east-1", pattern=r"^[a-z0-9-]{1,40}$", description="Of its buckets; R2's is auto.")
    buckets: tuple[str, ...] = ()
    may_write: bool = Field(True, description="Whether its policy allows to put, delete and upload.")
    may_read: bool = Field(True, description="Whether it allows to get and look at objects.")
    may_list: bool = Field(True, description="Without it lists are refused, and what is absent is answered with 403.")
    wants_digests: bool = Field(False, description="As buckets that lock their objects: each must come with a digest.")
    part_bytes_least: int = Field(5 * 1024**2, ge=1, description="Of each part but the last.")
    quota_bytes: int = Field(256 * 1024**2, ge=0, description="Of each bucket; more is answered with QuotaExceeded.")

    def record(self) -> dict[str, Any]:
        return self.model_dump(mode="json")
