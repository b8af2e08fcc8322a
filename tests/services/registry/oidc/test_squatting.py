"""Someone opens an account with an address that is not theirs, and waits for its owner to come by a trusted issuer."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from pydantic import SecretStr
from tests.services.registry.oidc.stand import SECRET
from tests.services.registry.oidc.test_accounts import Scene, scene

from onerouter_common.ids import USER, new_id
from onerouter_local.testing import Database
from onerouter_registry.actor import Actor
from onerouter_registry.api_key.model import ApiKey
from onerouter_registry.api_key.service import ApiKeys
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.person.model import Person
from onerouter_registry.transactions import operator_transaction


@dataclass(frozen=True)
class Trap:
    one: Scene
    squatter: Person
    tenant_id: str
    """Which the squatter founded."""
    accomplice: Person
    key: ApiKey
    attacker: httpx.AsyncClient

    async def count(self, what: str) -> int:
        (row,) = await self.one.stand.rows(f"SELECT count(*) AS n FROM {what}", id=self.tenant_id)
        return int(row["n"])


@pytest.fixture
async def trap(people_database: Database) -> AsyncIterator[Trap]:
    async with scene(people_database, "open", trust_email=True) as one, one.stand.browser() as attacker:
        stand = one.stand
        squatter = await stand.add_person(one.email, password=True)
        async with operator_transaction(stand.engine) as tx:
            tenant_id = await stand.people.founding.found(tx, squatter, "Trap", by=_actor(squatter))
            # By the very issuer that is trusted, as a subject of the squatter's own.
            await stand.people.identities.link(tx, squatter, one.issuer.issuer, "squatter", by=_actor(squatter))
        accomplice = await stand.add_person(f"accomplice-{one.email}", password=True)
        await stand.people.members.add(tenant_id, accomplice.id, "owner")
        keys = ApiKeys(stand.engine, SecretStr("p" * 40), stand.clock, AuditLog(SECRET, stand.clock))
        key = (await keys.create(tenant_id, "live", name="a way in")).api_key
        await stand.people.invitations.invite(
            tenant_id, f"x-{one.email}", "owner", acting_as=accomplice.id, by=_actor(accomplice)
        )
        await stand.open_session(squatter, attacker)
        yield Trap(one, squatter, tenant_id, accomplice, key, attacker)


def _actor(person: Person) -> Actor:
    return Actor("user", person.id, person.email)


class TestOwnerComes:
    async def test_and_nothing_that_waited_for_them_opens_anything(self, trap: Trap) -> None:
        active = "api_keys WHERE tenant_id = :id AND revoked_at IS NULL"
        invited = "invitations WHERE tenant_id = :id AND revoked_at IS NULL"
        others = "memberships WHERE tenant_id = :id"
        assert [await trap.count(what) for what in (active, invited, others)] == [1, 1, 2]
        assert await trap.one.sign_in() is None
        assert (await trap.attacker.get("/api/whoami")).status_code == 401
        assert not (await trap.one.stand.users.get(trap.squatter.id)).has_password
        assert [await trap.count(what) for what in (active, invited, others)] == [0, 0, 1]
        # The squatter comes by the issuer once more, as who they are there.
        linked = await trap.one.stand.rows("SELECT subject FROM identities WHERE user_id = :id", id=trap.squatter.id)
        assert linked == [{"subject": trap.one.subject}]

    async def test_gateways_hear_that_the_keys_are_void(self, trap: Trap) -> None:
        assert await trap.one.sign_in() is None
        rows = await trap.one.stand.rows("SELECT value FROM outbox WHERE tenant_id = :id", id=trap.tenant_id)
        told = [json.loads(row["value"]) for row in rows]
        assert (trap.key.hash, "deleted") in {(one.get("key_hash"), one.get("change")) for one in told}

    async def test_and_it_is_told_in_both_chains(self, trap: Trap) -> None:
        assert await trap.one.sign_in() is None
        entries = await trap.one.stand.rows(
            "SELECT tenant_id, action, before FROM audit_entries WHERE action LIKE '%.reclaimed' AND actor_id = :id",
            id=trap.squatter.id,
        )
        by_action = {entry["action"]: entry for entry in entries}
        assert by_action["user.reclaimed"]["before"]["issuers"] == [trap.one.issuer.issuer]
        assert by_action["tenant.reclaimed"]["tenant_id"] == trap.tenant_id
        assert by_action["tenant.reclaimed"]["before"]["members"] == [trap.accomplice.id]

    async def test_what_a_tenant_of_others_has_stays(self, trap: Trap) -> None:
        founder = await trap.one.stand.add_person(f"{new_id(USER)}@example.com", email_verified=True)
        tenant_id = await trap.one.stand.join_tenant(founder.id)
        await trap.one.stand.people.members.add(tenant_id, trap.squatter.id, "developer")
        assert await trap.one.sign_in() is None
        rows = await trap.one.stand.rows("SELECT user_id FROM memberships WHERE tenant_id = :id", id=tenant_id)
        assert {row["user_id"] for row in rows} == {founder.id, trap.squatter.id}


async def test_an_account_that_another_issuer_opens_in_wait_is_taken_back_too(people_database: Database) -> None:
    """Linked at an issuer without our trust before the address was proved: that goes, and keeps its owner out no longer."""
    async with scene(people_database, trust_email=True) as one:
        squatter = await one.stand.add_person(one.email, password=True)
        async with operator_transaction(one.stand.engine) as tx:
            await one.stand.people.identities.link(
                tx, squatter, "https://careless.example", "squatter", by=_actor(squatter)
            )
        assert await one.sign_in() is None
        (linked,) = await one.stand.people.identities.list_of(squatter.id)
        assert linked.issuer == one.issuer.issuer
