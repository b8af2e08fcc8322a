"""`make demo`: a fresh stack of its own, the scenario, a clear end."""

import asyncio
import secrets
import signal

import httpx
from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from onerouter_local.console import ConsoleReporter, Stopwatch, banner
from onerouter_local.demo.client import Api
from onerouter_local.demo.files import Files
from onerouter_local.demo.messages import Messages
from onerouter_local.demo.scenario import Scenario
from onerouter_local.demo.story import Story, Wrong
from onerouter_local.demo.subscriber import Subscriber
from onerouter_local.engines import EngineFailed
from onerouter_local.failures import leaves
from onerouter_local.stack import Stack, StackFailed
from onerouter_local.workspace import STATE

_DATA = STATE / "demo"
_TIMEOUT_S = 30.0
_IMPATIENT = {"payments": {"ONEROUTER_PAYMENTS_LEASE_TTL_S": "3"}}
"""A killed worker is believed dead sooner than in production, so that nobody has to watch a pause."""


async def run(console: Console) -> int:
    """Exit code 0 only when every step was verified. A running `make up` is not touched."""
    banner(console, "demo: a payment, messages and files all the way and back, on real engines")
    task = asyncio.ensure_future(_run(console))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        console.print("\n  Interrupted; everything is stopped.\n", style="yellow")
        return 130


async def _run(console: Console) -> int:
    directory = _DATA / secrets.token_hex(4)
    reporter = ConsoleReporter(console)
    stack = Stack(directory, reporter=reporter, environment=_IMPATIENT, durable=False)
    watch = Stopwatch()
    code = 1
    try:
        await stack.start()
        console.print(f"\n  The stack is ready after {watch.seconds:.1f} s.", style="dim")
        console.print(Rule(style="dim"))
        reporter.calm()  # one service will be killed: what its neighbours say about it is no news
        watch = Stopwatch()
        await _play(console, stack)
        console.print(Text(f"\n  Every step verified in {watch.seconds:.1f} s.", "bold green"))
        code = 0
    except* (StackFailed, EngineFailed, Wrong, httpx.HTTPError) as problems:
        for problem in leaves(problems):
            console.print(Text(f"\n  ✖ {problem}", "red"))
        console.print(f"  The logs are in {stack.log_dir}", style="dim")
    finally:
        reporter.calm()
        if code == 0:
            await stack.discard()
        else:
            await stack.stop()
            stack.wipe()
    if code == 0:
        console.print("  Next: `make up` keeps a stack running for you to try.\n", style="dim")
    return code


async def _play(console: Console, stack: Stack) -> None:
    headers = {"Authorization": f"Bearer {stack.secrets.demo_api_key}"}
    async with (
        httpx.AsyncClient(base_url=stack.addresses.url("gateway"), headers=headers, timeout=_TIMEOUT_S) as gateway,
        httpx.AsyncClient(base_url=stack.addresses.url("sandbox"), timeout=_TIMEOUT_S) as sandbox,
        httpx.AsyncClient(timeout=_TIMEOUT_S) as outside,
        Subscriber() as subscriber,
    ):
        story, api, provider = Story(console), Api(gateway), Api(sandbox)
        await Scenario(story, stack, api, provider, subscriber).play()
        await Messages(story, api, provider, subscriber).play()
        await Files(story, api, provider, subscriber, outside).play()
