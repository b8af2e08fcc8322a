"""`onerouter admin connection`."""

from datetime import timedelta
from typing import Annotated

import typer

from onerouter_common.clock import isoformat
from onerouter_registry.actor import COMMAND_LINE
from onerouter_registry.admin import Admin
from onerouter_registry.connection.model import Connection, ConnectionChanges
from onerouter_server.admin.credentials import read_credentials
from onerouter_server.admin.session import EnvironmentOption, TenantOption, carry_out, notes, show

app = typer.Typer(help="A tenant's accounts at providers, and their order.", no_args_is_help=True)

ConnectionArgument = Annotated[str, typer.Argument(help="con_…")]
CredentialOption = Annotated[
    list[str] | None,
    typer.Option("--credential", help="key=value for what is not secret; key alone to be asked without echo."),
]
VerifyOption = Annotated[
    bool, typer.Option("--verify", help="Ask the provider first, and store nothing that it does not accept.")
]
RateOption = Annotated[
    float | None,
    typer.Option(min=0, help="Most messages in any second; 0: what the provider's manifest says."),
]
CredentialsFileOption = Annotated[
    str | None,
    typer.Option("--credentials-file", help="JSON object or key=value lines; - reads standard input."),
]


@app.command("add")
def add(
    tenant: TenantOption,
    provider: Annotated[str, typer.Option(help="razorpay, …")],
    environment: EnvironmentOption = "test",
    category: Annotated[str, typer.Option(help="payments, …")] = "payments",
    credential: CredentialOption = None,
    credentials_file: CredentialsFileOption = None,
    label: Annotated[str, typer.Option(help="To tell two accounts at one provider apart.")] = "default",
    currency: Annotated[str | None, typer.Option(help="Used where a request names none; ISO 4217.")] = None,
    max_in_flight: Annotated[int, typer.Option(help="Most calls to the provider at once.")] = 64,
    rate_per_s: RateOption = None,
    priority: Annotated[int | None, typer.Option(help="Its place in the route, 1 first; absent: last.")] = None,
    verify: VerifyOption = False,
) -> None:
    """Connect a provider; prints the address to enter there for callbacks."""

    async def connect(admin: Admin) -> tuple[str, str | None]:
        manifest = admin.catalogue.get(category, provider)
        values = read_credentials(manifest, credential or [], credentials_file)
        connected = await admin.connections.connect(
            tenant,
            environment,
            provider,
            values,
            category=category,
            label=label,
            currency=currency,
            max_in_flight=max_in_flight,
            rate_per_s=rate_per_s or None,
            priority=priority,
            verify=verify,
            by=COMMAND_LINE,
        )
        made, token = connected.connection, connected.callback_token
        return made.id, None if token is None else admin.callback_url(provider, token)

    connection_id, address = carry_out(connect)
    notes.print(f"Connected {provider} as {connection_id}.", markup=False)
    typer.echo(connection_id)
    if address is not None:
        notes.print("Enter this address at the provider for its callbacks:")
        typer.echo(address)


@app.command("list")
def list_all(tenant: TenantOption, environment: EnvironmentOption = "test") -> None:
    """A tenant's connections of one environment, in the order of their routes, with their callback addresses."""

    async def read(admin: Admin) -> list[list[str]]:
        return [await _row(admin, connection) for connection in await admin.connections.list(tenant, environment)]

    columns = [
        "id",
        "category",
        "provider",
        "label",
        "state",
        "currency",
        "per s",
        "credentials",
        "verified",
        "callbacks",
    ]
    show(f"Connections ({environment})", columns, carry_out(read))


@app.command("update")
def update(
    connection_id: ConnectionArgument,
    tenant: TenantOption,
    environment: EnvironmentOption = "test",
    credential: CredentialOption = None,
    credentials_file: CredentialsFileOption = None,
    rate_per_s: RateOption = None,
    verify: VerifyOption = False,
) -> None:
    """Replace some credentials, or say how fast it may be used; what is not named stays."""

    async def change(admin: Admin) -> None:
        connection = await admin.connections.get(tenant, environment, connection_id)
        manifest = admin.catalogue.get(connection.category, connection.provider)
        is_about_credentials = credential or credentials_file is not None or rate_per_s is None
        values = (
            read_credentials(manifest, credential or [], credentials_file, ask=False) if is_about_credentials else {}
        )
        changes: ConnectionChanges = {} if rate_per_s is None else {"rate_per_s": rate_per_s or None}
        await admin.connections.change(
            tenant, environment, connection_id, changes, credentials=values, verify=verify, by=COMMAND_LINE
        )

    carry_out(change)
    notes.print(f"Updated {connection_id}.")


@app.command("verify")
def verify(connection_id: ConnectionArgument, tenant: TenantOption, environment: EnvironmentOption = "test") -> None:
    """Ask the provider whether it accepts the credentials (a call that only reads)."""
    problem = carry_out(lambda admin: admin.verification.verify(tenant, environment, connection_id, by=COMMAND_LINE))
    if problem is not None:
        notes.print(f"Not accepted: {problem}", style="red", markup=False)
        raise typer.Exit(1)
    notes.print("Accepted.")


@app.command("enable")
def enable(connection_id: ConnectionArgument, tenant: TenantOption, environment: EnvironmentOption = "test") -> None:
    """Send new operations to it again."""
    carry_out(lambda admin: admin.connections.set_enabled(tenant, environment, connection_id, True, by=COMMAND_LINE))
    notes.print(f"Enabled {connection_id}.")


@app.command("disable")
def disable(connection_id: ConnectionArgument, tenant: TenantOption, environment: EnvironmentOption = "test") -> None:
    """Send no new operation to it; refunds of what it took still reach it."""
    carry_out(lambda admin: admin.connections.set_enabled(tenant, environment, connection_id, False, by=COMMAND_LINE))
    notes.print(f"Disabled {connection_id}.")


@app.command("reorder")
def reorder(
    connection_ids: Annotated[list[str], typer.Argument(help="All connections of the category, best first.")],
    tenant: TenantOption,
    environment: EnvironmentOption = "test",
    category: Annotated[str, typer.Option(help="payments, …")] = "payments",
) -> None:
    """Change which connection is tried first."""
    carry_out(lambda admin: admin.connections.reorder(tenant, environment, category, connection_ids, by=COMMAND_LINE))
    notes.print("The route has a new order.")


@app.command("remove")
def remove(
    connection_id: ConnectionArgument,
    tenant: TenantOption,
    environment: EnvironmentOption = "test",
    forget: Annotated[
        bool, typer.Option("--forget", help="Destroy its credentials at once: no refund any more.")
    ] = False,
) -> None:
    """Take a connection out of every route; what it took can be refunded until its credentials are destroyed."""
    gone = carry_out(
        lambda admin: admin.connections.disconnect(tenant, environment, connection_id, forget=forget, by=COMMAND_LINE)
    )
    notes.print(f"Removed {connection_id}.")
    if gone.forget_after is not None:
        notes.print(f"What it took can be refunded until {isoformat(gone.forget_after)}; --forget ends that now.")


@app.command("rotate-callback")
def rotate_callback(
    connection_id: ConnectionArgument,
    tenant: TenantOption,
    environment: EnvironmentOption = "test",
    overlap_hours: Annotated[
        float, typer.Option(min=0, max=720, help="How long earlier addresses still work; 0: they end now.")
    ] = 168,
) -> None:
    """Replace the address that the provider calls back; prints the new one, to be entered there."""

    async def rotate(admin: Admin) -> str:
        connection = await admin.connections.get(tenant, environment, connection_id)
        token = await admin.callback_tokens.rotate(
            tenant, environment, connection_id, overlap=timedelta(hours=overlap_hours), by=COMMAND_LINE
        )
        return admin.callback_url(connection.provider, token)

    typer.echo(carry_out(rotate))


async def _row(admin: Admin, connection: Connection) -> list[str]:
    token = await admin.connections.callback_token(connection.tenant_id, connection.environment, connection.id)
    shown = {**connection.credentials.public, **connection.credentials.masked}
    return [
        connection.id,
        connection.category,
        connection.provider,
        connection.label,
        "enabled" if connection.enabled else "disabled",
        connection.currency or "-",
        "-" if connection.rate_per_s is None else f"{connection.rate_per_s:g}",
        " ".join(f"{key}={value}" for key, value in sorted(shown.items())),
        _verified(connection),
        "-" if token is None else admin.callback_url(connection.provider, token),
    ]


def _verified(connection: Connection) -> str:
    if connection.verified_error is not None:
        return f"refused: {connection.verified_error}"
    return "not yet" if connection.verified_at is None else isoformat(connection.verified_at)
