"""R2's addresses: one an account and jurisdiction, with a region of one name."""

from collections.abc import Mapping
from typing import Final

from pydantic import SecretStr

from onerouter_providers.http import ProviderHttp
from onerouter_providers.storage.s3_protocol.client import S3Objects, open_bucket
from onerouter_providers.storage.s3_protocol.profile import Profile

PROFILE: Final = Profile(
    provider="r2",
    display_name="Cloudflare R2",
    metadata_bytes=8_192,
    has_conditional_complete=False,
    has_conditional_delete=False,
    takes_checksums=False,
)
_HOME: Final = "https://r2.cloudflarestorage.com"


def create_client(credentials: Mapping[str, SecretStr], *, http: ProviderHttp, base_url: str) -> S3Objects:
    """One connection's client."""
    jurisdiction = credentials.get("jurisdiction")
    return open_bucket(
        credentials,
        PROFILE,
        http=http,
        base_url=of_account(
            base_url,
            credentials["account_id"].get_secret_value(),
            "" if jurisdiction is None else jurisdiction.get_secret_value(),
        ),
        region="auto",
        addressing="path",
    )


def of_account(base_url: str, account_id: str, jurisdiction: str) -> str:
    """The account's own address; an operator's stays as it is. A bucket of a jurisdiction is reached only there."""
    if base_url != _HOME:
        return base_url
    where = "" if jurisdiction in ("", "default") else f".{jurisdiction}"
    return f"https://{account_id}{where}.r2.cloudflarestorage.com"
