"""One's own identities: seen, unlinked; and how old a proof an issuer's word is."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from tests.services.registry.oidc.stand import path_of
from tests.services.registry.oidc.test_accounts import Scene, scene

from onerouter_common.ids import IDENTITY, new_id
from onerouter_local.testing import Database
from onerouter_registry.person.model import Person

UNLINKED = "One way less to sign in to your account"


@dataclass(frozen=True)
class Home:
    """Someone whom the issuer lets in, signed in at a browser."""

    one: Scene
    browser: httpx.AsyncClient
    person: Person

    async def call(self, method: str, path: str, **body: str) -> httpx.Response:
        csrf = self.browser.cookies.get(self.one.stand.cookies.csrf_name) or ""
        return await self.browser.request(method, path, json=body, headers={"X-CSRF-Token": csrf})

    async def identity_id(self) -> str:
        (listed,) = (await self.browser.get("/api/account/identities")).json()["data"]
        return str(listed["id"])

    async def give_password(self) -> None:
        await self.one.stand.execute("UPDATE users SET password_hash = 'x' WHERE id = :id", id=self.person.id)


@pytest.fixture
async def home(people_database: Database) -> AsyncIterator[Home]:
    async with scene(people_database) as one, one.stand.browser() as browser:
        assert await one.sign_in(browser) is None
        yield Home(one, browser, await one.stand.person(one.email))


class TestListing:
    async def test_shows_ones_own_with_what_the_issuer_is_called(self, home: Home) -> None:
        (listed,) = (await home.browser.get("/api/account/identities")).json()["data"]
        assert (listed["issuer"], listed["issuer_name"]) == (home.one.issuer.issuer, "Acme SSO")
        assert home.one.subject not in str(listed)

    async def test_of_an_issuer_that_is_no_longer_known(self, home: Home) -> None:
        await home.one.stand.execute(
            "UPDATE identities SET issuer = 'https://gone.example' WHERE user_id = :id", id=home.person.id
        )
        (listed,) = (await home.browser.get("/api/account/identities")).json()["data"]
        assert (listed["issuer"], listed["issuer_name"]) == ("https://gone.example", None)


class TestUnlinking:
    async def test_closes_that_way_and_ends_other_sessions(self, home: Home) -> None:
        async with home.one.stand.browser() as other:
            assert await home.one.sign_in(other) is None
            await home.give_password()
            identity_id = await home.identity_id()
            answer = await home.call("DELETE", f"/api/account/identities/{identity_id}")
            assert answer.status_code == 200, answer.text
            assert (await other.get("/api/whoami")).status_code == 401
        assert (await home.browser.get("/api/account/identities")).json() == {"data": []}
        assert await home.one.sign_in() == "account_exists"
        assert home.one.stand.mailer.subjects(home.person.email) == [UNLINKED]
        (entry,) = await home.one.stand.rows(
            "SELECT actor_id, before FROM audit_entries WHERE action = 'user.identity_unlinked' AND target_id = :id",
            id=home.person.id,
        )
        assert entry == {
            "actor_id": home.person.id,
            "before": {"issuer": home.one.issuer.issuer, "identity": identity_id},
        }

    async def test_not_the_only_way_in(self, home: Home) -> None:
        answer = await home.call("DELETE", f"/api/account/identities/{await home.identity_id()}")
        assert (answer.status_code, answer.json()["code"]) == (409, "LAST_WAY_IN")
        assert await home.one.sign_in() is None

    async def test_needs_a_recent_sign_in(self, home: Home) -> None:
        await home.give_password()
        identity_id = await home.identity_id()
        home.one.stand.clock.pass_by(minutes=16)
        answer = await home.call("DELETE", f"/api/account/identities/{identity_id}")
        assert (answer.status_code, answer.json()["code"]) == (403, "REAUTHENTICATION_REQUIRED")

    async def test_finds_nobody_elses(self, home: Home, people_database: Database) -> None:
        identity_id = await home.identity_id()
        async with scene(people_database) as other, other.stand.browser() as browser:
            assert await other.sign_in(browser) is None
            stranger = Home(other, browser, await other.stand.person(other.email))
            await stranger.give_password()
            for named in (identity_id, new_id(IDENTITY), "idn_x", "%00"):
                assert (await stranger.call("DELETE", f"/api/account/identities/{named}")).status_code == 404
        assert await home.identity_id() == identity_id


class TestProofs:
    async def test_are_as_old_as_the_issuer_says(self, home: Home) -> None:
        """Signed in there an hour ago: it sends the browser back without asking anyone."""
        await home.give_password()
        identity_id = await home.identity_id()
        home.one.says(auth_time=int(time.time()) - 3_600)
        assert await home.one.sign_in(home.browser) is None
        silent = await home.call("DELETE", f"/api/account/identities/{identity_id}")
        assert (silent.status_code, silent.json()["code"]) == (403, "REAUTHENTICATION_REQUIRED")
        home.one.says(auth_time=int(time.time()))
        assert await home.one.sign_in(home.browser) is None
        assert (await home.call("DELETE", f"/api/account/identities/{identity_id}")).status_code == 200

    async def test_can_be_asked_for_anew(self, home: Home) -> None:
        for query, asked in (("", (None, None)), ("?prove_again=true", (["login"], ["0"]))):
            start = await home.browser.get(f"/api/auth/oidc/acme/start{query}")
            sent = parse_qs(urlsplit(start.headers["location"]).query)
            assert (sent.get("prompt"), sent.get("max_age")) == asked
            assert path_of(home.one.issuer.authorize(start.headers["location"]))
