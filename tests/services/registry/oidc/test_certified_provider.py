"""The same against a second provider, which is strict where the first is lenient.

npm's oidc-provider demands PKCE, names itself in its answers (RFC 9207), checks the client's secret, keeps the address out of
the ID token, signs with keys that have ids, and gives access tokens that are JWTs.
"""

import base64
import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from tests.services.registry.oidc.provider_process import CertifiedProvider, certified_provider
from tests.services.registry.oidc.stand import Stand, a_config, path_of, standing

from onerouter_local.testing import Database

pytestmark = pytest.mark.long

SECRET = "the:client&secret"
API = "https://api.example"
START = "/api/auth/oidc/acme/start"


@pytest.fixture(scope="module")
async def certified(pytestconfig: pytest.Config) -> AsyncIterator[CertifiedProvider]:
    async with certified_provider(pytestconfig.rootpath / ".cache") as started:
        yield started


@asynccontextmanager
async def scene(
    database: Database, pool: httpx.AsyncHTTPTransport, provider: CertifiedProvider, **config: Any
) -> AsyncIterator[tuple[Stand, httpx.AsyncClient]]:
    config = {"client_id": "by-header", "client_secret": SECRET} | config
    async with standing(database, pool, a_config(provider.issuer, **config)) as stand, stand.browser() as browser:
        yield stand, browser


async def way_back(browser: httpx.AsyncClient, provider: CertifiedProvider, subject: str) -> str:
    start = await browser.get(START)
    return path_of(await provider.sign_in(start.headers["location"], subject))


class TestSignIn:
    @pytest.mark.parametrize(
        "how",
        [
            {"client_id": "by-header"},
            {"client_id": "by-form", "client_auth": "client_secret_post"},
            {"client_id": "public", "client_secret": None},
        ],
        ids=["basic", "form", "public"],
    )
    async def test_works_for_every_kind_of_client(
        self,
        people_database: Database,
        pool: httpx.AsyncHTTPTransport,
        certified: CertifiedProvider,
        how: dict[str, Any],
    ) -> None:
        async with scene(people_database, pool, certified, **how) as (stand, browser):
            subject = secrets.token_hex(8)
            callback = await way_back(browser, certified, subject)
            assert parse_qs(urlsplit(callback).query)["iss"] == [certified.issuer]
            assert (await browser.get(callback)).headers["location"] == "/"
            me = (await browser.get("/api/whoami")).json()
            assert me["email"] == f"{subject}@example.com"  # from the UserInfo endpoint
            assert (await stand.users.get(me["user_id"])).name == "Ada Lovelace"

    async def test_with_a_wrong_secret_is_refused(
        self, people_database: Database, pool: httpx.AsyncHTTPTransport, certified: CertifiedProvider
    ) -> None:
        async with scene(people_database, pool, certified, client_secret="wrong") as (_, browser):
            answer = await browser.get(await way_back(browser, certified, secrets.token_hex(8)))
            assert answer.headers["location"] == "/sign-in?error=issuer_error"

    async def test_needs_the_issuers_name_in_its_answer(
        self, people_database: Database, pool: httpx.AsyncHTTPTransport, certified: CertifiedProvider
    ) -> None:
        async with scene(people_database, pool, certified) as (_, browser):
            callback = await way_back(browser, certified, secrets.token_hex(8))
            without = callback.partition("&iss=")[0]
            assert (await browser.get(without)).headers["location"] == "/sign-in?error=issuer_error"

    async def test_goes_on_when_the_provider_has_new_keys(
        self, people_database: Database, pool: httpx.AsyncHTTPTransport, certified: CertifiedProvider
    ) -> None:
        async with scene(people_database, pool, certified) as (stand, browser):
            subject = secrets.token_hex(8)
            assert (await browser.get(await way_back(browser, certified, subject))).headers["location"] == "/"
            await certified.restart()
            stand.clock.pass_by(seconds=11)
            assert (await browser.get(await way_back(browser, certified, subject))).headers["location"] == "/"


class TestPkce:
    async def test_the_provider_takes_no_code_without_our_verifier(
        self, people_database: Database, pool: httpx.AsyncHTTPTransport, certified: CertifiedProvider
    ) -> None:
        async with scene(people_database, pool, certified, client_id="public", client_secret=None) as (_, browser):
            callback = await way_back(browser, certified, secrets.token_hex(8))
            form = {
                "grant_type": "authorization_code",
                "client_id": "public",
                "code": parse_qs(urlsplit(callback).query)["code"][0],
                "redirect_uri": "https://onerouter.test/api/auth/oidc/acme/callback",
                "code_verifier": "a" * 43,
            }
            async with httpx.AsyncClient() as thief:
                stolen = await thief.post(f"{certified.issuer}/token", data=form)
            assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")


class TestAccessToken:
    """A JWT for our API that a person's program got for itself (RFC 9068, RFC 8707)."""

    @staticmethod
    async def of(provider: CertifiedProvider, subject: str) -> str:
        verifier = secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": "public",
            "redirect_uri": "https://program.example/done",
            "scope": "openid",
            "resource": API,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        back = await provider.sign_in(str(httpx.URL(f"{provider.issuer}/auth", params=asked)), subject)
        form = {
            "grant_type": "authorization_code",
            "client_id": "public",
            "code": parse_qs(urlsplit(back).query)["code"][0],
            "redirect_uri": asked["redirect_uri"],
            "code_verifier": verifier,
            "resource": API,
        }
        async with httpx.AsyncClient() as http:
            answer = await http.post(f"{provider.issuer}/token", data=form)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def test_is_the_person_who_signed_in_before(
        self, people_database: Database, pool: httpx.AsyncHTTPTransport, certified: CertifiedProvider
    ) -> None:
        async with scene(people_database, pool, certified, audiences=[API]) as (stand, browser):
            subject = secrets.token_hex(8)
            bearing = {"Authorization": f"Bearer {await self.of(certified, subject)}"}
            async with stand.browser() as program:
                # It says nothing of an address, so it makes nobody.
                answer = await program.get("/api/whoami", headers=bearing)
                assert (answer.status_code, answer.json()["code"]) == (403, "EMAIL_NOT_VERIFIED")
                await browser.get(await way_back(browser, certified, subject))
                me = (await browser.get("/api/whoami")).json()
                assert (await program.get("/api/whoami", headers=bearing)).json()["user_id"] == me["user_id"]

    async def test_for_another_api_is_refused(
        self, people_database: Database, pool: httpx.AsyncHTTPTransport, certified: CertifiedProvider
    ) -> None:
        async with scene(people_database, pool, certified, audiences=["https://other.example"]) as (_, client):
            token = await self.of(certified, secrets.token_hex(8))
            answer = await client.get("/api/whoami", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 401
            assert answer.json()["detail"] == "The bearer token is for another audience."
