"""`onerouter admin provider`: the kill switches."""

from typing import Annotated

import typer

from onerouter_common.clock import isoformat
from onerouter_registry.actor import COMMAND_LINE
from onerouter_registry.switch.model import WHOLE_CATEGORY, Switchable
from onerouter_server.admin.session import carry_out, notes, show

app = typer.Typer(help="Switch a provider, or a whole category, off and on for every tenant.", no_args_is_help=True)

CategoryArgument = Annotated[str, typer.Argument(help="payments, …")]
ProviderArgument = Annotated[str | None, typer.Argument(help="razorpay, …; absent: the whole category.")]


@app.command("list")
def list_all() -> None:
    """What there is, and what is off."""
    rows = [_row(one) for one in carry_out(lambda admin: admin.switches.list())]
    show("Providers", ["category", "provider", "state", "since", "by", "reason"], rows)


@app.command("disable")
def disable(
    category: CategoryArgument,
    reason: Annotated[str, typer.Option(help="For the audit log and other operators.")],
    provider: ProviderArgument = None,
) -> None:
    """Begin nothing new with it, for any tenant, from within a second on."""
    carry_out(lambda admin: admin.switches.disable(category, provider or WHOLE_CATEGORY, reason, by=COMMAND_LINE))
    notes.print(f"{_name(category, provider)} is off.")


@app.command("enable")
def enable(category: CategoryArgument, provider: ProviderArgument = None) -> None:
    """Give it back."""
    carry_out(lambda admin: admin.switches.enable(category, provider or WHOLE_CATEGORY, by=COMMAND_LINE))
    notes.print(f"{_name(category, provider)} is on.")


def _name(category: str, provider: str | None) -> str:
    return category if provider is None else f"{category}/{provider}"


def _row(one: Switchable) -> list[str]:
    switch = one.switch
    if switch is None:
        return [one.category, one.provider, "on", "-", "-", "-"]
    return [one.category, one.provider, "off", isoformat(switch.disabled_at), switch.disabled_by, switch.reason]
