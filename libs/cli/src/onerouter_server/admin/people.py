"""`onerouter admin person`: who may sign in. Nobody's password is ever chosen here: a link lets them choose it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, cast

import typer

from onerouter_common.clock import isoformat
from onerouter_common.errors import Conflict
from onerouter_registry.actor import COMMAND_LINE
from onerouter_registry.admin import Admin
from onerouter_registry.member.model import RANK
from onerouter_registry.person.model import Person
from onerouter_registry.session.model import Role
from onerouter_server.admin.session import carry_out, fail, notes, show

app = typer.Typer(help="People: who may sign in, and who operates this installation.", no_args_is_help=True)

EmailArgument = Annotated[str, typer.Argument(help="Their email address.")]


@app.command("create")
def create(
    email: EmailArgument,
    name: Annotated[str | None, typer.Option(help="What they are called; absent: what stands before the @.")] = None,
    tenant: Annotated[str | None, typer.Option(help="A tenant they become a member of, ten_….")] = None,
    role: Annotated[str, typer.Option(help="Theirs there: owner, admin, developer or viewer.")] = "owner",
    operator: Annotated[bool, typer.Option(help="May use /api/admin: manage every tenant.")] = False,
) -> None:
    """Create a person; prints a link with which they choose their password within a day."""
    if role not in RANK:
        fail("--role must be owner, admin, developer or viewer.")

    async def made(admin: Admin) -> str:
        people = admin.people
        if tenant is not None:
            await admin.tenants.get(tenant)
        person = await people.users.create(email, name=name, by=COMMAND_LINE)
        if tenant is not None:
            await people.members.add(tenant, person.id, cast("Role", role), by=COMMAND_LINE)
        if operator:
            await people.users.make_operator(person.id, by=COMMAND_LINE)
        return (await people.password_reset.link_for(email, by=COMMAND_LINE)).get_secret_value()

    link = carry_out(made)
    notes.print(f"Created {email}. Hand over the link: it works once, for a day.", markup=False)
    typer.echo(link)


@app.command("list")
def list_all() -> None:
    """Everyone, oldest first."""

    async def everyone(admin: Admin) -> list[list[str]]:
        rows: list[list[str]] = []
        while page := await admin.people.users.list(after=rows[-1][0] if rows else ""):
            issuers = await admin.people.identities.issuers_of([person.id for person in page])
            rows += [_row(person, issuers.get(person.id, [])) for person in page]
        return rows

    columns = ["id", "email", "name", "operator", "second factor", "status", "created", "address", "let in by"]
    show("People", columns, carry_out(everyone))


@app.command("make-operator")
def make_operator(
    email: EmailArgument,
    revoke: Annotated[bool, typer.Option("--revoke", help="They no longer are one.")] = False,
    user_id: Annotated[
        str | None, typer.Option(help="Whom you mean, usr_…, where their address alone does not say it.")
    ] = None,
) -> None:
    """Let someone manage every tenant of this installation.

    Anyone can sign up with an address that is not theirs, and an identity provider lets in whom it likes. So a person whose
    address is not proved, or whom an issuer lets in, must be named by their id: look at them in the list first.
    """

    async def change(admin: Admin) -> Person:
        users = admin.people.users
        person = await users.get_by_email(email)
        if user_id is not None and user_id != person.id:
            raise Conflict(f"{person.email} is {person.id}, not the person you named.")
        if user_id is None and not revoke:
            _require_unmistakable(person, await admin.people.identities.issuers_of([person.id]))
        return await users.make_operator(person.id, is_operator=not revoke, by=COMMAND_LINE)

    person = carry_out(change)
    notes.print(f"{person.email} {'operates' if person.is_operator else 'no longer operates'} this installation.")


@app.command("disable")
def disable(
    email: EmailArgument, enable: Annotated[bool, typer.Option("--enable", help="Let them in again.")] = False
) -> None:
    """Shut someone out: their sessions end at once."""

    async def change(admin: Admin) -> Person:
        users = admin.people.users
        person = await users.get_by_email(email)
        return await users.disable(person.id, disabled=not enable, by=COMMAND_LINE)

    person = carry_out(change)
    notes.print(f"{person.email} is {'shut out' if person.disabled_at else 'let in'}.")


@app.command("reset-password")
def reset_password(email: EmailArgument) -> None:
    """Print a link with which they choose a new password; it works once, for a day."""
    link = carry_out(lambda admin: admin.people.password_reset.link_for(email, by=COMMAND_LINE))
    notes.print("Hand over the link. Links made before no longer work; their second factor stays.")
    typer.echo(link.get_secret_value())


def _require_unmistakable(person: Person, issuers: Mapping[str, Sequence[str]]) -> None:
    """Raises Conflict where somebody else than the owner of the address may be who signs in."""
    why = None
    if person.email_verified_at is None:
        why = "nobody has proved that the address is theirs"
    elif issuers.get(person.id):
        why = f"they are let in on the word of {', '.join(issuers[person.id])}"
    if why is not None:
        raise Conflict(f"{person.email}: {why}. If you are sure who that is, add --user-id {person.id}.")


def _row(person: Person, issuers: Sequence[str]) -> list[str]:
    return [
        person.id,
        person.email,
        person.name,
        "yes" if person.is_operator else "",
        "yes" if person.has_totp else "",
        "active" if person.disabled_at is None else "disabled",
        isoformat(person.created_at),
        "proved" if person.email_verified_at else "not proved",
        ", ".join(issuers),
    ]
