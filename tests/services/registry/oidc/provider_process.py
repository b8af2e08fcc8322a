"""Real OpenID providers as processes, and what a person does in a browser there."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from onerouter_local.ports import accepts, free_port

_HERE = Path(__file__).parent
_START_S = 30.0


class ProviderProcess:
    """Started and stopped as often as a test likes, always at the same address."""

    def __init__(self, command: Sequence[str], port: int) -> None:
        self._command = command
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self.issuer = f"http://127.0.0.1:{port}"

    async def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        async with asyncio.timeout(_START_S):
            while not accepts(self._port):
                assert self._process.poll() is None, "the provider ended while it started"
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait, 10)
            self._process = None

    async def restart(self) -> None:
        """It makes itself new keys."""
        await self.stop()
        await self.start()


class AuthlibProvider(ProviderProcess):
    async def know(self, subject: str, **claims: Any) -> None:
        """What its tokens say of this person from now on."""
        async with httpx.AsyncClient(base_url=self.issuer) as http:
            (await http.put(f"/users/{subject}", json=claims)).raise_for_status()

    async def sign_in(self, authorization_url: str, subject: str) -> str:
        """The person signs in there; returns where their browser is sent."""
        return await self._answer(authorization_url, {"sub": subject})

    async def deny(self, authorization_url: str) -> str:
        return await self._answer(authorization_url, {"action": "deny"})

    async def _answer(self, authorization_url: str, form: dict[str, str]) -> str:
        async with httpx.AsyncClient() as http:
            page = await http.get(authorization_url)
            assert page.status_code == 200, page.text
            answer = await http.post(authorization_url, data=form)
            assert answer.status_code == 302, answer.text
            return answer.headers["location"]


@asynccontextmanager
async def authlib_provider() -> AsyncIterator[AuthlibProvider]:
    port = free_port()
    provider = AuthlibProvider([sys.executable, str(_HERE / "authlib_provider.py"), str(port)], port)
    await provider.start()
    try:
        yield provider
    finally:
        await provider.stop()
