"""What the registry asks of another service, on behalf of an operator."""

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

Answer = Mapping[str, Any]


class InternalService:
    """One of our services, by its internal API."""

    def __init__(
        self, name: str, base_url: str, auth: InternalAuth | None, transport: httpx.AsyncBaseTransport
    ) -> None:
        """`auth` None: this process was not given the internal token, so it cannot ask."""
        self._name = name
        self._auth = auth
        # On a pool that is another's to close; redirects are not followed.
        self._http = httpx.AsyncClient(base_url=base_url, transport=transport, timeout=TIMEOUT_S)

    async def ask(
        self, method: str, path: str, params: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> Answer:
        """Raises NotFound, Conflict or InvalidRequest as it answers, Overloaded when it does not."""
        if self._auth is None:
            raise Conflict(
                f"ONEROUTER_INTERNAL_TOKENS is not set: without it the {self._name} service cannot be asked."
            )
        try:
            async with asyncio.timeout(TIMEOUT_S):
                answer = await self._http.request(method, path, params=params, json=body, headers=self._auth.headers())
        except (httpx.TransportError, TimeoutError) as error:
            log.warning("registry.worker.away", worker=self._name, error=type(error).__name__)
            raise away(self._name) from error
        return _read(answer, self._name)


def _read(answer: httpx.Response, name: str) -> Answer:
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        log.warning("registry.worker.strange_answer", worker=name, status=answer.status_code)
        raise away(name)
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
            log.warning("registry.worker.refused", worker=name, status=answer.status_code)
            raise away(name)


def away(name: str) -> Overloaded:
    """That nobody can be asked now."""
    return Overloaded(f"The {name} service cannot be asked right now; try again in a few seconds.", retry_after_s=5)
