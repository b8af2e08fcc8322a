"""What a tenant asks of its bucket."""

from typing import Any, Final

import httpx
from tests.services.gateway.shop import Shop
from tests.services.gateway.vault import BUCKET

OBJECTS: Final = f"/v1/storage/{BUCKET}/objects"
UPLOADS: Final = f"/v1/storage/{BUCKET}/uploads"
DOWNLOADS: Final = f"/v1/storage/{BUCKET}/downloads"


class Depot:
    """What a tenant asks of its bucket."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.vault = shop.world.vault

    async def put(self, key: str, content: Any = b"hello", **headers: str) -> httpx.Response:
        """`content` may be an iterator of pieces: then no length is said beforehand."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        path = f"{OBJECTS}/{key}"
        return await self.shop.gateway.http.put(path, content=content, headers={**self.shop.tenant.auth, **sent})

    async def refused(self, answer: httpx.Response, status: int = 422) -> str:
        """The one field that the problem names; nothing reached the log."""
        assert answer.status_code == status, answer.text
        assert self.shop.commands() == []
        errors = answer.json().get("errors") or [{"field": ""}]
        return str(errors[0]["field"])
