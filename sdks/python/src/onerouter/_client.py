"""The asynchronous client."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import cached_property, partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from onerouter import _logging
from onerouter._answer import result_of, results_of
from onerouter._keys import checked
from onerouter._object import Object, OpenObject
from onerouter._options import NOT_GIVEN, NotGiven, RequestOptions, Timeout
from onerouter._resources import AsyncResources
from onerouter._response import Outgoing, RawResponse, Response
from onerouter._secret import Secret, several
from onerouter._settings import base_url_of, defaults_of, headers_of

if TYPE_CHECKING:
    import logging

    import httpx2
    from typing_extensions import Self, Unpack

    from onerouter.webhooks import Webhooks

T = TypeVar("T", bound=Object)


class OneRouter(AsyncResources):
    """A client of the API. Make one and share it: it is safe to use from many tasks at once.

        async with OneRouter() as client:
            payment = await client.payments.create(amount="499.00", currency="INR")

    `api_key` and `base_url` are read from ONEROUTER_API_KEY and ONEROUTER_BASE_URL when they are None.
    `timeout` is for one attempt, `deadline` for a whole call with its retries, both in seconds. `environment` has a
    live key act in `test`. `http_client` brings connections of your own (a proxy, certificates, a transport for tests),
    which you close yourself. `on_request` is told of each attempt before it is sent, and `on_response` of each answer.

    Raises ConfigurationError, which is a ValueError too, for a key with a typing error and the like.
    """

    base_url: str = ""
    """Where the API is, without a slash at its end."""

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float | Timeout | None = None,
        max_retries: int = 3,
        *,
        deadline: float | None = None,
        environment: str | None = None,
        webhook_secret: str | Sequence[str] | None = None,
        headers: Mapping[str, str] | None = None,
        http_client: httpx2.AsyncClient | None = None,
        proxy: str | None = None,
        on_request: Callable[[Outgoing], object] | None = None,
        on_response: Callable[[Outgoing, Response], object] | None = None,
        logger: logging.Logger | None = None,
    ) -> None:
        # From here on it does not show itself, in a traceback's variables either.
        api_key = self._api_key = Secret(os.environ.get("ONEROUTER_API_KEY", "") if api_key is None else api_key)
        api_key = self._api_key = checked(api_key)
        self.base_url = base_url_of(base_url)
        self._defaults = defaults_of(timeout, deadline, max_retries, environment)
        self._webhook_secret = several(webhook_secret)
        self._on_request = on_request
        self._on_response = on_response
        _logging.set_up()
        self._log = _logging.redacting(logger)
        self._owns_transport = True

        from onerouter._transport import AsyncTransport  # httpx2 is not loaded before there is a use for it

        self._transport = AsyncTransport(self.base_url, headers_of(api_key, headers), http=http_client, proxy=proxy)

    @cached_property
    def webhooks(self) -> Webhooks:
        """`webhooks.unwrap(body, headers)` with this client's secret."""
        from onerouter.webhooks import Webhooks

        return Webhooks(self._webhook_secret)

    def with_options(
        self,
        *,
        timeout: float | Timeout | NotGiven = NOT_GIVEN,
        deadline: float | NotGiven | None = NOT_GIVEN,
        max_retries: int | NotGiven = NOT_GIVEN,
        environment: str | NotGiven | None = NOT_GIVEN,
    ) -> Self:
        """A client with other defaults, over the same connections. Only the first one closes them."""
        now = self._defaults
        other = copy(self)
        other.__dict__ = {name: value for name, value in self.__dict__.items() if name not in _RESOURCES}
        other._owns_transport = False
        other._defaults = defaults_of(
            now.timeout if isinstance(timeout, NotGiven) else timeout,
            now.deadline if isinstance(deadline, NotGiven) else deadline,
            now.max_retries if isinstance(max_retries, NotGiven) else max_retries,
            now.environment if isinstance(environment, NotGiven) else environment,
        )
        return other

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, object] | None = None,
        query: Mapping[str, object] | None = None,
        once: bool = False,
        **options: Unpack[RequestOptions],
    ) -> Any:
        """What has no method yet: retries, idempotency and errors are the same.

        `path` begins with a slash. `once`: the route takes no idempotency key, so what may have been done is not asked for
        again. The result is an object, or a list of them.
        """
        waits = options.get("wait", True) is not False
        raw = await self._call_raw(
            method.upper(),
            _path(path),
            body=json,
            query=query,
            options=options,
            parse=partial(_parsed, waits=waits),
            once=once,
        )
        result = raw.parse()
        if isinstance(result, Object):
            result._follow = self._follower(options)
        return result

    async def close(self) -> None:
        """Give back the connections. The client cannot be used any more."""
        if self._owns_transport:
            await self._transport.close()

    # sync: leave out
    async def aclose(self) -> None:
        """`close`, under the name `contextlib.aclosing` knows."""
        await self.close()

    # sync: go on

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(api_key={self._api_key!r}, base_url={self.base_url!r})"


_RESOURCES = frozenset(name for name in vars(AsyncResources) if not name.startswith("_"))
"""Made by the client they belong to: a copy makes its own."""


def _path(path: str) -> str:
    """Raises ValueError for what would leave the API's address."""
    if not path.startswith("/") or path.startswith("//"):
        raise ValueError("path begins with one slash, as in /v1/payments.")
    return path


def _parsed(raw: RawResponse, *, waits: bool) -> Any:
    content = raw.json() if raw.content else {}
    if isinstance(content, list):
        return results_of(OpenObject, content, raw)
    return result_of(OpenObject, content, raw, waits=waits)
