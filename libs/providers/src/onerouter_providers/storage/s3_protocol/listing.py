"""What is in the bucket, page by page."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from onerouter_common.errors import InvalidRequest, NotFound, ProviderRefusedUs
from onerouter_providers.objects import ListRequest, ObjectPage
from onerouter_providers.storage.s3_protocol.bucket import Part
from onerouter_providers.storage.s3_protocol.errors import no_bucket
from onerouter_providers.storage.s3_protocol.mapping import listed
from onerouter_providers.storage.s3_protocol.wire import S3Answer

_NOBODYS: Final = "onerouter-probe"
_PAGE_BYTES: Final = 8 * 1024**2
"""A thousand keys of a thousand bytes, each of three characters when it is encoded."""


class Listing(Part):
    async def list_objects(self, request: ListRequest) -> ObjectPage:
        params = {**self._bucket.below(request.prefix), "MaxKeys": request.limit}
        if request.delimiter is not None:
            params["Delimiter"] = request.delimiter
        if request.token is not None:
            params["ContinuationToken"] = request.token
        try:
            answer = await self._ask(params)
        except ProviderRefusedUs as error:
            if request.token is not None and error.provider_code == "InvalidArgument":
                raise InvalidRequest.of("cursor", "is not one that goes on with this list any more") from None
            raise
        fields, own = answer.fields, self._bucket.own
        return ObjectPage(
            objects=[listed(own(one["Key"]), one) for one in fields.get("Contents", [])],
            prefixes=[own(one["Prefix"]) for one in fields.get("CommonPrefixes", [])],
            next_token=fields.get("NextContinuationToken") if fields.get("IsTruncated") else None,
        )

    async def probe(self) -> None:
        """ListObjectsV2 of one key (a token of one bucket may list that bucket, and no buckets), and HeadObject of one that
        nobody has: who may not look could never be told what came of a write."""
        await self._ask({**self._bucket.below(""), "MaxKeys": 1})
        with suppress(NotFound):
            await self._wire.call("object.get", "head_object", self._bucket.at(_NOBODYS), effect=False, needs="ETag")

    async def _ask(self, params: Mapping[str, Any]) -> S3Answer:
        try:
            return await self._wire.call(
                "object.list",
                "list_objects_v2",
                params,
                effect=False,
                most_bytes=_PAGE_BYTES,
                needs="IsTruncated",
            )
        except NotFound:  # there is no object that could be absent
            raise no_bucket(self._bucket.profile) from None
