"""S3's addresses: one a region, the bucket in the host's name where a certificate can vouch for it."""

from collections.abc import Mapping
from typing import Final

from pydantic import SecretStr

from onerouter_providers.http import ProviderHttp
from onerouter_providers.storage.s3_protocol.client import S3Objects, open_bucket
from onerouter_providers.storage.s3_protocol.profile import Profile

PROFILE: Final = Profile(
    provider="s3",
    display_name="Amazon S3",
    metadata_bytes=2_048,
    has_conditional_complete=True,
    has_conditional_delete=True,
    takes_checksums=True,
    absent_hint="Without s3:ListBucket, S3 answers this way for an object that is not there, too.",
)
_HOME: Final = "https://s3.us-east-1.amazonaws.com"


def create_client(credentials: Mapping[str, SecretStr], *, http: ProviderHttp, base_url: str) -> S3Objects:
    """One connection's client."""
    region, bucket = credentials["region"].get_secret_value(), credentials["bucket"].get_secret_value()
    # An operator's address has one name for all buckets; a name with dots is not covered by AWS's certificate.
    by_host = base_url == _HOME and "." not in bucket
    return open_bucket(
        credentials,
        PROFILE,
        http=http,
        base_url=regional(base_url, region),
        region=region,
        addressing="virtual" if by_host else "path",
    )


def regional(base_url: str, region: str) -> str:
    """The region's own address; an operator's stays as it is."""
    if base_url != _HOME:
        return base_url
    return f"https://s3.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"
