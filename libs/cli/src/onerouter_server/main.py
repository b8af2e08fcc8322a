"""The command line. Each command imports what it needs when it runs: `onerouter healthcheck` must be quick."""

import asyncio
import sys
from typing import Annotated

import typer

from onerouter_server.listen.command import listen
from onerouter_server.loading import uncollected
from onerouter_server.services import Service

app = typer.Typer(
    name="onerouter",
    help="OneRouter: one API for payments, messages and storage.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback with local variables would print secrets
)

_FORWARD = {"ignore_unknown_options": True, "allow_extra_args": True}
_LOCAL_STACK = "Local stack (development)"
_SERVICES = "Services"
_OPERATING = "Operating"
_BUILDING = "Building on the API"


@app.command(rich_help_panel=_SERVICES)
def gateway() -> None:
    """Run the gateway: the public API."""
    _run(Service.GATEWAY)


@app.command(rich_help_panel=_SERVICES)
def messaging() -> None:
    """Run the messaging worker: SMS and email."""
    _run(Service.MESSAGING)


@app.command(rich_help_panel=_SERVICES)
def payments() -> None:
    """Run the payments worker."""
    _run(Service.PAYMENTS)


@app.command(rich_help_panel=_SERVICES)
def registry() -> None:
    """Run the registry: tenants, keys, connections, routing."""
    _run(Service.REGISTRY)


@app.command(rich_help_panel=_SERVICES)
def storage() -> None:
    """Run the storage worker: objects in the tenants' buckets."""
    _run(Service.STORAGE)


@app.command(rich_help_panel=_SERVICES)
def webhooks() -> None:
    """Run webhooks: provider callbacks in, events out."""
    _run(Service.WEBHOOKS)


@app.command(rich_help_panel=_SERVICES)
def sandbox() -> None:
    """Run the sandbox: providers simulated on their own wire protocols."""
    _run(Service.SANDBOX)


@app.command(rich_help_panel=_OPERATING)
def migrate(
    services: Annotated[
        list[str] | None, typer.Argument(help="registry, payments, messaging, storage, webhooks; none: all.")
    ] = None,
) -> None:
    """Create databases and logins where missing and bring their schemas up to date.

    ONEROUTER_<SERVICE>_ADMIN_DATABASE_URL owns one service's database; else DATABASE_URL is a superuser's and the
    databases are called onerouter_<service>. The login is the one ONEROUTER_<SERVICE>_DATABASE_URL names.
    """
    from onerouter_common.db.migrate import TablesBusy
    from onerouter_server import databases

    try:
        for line in databases.prepare_from_environment(services):
            typer.echo(line)
    except (databases.NotConfigured, TablesBusy) as problem:
        _fail(str(problem))


@app.command(rich_help_panel=_OPERATING)
def topics(
    bootstrap_servers: Annotated[
        str, typer.Option(envvar="KAFKA_BOOTSTRAP_SERVERS", help="host:port[,host:port…] of the brokers.")
    ],
    replication: Annotated[int, typer.Option(min=1, help="Replicas of each partition.")] = 1,
) -> None:
    """Create every declared topic that is missing."""
    from onerouter_common.broker import ensure_topics

    created = asyncio.run(ensure_topics(bootstrap_servers, replication=replication))
    typer.echo(f"Created: {', '.join(created)}" if created else "Every topic exists.")


@app.command(name="dead-letters", rich_help_panel=_OPERATING)
def dead_letters(
    topic: Annotated[str, typer.Argument(help="Such as commands.payments.dead.v1.")],
    bootstrap_servers: Annotated[
        str, typer.Option(envvar="KAFKA_BOOTSTRAP_SERVERS", help="host:port[,host:port…] of the brokers.")
    ],
    replay: Annotated[bool, typer.Option("--replay", help="Put them back where they came from.")] = False,
    most: Annotated[int, typer.Option(min=1, max=10_000, help="Show at most so many.")] = 100,
) -> None:
    """Show the records that could not be read and are still parked, or put them back once the cause is mended.

    Their contents are not shown: they are tenants'. What is put back twice is recognised.
    """
    from aiokafka.errors import KafkaError

    from onerouter_common.broker import BrokerUnavailable
    from onerouter_server import dead_letters as letters

    try:
        if replay:
            count = asyncio.run(letters.replay(bootstrap_servers, topic))
            typer.echo(f"Put back: {count}.")
            return
        found = asyncio.run(letters.waiting(bootstrap_servers, topic, most))
    except letters.NotDeadLetters as problem:
        _fail(str(problem))
    except (BrokerUnavailable, KafkaError, OSError, TimeoutError) as error:
        _fail(f"The message log cannot be reached ({type(error).__name__}).")
    for one in found:
        typer.echo(f"{one.at:%Y-%m-%d %H:%M:%S}Z  offset {one.offset}  {len(one.value)} bytes  {one.reason}")
    typer.echo(f"{len(found)} parked." if found else "Nothing is parked.")


@app.command(context_settings=_FORWARD, add_help_option=False, rich_help_panel=_OPERATING)
def admin(context: typer.Context) -> None:
    """Create tenants, API keys and connections (`onerouter admin --help`)."""
    with uncollected():
        from onerouter_server.admin import app as administration

    administration(args=context.args, prog_name="onerouter admin")


@app.command(rich_help_panel=_OPERATING)
def healthcheck(
    url: Annotated[str, typer.Option(help="What to ask.")] = "http://127.0.0.1:8080/readyz",
    timeout_s: Annotated[float, typer.Option(min=0.1, help="How long to wait for the answer.")] = 3.0,
) -> None:
    """Exit 0 when the URL answers 2xx, else 1: for container health checks."""
    from onerouter_server.healthcheck import is_healthy

    raise typer.Exit(0 if is_healthy(url, timeout_s) else 1)


@app.command(context_settings=_FORWARD, add_help_option=False, rich_help_panel=_LOCAL_STACK)
def up(context: typer.Context) -> None:
    """Start everything on this machine: engines, services, sandbox (`onerouter up --help`)."""
    _local("up", context.args)


@app.command(context_settings=_FORWARD, add_help_option=False, rich_help_panel=_LOCAL_STACK)
def down(context: typer.Context) -> None:
    """Stop what `onerouter up` started."""
    _local("down", context.args)


@app.command(context_settings=_FORWARD, add_help_option=False, rich_help_panel=_LOCAL_STACK)
def demo(context: typer.Context) -> None:
    """Watch a payment, messages and files go all the way, each step verified."""
    _local("demo", context.args)


app.command(rich_help_panel=_BUILDING)(listen)


def _run(service: Service) -> None:
    from onerouter_server.services import SettingsInvalid, run

    try:
        run(service)
    except SettingsInvalid as problem:
        _fail(str(problem))
    except ModuleNotFoundError as missing:
        if missing.name and missing.name.startswith(f"onerouter_{service}"):
            _fail(f"The package onerouter-{service} is not installed.")
        raise


def _local(command: str, arguments: list[str]) -> None:
    try:
        with uncollected():
            from onerouter_local.__main__ import app as local_stack
    except ModuleNotFoundError as missing:
        if missing.name != "onerouter_local":
            raise
        _fail("The local stack (onerouter-local) is not installed: run this from a checkout.")
    local_stack(args=[command, *arguments], prog_name="onerouter")


def _fail(message: str) -> None:
    typer.secho(message, fg=typer.colors.RED, err=True)
    sys.exit(2)


if __name__ == "__main__":
    app()
