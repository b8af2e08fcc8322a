"""`onerouter admin key`."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from onerouter_common.clock import isoformat
from onerouter_registry.api_key.model import ApiKey
from onerouter_server.admin.session import EnvironmentOption, TenantOption, carry_out, fail, notes, show

app = typer.Typer(help="API keys: shown once, revoked within a second everywhere.", no_args_is_help=True)

_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


@app.command("create")
def create(
    tenant: TenantOption,
    environment: EnvironmentOption = "test",
    name: Annotated[str, typer.Option(help="For people, to tell it from other keys.")] = "default",
    scopes: Annotated[str, typer.Option(help="Comma-separated: payments:read, payments:write, … or * for all.")] = "*",
    expires: Annotated[
        str | None, typer.Option(help="When it ends: 90d, 12h, 30m or an ISO 8601 time; absent: never.")
    ] = None,
    rate_limit_per_s: Annotated[int, typer.Option(help="Requests a second it may make in the long run.")] = 100,
    rate_burst: Annotated[int, typer.Option(help="Requests it may make at once.")] = 200,
) -> None:
    """Create an API key; prints it, this once."""
    expires_at = None if expires is None else _moment(expires)
    created = carry_out(
        lambda admin: admin.api_keys.create(
            tenant,
            environment,
            name=name,
            scopes=[scope.strip() for scope in scopes.split(",")],
            rate_limit_per_s=rate_limit_per_s,
            rate_burst=rate_burst,
            expires_at=expires_at,
        )
    )
    notes.print(f"Created {created.api_key.id}. Keep the key: it is not stored and cannot be shown again.")
    typer.echo(created.key.get_secret_value())


@app.command("list")
def list_all(tenant: TenantOption, environment: EnvironmentOption = "test") -> None:
    """A tenant's keys of one environment, revoked ones too."""
    keys = carry_out(lambda admin: admin.api_keys.list(tenant, environment))
    now = datetime.now(UTC)
    show(
        f"API keys ({environment})",
        ["id", "key", "name", "status", "scopes", "limit", "expires", "last used"],
        [_row(key, now) for key in keys],
    )


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(help="key_…")],
    tenant: TenantOption,
    environment: EnvironmentOption = "test",
) -> None:
    """End a key for good."""
    carry_out(lambda admin: admin.api_keys.revoke(tenant, environment, key_id))
    notes.print(f"Revoked {key_id}.")


def _row(key: ApiKey, now: datetime) -> list[str]:
    return [
        key.id,
        f"{key.display_prefix}…",
        key.name,
        key.status_at(now),
        " ".join(key.scopes),
        f"{key.rate_limit_per_s}/s, burst {key.rate_burst}",
        "never" if key.expires_at is None else isoformat(key.expires_at),
        "never" if key.last_used_at is None else isoformat(key.last_used_at),
    ]


def _moment(text: str) -> datetime:
    unit = _UNITS.get(text[-1:])
    if unit is not None and text[:-1].isdigit():
        return datetime.now(UTC) + timedelta(**{unit: int(text[:-1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail("--expires must be like 90d, 12h, 30m or 2027-01-31T00:00:00Z.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
