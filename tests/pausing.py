"""How slow the sandbox is, decided by the test alone."""

import asyncio

import pytest

from onerouter_sandbox import wire


class Pause:
    """Stands where a sandbox of this process waits before it answers: each wait lasts until it is let go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._reached, self._over = asyncio.Event(), asyncio.Event()
        self.asked_s = 0.0
        monkeypatch.setattr(wire, "_pause", self)

    async def __call__(self, asked_s: float) -> None:
        self.asked_s = asked_s
        self._reached.set()
        await self._over.wait()

    async def reached(self) -> None:
        async with asyncio.timeout(60):
            await self._reached.wait()

    def end(self) -> None:
        self._over.set()
