"""Storage's part of the control API: access keys, and what lies in the buckets."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Response

from onerouter_sandbox.storage.account import Account
from onerouter_sandbox.storage.state import State, StoredObject


def router(name: str, state: State) -> APIRouter:
    routes = APIRouter(tags=[name])

    @routes.post("/accounts", status_code=201)
    async def put_account(account: Account) -> dict[str, Any]:
        """Register an access key, or replace what was registered under it."""
        state.put_account(account)
        return account.record()

    @routes.get("/accounts")
    async def list_accounts() -> dict[str, Any]:
        return {"data": [account.record() for account in state.accounts.values()]}

    @routes.get("/buckets/{bucket}/objects")
    async def list_objects(
        bucket: str, prefix: str = "", limit: Annotated[int, Query(ge=1, le=1_000)] = 100
    ) -> dict[str, Any]:
        """In the order of their keys, without what is in them."""
        found = state.buckets[bucket].after(b"", prefix.encode()) if bucket in state.buckets else iter(())
        return {"data": [_shown(one) for _, one in zip(range(limit), found, strict=False)]}

    @routes.get("/buckets/{bucket}/content")
    async def get_content(bucket: str, key: str) -> Response:
        """What is in one object, as it was written."""
        stored = state.buckets[bucket].find(key) if bucket in state.buckets else None
        if stored is None:
            raise HTTPException(404, "There is no such object.")
        return Response(stored.content, media_type="application/octet-stream")

    @routes.get("/buckets/{bucket}/uploads")
    async def list_uploads(bucket: str, limit: Annotated[int, Query(ge=1, le=1_000)] = 100) -> dict[str, Any]:
        """Uploads in parts that are open."""
        found = (one for one in state.uploads.values() if one.bucket == bucket)
        return {
            "data": [
                {"id": one.id, "key": one.key, "headers": one.headers, "parts": sorted(one.parts)}
                for _, one in zip(range(limit), found, strict=False)
            ]
        }

    return routes


def _shown(stored: StoredObject) -> dict[str, Any]:
    return {
        "key": stored.key,
        "size": len(stored.content),
        "etag": stored.etag,
        "headers": stored.headers,
        "modified_at": stored.modified_at,
    }
