"""The sandbox put together."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from fastapi import Depends, FastAPI, HTTPException
from starlette.types import Receive, Scope, Send

from onerouter_sandbox import control
from onerouter_sandbox.callbacks import CallbackSender, RetryPolicy
from onerouter_sandbox.clock import Clock, Clocks, SystemClock, Timers
from onerouter_sandbox.control import ControlAccess
from onerouter_sandbox.faults import Faults
from onerouter_sandbox.inbox import endpoints as inbox
from onerouter_sandbox.inbox.mailroom import Mailroom
from onerouter_sandbox.inbox.model import Messenger
from onerouter_sandbox.journal import Journal
from onerouter_sandbox.ledger import Ledger
from onerouter_sandbox.mailgun.simulator import Mailgun
from onerouter_sandbox.paypal.simulator import PayPal
from onerouter_sandbox.razorpay.simulator import Razorpay
from onerouter_sandbox.resend.simulator import Resend
from onerouter_sandbox.sendgrid.simulator import SendGrid
from onerouter_sandbox.ses.simulator import Ses
from onerouter_sandbox.settings import Settings
from onerouter_sandbox.sns.simulator import Sns
from onerouter_sandbox.storage.simulator import amazon, cloudflare
from onerouter_sandbox.stripe.simulator import Stripe
from onerouter_sandbox.twilio.simulator import Twilio
from onerouter_sandbox.wire import Latency, Wire
from onerouter_sandbox.world import Provider, World

PROVIDERS: Final[tuple[Callable[[World], Provider], ...]] = (
    Razorpay,
    PayPal,
    Stripe,
    Resend,
    Twilio,
    Sns,
    Mailgun,
    SendGrid,
    Ses,
    amazon,
    cloudflare,
)


class Sandbox(FastAPI):
    """FastAPI for people and control; the providers' wires are served in front of it.

    FastAPI costs about 100 µs a request, and its middleware hides the connection that some faults must cut.
    """

    wires: dict[str, Wire]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path: str = scope["path"]
            # "/razorpay/v1/orders" belongs to the wire "/razorpay/v1/".
            wire = self.wires.get("/".join(path.split("/", 3)[:3]) + "/")
            if wire is not None:
                await wire(scope, receive, send)
                return
        await super().__call__(scope, receive, send)


def create_app(settings: Settings, *, clock: Clock | None = None) -> FastAPI:
    """Everything is built here; the lifespan delivers callbacks and saves."""
    clock = clock or SystemClock()
    journal = Journal(settings.data_file, flush_s=settings.data_flush_s)
    world = _world(settings, clock, journal)
    latency = Latency(settings.latency_ms)
    providers = {provider.name: provider for provider in (build(world) for build in PROVIDERS)}
    for name, accounts in settings.accounts.items():
        if name not in providers:
            raise ValueError(f"There is no simulator for {name!r}; there is one for: {', '.join(sorted(providers))}.")
        providers[name].register(accounts)
    tasks: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        tasks.append(asyncio.create_task(world.callbacks.run(), name="callbacks"))
        if settings.data_file is not None:
            tasks.append(asyncio.create_task(journal.run(), name="journal"))
        for provider in providers.values():
            provider.resume()
        try:
            yield
        finally:
            world.timers.close()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            journal.close()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    task.result()

    app = Sandbox(
        title="OneRouter sandbox",
        description="Stateful simulators of providers, with faults on demand, a ledger of effects and an inbox.",
        lifespan=lifespan,
    )
    app.wires = {
        prefix: Wire(provider, world.faults, latency)
        for provider in providers.values()
        for prefix in provider.wire_prefixes
    }
    access = ControlAccess(settings.control_token)
    guard = [Depends(access)]
    app.include_router(control.router(world, latency), prefix="/control", dependencies=guard)
    for name, provider in providers.items():
        app.include_router(control.clock_router(world, provider), prefix=f"/control/{name}", dependencies=guard)
        app.include_router(provider.control(), prefix=f"/control/{name}", dependencies=guard)
        app.include_router(provider.pages(), prefix=f"/{name}")
    mailroom = Mailroom(each.mailbox() for each in providers.values() if isinstance(each, Messenger))
    app.include_router(inbox.router(mailroom, world, access))
    _add_health(app, tasks)
    return app


def _world(settings: Settings, clock: Clock, journal: Journal) -> World:
    faults = Faults()
    callbacks = CallbackSender(
        clock=clock,
        faults=faults,
        journal=journal,
        retry=RetryPolicy(
            first_s=settings.callback_retry_first_s,
            most_s=settings.callback_retry_most_s,
            give_up_s=settings.callback_give_up_h * 3_600,
        ),
        timeout_s=settings.callback_timeout_s,
        concurrency=settings.callback_concurrency,
    )
    clocks = Clocks(clock, journal)
    return World(
        clock=clock,
        clocks=clocks,
        timers=Timers(clocks),
        faults=faults,
        ledger=Ledger(journal),
        callbacks=callbacks,
        journal=journal,
        roots_file=settings.roots_file,
    )


def _add_health(app: FastAPI, tasks: list[asyncio.Task[None]]) -> None:
    @app.get("/livez", tags=["health"])
    async def livez() -> dict[str, Any]:
        return {"status": "ok"}

    @app.get("/readyz", tags=["health"])
    async def readyz() -> dict[str, Any]:
        if not tasks or any(task.done() for task in tasks):
            raise HTTPException(503, "Not started yet, or a background task has ended.")
        return {"status": "ok"}
