"""Real OpenID providers as processes, and what a person does in a browser there."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from tests.node_packages import installed

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


class CertifiedProvider(ProviderProcess):
    """npm's oidc-provider, which the OpenID Foundation has certified. Whoever signs in is who they say they are."""

    async def sign_in(self, authorization_url: str, subject: str) -> str:
        """The person signs in there and consents; returns where their browser is sent."""
        async with httpx.AsyncClient(base_url=self.issuer) as http:
            answer = await http.get(authorization_url)
            for _ in range(12):
                if answer.is_redirect:
                    location = answer.headers["location"]
                    if not location.startswith(("/", self.issuer)):
                        return str(location)
                    answer = await http.get(location)
                    continue
                assert answer.status_code == 200, answer.text
                asks_who = 'name="login"' in answer.text
                form = {"prompt": "login", "login": subject, "password": "x"} if asks_who else {"prompt": "consent"}
                answer = await http.post(answer.url, data=form)
        raise AssertionError("the provider sends the browser round in circles")


@asynccontextmanager
async def certified_provider(cache: Path) -> AsyncIterator[CertifiedProvider]:
    """Installed into `cache` the first time, from the lock. Skips where there is no node, or no registry to install from."""
    node, home = await asyncio.to_thread(installed, _HERE / "node_provider", cache, "oidc-provider")
    port = free_port()
    provider = CertifiedProvider([node, str(home / "provider.mjs"), str(port)], port)
    await provider.start()
    try:
        yield provider
    finally:
        await provider.stop()
