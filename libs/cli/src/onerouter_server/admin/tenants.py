"""`onerouter admin tenant`."""

from datetime import timedelta
from typing import Annotated

import typer

from onerouter_common.clock import isoformat
from onerouter_common.registry_client import TenantStatus
from onerouter_registry.actor import COMMAND_LINE
from onerouter_registry.admin import Admin
from onerouter_registry.operator.model import TenantOverview
from onerouter_registry.tenant.model import Tenant
from onerouter_registry.tenant.plans import REQUESTS_PER_MINUTE, UNLIMITED, requests_per_minute
from onerouter_server.admin.session import carry_out, fail, notes, show

app = typer.Typer(help="Who our customers are.", no_args_is_help=True)

TenantArgument = Annotated[str, typer.Argument(metavar="TENANT", help="ten_…")]
_PLANS = ", ".join(REQUESTS_PER_MINUTE)
_PAGE = 100


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="For people; up to 100 characters.")],
    plan: Annotated[str, typer.Option(help=f"{_PLANS}.")] = UNLIMITED,
) -> None:
    """Create a tenant; prints its id."""
    tenant = carry_out(lambda admin: admin.tenants.create(name, plan=plan, by=COMMAND_LINE))
    notes.print(f"Created the tenant {tenant.name}.", markup=False)
    typer.echo(tenant.id)


@app.command("list")
def list_all(
    search: Annotated[str | None, typer.Option(help="An id, part of a name, or an owner's email address.")] = None,
    status: Annotated[TenantStatus | None, typer.Option(help="Only those with this status.")] = None,
) -> None:
    """Tenants with what they have, newest first."""

    async def read(admin: Admin) -> list[TenantOverview]:
        found: list[TenantOverview] = []
        while True:
            cursor = found[-1].tenant.id if found else None
            page = await admin.directory.page(search=search, status=status, limit=_PAGE, cursor=cursor)
            found += page.tenants
            if not page.has_more:
                return found

    columns = ["id", "name", "status", "plan", "requests/min", "keys", "connections", "members", "created"]
    show("Tenants", columns, [_row(one) for one in carry_out(read)])


@app.command("plan")
def plan(
    tenant_id: TenantArgument,
    name: Annotated[str, typer.Argument(metavar="PLAN", help=f"{_PLANS}.")],
    rate: Annotated[
        int | None, typer.Option("--requests-per-minute", help="In place of the plan's; absent: the plan's.")
    ] = None,
) -> None:
    """Give a tenant a plan, and take back or set a limit of its own."""
    fields = {"plan": name, "requests_per_minute": rate}
    tenant = carry_out(lambda admin: admin.tenants.change(tenant_id, fields, by=COMMAND_LINE))
    limit = requests_per_minute(tenant.plan, tenant.requests_per_minute)
    notes.print(f"{tenant.id} is on {tenant.plan}: {'no limit' if limit is None else f'{limit} requests a minute'}.")


@app.command("suspend")
def suspend(
    tenant_id: TenantArgument, reason: Annotated[str, typer.Option(help="Shown to the tenant's people.")]
) -> None:
    """Refuse a tenant's requests everywhere within a second; what was begun is followed to its end."""
    carry_out(lambda admin: admin.tenants.suspend(tenant_id, reason, by=COMMAND_LINE))
    notes.print(f"Suspended {tenant_id}.")


@app.command("resume")
def resume(tenant_id: TenantArgument) -> None:
    """Serve a suspended tenant again."""
    carry_out(lambda admin: admin.tenants.resume(tenant_id, by=COMMAND_LINE))
    notes.print(f"Resumed {tenant_id}.")


@app.command("delete")
def delete(
    tenant_id: TenantArgument,
    grace_days: Annotated[
        int | None, typer.Option(min=0, max=365, help="For how long it can be undone; absent: as configured.")
    ] = None,
    confirm: Annotated[str | None, typer.Option(help="The tenant's name; absent: you are asked for it.")] = None,
) -> None:
    """Refuse a tenant at once, and destroy its keys, credentials and members when the grace is over."""
    name = carry_out(lambda admin: admin.tenants.get(tenant_id)).name
    typed = confirm if confirm is not None else str(typer.prompt(f"Type its name ({name}) to delete it", err=True))
    if typed.strip() != name:
        fail("That is not its name; nothing was done.")
    grace = None if grace_days is None else timedelta(days=grace_days)
    tenant = carry_out(lambda admin: admin.tenants.delete(tenant_id, grace=grace, by=COMMAND_LINE))
    notes.print(f"{tenant_id} is refused from now on, and destroyed after {_when(tenant)}; until then: undelete.")


@app.command("undelete")
def undelete(tenant_id: TenantArgument) -> None:
    """Take back a deletion whose grace is not over."""
    tenant = carry_out(lambda admin: admin.tenants.undelete(tenant_id, by=COMMAND_LINE))
    notes.print(f"{tenant_id} is {tenant.status} again.")


def _when(tenant: Tenant) -> str:
    return "-" if tenant.delete_after is None else isoformat(tenant.delete_after)


def _row(one: TenantOverview) -> list[str]:
    tenant = one.tenant
    limit = requests_per_minute(tenant.plan, tenant.requests_per_minute)
    return [
        tenant.id,
        tenant.name,
        tenant.status,
        tenant.plan,
        "-" if limit is None else str(limit),
        str(one.api_keys),
        str(one.connections),
        str(one.members),
        isoformat(tenant.created_at),
    ]
