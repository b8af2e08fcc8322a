"""What the registry asks of the services that carry out operations, on behalf of an operator."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import httpx
import structlog

from onerouter_common.errors import Conflict, FieldError, InvalidRequest, NotFound, Overloaded
from onerouter_common.web.internal import InternalAuth

log = structlog.get_logger()

TIMEOUT_S: Final = 28.0
"""A decision waits for the provider and for its settlement; people wait for it behind a gateway that gives up at 30 s."""
_OPERATIONS: Final = "/internal/admin/operations"

Answer = Mapping[str, Any]


class CategoryWorkers:
    """The payments service's operations, of every tenant; other categories will stand beside it."""

    def __init__(self, base_url: str, auth: InternalAuth | None, transport: httpx.AsyncBaseTransport) -> None:
        """`auth` None: this process was not given the internal token, so it cannot ask."""
        self._auth = auth
        # On a pool that is another's to close; redirects are not followed.
        self._http = httpx.AsyncClient(base_url=base_url, transport=transport, timeout=TIMEOUT_S)

    async def list_unknown(self, *, tenant_id: str | None, limit: int, cursor: str | None) -> Answer:
        params = {"tenant_id": tenant_id, "limit": str(limit), "cursor": cursor}
        return await self._ask("GET", _OPERATIONS, {name: value for name, value in params.items() if value is not None})

    async def get(self, operation_id: str) -> Answer:
        return await self._ask("GET", f"{_OPERATIONS}/{operation_id}")

    async def resolve(self, operation_id: str, decision: Mapping[str, str]) -> Answer:
        """May be repeated: the same decision is made once."""
        return await self._ask("POST", f"{_OPERATIONS}/{operation_id}/resolve", body=decision)

    async def _ask(
        self, method: str, path: str, params: Mapping[str, str] | None = None, body: Mapping[str, str] | None = None
    ) -> Answer:
        """Raises NotFound, Conflict or InvalidRequest as it answers, Overloaded when it does not."""
        if self._auth is None:
            raise Conflict("ONEROUTER_INTERNAL_TOKENS is not set: without it the payments service cannot be asked.")
        try:
            async with asyncio.timeout(TIMEOUT_S):
                answer = await self._http.request(method, path, params=params, json=body, headers=self._auth.headers())
        except (httpx.TransportError, TimeoutError) as error:
            log.warning("registry.worker.away", error=type(error).__name__)
            raise _away() from error
        return _read(answer)


def _read(answer: httpx.Response) -> Answer:
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        log.warning("registry.worker.strange_answer", status=answer.status_code)
        raise _away()
    if answer.status_code == httpx.codes.OK:
        return found
    detail = str(found.get("detail"))
    match answer.status_code:
        case 404:
            raise NotFound(detail)
        case 409:
            raise Conflict(detail)
        case 422:
            errors = tuple(FieldError(item["field"], item["message"]) for item in found.get("errors") or ())
            raise InvalidRequest(detail, code=found.get("code"), errors=errors)
        case 503:
            raise Overloaded(detail, retry_after_s=5)
        case _:
            log.warning("registry.worker.refused", status=answer.status_code)
            raise _away()


def _away() -> Overloaded:
    return Overloaded("The payments service cannot be asked right now; try again in a few seconds.", retry_after_s=5)
