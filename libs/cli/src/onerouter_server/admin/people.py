"""`onerouter admin person`: who may sign in. Nobody's password is ever chosen here: a link lets them choose it."""

from typing import Annotated, cast

import typer

from onerouter_common.clock import isoformat
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

    async def everyone(admin: Admin) -> list[Person]:
        people: list[Person] = []
        while page := await admin.people.users.list(after=people[-1].id if people else ""):
            people += page
        return people

    show(
        "People",
        ["id", "email", "name", "operator", "second factor", "status", "created"],
        [_row(person) for person in carry_out(everyone)],
    )


@app.command("make-operator")
def make_operator(
    email: EmailArgument,
    revoke: Annotated[bool, typer.Option("--revoke", help="They no longer are one.")] = False,
) -> None:
    """Let someone manage every tenant of this installation."""

    async def change(admin: Admin) -> Person:
        users = admin.people.users
        person = await users.get_by_email(email)
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


def _row(person: Person) -> list[str]:
    return [
        person.id,
        person.email,
        person.name,
        "yes" if person.is_operator else "",
        "yes" if person.has_totp else "",
        "active" if person.disabled_at is None else "disabled",
        isoformat(person.created_at),
    ]
