"""`python -m onerouter_local up | down | demo`."""

import asyncio
import logging
from typing import Annotated

import structlog
import typer
from rich.console import Console

_WIDTH_OF_A_FILE = 140
"""Where nobody's window sets a width: a CI log."""

app = typer.Typer(
    help="The local stack: real engines and every service on this machine, no Docker, no root.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def up(
    fresh: Annotated[bool, typer.Option("--fresh", help="Throw away the data of earlier runs.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every log line, not only warnings.")] = False,
    kafka: Annotated[
        bool, typer.Option("--kafka", help="Apache Kafka itself (Java 17, Maven) in place of the embedded broker.")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once it is ready; `down` stops it.")] = False,
) -> None:
    """Start everything; Ctrl-C stops it."""
    from onerouter_local import up as stack

    console = _console()
    if detach:
        options = {"--fresh": fresh, "--verbose": verbose, "--kafka": kafka}
        raise typer.Exit(stack.detach(console, options=[name for name, wanted in options.items() if wanted]))
    raise typer.Exit(asyncio.run(stack.up(console, fresh=fresh, verbose=verbose, kafka=kafka)))


@app.command()
def down() -> None:
    """Stop what `up` started in this checkout."""
    from onerouter_local import up as stack

    raise typer.Exit(stack.down(_console()))


@app.command()
def demo() -> None:
    """Run one payment through everything on a stack of its own, verifying each step."""
    from onerouter_local.demo.run import run

    raise typer.Exit(asyncio.run(run(_console())))


def _console() -> Console:
    # What our own process does (seeding) is told as steps; only its warnings are logged.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_WIDTH_OF_A_FILE)


if __name__ == "__main__":
    app()
