"""Tokens of a configured issuer on the management API."""

import secrets
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import ECKey
from tests.services.registry.oidc.provider_process import AuthlibProvider
from tests.services.registry.oidc.scripted_issuer import ISSUER, ScriptedIssuer
from tests.services.registry.oidc.stand import Stand, a_config, standing

from onerouter_common.settings import Mode
from onerouter_local.testing import Database


@pytest.fixture
def issuer() -> ScriptedIssuer:
    return ScriptedIssuer()


@pytest.fixture
async def stand(people_database: Database, issuer: ScriptedIssuer) -> AsyncIterator[Stand]:
    config = a_config(issuer.issuer, audiences=["https://api.example"], trust_mfa=True)
    async with standing(people_database, issuer.transport(), config, mode=Mode.PRODUCTION) as made:
        yield made


@pytest.fixture
async def client(stand: Stand) -> AsyncIterator[httpx.AsyncClient]:
    async with stand.browser() as made:
        yield made


def someone(issuer: ScriptedIssuer, **changes: Any) -> dict[str, Any]:
    subject = secrets.token_hex(8)
    return issuer.claims(sub=subject, email=f"{subject}@example.com", email_verified=True, **changes)


def bearing(token: str, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **headers}


class TestAccepted:
    async def test_an_id_token_of_the_real_provider(
        self, people_database: Database, pool: httpx.AsyncHTTPTransport, provider: AuthlibProvider
    ) -> None:
        subject = secrets.token_hex(8)
        await provider.know(subject, email=f"{subject}@example.com", email_verified=True)
        asked = {
            "response_type": "code",
            "client_id": "onerouter",
            "redirect_uri": "http://127.0.0.1/own-program",
            "scope": "openid email",
            "state": "s",
            "nonce": secrets.token_hex(8),
        }
        url = httpx.URL(f"{provider.issuer}/oauth2/authorize", params=asked)
        code = parse_qs(urlsplit(await provider.sign_in(str(url), subject)).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": asked["redirect_uri"]}
        async with httpx.AsyncClient(auth=("onerouter", "x")) as http:
            tokens = (await http.post(f"{provider.issuer}/oauth2/token", data=form)).json()
        async with standing(people_database, pool, a_config(provider.issuer)) as stand, stand.browser() as client:
            answer = await client.get("/api/whoami", headers=bearing(tokens["id_token"]))
            assert answer.status_code == 200
            assert answer.json()["email"] == f"{subject}@example.com"
            # Its access tokens are opaque, and so nothing we could check.
            answer = await client.get("/api/whoami", headers=bearing(tokens["access_token"]))
            assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED")

    async def test_makes_the_person_once(self, stand: Stand, client: httpx.AsyncClient, issuer: ScriptedIssuer) -> None:
        claims = someone(issuer)
        answers = [(await client.get("/api/whoami", headers=bearing(issuer.token(claims)))).json() for _ in range(2)]
        assert answers[0] == answers[1]
        assert answers[0]["has_session"] is False
        person = await stand.person(claims["email"])
        assert person.id == answers[0]["user_id"]
        # An access token often has no address; the person is known by then.
        bare = issuer.claims(sub=claims["sub"], aud=["https://api.example", "other"], azp="a-program")
        answer = await client.get("/api/whoami", headers=bearing(issuer.token(bare, typ="at+jwt")))
        assert answer.json()["user_id"] == person.id

    async def test_is_who_signed_in_with_a_browser(
        self, stand: Stand, client: httpx.AsyncClient, issuer: ScriptedIssuer
    ) -> None:
        claims = someone(issuer)
        issuer.more = {name: claims[name] for name in ("sub", "email")}
        start = await client.get("/api/auth/oidc/acme/start")
        callback = issuer.authorize(start.headers["location"])
        await client.get(callback)
        by_cookie = (await client.get("/api/whoami")).json()["user_id"]
        by_token = await client.get("/api/whoami", headers=bearing(issuer.token(claims)))
        assert by_token.json()["user_id"] == by_cookie

    async def test_keys_are_fetched_once_and_again_after_a_rotation(
        self, stand: Stand, client: httpx.AsyncClient, issuer: ScriptedIssuer
    ) -> None:
        claims = someone(issuer)
        for _ in range(5):
            assert (await client.get("/api/whoami", headers=bearing(issuer.token(claims)))).status_code == 200
        assert issuer.fetched["/keys"] == 1
        rotated = ECKey.generate_key("P-256", {"kid": "ec-2"})
        issuer.keys = [rotated]
        token = issuer.token(claims, key=rotated)
        assert (await client.get("/api/whoami", headers=bearing(token))).status_code == 401
        stand.clock.pass_by(seconds=10)
        assert (await client.get("/api/whoami", headers=bearing(token))).status_code == 200
        assert issuer.fetched["/keys"] == 2
        # The old key is gone with the fetch.
        assert (await client.get("/api/whoami", headers=bearing(issuer.token(claims)))).status_code == 401

    async def test_made_up_key_ids_cause_no_storm(
        self, stand: Stand, client: httpx.AsyncClient, issuer: ScriptedIssuer
    ) -> None:
        for number in range(20):
            token = issuer.token(someone(issuer), kid=f"made-up-{number}")
            assert (await client.get("/api/whoami", headers=bearing(token))).status_code == 401
        assert issuer.fetched["/keys"] == 1

    async def test_works_for_a_day_while_the_issuer_is_away(
        self, stand: Stand, client: httpx.AsyncClient, issuer: ScriptedIssuer
    ) -> None:
        claims = someone(issuer, exp=int(time.time()) + 200_000)
        await client.get("/api/whoami", headers=bearing(issuer.token(claims)))
        issuer.away = True
        stand.clock.pass_by(hours=23)
        assert (await client.get("/api/whoami", headers=bearing(issuer.token(claims)))).status_code == 200
        stand.clock.pass_by(hours=2)
        answer = await client.get("/api/whoami", headers=bearing(issuer.token(claims)))
        assert (answer.status_code, answer.json()["code"]) == (503, "ISSUER_UNAVAILABLE")


class TestTenant:
    async def test_is_the_only_one_or_the_one_that_is_named(
        self, stand: Stand, client: httpx.AsyncClient, issuer: ScriptedIssuer
    ) -> None:
        claims = someone(issuer)
        token = issuer.token(claims)
        assert (await client.post("/api/change", headers=bearing(token))).status_code == 403
        person = await stand.person(claims["email"])
        first = await stand.join_tenant(person.id)
        # No CSRF token: no browser sends such a header by itself.
        answer = await client.post("/api/change", headers=bearing(token))
        assert answer.json() == {"tenant_id": first, "environment": "test"}
        second = await stand.join_tenant(person.id)
        assert (await client.post("/api/change", headers=bearing(token))).status_code == 403
        for tenant_id in (first, second):
            answer = await client.post("/api/change", headers=bearing(token, **{"X-OneRouter-Tenant": tenant_id}))
            assert answer.json()["tenant_id"] == tenant_id

    async def test_of_others_stays_theirs(
        self, stand: Stand, client: httpx.AsyncClient, issuer: ScriptedIssuer
    ) -> None:
        claims = someone(issuer)
        await client.get("/api/whoami", headers=bearing(issuer.token(claims)))
        await stand.join_tenant((await stand.person(claims["email"])).id)
        foreign = await stand.join_tenant((await stand.person("first@example.com")).id)
        for tenant_id in (foreign, "ten_none", "x" * 500):
            headers = bearing(issuer.token(claims), **{"X-OneRouter-Tenant": tenant_id})
            assert (await client.post("/api/change", headers=headers)).status_code == 403

    async def test_gives_what_the_role_may(
        self, stand: Stand, client: httpx.AsyncClient, issuer: ScriptedIssuer
    ) -> None:
        claims = someone(issuer)
        await client.get("/api/whoami", headers=bearing(issuer.token(claims)))
        await stand.join_tenant((await stand.person(claims["email"])).id, "viewer")
        answer = await client.post("/api/change", headers=bearing(issuer.token(claims)))
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")


class TestRefused:
    async def test_a_token_of_nobody_we_know(self, client: httpx.AsyncClient, issuer: ScriptedIssuer) -> None:
        foreign = ScriptedIssuer("https://elsewhere.example")
        for token in (foreign.token(foreign.claims()), "opaque", "a.b.c", "ä", "." * 100):
            answer = await client.get("/api/whoami", headers={b"Authorization": b"Bearer " + token.encode("latin-1")})
            assert answer.status_code == 401
        assert issuer.fetched.total() == 0

    async def test_a_new_person_without_a_verified_address(
        self, client: httpx.AsyncClient, issuer: ScriptedIssuer
    ) -> None:
        for claims in (someone(issuer) | {"email_verified": False}, issuer.claims(sub=secrets.token_hex(8))):
            answer = await client.get("/api/whoami", headers=bearing(issuer.token(claims)))
            assert (answer.status_code, answer.json()["code"]) == (403, "EMAIL_NOT_VERIFIED")

    async def test_a_new_person_where_the_issuer_may_not_sign_up(
        self, people_database: Database, issuer: ScriptedIssuer
    ) -> None:
        config = a_config(ISSUER, sign_up=False)
        async with standing(people_database, issuer.transport(), config) as stand, stand.browser() as client:
            answer = await client.get("/api/whoami", headers=bearing(issuer.token(someone(issuer))))
            assert (answer.status_code, answer.json()["code"]) == (403, "SIGN_UP_REFUSED")

    async def test_somebody_elses_address(
        self, stand: Stand, client: httpx.AsyncClient, issuer: ScriptedIssuer
    ) -> None:
        claims = someone(issuer)
        await stand.add_person(claims["email"], password=True, email_verified=True)
        answer = await client.get("/api/whoami", headers=bearing(issuer.token(claims)))
        assert (answer.status_code, answer.json()["code"]) == (403, "EMAIL_TAKEN")

    async def test_a_person_who_is_shut_out(
        self, stand: Stand, client: httpx.AsyncClient, issuer: ScriptedIssuer
    ) -> None:
        claims = someone(issuer)
        await client.get("/api/whoami", headers=bearing(issuer.token(claims)))
        await stand.users.disable((await stand.person(claims["email"])).id)
        answer = await client.get("/api/whoami", headers=bearing(issuer.token(claims)))
        assert (answer.status_code, answer.json()["code"]) == (403, "USER_DISABLED")

    async def test_a_person_with_a_second_factor_that_the_token_does_not_speak_of(
        self, stand: Stand, client: httpx.AsyncClient, issuer: ScriptedIssuer
    ) -> None:
        claims = someone(issuer)
        await client.get("/api/whoami", headers=bearing(issuer.token(claims)))
        await stand.execute("UPDATE users SET totp_enabled_at = now() WHERE email = :email", email=claims["email"])
        answer = await client.get("/api/whoami", headers=bearing(issuer.token(claims)))
        assert (answer.status_code, answer.json()["code"]) == (401, "TOTP_REQUIRED")
        answer = await client.get("/api/whoami", headers=bearing(issuer.token(claims | {"amr": ["pwd", "mfa"]})))
        assert answer.status_code == 200

    async def test_an_address_outside_the_domains(self, people_database: Database, issuer: ScriptedIssuer) -> None:
        config = a_config(ISSUER, allowed_email_domains=["acme.example"])
        async with standing(people_database, issuer.transport(), config) as stand, stand.browser() as client:
            answer = await client.get("/api/whoami", headers=bearing(issuer.token(someone(issuer))))
            assert (answer.status_code, answer.json()["code"]) == (403, "EMAIL_NOT_ALLOWED")
