"""`onerouter admin rotate-keys`."""

from collections.abc import Mapping
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from onerouter_registry.actor import COMMAND_LINE
from onerouter_registry.admin import Admin
from onerouter_registry.vault.rotation.model import Outcome, Stage
from onerouter_server.admin.session import carry_out, fail, notes, show

_SHOWN_LOST = 20

Plans = Mapping[str, Mapping[Stage, int]]


def rotate_keys(
    environment: Annotated[
        str | None, typer.Option("--environment", "-e", help="test or live; absent: one after the other.")
    ] = None,
    reencrypt: Annotated[
        bool, typer.Option("--reencrypt", help="Make new data keys and seal everything anew with them.")
    ] = False,
    batch: Annotated[int, typer.Option(help="Rows of one transaction.")] = 200,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how much there is to do, and do nothing.")] = False,
) -> None:
    """Wrap every data key with the first key of its keyring; the stack serves meanwhile.

    Put the new key into the keyring of every process first (second in the list, then first), then run this, then drop the
    old key. It may be interrupted at any point: run again, it goes on where it was.
    """
    environments = ("test", "live") if environment is None else (environment,)
    plans = carry_out(lambda admin: _plan(admin, environments, reencrypt))
    if dry_run:
        show(
            "To do",
            ["environment", "what", "number"],
            [[where, stage.value, str(number)] for where, plan in plans.items() for stage, number in plan.items()],
        )
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=notes,
    ) as bars:
        outcomes = carry_out(lambda admin: _run(admin, plans, reencrypt, batch, bars))
    for where, outcome in outcomes.items():
        _tell(where, outcome)
    lost = [what for outcome in outcomes.values() for what in outcome.lost]
    if lost:
        fail(f"{len(lost)} could not be opened and were left as they are:", *lost[:_SHOWN_LOST])
    if any(outcome.busy for outcome in outcomes.values()):
        fail("Some rows were in use all the time; run it again.")


async def _plan(admin: Admin, environments: tuple[str, ...], reencrypt: bool) -> Plans:
    return {where: await admin.rotation.plan(where, reencrypt=reencrypt) for where in environments}


async def _run(admin: Admin, plans: Plans, reencrypt: bool, batch: int, bars: Progress) -> dict[str, Outcome]:
    outcomes = {}
    for where, plan in plans.items():
        tasks = {stage: bars.add_task(f"{where}: {stage}", total=number) for stage, number in plan.items()}
        outcomes[where] = await admin.rotation.run(
            where, reencrypt=reencrypt, batch=batch, by=COMMAND_LINE, progress=_Advance(bars, tasks)
        )
    return outcomes


class _Advance:
    """Moves a stage's bar; one that was not planned for gets its own."""

    def __init__(self, bars: Progress, tasks: dict[Stage, TaskID]) -> None:
        self._bars = bars
        self._tasks = tasks

    def __call__(self, stage: Stage, number: int) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage.value, total=None)
        self._bars.advance(self._tasks[stage], number)


def _tell(where: str, outcome: Outcome) -> None:
    done = [f"{number} {stage}" for stage, number in outcome.done.items() if number]
    if outcome.deleted:
        done.append(f"{outcome.deleted} old data keys deleted")
    notes.print(f"{where}: {', '.join(done) or 'nothing to do'}.")
    if outcome.resumed:
        notes.print(
            f"{where}: an earlier re-encryption was brought to its end; run it again to make new keys once more."
        )
