"""`onerouter admin audit`."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.progress import Progress

from onerouter_common.clock import isoformat
from onerouter_common.errors import NotFound
from onerouter_registry.admin import Admin
from onerouter_registry.audit.chain import Entry
from onerouter_registry.audit.model import Filter
from onerouter_registry.audit.verification import Head, Result
from onerouter_server.admin.session import carry_out, fail, notes, show

app = typer.Typer(help="Who changed what, and whether somebody changed that.", no_args_is_help=True)

_ALL = "all"
_PAGE = 100
_SHOW_PROGRESS_FROM = 10_000
_HASH_CHARS = 64


@app.command("verify")
def verify(
    tenant: Annotated[str, typer.Option(help="ten_…, platform, or all.")] = _ALL,
    head: Annotated[
        str | None, typer.Option(metavar="SEQ:HASH", help="What an earlier verification of this tenant printed.")
    ] = None,
    heads: Annotated[
        Path | None, typer.Option(help="A file with what an earlier verification printed, a line each.")
    ] = None,
) -> None:
    """Compute every hash again; prints each chain's head, to be kept where the database's owner cannot write.

    Exits with 1 when a chain is not what was recorded, and says where.
    """
    if head is not None and tenant == _ALL:
        fail("--head is for one --tenant; for all of them give --heads.")
    known = _read_heads(heads)
    if head is not None:
        known[tenant] = _head(head)
    results = carry_out(lambda admin: _verify(admin, tenant, known))
    for result in results:
        if result.problem is None:
            typer.echo(f"{result.chain}\t{result.head.sequence}:{result.head.hash}")
        else:
            notes.print(f"{result.chain}: {result.problem.detail}", style="red", markup=False)
    broken = sum(result.problem is not None for result in results)
    notes.print(f"{len(results)} verified, {broken} broken.")
    raise typer.Exit(1 if broken else 0)


@app.command("list")
def list_entries(
    tenant: Annotated[str, typer.Option(help="ten_…, platform, or all.")] = _ALL,
    actor: Annotated[str | None, typer.Option(help="Who did it: an id or an email address.")] = None,
    action: Annotated[str | None, typer.Option(help="How the action begins: tenant. or api_key.created")] = None,
    target: Annotated[str | None, typer.Option(help="The id of what was changed.")] = None,
    since: Annotated[datetime | None, typer.Option(help="From this time on (UTC).")] = None,
    until: Annotated[datetime | None, typer.Option(help="Before this time (UTC).")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most entries to print.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object a line, with before and after.")] = False,
) -> None:
    """Entries, newest first."""
    asked = Filter(actor, action, target, None, _utc(since), _utc(until))
    entries = carry_out(lambda admin: _read(admin, tenant, asked, limit))
    if as_json:
        for entry in entries:
            typer.echo(orjson.dumps(asdict(entry) | {"at": isoformat(entry.at)}).decode())
        return
    columns = ["at", "tenant", "environment", "actor", "action", "target"]
    show("Audit log", columns, [_row(entry) for entry in entries])


async def _verify(admin: Admin, tenant: str, known: Mapping[str, Head]) -> list[Result]:
    chains = await admin.audit_verification.chains(known)
    if tenant != _ALL:
        if tenant not in chains:
            raise NotFound(f"There is no audit log of {tenant}.")
        chains = [tenant]
    with Progress(console=notes, transient=True) as progress:
        bar = progress.add_task("", visible=False)

        def show_progress(chain: str, read: int, of: int) -> None:
            progress.update(bar, description=chain, completed=read, total=of, visible=of >= _SHOW_PROGRESS_FROM)

        return [
            await admin.audit_verification.verify(
                chain,
                known=known.get(chain),
                progress=lambda read, of, chain=chain: show_progress(chain, read, of),  # type: ignore[misc]
            )
            for chain in chains
        ]


async def _read(admin: Admin, tenant: str, asked: Filter, limit: int) -> list[Entry]:
    found: list[Entry] = []
    while True:
        most = min(_PAGE, limit - len(found))
        if tenant == _ALL:
            page = await admin.audit_trail.of_all(asked, limit=most, before=found[-1].id if found else None)
        else:
            below = found[-1].sequence if found else None
            page = await admin.audit_trail.of_chain(tenant, asked, limit=most, before=below)
        found += page.entries
        if not page.has_more or len(found) >= limit:
            return found


def _read_heads(path: Path | None) -> dict[str, Head]:
    if path is None:
        return {}
    try:
        lines = [line.split() for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{path} cannot be read ({type(error).__name__}).")
    if any(len(line) != 2 for line in lines):
        fail(f"{path} must hold lines like 'ten_… 12:9f86…', as `onerouter admin audit verify` prints them.")
    return {chain: _head(head) for chain, head in lines}


def _head(text: str) -> Head:
    sequence, _, digest = text.partition(":")
    if not sequence.isdecimal() or len(digest) != _HASH_CHARS:
        fail(f"'{text[:100]}' is not a head: it must be like 12:9f86…, with 64 digits after the colon.")
    return Head(int(sequence), digest)


def _utc(moment: datetime | None) -> datetime | None:
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def _row(entry: Entry) -> list[str]:
    return [
        isoformat(entry.at),
        entry.tenant_id,
        entry.environment or "-",
        entry.actor_name or entry.actor_id,
        entry.action,
        entry.target_id,
    ]
