"""`onerouter admin operations`: those whose outcome nobody can tell, until a person finds it out.

They live in the services that carry them out, which are asked over their internal APIs, with the first of
ONEROUTER_INTERNAL_TOKENS, at ONEROUTER_REGISTRY_PAYMENTS_URL and ONEROUTER_REGISTRY_MESSAGING_URL. What is decided stands
in the tenant's audit log.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from onerouter_common.money import Money, is_currency
from onerouter_registry.actor import COMMAND_LINE
from onerouter_registry.admin import Admin
from onerouter_server.admin.session import carry_out, fail, notes, show

app = typer.Typer(help="Operations of unknown outcome.", no_args_is_help=True)

OperationArgument = Annotated[str, typer.Argument(metavar="OPERATION", help="op_…")]
_PAGE = 100
_UNKNOWN = "unknown"


@app.command("list")
def list_all(
    state: Annotated[str, typer.Option(help="unknown: only these wait for a person.")] = _UNKNOWN,
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's, ten_….")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most operations to print.")] = 1_000,
) -> None:
    """Oldest first. Most end by themselves: their providers are asked again and again."""
    if state != _UNKNOWN:
        fail("--state must be unknown: all others end by themselves.")

    async def read(admin: Admin) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        cursor = None
        while True:
            most = min(_PAGE, limit - len(found))
            page = await admin.operations.page(tenant_id=tenant, limit=most, cursor=cursor)
            found += page["data"]
            cursor = page["next_cursor"]
            if cursor is None or len(found) >= limit:
                return found

    columns = ["id", "tenant", "environment", "operation", "resource", "provider", "amount", "in doubt since"]
    show("Operations of unknown outcome", columns, [_row(one) for one in carry_out(read)])


@app.command("resolve")
def resolve(
    operation_id: OperationArgument,
    outcome: Annotated[str, typer.Option(help="succeeded, or failed: nothing was done at the provider.")],
    reason: Annotated[str, typer.Option(help="How you found out; shown to the tenant.")],
    provider_id: Annotated[
        str | None, typer.Option(help="With succeeded: the provider's id of what was done; it is asked for it.")
    ] = None,
) -> None:
    """Say what came of an operation; it ends as if the provider had answered so.

    What the provider tells later outweighs it: a callback can still prove that a payment was made.
    """
    ended = carry_out(
        lambda admin: admin.operations.resolve(operation_id, outcome, reason, provider_id=provider_id, by=COMMAND_LINE)
    )
    notes.print(f"{ended['id']} has {ended['status']}.", markup=False)


def _row(one: Mapping[str, Any]) -> list[str]:
    return [
        one["id"],
        one["tenant_id"],
        one["environment"],
        one["operation"],
        one["resource_id"],
        one["provider"] or "-",
        _amount(one["amount_minor"], one["currency"]),
        one["in_doubt_since"] or "-",
    ]


def _amount(minor: int | None, currency: str | None) -> str:
    """A refund of all that is left says none, and the currency is its payment's."""
    if minor is None:
        return "-"
    if currency is None or not is_currency(currency):
        return f"{minor} minor units"
    return f"{Money(minor, currency).major} {currency}"
