"""One connection's bucket: how the tenant's keys lie in it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from onerouter_common.errors import InvalidRequest
from onerouter_common.object_keys import KEY_BYTES
from onerouter_providers.storage.s3_protocol.mapping import metadata_to_wire
from onerouter_providers.storage.s3_protocol.profile import Profile
from onerouter_providers.storage.s3_protocol.wire import S3Wire


class Bucket:
    """`prefix` stands before each key as it is (`tenant-1/`)."""

    def __init__(self, wire: S3Wire, *, name: str, prefix: str = "", public_base_url: str | None = None) -> None:
        self.wire = wire
        self.name = name
        self.prefix = prefix
        self._public_base_url = public_base_url

    def __repr__(self) -> str:
        return f"Bucket({self.name!r}, {self.wire!r})"

    @property
    def profile(self) -> Profile:
        return self.wire.profile

    def at(self, key: str) -> dict[str, Any]:
        """A call's parameters that say which object. Raises InvalidRequest for a key that is too long with the prefix."""
        whole = self.prefix + key
        if not key or len(whole.encode()) > KEY_BYTES:
            raise InvalidRequest.of("key", f"must have 1 to {KEY_BYTES} bytes in UTF-8 with the connection's prefix")
        return {"Bucket": self.name, "Key": whole}

    def below(self, prefix: str) -> dict[str, Any]:
        return {"Bucket": self.name, "Prefix": self.prefix + prefix}

    def own(self, whole: str) -> str:
        """The tenant's key or prefix, of one in the bucket."""
        return whole.removeprefix(self.prefix)

    def public_url(self, key: str) -> str | None:
        if not self._public_base_url:
            return None
        return f"{self._public_base_url.rstrip('/')}/{quote(self.prefix + key, safe='/~')}"


class Part:
    """One kind of things that a client does with its bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._wire = bucket.wire

    def _metadata(self, metadata: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
        return metadata_to_wire(metadata, own, most_bytes=self._bucket.profile.metadata_bytes)
