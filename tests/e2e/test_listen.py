"""`onerouter listen` at a running stack: a developer's own machine gets what an endpoint would get."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from tests.e2e.test_events import now, polled
from tests.e2e.world import World, until

from onerouter_local.demo.subscriber import Subscriber
from onerouter_webhooks.signing import new_secret


@asynccontextmanager
async def listening(
    api: httpx.AsyncClient, target: Subscriber, folder: Path, *arguments: str, secret: str | None = None
) -> AsyncIterator[Path]:
    """A process that has begun; what it tells people comes into the file. Stopped as by Ctrl-C, without complaint."""
    told, rows = folder / "told.txt", folder / "rows.txt"
    environment = {
        "ONEROUTER_API_KEY": api.headers["authorization"].removeprefix("Bearer "),
        "ONEROUTER_BASE_URL": str(api.base_url),
        **({} if secret is None else {"ONEROUTER_WEBHOOK_SECRET": secret}),
    }
    with told.open("wb") as stderr, rows.open("wb") as stdout:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "onerouter_server.main", "listen", "--forward-to", target.url, *arguments),
            stdout=stdout,
            stderr=stderr,
            env=environment,
        )
    try:
        await until(lambda: "connected" in told.read_text(), "a stream", told.read_text, timeout_s=60)
        yield told
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(60):
            assert await process.wait() == 0, told.read_text()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_payment_is_told_signed_with_the_secret_that_is_shown(world: World, tmp_path: Path) -> None:
    async with Subscriber() as target, listening(world.api, target, tmp_path, "--types", "payment.*") as told:
        secret = re.search(r"whsec_\S+", told.read_text())
        assert secret is not None
        target.secret = secret[0]
        payment = await world.paid()

        def has_come() -> bool:
            return any(event.type == "payment.succeeded" for event in target.of({payment["id"]}))

        await until(has_come, "its success", told.read_text)
        own = [event.body["type"] for event in target.of({payment["id"]})]
        assert (own[0], own[-1], target.refused) == ("payment.created", "payment.succeeded", 0)
        (delivered,) = [one for one in await world.events_of(payment["id"], own[-1]) if one.type == own[-1]]
        assert delivered.body == target.of({payment["id"]})[-1].body  # as an endpoint gets it
    rows = [line.split("\t") for line in (tmp_path / "rows.txt").read_text().splitlines()]
    assert [payment["id"], "200"] in [row[3:5] for row in rows]
    assert "--after" in told.read_text()


async def test_nothing_is_missed_and_nothing_comes_twice_while_its_server_is_killed(
    world: World, tmp_path: Path
) -> None:
    begun, made = await now(world), list[dict[str, Any]]()
    async with Subscriber() as target:
        target.secret = new_secret().get_secret_value()
        async with listening(world.api_2, target, tmp_path, "--after", begun, secret=target.secret) as told:
            for _ in range(2):
                made += await asyncio.gather(*(world.paid() for _ in range(2)))
                breaks = told.read_text().count("↻")

                def is_connected(seen: int = breaks) -> bool:
                    return told.read_text().count("connected again") >= seen

                await until(is_connected, "the stream again", told.read_text)  # or there is none to break
                world.stack.services["gateway-2"].kill()
                made += await asyncio.gather(*(world.paid() for _ in range(2)))
                await until(lambda seen=breaks: told.read_text().count("↻") > seen, "the break", told.read_text)
            succeeded = {payment["id"] for payment in made}

            def are_told() -> bool:
                got = {one.body["resource"]["id"] for one in target.received if one.type == "payment.succeeded"}
                return succeeded <= got

            await until(are_told, "every payment's success", told.read_text, timeout_s=60)
            assert "connected again" in told.read_text()
            got = [one.body for one in target.received]
            assert got == (await polled(world, begun))[: len(got)]
            assert (len({event["id"] for event in got}), target.refused) == (len(got), 0)
            assert target.secret not in told.read_text()
