"""People at the running stack: signed in through the gateway, as a browser would be."""

import secrets
from dataclasses import dataclass
from typing import Any, Final

import httpx
import orjson
from tests.e2e.tenants import administration
from tests.e2e.world import World, until

CSRF: Final = "X-CSRF-Token"
PRINTED: Final = "registry.mail.printed"
"""The one line of a log that may hold a token: in local mode a mail goes nowhere else."""


@dataclass(slots=True)
class SignedIn:
    """A person's browser."""

    client: httpx.AsyncClient
    email: str
    password: str
    user_id: str
    tenant_id: str

    def take(self, session: dict[str, Any]) -> None:
        """A session that began: the client's own cookies and the token that goes with them."""
        self.client.headers[CSRF] = session["csrf_token"]
        self.user_id, self.tenant_id = session["user"]["id"], session["tenant_id"]


def browser(world: World) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=world.stack.services["gateway"].spec.url, timeout=30.0)


async def sign_up(world: World, name: str) -> SignedIn:
    """Someone new with a tenant of their own, as large as one could wish."""
    email, password = f"{name}-{secrets.token_hex(4)}@example.com", f"canary {secrets.token_urlsafe(18)}"
    client = browser(world)
    answer = await client.post(
        "/api/auth/sign-up", json={"email": email, "password": password, "name": name, "tenant_name": f"{name} Ltd"}
    )
    assert answer.status_code < 300, answer.text
    person = SignedIn(client, email, password, "", "")
    person.take(answer.json())
    remember(world, person)
    async with administration(world.stack) as admin:
        await admin.tenants.change(person.tenant_id, {"plan": "unlimited"})
    return person


async def join(world: World, host: SignedIn, name: str, role: str) -> SignedIn:
    """Someone new who was invited."""
    email, password = f"{name}-{secrets.token_hex(4)}@example.com", f"canary {secrets.token_urlsafe(18)}"
    invited = await host.client.post("/api/invitations", json={"email": email, "role": role})
    assert invited.status_code < 300, invited.text
    token = (
        invited.json()["link"].partition("token=")[2]
        if invited.json()["link"]
        else await mailed(world, email, "accept-invitation")
    )
    world.secrets.append(token)
    client = browser(world)
    answer = await client.post("/api/invitations/accept", json={"token": token, "password": password, "name": name})
    assert answer.status_code < 300, answer.text
    person = SignedIn(client, email, password, "", "")
    person.take(answer.json())
    remember(world, person)
    return person


def remember(world: World, person: SignedIn) -> None:
    """What must stand nowhere: the password and everything the browser holds."""
    world.secrets += [person.password, *(cookie.value for cookie in person.client.cookies.jar if cookie.value)]


async def mailed(world: World, email: str, page: str = "") -> str:
    """The token in the newest mail to this address that local mode printed; `page` is where its link leads."""
    tokens: list[str] = []

    def has_come() -> bool:
        for line in world.stack.services["registry"].log_path.read_text().splitlines():
            if PRINTED in line and email in line and page in line:
                tokens.append(str(orjson.loads(line)["link"]).partition("token=")[2])
        return bool(tokens)

    await until(has_come, f"a mail to {email}")
    return tokens[-1]
