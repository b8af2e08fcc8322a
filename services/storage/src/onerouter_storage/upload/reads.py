"""Reads of uploads on behalf of a tenant: with addresses that are signed for this answer alone."""

import asyncio
from typing import Any, Final

from pydantic import JsonValue

from onerouter_common.clock import Clock
from onerouter_common.contracts.storage import MOST_PARTS
from onerouter_common.errors import Conflict, NotFound
from onerouter_common.reads.rows import TenantRows
from onerouter_common.web.internal import TenantContext
from onerouter_providers.objects import StoresObjects
from onerouter_storage.reading.asking import asking
from onerouter_storage.reading.buckets import Buckets
from onerouter_storage.upload.making import reference_of, request_of
from onerouter_storage.upload.rows import upload_of
from onerouter_storage.upload.state import Upload
from onerouter_storage.upload.tables import uploads
from onerouter_storage.upload.views import upload_view

View = dict[str, JsonValue]

PARTS_MOST: Final = 100
"""Addresses of parts in one answer."""
_SIGNED_WITHIN_S: Final = 10.0


class UploadReads:
    def __init__(self, rows: TenantRows, buckets: Buckets, clock: Clock) -> None:
        self._rows = rows
        self._buckets = buckets
        self._clock = clock

    async def one(self, tenant: TenantContext, upload_id: str, *, signed: bool = True) -> View:
        """With addresses while it waits for its bytes and they have not ended. Raises NotFound, CredentialsUnreadable."""
        upload = await self._find(tenant, upload_id)
        view = upload_view(upload)
        if not signed or not upload.is_pending or self._left_s(upload) < 1:
            return view
        return {**view, **await self._addresses(tenant, upload)}

    async def parts(self, tenant: TenantContext, upload_id: str, first: int, count: int) -> View:
        """Addresses of parts from this number on. Raises NotFound; Conflict for an upload that takes none (any more)."""
        upload = await self._find(tenant, upload_id)
        if not upload.is_multipart:
            raise Conflict(f"The upload {upload.id} is a single PUT: it has no parts.", code="UPLOAD_HAS_NO_PARTS")
        if not upload.is_pending or self._left_s(upload) < 1:
            raise Conflict(f"The upload {upload.id} takes no parts any more.", code="UPLOAD_ENDED")
        last = upload.part_count or MOST_PARTS
        signed = await self._sign_parts(tenant, upload, first, min(last, first + count - 1))
        data: list[Any] = signed or []
        return {"object": "list", "data": data, "has_more": first + count - 1 < last}

    async def _find(self, tenant: TenantContext, upload_id: str) -> Upload:
        row = await self._rows.latest(tenant, uploads, uploads.c.id == upload_id)
        if row is None:
            raise NotFound(
                f"There is no upload {upload_id[:64]} in the {tenant.environment} environment.", code="UPLOAD_NOT_FOUND"
            )
        return upload_of(row)

    def _left_s(self, upload: Upload) -> int:
        return int((upload.expires_at - self._clock.now()).total_seconds())

    async def _addresses(self, tenant: TenantContext, upload: Upload) -> View:
        """Nothing where the connection is gone for good."""
        if upload.is_multipart:
            last = min(PARTS_MOST, upload.part_count or PARTS_MOST)
            parts: list[Any] | None = await self._sign_parts(tenant, upload, 1, last)
            return {} if parts is None else {"parts": parts}
        connection = await self._buckets.connection(tenant, upload.connection_id)
        if connection is None:
            return {}
        client: StoresObjects = connection.client
        async with asking(connection, "upload.create", timeout_s=_SIGNED_WITHIN_S):
            signed = await client.presign_put(request_of(upload), expires_in_s=self._left_s(upload))
        return {"url": signed.url, "required_headers": dict(signed.required_headers)}

    async def _sign_parts(self, tenant: TenantContext, upload: Upload, first: int, last: int) -> list[View] | None:
        """None: the connection is gone for good."""
        connection = await self._buckets.connection(tenant, upload.connection_id)
        if connection is None:
            return None
        client: StoresObjects = connection.client
        reference, left_s = reference_of(upload), self._left_s(upload)
        async with asking(connection, "upload.create", timeout_s=_SIGNED_WITHIN_S):
            signed: list[View] = []
            for number in range(first, last + 1):
                size_bytes = upload.bytes_of_part(number)
                one = await client.presign_part(reference, number, expires_in_s=left_s, size_bytes=size_bytes)
                signed.append({"part_number": number, "url": one.url, "required_headers": dict(one.required_headers)})
                await asyncio.sleep(0)  # a hundred take as long as many a request: those go in between
        return signed
