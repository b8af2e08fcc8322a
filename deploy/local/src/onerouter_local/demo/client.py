"""The two HTTP APIs the demo talks to: OneRouter's, and the sandbox where the customer and the bank sit."""

from typing import Any, Final

import httpx

from onerouter_local.demo.story import Step, Wrong
from onerouter_local.demo.subscriber import until

_WAIT_S: Final = 20.0


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

    async def send(
        self, method: str, path: str, content: bytes, *, headers: dict[str, str], expect: tuple[int, ...]
    ) -> httpx.Response:
        """The same with a body of bytes."""
        response = await self._client.request(method, path, content=content, headers=headers)
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

    async def settled(self, step: Step, path: str, status: str) -> dict[str, Any]:
        """The resource once it has the status; raises Wrong when it does not come to it in time."""
        seen: dict[str, Any] = {}

        async def reached() -> bool:
            seen.update(await self.get(path))
            return bool(seen["status"] == status)

        step.check(await until(reached, _WAIT_S), f"{path} to become {status}", seen.get("status"))
        return seen


def overhead(response: httpx.Response) -> str:
    """How long a request took, and how much of it was OneRouter's own time."""
    total_ms = response.elapsed.total_seconds() * 1000
    own = response.headers.get("x-onerouter-overhead-ms")
    return f"{total_ms:.0f} ms in all" + (f", {float(own):.1f} ms of it OneRouter's own" if own else "")
