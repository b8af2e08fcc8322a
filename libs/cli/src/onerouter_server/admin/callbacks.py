"""`onerouter admin callbacks`: what providers told us, read again or redacted while it is kept.

It lies in the webhooks service, which is asked over its internal API with the first of ONEROUTER_INTERNAL_TOKENS, at
ONEROUTER_REGISTRY_WEBHOOKS_URL. What is done stands in the tenant's audit log, or the installation's.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from onerouter_registry.actor import COMMAND_LINE
from onerouter_registry.admin import Admin
from onerouter_registry.operator.internal_service import Answer
from onerouter_server.admin.session import carry_out, fail, notes

app = typer.Typer(help="Callbacks of providers that were kept.", no_args_is_help=True)

_NOT_UNDERSTOOD: Final = ("unhandled", "unparsed", "partial")

ProviderOption = Annotated[str | None, typer.Option(help="Only of this provider: razorpay, sendgrid, …")]
SinceOption = Annotated[datetime | None, typer.Option(help="Only received at or after this moment (UTC).")]
UntilOption = Annotated[datetime | None, typer.Option(help="Only received before this moment (UTC).")]
Page = Callable[[str | None], Awaitable[Answer]]


@app.command("replay")
def replay(
    provider: ProviderOption = None,
    connection: Annotated[str | None, typer.Option(help="Only of this connection, con_….")] = None,
    tenant: Annotated[str | None, typer.Option(help="Only of this tenant, ten_….")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    state: Annotated[
        list[str] | None,
        typer.Option(help="unhandled, unparsed, partial or read; several times for several. None: all but read."),
    ] = None,
    after: Annotated[str | None, typer.Option(help="Go on where an earlier run was stopped.")] = None,
) -> None:
    """Read callbacks again that were not understood when they came, after a mapping was added.

    May be stopped and repeated at any point: what was told before is not told again.
    """
    wish = {
        "provider": provider,
        "connection_id": connection,
        "tenant_id": tenant,
        "since": _moment(since),
        "until": _moment(until),
        "states": state or list(_NOT_UNDERSTOOD),
    }

    async def run(admin: Admin) -> dict[str, int]:
        done = await _walk(lambda at: admin.kept_callbacks.replay(wish, at), after)
        await admin.kept_callbacks.record(COMMAND_LINE, "callbacks.replayed", wish, **done)
        return done

    done = carry_out(run)
    notes.print(f"{done['understood']} of {done['read_again']} told something new, in {done['records']} records.")
    _tell_unopenable(done)


@app.command("redact")
def redact(
    tenant: Annotated[str, typer.Option(help="The tenant's id, ten_….")],
    address: Annotated[
        list[str] | None, typer.Option(help="An email address or phone number; several times for several.")
    ] = None,
    resource: Annotated[
        list[str] | None, typer.Option(help="An id, ours or the provider's; several times for several.")
    ] = None,
    environment: Annotated[str | None, typer.Option("--environment", "-e", help="Only in test, or in live.")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    after: Annotated[str | None, typer.Option(help="Go on where an earlier run was stopped.")] = None,
) -> None:
    """Drop headers and bodies of every callback that mentions somebody; they cannot be read again.

    What a callback is known by stays, so that it is not taken a second time. A batch is dropped as a whole.
    """
    mentioning = [*(address or ()), *(resource or ())]
    if not mentioning:
        fail("Say whom or what to redact: --address or --resource.")
    wish: dict[str, Any] = {
        "tenant_id": tenant,
        "environment": environment,
        "since": _moment(since),
        "until": _moment(until),
        "mentioning": mentioning,
    }

    async def run(admin: Admin) -> dict[str, int]:
        await admin.tenants.get(tenant)
        asked = {"addresses": len(address or ()), "resources": resource or []}
        await admin.kept_callbacks.record(COMMAND_LINE, "callbacks.redaction_requested", wish, **asked)
        done = await _walk(lambda at: admin.kept_callbacks.redact(wish, at), after)
        await admin.kept_callbacks.record(COMMAND_LINE, "callbacks.redacted", wish, **asked, **done)
        return done

    done = carry_out(run)
    notes.print(f"{done['redacted']} of {done['examined']} callbacks were redacted.")


async def _walk(page: Page, after: str | None) -> dict[str, int]:
    """All pages, with a line that says how far it is; the numbers of all of them together."""
    done: dict[str, int] = {}
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=notes, transient=True) as progress:
        task = progress.add_task("Looking …", total=None)
        while True:
            told = await page(after)
            for name, value in told.items():
                if isinstance(value, int):
                    done[name] = done.get(name, 0) + value
            after = told["next_after"]
            if after is None:
                return done
            progress.update(task, description=_so_far(done, told))


def _so_far(done: Mapping[str, int], told: Answer) -> str:
    """With what is needed to go on after a stop."""
    numbers = ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in done.items())
    return f"{numbers}; until {told['reached']} (--after {told['next_after']})"


def _tell_unopenable(done: Mapping[str, int]) -> None:
    if done.get("unopenable"):
        fail(f"{done['unopenable']} could not be opened: their keys are gone, as those of a deleted tenant are.")


def _moment(given: datetime | None) -> str | None:
    return None if given is None else given.replace(tzinfo=UTC).isoformat()
