"""httpx-aiohttp's transport, that sends what it is given: the address as it is written, and once.

aiohttp writes an address in its own way (`%40` becomes `@`, `%2F` in a query `/`), and the signature of an object's key is
over the bytes of the address. It also sends a PUT or DELETE again when a kept connection is cut, whatever was done with the
first; whether to repeat is not for a transport to say. Bodies above a megabyte go as a stream, as aiohttp asks for.
"""

import io
from typing import Final

import httpx
from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientHandlerType,
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ServerDisconnectedError,
)
from httpx_aiohttp import AiohttpTransport
from httpx_aiohttp.transport import AiohttpResponseStream, map_aiohttp_exceptions
from yarl import URL

_LARGE: Final = 2**20
_READS: Final = frozenset({"GET", "HEAD"})


class ExactTransport(AiohttpTransport):
    """Without proxies; bodies are whole (`content`)."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not isinstance(self.client, ClientSession):
            self.client = self.get_client()
        timeout = request.extensions.get("timeout", {})
        content = request.content
        with map_aiohttp_exceptions():
            response = await self.client.request(
                method=request.method,
                url=URL(str(request.url), encoded=True),
                headers=request.headers,
                data=io.BytesIO(content) if len(content) > _LARGE else content or None,
                allow_redirects=False,
                auto_decompress=False,
                compress=False,
                timeout=ClientTimeout(
                    sock_connect=timeout.get("connect"), sock_read=timeout.get("read"), connect=timeout.get("pool")
                ),
                server_hostname=request.extensions.get("sni_hostname"),
                middlewares=() if request.method in _READS else (_once,),
            ).__aenter__()
        return httpx.Response(
            status_code=response.status,
            headers=response.raw_headers,
            stream=AiohttpResponseStream(response),
            request=request,
        )


class _Cut(ClientError):
    """The connection ended before an answer came. aiohttp knows no reason to repeat in it."""


async def _once(request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
    try:
        return await send(request)
    except ClientConnectorError:
        raise
    except (ClientOSError, ServerDisconnectedError) as error:
        raise _Cut(str(error)) from error
