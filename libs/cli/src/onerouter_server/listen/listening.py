"""From what was asked to events that were forwarded, until somebody stops it."""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import SecretStr

from onerouter_common.api_keys import parse_key
from onerouter_server.listen.failures import KeyRefused, Refused
from onerouter_server.listen.frames import Told
from onerouter_server.listen.screen import Event, Screen
from onerouter_server.listen.stream import Asked, EventStream
from onerouter_server.listen.target import Target, open_target
from onerouter_webhooks.signing import new_secret


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for."""

    base_url: str
    api_key: SecretStr
    forward_to: str | None = None
    types: str | None = None
    after: str | None = None
    secrets: Sequence[SecretStr] = ()
    """None: one is made for this run."""
    timeout_s: float = 15.0
    as_json: bool = False


def run(wish: Wish) -> None:
    """Until Ctrl-C or SIGTERM. Raises ListenFailed."""
    environment = _environment_of(wish.api_key)
    secrets = wish.secrets or (new_secret(),)
    screen = Screen(as_json=wish.as_json)
    screen.begins(_facts(wish, environment, secrets))
    asyncio.run(_until_stopped(wish, secrets, screen))


async def listen(stream: EventStream, target: Target | None, screen: Screen) -> None:
    """One event after the other: the next is read when this one was sent. Raises ListenFailed; ends only so."""
    async with aclosing(stream.events()) as events:
        async for told in events:
            event = _event_of(told)
            answer = None if target is None else await target.send(event.id, event.body)
            screen.event(event, answer)


async def _until_stopped(wish: Wish, secrets: Sequence[SecretStr], screen: Screen) -> None:
    async with AsyncExitStack() as stack:
        asked = Asked(wish.base_url, wish.api_key, wish.types, wish.after)
        stream = await stack.enter_async_context(EventStream(asked, screen))
        target = None
        if wish.forward_to is not None:
            target = await stack.enter_async_context(open_target(wish.forward_to, secrets, wish.timeout_s))
        listening = asyncio.create_task(listen(stream, target, screen), name="listen")
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError, RuntimeError, ValueError):  # not on every system, not in every thread
                loop.add_signal_handler(number, listening.cancel)
        try:
            await asyncio.wait({listening})
        finally:
            listening.cancel()
            if stream.position is not None:
                screen.ends(stream.position)
        if not listening.cancelled():
            listening.result()


def _facts(wish: Wish, environment: str, secrets: Sequence[SecretStr]) -> list[tuple[str, str]]:
    facts = [("events of", f"{wish.base_url} ({environment})"), ("types", wish.types or "all")]
    if wish.forward_to is None:
        return facts
    # One that was given may be an endpoint's of production: who gave it has it.
    shown = "as given" if wish.secrets else secrets[0].get_secret_value()
    facts += [("forward to", wish.forward_to), ("secret", shown)]
    if not wish.secrets:
        facts.append(("", "new for this run; ONEROUTER_WEBHOOK_SECRET or --secret keep one"))
    return facts


def _environment_of(api_key: SecretStr) -> str:
    """`test` or `live`. Raises KeyRefused."""
    if not api_key.get_secret_value():
        raise KeyRefused(
            "ONEROUTER_API_KEY is not set. Where `onerouter up` runs: set -a; source .onerouter/env; set +a"
        )
    parsed = parse_key(api_key.get_secret_value())
    if parsed is None:
        raise KeyRefused("ONEROUTER_API_KEY is no API key: it is misspelled or cut off.")
    return parsed.environment


def _event_of(told: Told) -> Event:
    """Raises Refused for what is no event."""
    body = told.body or b""
    try:
        shown: dict[str, Any] = orjson.loads(body)
        return Event(str(shown["id"]), str(shown["type"]), str(shown["resource"]["id"]), body)
    except (ValueError, KeyError, TypeError):
        raise Refused("What comes from there is no event: this is not the API.") from None
