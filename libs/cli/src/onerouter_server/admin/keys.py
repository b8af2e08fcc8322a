"""`onerouter admin key`."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from onerouter_common.clock import isoformat
from onerouter_registry.actor import COMMAND_LINE
from onerouter_registry.api_key.model import ApiKey, KeyChanges
from onerouter_server.admin.session import EnvironmentOption, TenantOption, carry_out, fail, notes, show

app = typer.Typer(help="API keys: shown once, revoked within a second everywhere.", no_args_is_help=True)

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}

KeyArgument = Annotated[str, typer.Argument(help="key_…")]
ScopesHelp = "Comma-separated: payments:read, payments:write, … or * for all."
AllowHelp = "A network (CIDR) the key may be used from; give it several times. Absent: from anywhere."
QuotaHelp = "Most operations in a calendar month (UTC): sms=10000; give it several times."
ExpiresHelp = "When it ends: 90d, 12h, 30m or an ISO 8601 time."


@app.command("create")
def create(
    tenant: TenantOption,
    environment: EnvironmentOption = "test",
    name: Annotated[str, typer.Option(help="For people, to tell it from other keys.")] = "default",
    scopes: Annotated[str, typer.Option(help=ScopesHelp)] = "*",
    expires: Annotated[str | None, typer.Option(help=f"{ExpiresHelp} Absent: never.")] = None,
    rate_limit_per_s: Annotated[int, typer.Option(help="Requests a second it may make in the long run.")] = 100,
    rate_burst: Annotated[int, typer.Option(help="Requests it may make at once.")] = 200,
    allow: Annotated[list[str] | None, typer.Option(help=AllowHelp)] = None,
    quota: Annotated[list[str] | None, typer.Option(help=QuotaHelp)] = None,
) -> None:
    """Create an API key; prints it, this once."""
    expires_at = None if expires is None else _moment(expires)
    quotas = _quotas(quota or [])
    created = carry_out(
        lambda admin: admin.api_keys.create(
            tenant,
            environment,
            name=name,
            scopes=_scopes(scopes),
            rate_limit_per_s=rate_limit_per_s,
            rate_burst=rate_burst,
            expires_at=expires_at,
            ip_allow_list=allow or [],
            quotas=quotas,
            by=COMMAND_LINE,
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
        ["id", "key", "name", "status", "scopes", "limit", "quotas", "from", "expires", "last used", "replaced by"],
        [_row(key, now) for key in keys],
    )


@app.command("update")
def update(
    key_id: KeyArgument,
    tenant: TenantOption,
    environment: EnvironmentOption = "test",
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    scopes: Annotated[str | None, typer.Option(help=ScopesHelp)] = None,
    expires: Annotated[str | None, typer.Option(help=f"{ExpiresHelp} `never` removes it.")] = None,
    rate_limit_per_s: Annotated[int | None, typer.Option(help="Requests a second in the long run.")] = None,
    rate_burst: Annotated[int | None, typer.Option(help="Requests at once.")] = None,
    allow: Annotated[list[str] | None, typer.Option(help=f"{AllowHelp} `any` removes the list.")] = None,
    quota: Annotated[list[str] | None, typer.Option(help=f"{QuotaHelp} `none` removes all.")] = None,
) -> None:
    """Change a key; what is not given stays. Lists and quotas are replaced whole."""
    changes = KeyChanges()
    if name is not None:
        changes["name"] = name
    if scopes is not None:
        changes["scopes"] = _scopes(scopes)
    if expires is not None:
        changes["expires_at"] = None if expires == "never" else _moment(expires)
    if rate_limit_per_s is not None:
        changes["rate_limit_per_s"] = rate_limit_per_s
    if rate_burst is not None:
        changes["rate_burst"] = rate_burst
    if allow:
        changes["ip_allow_list"] = [] if allow == ["any"] else allow
    if quota:
        changes["quotas"] = {} if quota == ["none"] else _quotas(quota)
    if not changes:
        fail("Say what to change: `onerouter admin key update --help` lists what can be.")
    carry_out(lambda admin: admin.api_keys.update(tenant, environment, key_id, changes, by=COMMAND_LINE))
    notes.print(f"Changed {key_id}: {', '.join(sorted(changes))}.")


@app.command("rotate")
def rotate(
    key_id: KeyArgument,
    tenant: TenantOption,
    environment: EnvironmentOption = "test",
    overlap: Annotated[
        str, typer.Option(help="How long the old key goes on working, up to 7d; 0s ends it now.")
    ] = "1d",
) -> None:
    """Replace a key by a new one with the same settings; prints the new one, this once."""
    length = _duration(overlap)
    if length is None:
        fail("--overlap must be like 7d, 12h, 30m or 0s.")
    rotated = carry_out(
        lambda admin: admin.api_keys.rotate(
            tenant, environment, key_id, overlap_s=int(length.total_seconds()), by=COMMAND_LINE
        )
    )
    ends_at = rotated.previous.expires_at
    notes.print(
        f"Created {rotated.created.api_key.id}; {key_id} ends {'never' if ends_at is None else isoformat(ends_at)}. "
        "Keep the key: it is not stored and cannot be shown again."
    )
    typer.echo(rotated.created.key.get_secret_value())


@app.command("revoke")
def revoke(key_id: KeyArgument, tenant: TenantOption, environment: EnvironmentOption = "test") -> None:
    """End a key for good."""
    carry_out(lambda admin: admin.api_keys.revoke(tenant, environment, key_id, by=COMMAND_LINE))
    notes.print(f"Revoked {key_id}.")


def _row(key: ApiKey, now: datetime) -> list[str]:
    return [
        key.id,
        f"{key.display_prefix}…",
        key.name,
        key.status_at(now),
        " ".join(key.scopes),
        f"{key.rate_limit_per_s}/s, burst {key.rate_burst}",
        " ".join(f"{category}={most}" for category, most in key.quotas.items()) or "none",
        " ".join(key.ip_allow_list) or "anywhere",
        "never" if key.expires_at is None else isoformat(key.expires_at),
        "never" if key.last_used_at is None else isoformat(key.last_used_at),
        key.replaced_by or "",
    ]


def _scopes(text: str) -> list[str]:
    return [scope.strip() for scope in text.split(",")]


def _quotas(texts: list[str]) -> dict[str, int]:
    quotas: dict[str, int] = {}
    for text in texts:
        category, separator, most = text.partition("=")
        if not separator or not (most.isascii() and most.isdigit()):
            fail("--quota must be like sms=10000.")
        quotas[category.strip()] = int(most)
    return quotas


def _duration(text: str) -> timedelta | None:
    unit, count = _UNITS.get(text[-1:]), text[:-1]
    if unit is None or not (count.isascii() and count.isdigit()) or len(count) > 6:
        return None
    return timedelta(**{unit: int(count)})


def _moment(text: str) -> datetime:
    length = _duration(text)
    if length is not None:
        return datetime.now(UTC) + length
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail("--expires must be like 90d, 12h, 30m or 2027-01-31T00:00:00Z.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
