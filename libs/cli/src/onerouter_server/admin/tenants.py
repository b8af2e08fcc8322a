"""`onerouter admin tenant`."""

from typing import Annotated

import typer

from onerouter_common.clock import isoformat
from onerouter_server.admin.session import carry_out, notes, show

app = typer.Typer(help="Who our customers are.", no_args_is_help=True)


@app.command("create")
def create(name: Annotated[str, typer.Argument(help="For people; up to 100 characters.")]) -> None:
    """Create a tenant; prints its id."""
    tenant = carry_out(lambda admin: admin.tenants.create(name))
    notes.print(f"Created the tenant {tenant.name}.", markup=False)
    typer.echo(tenant.id)


@app.command("list")
def list_all() -> None:
    """All tenants, oldest first."""
    tenants = carry_out(lambda admin: admin.tenants.list())
    show(
        "Tenants",
        ["id", "name", "created"],
        [[tenant.id, tenant.name, isoformat(tenant.created_at)] for tenant in tenants],
    )
