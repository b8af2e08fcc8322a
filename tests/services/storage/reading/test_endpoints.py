"""An object's bytes count until their reader has them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from tests.services.payments.stack import TOKEN, served

from onerouter_common.contracts.storage import INLINE_BYTES
from onerouter_common.errors import NotFound
from onerouter_common.web import problems
from onerouter_common.web.internal import InternalAuth
from onerouter_storage.reading.endpoints import router
from onerouter_storage.reading.service import OutOfRange
from onerouter_storage.reading.views import Read
from onerouter_storage.room import Room

AUTH = InternalAuth(SecretStr(TOKEN))
MOST = 8 * INLINE_BYTES
LARGE = b"x" * (16 * 1024 * 1024)
"""More than the system takes of a connection that nobody reads."""
PATH = "/internal/buckets/files/object"


class Reads:
    def __init__(self) -> None:
        self.asked = 0
        self.goes_on = asyncio.Event()

    async def read(self, tenant: Any, bucket: str, key: str, which: Any, asked: Any, admit: Any) -> Read:
        if key == "hangs":
            self.asked += 1
            await self.goes_on.wait()
        if key == "none":
            raise NotFound("There is none.")
        if key == "outside":
            raise OutOfRange("Not there.", 700)
        content = {"large": LARGE, "empty": b""}.get(key, b"hello")
        await admit(len(content))
        return Read(304 if key == "same" else 200, {"Content-Length": str(len(content)), "ETag": '"a"'}, content)


class Service:
    def __init__(self, most_waiting: int) -> None:
        self.seconds = 0.0
        self.room = Room(
            MOST, largest=INLINE_BYTES, name="reads", full="Too many.", most_waiting=most_waiting, now=self._now
        )
        self.reads = Reads()
        self.url = ""

    def _now(self) -> float:
        return self.seconds

    def make(self) -> FastAPI:
        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
            yield {"reads": self.reads, "room": self.room, "buckets": None}

        app = FastAPI(lifespan=lifespan)
        problems.install(app)
        app.include_router(router(AUTH))
        return app

    async def get(self, key: str, tenant: str = "ten_1") -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.url, timeout=30) as http:
            return await http.get(PATH, params={"key": key}, headers=AUTH.tenant_headers(tenant, "test"))

    @asynccontextmanager
    async def begun(self, key: str, tenant: str = "ten_1") -> AsyncIterator[None]:
        """Asked by somebody who reads nothing of the answer."""
        at = urlsplit(self.url)
        _, writer = await asyncio.open_connection(at.hostname, at.port, limit=1024)
        lines = [f"GET {PATH}?key={key} HTTP/1.1", f"Host: {at.netloc}"]
        lines += [f"{name}: {value}" for name, value in AUTH.tenant_headers(tenant, "test").items()]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        try:
            yield
        finally:
            writer.transport.abort()

    async def has_been_asked(self, times: int) -> None:
        async with asyncio.timeout(60):
            while self.reads.asked < times:
                await asyncio.sleep(0.01)

    async def has_free(self, size: int) -> None:
        async with asyncio.timeout(60):
            while self.room.free != size:
                await asyncio.sleep(0.01)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """Nobody waits for room there: it is refused at once."""
    service = Service(most_waiting=0)
    async with served(service.make) as service.url:
        yield service
        service.reads.goes_on.set()


@pytest.fixture
async def patient() -> AsyncIterator[Service]:
    service = Service(most_waiting=1)
    async with served(service.make) as service.url:
        yield service


async def test_a_slow_reader_keeps_its_room_and_no_more_than_its_tenants_share(service: Service) -> None:
    async with service.begun("large"), service.begun("large"):
        await service.has_free(MOST - 2 * INLINE_BYTES)
        assert (await service.get("a", tenant="ten_2")).content == b"hello"
        refused = await service.get("a")
        assert (refused.status_code, refused.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
    await service.has_free(MOST)
    assert (await service.get("large")).content == LARGE
    await service.has_free(MOST)


async def test_whatever_is_answered_gives_its_room_back(service: Service) -> None:
    for key, status in (("a", 200), ("empty", 200), ("same", 304), ("none", 404), ("outside", 416)):
        answer = await service.get(key)
        assert answer.status_code == status
        await service.has_free(MOST)
    assert answer.headers["content-range"] == "bytes */700"
    assert answer.json()["code"] == "RANGE_NOT_SATISFIABLE"


async def test_a_provider_that_hangs_takes_no_room(service: Service) -> None:
    """What comes of it is not known yet, and may be nothing."""
    async with AsyncExitStack() as asking:
        for number in range(12):
            await asking.enter_async_context(service.begun("hangs", f"ten_{number % 4}"))
        await service.has_been_asked(12)
        assert service.room.free == MOST
        assert (await service.get("a", tenant="ten_5")).content == b"hello"


async def test_what_is_small_takes_as_much_as_it_is(service: Service) -> None:
    others = [await service.room.take("ten_1", size) for size in (INLINE_BYTES, INLINE_BYTES - 5)]
    assert (await service.get("a")).content == b"hello", "5 bytes of its share are left"
    assert (await service.get("large")).status_code == 503
    for held in others:
        held.release()


async def test_slow_readers_of_a_few_do_not_keep_everybody_from_reading(patient: Service) -> None:
    async with AsyncExitStack() as reading:
        for number in range(8):
            await reading.enter_async_context(patient.begun("large", f"ten_{number % 4}"))
        await patient.has_free(0)
        patient.seconds += 10
        assert (await patient.get("a", tenant="ten_5")).content == b"hello"
        await patient.has_free(INLINE_BYTES)
    await patient.has_free(MOST)
