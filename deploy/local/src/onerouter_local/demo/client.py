"""The two HTTP APIs the demo talks to: OneRouter's, and the sandbox where the customer and the bank sit."""

from typing import Any

import httpx

from onerouter_local.demo.story import Wrong


class Api:
    """JSON over HTTP; any answer outside `expect` is Wrong and shown with its body."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        expect: tuple[int, ...] = (200, 201),
        headers: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
    ) -> httpx.Response:
        """One request; raises Wrong for a status that is not expected."""
        response = await self._client.request(method, path, json=body, headers=headers, params=params)
        if response.status_code not in expect:
            raise Wrong(f"expected {method} {path} to answer {expect}, but saw {response.status_code}: {response.text}")
        return response

    async def get(self, path: str, **params: str) -> dict[str, Any]:
        """The JSON of a GET."""
        answer: dict[str, Any] = (await self.call("GET", path, params=params or None)).json()
        return answer

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The JSON of a POST."""
        answer: dict[str, Any] = (await self.call("POST", path, body)).json()
        return answer
