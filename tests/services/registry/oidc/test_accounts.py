"""Whose account an identity is: taking one over must not be possible by any address somebody merely claims."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from tests.services.registry.oidc.scripted_issuer import ScriptedIssuer
from tests.services.registry.oidc.stand import Stand, a_config, path_of, standing

from onerouter_local.testing import Database

TENANTS_OF = """
SELECT t.name, t.plan, m.role, bool_and(s.tenant_id = t.id) AS chosen
FROM users u JOIN memberships m ON m.user_id = u.id JOIN tenants t ON t.id = m.tenant_id
LEFT JOIN sessions s ON s.user_id = u.id
WHERE u.email = :email GROUP BY t.id, m.role
"""
LINKED = "Another way to sign in to your account"


class Scene:
    """An issuer and a person of it, whom we do not know yet."""

    def __init__(self, stand: Stand, issuer: ScriptedIssuer) -> None:
        self.stand = stand
        self.issuer = issuer
        self.subject = secrets.token_hex(8)
        self.email = f"{self.subject}@example.com"
        self.says()

    def says(self, **claims: Any) -> None:
        """What the issuer says of them, beside their subject."""
        self.issuer.more = {"sub": self.subject, **({"email": self.email} | claims)}

    async def sign_in(self, browser: httpx.AsyncClient | None = None, issuer_id: str = "acme") -> str | None:
        """None: signed in; else why not."""
        async with self.stand.browser() as own:
            browser = browser or own
            start = await browser.get(f"/api/auth/oidc/{issuer_id}/start")
            answer = await browser.get(path_of(self.issuer.authorize(start.headers["location"])))
            if answer.headers["location"] == "/":
                assert (await browser.get("/api/whoami")).json()["email"]
                return None
            assert (await browser.get("/api/whoami")).status_code == 401
            return parse_qs(urlsplit(answer.headers["location"]).query)["error"][0]


@asynccontextmanager
async def scene(database: Database, sign_up_policy: str = "invited", **config: Any) -> AsyncIterator[Scene]:
    issuer = ScriptedIssuer()
    async with standing(
        database, issuer.transport(), a_config(issuer.issuer, **config), sign_up=sign_up_policy
    ) as stand:
        yield Scene(stand, issuer)


class TestNewPeople:
    @pytest.mark.parametrize("verified", [False, None, "true", 1, "yes"])
    async def test_need_an_address_that_the_issuer_has_verified(
        self, people_database: Database, verified: object
    ) -> None:
        async with scene(people_database) as one:
            one.says(email_verified=verified)
            assert await one.sign_in() == "email_not_verified"

    @pytest.mark.parametrize("email", ["", "nobody", "a@b@c", "a b@example.com", "x" * 300 + "@example.com", 7, None])
    async def test_need_an_address_at_all(self, people_database: Database, email: object) -> None:
        async with scene(people_database) as one:
            one.says(email=email)
            assert await one.sign_in() == "email_not_verified"

    async def test_are_let_in_by_the_issuer_alone_where_it_may_sign_up(self, people_database: Database) -> None:
        for policy in ("open", "invited", "closed"):
            async with scene(people_database, policy, sign_up=True) as one:
                assert await one.sign_in() is None

    async def test_own_a_tenant_named_after_them_where_sign_up_is_open(self, people_database: Database) -> None:
        async with scene(people_database, "open", sign_up=True) as one:
            one.says(name="Ada Lovelace")
            assert await one.sign_in() is None
            assert await one.sign_in() is None  # once more makes no other
            (tenant,) = await one.stand.rows(TENANTS_OF, email=one.email)
            assert tenant == {"name": "Ada Lovelace", "plan": "starter", "role": "owner", "chosen": True}

    async def test_own_none_where_operators_make_tenants(self, people_database: Database) -> None:
        for policy in ("invited", "closed"):
            async with scene(people_database, policy, sign_up=True) as one:
                assert await one.sign_in() is None
                assert await one.stand.rows(TENANTS_OF, email=one.email) == []

    async def test_need_an_invitation_where_it_may_not(self, people_database: Database) -> None:
        for policy, error in (("open", None), ("invited", None), ("closed", "sign_up_closed")):
            async with scene(people_database, policy, sign_up=False) as one:
                assert await one.sign_in() == "sign_up_closed"
                tenant_id = await one.stand.join_tenant((await one.stand.person("first@example.com")).id)
                await one.stand.execute(
                    "INSERT INTO invitations (id, tenant_id, email, role, hash, invited_by, mailed, created_at, expires_at) "
                    "VALUES (:id, :tenant, :email, 'viewer', :id, 'x', true, now(), now() + interval '1 day')",
                    id=secrets.token_hex(8),
                    tenant=tenant_id,
                    email=one.email,
                )
                assert await one.sign_in() == error

    @pytest.mark.parametrize("name", ["", " ", "A\x00da", "n" * 500, 7, None])
    async def test_are_named_by_their_address_where_their_name_is_none(
        self, people_database: Database, name: object
    ) -> None:
        async with scene(people_database) as one:
            one.says(name=name)
            assert await one.sign_in() is None
            assert (await one.stand.person(one.email)).name in (one.subject, "n" * 100)

    async def test_their_address_may_come_from_the_user_info_endpoint(self, people_database: Database) -> None:
        async with scene(people_database) as one:
            one.issuer.more = {"sub": one.subject}
            one.issuer.user_info = {"sub": one.subject, "email": one.email, "email_verified": True, "name": "Ada"}
            assert await one.sign_in() is None
            assert (await one.stand.person(one.email)).name == "Ada"

    async def test_but_not_somebody_elses(self, people_database: Database) -> None:
        async with scene(people_database) as one:
            one.issuer.more = {"sub": one.subject}
            one.issuer.user_info = {"sub": "somebody-else", "email": one.email, "email_verified": True}
            assert await one.sign_in() == "token_invalid"


class TestDomains:
    async def test_let_in_only_their_own(self, people_database: Database) -> None:
        async with scene(people_database, allowed_email_domains=["Acme.Example"]) as one:
            for email, verified, error in (
                (f"{one.subject}@acme.example", True, None),
                (f"{one.subject}@ACME.example", True, None),
                (f"{one.subject}@evil.acme.example", True, "email_not_allowed"),
                (f"{one.subject}@notacme.example", True, "email_not_allowed"),
                (f"{one.subject}@acme.example", False, "email_not_allowed"),
                (f"{one.subject}@example.com", True, "email_not_allowed"),
            ):
                one.says(email=email, email_verified=verified)
                assert await one.sign_in() == error, email

    async def test_keep_out_someone_who_left(self, people_database: Database) -> None:
        async with scene(people_database, allowed_email_domains=["acme.example"]) as one:
            one.says(email=f"{one.subject}@acme.example")
            assert await one.sign_in() is None
            one.says(email=f"{one.subject}@elsewhere.example")
            assert await one.sign_in() == "email_not_allowed"


class TestPeopleWeKnow:
    async def test_keep_their_account_to_themselves_unless_the_issuers_word_on_addresses_is_trusted(
        self, people_database: Database
    ) -> None:
        async with scene(people_database, trust_email=False) as one:
            person = await one.stand.add_person(one.email, password=True, email_verified=True)
            assert await one.sign_in() == "account_exists"
            assert (await one.stand.users.get(person.id)).has_password
            assert await one.stand.rows("SELECT user_id FROM identities WHERE user_id = :id", id=person.id) == []

    async def test_are_joined_by_an_address_that_both_sides_have_verified(self, people_database: Database) -> None:
        async with scene(people_database, trust_email=True) as one:
            person = await one.stand.add_person(one.email, password=True, email_verified=True)
            one.says(email=one.email.upper())
            assert await one.sign_in() is None
            after = await one.stand.users.get(person.id)
            assert after.has_password
            (linked,) = await one.stand.rows("SELECT * FROM identities WHERE user_id = :id", id=person.id)
            assert (linked["issuer"], linked["subject"]) == (one.issuer.issuer, one.subject)
            assert one.stand.mailer.subjects(person.email) == [LINKED]

    async def test_never_by_one_the_issuer_has_not_verified(self, people_database: Database) -> None:
        async with scene(people_database, trust_email=True) as one:
            await one.stand.add_person(one.email, password=True, email_verified=True)
            one.says(email_verified=False)
            assert await one.sign_in() == "email_not_verified"

    async def test_whoever_took_the_address_in_wait_is_thrown_out(self, people_database: Database) -> None:
        """Someone signs up with a victim's address and waits for the victim to come by the issuer."""
        async with scene(people_database, trust_email=True) as one, one.stand.browser() as attacker:
            squatter = await one.stand.add_person(one.email, password=True, email_verified=False)
            await one.stand.open_session(squatter, attacker)
            assert (await attacker.get("/api/whoami")).status_code == 200
            assert await one.sign_in() is None
            assert (await attacker.get("/api/whoami")).status_code == 401
            assert not (await one.stand.users.get(squatter.id)).has_password

    async def test_an_operator_is_never_joined_by_address(self, people_database: Database) -> None:
        async with scene(people_database, trust_email=True) as one:
            await one.stand.add_person(one.email, email_verified=True, is_operator=True)
            assert await one.sign_in() == "account_exists"

    async def test_someone_whom_an_issuer_without_our_trust_let_in_is_not_joined(
        self, people_database: Database
    ) -> None:
        """An attacker makes an account with a victim's address at a careless issuer, and waits for the victim."""
        careless, careful = ScriptedIssuer("https://careless.example"), ScriptedIssuer("https://careful.example")
        wires = {one.issuer: one.transport() for one in (careless, careful)}

        class Wire(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                return await wires[f"https://{request.url.host}"].handle_async_request(request)

        configs = (
            a_config(careless.issuer, id="careless"),
            a_config(careful.issuer, id="careful", trust_email=True),
        )
        async with standing(people_database, Wire(), *configs) as stand:
            attacker = Scene(stand, careless)
            assert await attacker.sign_in(issuer_id="careless") is None
            victim = Scene(stand, careful)
            victim.says(email=attacker.email)
            assert await victim.sign_in(issuer_id="careful") == "account_exists"

    async def test_the_same_subject_of_another_issuer_is_somebody_else(self, people_database: Database) -> None:
        async with scene(people_database) as one:
            assert await one.sign_in() is None
            other = ScriptedIssuer("https://other.example")
            async with standing(people_database, other.transport(), a_config(other.issuer)) as stand:
                twin = Scene(stand, other)
                twin.subject = one.subject
                twin.says()
                assert await twin.sign_in() is None
                assert (await stand.person(twin.email)).id != (await stand.person(one.email)).id

    async def test_who_is_shut_out_stays_out(self, people_database: Database) -> None:
        async with scene(people_database) as one:
            assert await one.sign_in() is None
            await one.stand.users.disable((await one.stand.person(one.email)).id)
            assert await one.sign_in() == "account_disabled"


class TestLinking:
    @staticmethod
    async def link(one: Scene, browser: httpx.AsyncClient, headers: dict[str, str]) -> httpx.Response:
        begun = await browser.post(
            "/api/auth/oidc/acme/link", json={"return_to": "/settings?tab=sign-in#linked"}, headers=headers
        )
        assert begun.status_code == 200, begun.text
        return await browser.get(path_of(one.issuer.authorize(begun.json()["authorization_url"])))

    async def test_lets_them_in_by_the_issuer_from_then_on(self, people_database: Database) -> None:
        async with scene(people_database, sign_up=False) as one, one.stand.browser() as browser:
            person = await one.stand.add_person(f"other-{one.email}", email_verified=True, is_operator=True)
            headers = await one.stand.open_session(person, browser)
            answer = await self.link(one, browser, headers)
            assert answer.headers["location"] == "/settings?tab=sign-in#linked"
            assert not [cookie for cookie in answer.headers.get_list("set-cookie") if "session=" in cookie]
            async with stand_browser(one) as other:
                assert await one.sign_in(other) is None
                assert (await other.get("/api/whoami")).json()["user_id"] == person.id
            (entry,) = await one.stand.rows(
                "SELECT actor_id, after FROM audit_entries WHERE action = 'user.identity_linked' AND target_id = :id",
                id=person.id,
            )
            (linked,) = await one.stand.people.identities.list_of(person.id)
            assert entry == {"actor_id": person.id, "after": {"issuer": one.issuer.issuer, "identity": linked.id}}
            assert one.stand.mailer.subjects(person.email) == [LINKED]
            # Once more changes nothing.
            assert (await self.link(one, browser, headers)).headers["location"] == "/settings?tab=sign-in#linked"
            assert one.stand.mailer.subjects(person.email) == [LINKED]

    async def test_needs_a_recent_sign_in_or_the_password(self, people_database: Database) -> None:
        async with scene(people_database) as one, one.stand.browser() as browser:
            person = await one.stand.add_person(f"other-{one.email}", password=True, email_verified=True)
            headers = await one.stand.open_session(person, browser)
            one.stand.clock.pass_by(minutes=16)
            refused = await browser.post("/api/auth/oidc/acme/link", json={}, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (403, "REAUTHENTICATION_REQUIRED")
            wrong = await browser.post("/api/auth/oidc/acme/link", json={"password": "a guess"}, headers=headers)
            assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "password")
            assert await one.stand.rows("SELECT state_hash FROM oidc_flows WHERE user_id = :id", id=person.id) == []

    async def test_needs_an_address_that_was_confirmed(self, people_database: Database) -> None:
        async with scene(people_database) as one, one.stand.browser() as browser:
            person = await one.stand.add_person(f"other-{one.email}", password=True)
            headers = await one.stand.open_session(person, browser)
            refused = await browser.post("/api/auth/oidc/acme/link", json={}, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (403, "EMAIL_NOT_VERIFIED")
            one.stand.mailer.delivers = False  # where no mail goes out nobody could confirm it
            assert (await browser.post("/api/auth/oidc/acme/link", json={}, headers=headers)).status_code == 200

    async def test_an_identity_of_another_person_is_refused(self, people_database: Database) -> None:
        async with scene(people_database) as one, one.stand.browser() as browser:
            assert await one.sign_in() is None
            person = await one.stand.add_person(f"other-{one.email}", email_verified=True)
            answer = await self.link(one, browser, await one.stand.open_session(person, browser))
            assert answer.headers["location"] == "/settings?tab=sign-in&error=identity_taken#linked"

    async def test_needs_the_csrf_token(self, people_database: Database) -> None:
        async with scene(people_database) as one, one.stand.browser() as browser:
            await one.stand.open_session(await one.stand.add_person(one.email), browser)
            answer = await browser.post("/api/auth/oidc/acme/link", json={"return_to": "/"})
            assert (answer.status_code, answer.json()["code"]) == (403, "CSRF_REFUSED")

    async def test_needs_the_session_that_asked_for_it(self, people_database: Database) -> None:
        async with scene(people_database) as one, one.stand.browser() as browser:
            starter = await one.stand.add_person(f"a-{one.email}", email_verified=True)
            headers = await one.stand.open_session(starter, browser)
            begun = await browser.post("/api/auth/oidc/acme/link", json={"return_to": "/"}, headers=headers)
            callback = path_of(one.issuer.authorize(begun.json()["authorization_url"]))
            await one.stand.open_session(await one.stand.add_person(f"b-{one.email}"), browser)
            assert (await browser.get(callback)).headers["location"] == "/?error=sign_in_expired"
            assert await one.stand.rows("SELECT user_id FROM identities WHERE subject = :sub", sub=one.subject) == []

    async def test_is_not_for_bearer_tokens(self, people_database: Database) -> None:
        async with scene(people_database) as one, one.stand.browser() as client:
            token = one.issuer.token(one.issuer.claims(**one.issuer.more, email_verified=True))
            answer = await client.post(
                "/api/auth/oidc/acme/link", json={"return_to": "/"}, headers={"Authorization": f"Bearer {token}"}
            )
            assert answer.status_code == 403

    @pytest.mark.parametrize("return_to", ["//evil.example", "https://evil.example", "/\\evil.example"])
    async def test_goes_back_to_no_other_site(self, people_database: Database, return_to: str) -> None:
        async with scene(people_database) as one, one.stand.browser() as browser:
            headers = await one.stand.open_session(await one.stand.add_person(one.email), browser)
            answer = await browser.post("/api/auth/oidc/acme/link", json={"return_to": return_to}, headers=headers)
            assert answer.status_code == 422


def stand_browser(one: Scene) -> httpx.AsyncClient:
    return one.stand.browser()


class TestProtocol:
    """What issuers differ in."""

    @pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
    async def test_the_client_proves_itself_as_the_issuer_understands(
        self, people_database: Database, method: str
    ) -> None:
        async with scene(people_database) as one:
            one.issuer.discovery = {"token_endpoint_auth_methods_supported": [method, "private_key_jwt"]}
            assert await one.sign_in() is None

    async def test_a_public_client_has_only_its_verifier(self, people_database: Database) -> None:
        async with scene(people_database, client_secret=None) as one:
            one.issuer.discovery = {"token_endpoint_auth_methods_supported": ["none"]}
            assert await one.sign_in() is None

    async def test_no_secret_is_sent_in_a_way_the_issuer_does_not_name(self, people_database: Database) -> None:
        async with scene(people_database) as one:
            one.issuer.discovery = {"token_endpoint_auth_methods_supported": ["private_key_jwt"]}
            assert await one.sign_in() == "issuer_error"
            assert one.issuer.fetched["/token"] == 0

    async def test_an_issuer_that_promises_to_name_itself_must(self, people_database: Database) -> None:
        async with scene(people_database) as one, one.stand.browser() as browser:
            one.issuer.discovery = {"authorization_response_iss_parameter_supported": True}
            assert await one.sign_in() == "issuer_error"
            start = await browser.get("/api/auth/oidc/acme/start")
            callback = one.issuer.authorize(start.headers["location"], iss=one.issuer.issuer)
            assert (await browser.get(path_of(callback))).headers["location"] == "/"

    async def test_what_its_address_already_asks_for_is_kept(self, people_database: Database) -> None:
        async with scene(people_database) as one, one.stand.browser() as browser:
            one.issuer.discovery = {"authorization_endpoint": f"{one.issuer.issuer}/authorize?tenant=7"}
            location = (await browser.get("/api/auth/oidc/acme/start")).headers["location"]
            assert location.startswith(f"{one.issuer.issuer}/authorize?tenant=7&response_type=code&")

    async def test_too_many_starts_from_one_address_are_slowed(self, people_database: Database) -> None:
        async with scene(people_database) as one, one.stand.browser() as browser:
            await one.stand.execute("DELETE FROM throttles")
            locations = [(await browser.get("/api/auth/oidc/acme/start")).headers["location"] for _ in range(62)]
            assert locations[59].startswith(one.issuer.issuer)
            assert locations[61] == "/sign-in?error=too_many_attempts"
            await one.stand.execute("DELETE FROM throttles")
