"""The client of one bucket. Each kind of things has a module of its own."""

from collections.abc import Mapping
from typing import Literal

from pydantic import SecretStr

from onerouter_providers.aws import AwsKeys
from onerouter_providers.http import ProviderHttp
from onerouter_providers.storage.s3_protocol.bucket import Bucket
from onerouter_providers.storage.s3_protocol.listing import Listing
from onerouter_providers.storage.s3_protocol.multipart import Multipart
from onerouter_providers.storage.s3_protocol.presigning import Presigning
from onerouter_providers.storage.s3_protocol.profile import Profile
from onerouter_providers.storage.s3_protocol.wire import S3Wire


class S3Objects(Multipart, Listing, Presigning):
    """A `StoresObjects`."""

    def __repr__(self) -> str:
        return f"S3Objects({self._bucket!r})"

    def public_url(self, key: str) -> str | None:
        return self._bucket.public_url(key)


def open_bucket(
    credentials: Mapping[str, SecretStr],
    profile: Profile,
    *,
    http: ProviderHttp,
    base_url: str,
    region: str,
    addressing: Literal["virtual", "path"],
) -> S3Objects:
    """By the field names that manifests of this protocol share."""
    wire = S3Wire(http, profile, region=region, base_url=base_url, addressing=addressing, keys=AwsKeys.of(credentials))
    name, prefix, public = (_text(credentials, field) for field in ("bucket", "prefix", "public_base_url"))
    return S3Objects(Bucket(wire, name=name, prefix=prefix, public_base_url=public or None))


def _text(credentials: Mapping[str, SecretStr], field: str) -> str:
    value = credentials.get(field)
    return "" if value is None else value.get_secret_value()
