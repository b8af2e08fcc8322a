"""Runs one use case of the registry from the command line and says what went wrong in sentences."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, NoReturn, TypeVar

import asyncpg
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import DBAPIError

from onerouter_common import logging
from onerouter_common.errors import OneRouterError
from onerouter_registry.admin import Admin, ManagementSettings, open_admin

ResultT = TypeVar("ResultT")

TenantOption = Annotated[str, typer.Option("--tenant", help="The tenant's id, ten_….")]
EnvironmentOption = Annotated[str, typer.Option("--environment", "-e", help="test or live.")]

notes = Console(stderr=True, highlight=False)
"""Everything but results: a script that reads standard output gets only those."""


def carry_out(use_case: Callable[[Admin], Awaitable[ResultT]]) -> ResultT:
    """Open the registry's database, run, close. Exits with 2 after an error that the operator can fix."""
    logging.configure("admin", "ERROR", "console", stream=sys.stderr)
    settings = _settings()

    async def run() -> ResultT:
        async with open_admin(settings) as admin:
            return await use_case(admin)

    try:
        return asyncio.run(run())
    except OneRouterError as error:
        fail(error.detail, *(f"{item.field}: {item.message}" for item in error.errors[1:]))
    except (asyncpg.PostgresError, DBAPIError) as error:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        fail(f"The registry's database refused ({type(cause).__name__}): is it migrated, and is the login its own?")
    except OSError as error:
        fail(f"The registry's database cannot be reached ({type(error).__name__}).")


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on standard output; plain, tab-separated lines where that is not a terminal."""
    console = Console(highlight=False)
    if not console.is_terminal:
        for row in rows:
            typer.echo("\t".join(row))
        return
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def fail(*sentences: str) -> NoReturn:
    for sentence in sentences:
        typer.secho(sentence, fg=typer.colors.RED, err=True)
    raise typer.Exit(2)


def _settings() -> ManagementSettings:
    try:
        return ManagementSettings()
    except ValidationError as problem:
        wrong = [
            f"  {_variable(error['loc'])}: {error['msg']}"
            for error in problem.errors(include_input=False, include_url=False, include_context=False)
        ]
        fail("The registry's settings are not complete:", *wrong)


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0]) if location else "?"
    return name if name.isupper() else f"ONEROUTER_REGISTRY_{name.upper()}"
