"""A browser signs in at a real provider: a process that shows a form, redirects, checks PKCE and signs tokens."""

import base64
import secrets
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from tests.services.registry.oidc.provider_process import AuthlibProvider
from tests.services.registry.oidc.stand import PUBLIC_URL, Stand, a_config, path_of, standing

from onerouter_local.testing import Database

START = "/api/auth/oidc/acme/start"


@pytest.fixture
async def stand(
    people_database: Database, pool: httpx.AsyncHTTPTransport, provider: AuthlibProvider
) -> AsyncIterator[Stand]:
    async with standing(people_database, pool, a_config(provider.issuer)) as made:
        yield made


@pytest.fixture
async def browser(stand: Stand) -> AsyncIterator[httpx.AsyncClient]:
    async with stand.browser() as made:
        yield made


async def a_person(provider: AuthlibProvider, **claims: object) -> tuple[str, str]:
    """A subject of the provider's and their address."""
    subject = secrets.token_hex(8)
    email = f"{subject}@example.com"
    await provider.know(subject, **{"email": email, "email_verified": True, "name": "Ada Lovelace"} | claims)
    return subject, email


async def way_back(browser: httpx.AsyncClient, provider: AuthlibProvider, subject: str, return_to: str = "/") -> str:
    """From our sign-in page to the provider, until its redirect; the path of our callback."""
    start = await browser.get(START, params={"return_to": return_to})
    assert start.status_code == 302
    return path_of(await provider.sign_in(start.headers["location"], subject))


def error_of(answer: httpx.Response) -> str:
    assert answer.status_code == 303
    location = urlsplit(answer.headers["location"])
    assert location.path == "/sign-in"
    return parse_qs(location.query)["error"][0]


class TestWholeFlow:
    async def test_a_new_person_is_signed_in(
        self, stand: Stand, browser: httpx.AsyncClient, provider: AuthlibProvider
    ) -> None:
        subject, email = await a_person(provider)
        answer = await browser.get(await way_back(browser, provider, subject, "/payments?page=2"))
        assert (answer.status_code, answer.headers["location"]) == (303, "/payments?page=2")
        me = (await browser.get("/api/whoami")).json()
        person = await stand.person(email)
        assert me == {"user_id": person.id, "email": email, "tenant_id": None, "has_session": True}
        assert (person.name, person.has_password, person.is_operator) == ("Ada Lovelace", False, False)
        assert person.email_verified_at is not None
        (session,) = await stand.rows("SELECT method, pending_totp FROM sessions WHERE user_id = :id", id=person.id)
        assert session == {"method": "oidc", "pending_totp": False}
        actions = await stand.rows(
            "SELECT action FROM audit_entries WHERE actor_id = :id ORDER BY sequence", id=person.id
        )
        assert [row["action"] for row in actions] == ["user.created", "user.identity_linked", "session.opened"]

    async def test_they_are_the_same_person_the_next_time_whatever_their_address_is_then(
        self, stand: Stand, browser: httpx.AsyncClient, provider: AuthlibProvider
    ) -> None:
        subject, _ = await a_person(provider)
        await browser.get(await way_back(browser, provider, subject))
        first = (await browser.get("/api/whoami")).json()
        await provider.know(subject, email=f"new-{secrets.token_hex(8)}@example.com", email_verified=True)
        async with stand.browser() as other:
            await other.get(await way_back(other, provider, subject))
            assert (await other.get("/api/whoami")).json() == first

    async def test_nothing_is_kept_in_caches_or_sent_on_as_a_referrer(
        self, browser: httpx.AsyncClient, provider: AuthlibProvider
    ) -> None:
        subject, _ = await a_person(provider)
        start = await browser.get(START)
        callback = await browser.get(path_of(await provider.sign_in(start.headers["location"], subject)))
        for answer in (start, callback):
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["referrer-policy"] == "no-referrer"

    async def test_the_session_before_ends_and_its_token_is_not_used_again(
        self, stand: Stand, browser: httpx.AsyncClient, provider: AuthlibProvider
    ) -> None:
        subject, _ = await a_person(provider)
        await stand.open_session(await stand.add_person(f"{secrets.token_hex(8)}@example.com"), browser)
        planted = browser.cookies[stand.cookies.session_name]
        await browser.get(await way_back(browser, provider, subject))
        assert browser.cookies[stand.cookies.session_name] != planted
        async with stand.browser() as attacker:
            attacker.cookies.set(stand.cookies.session_name, planted)
            assert (await attacker.get("/api/whoami")).status_code == 401

    async def test_a_session_of_someone_with_a_second_factor_waits_for_it(
        self, stand: Stand, browser: httpx.AsyncClient, provider: AuthlibProvider
    ) -> None:
        subject, email = await a_person(provider, amr=["pwd", "mfa"])
        await browser.get(await way_back(browser, provider, subject))
        await stand.execute("UPDATE users SET totp_enabled_at = now() WHERE email = :email", email=email)
        answer = await browser.get(await way_back(browser, provider, subject, "/keys"))
        assert answer.headers["location"] == "/sign-in?step=totp&return_to=%2Fkeys"
        assert (await browser.get("/api/whoami")).json()["code"] == "TOTP_REQUIRED"


class TestSecondFactorAtTheIssuer:
    async def test_counts_where_the_operator_says_so(
        self, people_database: Database, pool: httpx.AsyncHTTPTransport, provider: AuthlibProvider
    ) -> None:
        config = a_config(provider.issuer, trust_mfa=True)
        async with standing(people_database, pool, config) as stand, stand.browser() as browser:
            for amr, status in ((["pwd", "mfa"], 200), (["pwd"], 401), ("mfa", 200), (None, 401)):
                subject, email = await a_person(provider, amr=amr)
                await browser.get(await way_back(browser, provider, subject))
                await stand.execute("UPDATE users SET totp_enabled_at = now() WHERE email = :email", email=email)
                await browser.get(await way_back(browser, provider, subject))
                assert (await browser.get("/api/whoami")).status_code == status, amr


class TestAuthorizationRequest:
    async def test_carries_what_binds_the_answer_to_it(
        self, stand: Stand, browser: httpx.AsyncClient, provider: AuthlibProvider
    ) -> None:
        urls = [urlsplit((await browser.get(START)).headers["location"]) for _ in range(2)]
        first, second = ({name: values[0] for name, values in parse_qs(url.query).items()} for url in urls)
        assert f"{urls[0].scheme}://{urls[0].netloc}" == provider.issuer
        assert first["redirect_uri"] == f"{PUBLIC_URL}/api/auth/oidc/acme/callback"
        assert (first["response_type"], first["client_id"]) == ("code", "onerouter")
        assert (first["scope"], first["code_challenge_method"]) == ("openid email profile", "S256")
        assert len(base64.urlsafe_b64decode(first["code_challenge"] + "=")) == 32
        for name in ("state", "nonce", "code_challenge"):
            assert len(first[name]) >= 43
            assert first[name] != second[name]
        kept = await stand.rows("SELECT * FROM oidc_flows")
        for secret in (first["state"], first["nonce"]):
            assert secret not in repr(kept)

    async def test_the_provider_refuses_the_code_without_the_verifier(
        self, browser: httpx.AsyncClient, provider: AuthlibProvider
    ) -> None:
        subject, _ = await a_person(provider)
        callback = await way_back(browser, provider, subject)
        form = {
            "grant_type": "authorization_code",
            "code": parse_qs(urlsplit(callback).query)["code"][0],
            "redirect_uri": f"{PUBLIC_URL}/api/auth/oidc/acme/callback",
        }
        async with httpx.AsyncClient(auth=("onerouter", "the-client-secret")) as thief:
            for extra in ({}, {"code_verifier": "a" * 43}):
                stolen = await thief.post(f"{provider.issuer}/oauth2/token", data=form | extra)
                assert (stolen.status_code, stolen.json()["error"]) in (
                    (400, "invalid_request"),
                    (400, "invalid_grant"),
                )
        # And ours is the verifier it wants.
        assert (await browser.get(callback)).headers["location"] == "/"

    @pytest.mark.parametrize(
        "return_to",
        [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            " //evil.example",
            "javascript:alert(1)",
            "evil.example",
            "",
            "/ä",
            "/\x00",
            "/" + "a" * 600,
        ],
    )
    async def test_goes_back_to_no_other_site(self, browser: httpx.AsyncClient, return_to: str) -> None:
        answer = await browser.get(START, params={"return_to": return_to})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "return_to"

    async def test_of_an_unknown_issuer_is_not_found(self, browser: httpx.AsyncClient) -> None:
        for issuer_id in ("unknown", "a" * 32):
            assert (await browser.get(f"/api/auth/oidc/{issuer_id}/start")).status_code == 404
            assert (await browser.get(f"/api/auth/oidc/{issuer_id}/callback?state=x&code=y")).status_code == 404
        assert (await browser.get("/api/auth/oidc/Not%20An%20Id/start")).status_code == 422


class TestState:
    async def test_of_nobody_is_refused(self, browser: httpx.AsyncClient, provider: AuthlibProvider) -> None:
        subject, _ = await a_person(provider)
        callback = await way_back(browser, provider, subject)
        code = parse_qs(urlsplit(callback).query)["code"][0]
        for state in ({}, {"state": ""}, {"state": "x" * 43}, {"state": "\x00"}):
            answer = await browser.get("/api/auth/oidc/acme/callback", params={"code": code, **state})
            assert error_of(answer) == "sign_in_expired"
        assert (await browser.get("/api/whoami")).status_code == 401

    async def test_works_once(self, browser: httpx.AsyncClient, stand: Stand, provider: AuthlibProvider) -> None:
        subject, _ = await a_person(provider)
        callback = await way_back(browser, provider, subject)
        flow_cookies = dict(browser.cookies)
        assert (await browser.get(callback)).headers["location"] == "/"
        assert error_of(await browser.get(callback)) == "sign_in_expired"
        # Also with the cookie that the first answer took away.
        async with stand.browser() as copy:
            copy.cookies.update(flow_cookies)
            assert error_of(await copy.get(callback)) == "sign_in_expired"

    async def test_belongs_to_one_browser(
        self, browser: httpx.AsyncClient, stand: Stand, provider: AuthlibProvider
    ) -> None:
        """Sign-in CSRF: an attacker lets a victim finish the attacker's own sign-in."""
        subject, _ = await a_person(provider)
        callback = await way_back(browser, provider, subject)
        async with stand.browser() as victim:
            assert error_of(await victim.get(callback)) == "sign_in_expired"
            assert (await victim.get("/api/whoami")).status_code == 401
        assert (await browser.get(callback)).headers["location"] == "/"

    async def test_a_made_up_cookie_does_not_open_the_flow(
        self, browser: httpx.AsyncClient, stand: Stand, provider: AuthlibProvider
    ) -> None:
        subject, _ = await a_person(provider)
        callback = await way_back(browser, provider, subject)
        (name,) = browser.cookies
        async with stand.browser() as attacker:
            attacker.cookies.set(name, "a" * 43)
            assert error_of(await attacker.get(callback)) == "sign_in_expired"

    async def test_of_one_issuer_is_none_of_another(
        self, people_database: Database, pool: httpx.AsyncHTTPTransport, provider: AuthlibProvider
    ) -> None:
        other = a_config(provider.issuer.replace("127.0.0.1", "localhost"), id="other")
        async with (
            standing(people_database, pool, a_config(provider.issuer), other) as stand,
            stand.browser() as browser,
        ):
            subject, _ = await a_person(provider)
            callback = await way_back(browser, provider, subject)
            assert error_of(await browser.get(callback.replace("/acme/", "/other/"))) == "sign_in_expired"

    async def test_is_over_after_ten_minutes(
        self, browser: httpx.AsyncClient, stand: Stand, provider: AuthlibProvider
    ) -> None:
        subject, _ = await a_person(provider)
        callback = await way_back(browser, provider, subject)
        stand.clock.pass_by(minutes=10, seconds=1)
        assert error_of(await browser.get(callback)) == "sign_in_expired"
        await browser.get(START)
        kept = await stand.rows("SELECT expires_at FROM oidc_flows")
        assert all(row["expires_at"] > stand.clock.now() for row in kept)  # the next one sweeps

    async def test_two_tabs_do_not_disturb_each_other(
        self, browser: httpx.AsyncClient, provider: AuthlibProvider
    ) -> None:
        subject, _ = await a_person(provider)
        callbacks = [await way_back(browser, provider, subject, path) for path in ("/one", "/two")]
        assert [(await browser.get(one)).headers["location"] for one in callbacks] == ["/one", "/two"]
        assert not [name for name in browser.cookies if "oidc" in name]


class TestRefusal:
    async def test_a_person_who_says_no_is_told_so(self, browser: httpx.AsyncClient, provider: AuthlibProvider) -> None:
        start = await browser.get(START)
        answer = await browser.get(path_of(await provider.deny(start.headers["location"])))
        # This provider's refusal lacks the state, and so is nobody's.
        assert error_of(answer) == "sign_in_expired"
        state = parse_qs(urlsplit(start.headers["location"]).query)["state"][0]
        answer = await browser.get(f"/api/auth/oidc/acme/callback?error=access_denied&state={state}")
        assert error_of(answer) == "access_denied"

    async def test_what_the_issuer_says_is_not_repeated(self, browser: httpx.AsyncClient) -> None:
        start = await browser.get(START)
        state = parse_qs(urlsplit(start.headers["location"]).query)["state"][0]
        said = {"error": "<script>", "error_description": "<script>", "state": state}
        answer = await browser.get("/api/auth/oidc/acme/callback", params=said)
        assert answer.headers["location"] == "/sign-in?error=issuer_error"

    async def test_an_answer_of_another_issuer_is_refused(
        self, browser: httpx.AsyncClient, provider: AuthlibProvider
    ) -> None:
        """Mix-up (RFC 9207)."""
        subject, _ = await a_person(provider)
        callback = await way_back(browser, provider, subject)
        assert error_of(await browser.get(callback + "&iss=https://evil.example")) == "issuer_error"

    async def test_a_made_up_code_is_refused(self, browser: httpx.AsyncClient) -> None:
        start = await browser.get(START)
        state = parse_qs(urlsplit(start.headers["location"]).query)["state"][0]
        for code in ("made-up", "\x00", "x" * 4_000):
            answer = await browser.get("/api/auth/oidc/acme/callback", params={"state": state, "code": code})
            assert error_of(answer) in ("issuer_error", "sign_in_expired")


class TestIssuerChanges:
    async def test_new_keys_are_fetched_when_a_token_is_signed_with_them(
        self, browser: httpx.AsyncClient, stand: Stand, provider: AuthlibProvider
    ) -> None:
        subject, email = await a_person(provider)
        assert (await browser.get(await way_back(browser, provider, subject))).headers["location"] == "/"
        await provider.restart()
        await provider.know(subject, email=email, email_verified=True)
        stand.clock.pass_by(seconds=11)
        assert (await browser.get(await way_back(browser, provider, subject))).headers["location"] == "/"

    async def test_one_that_is_away_refuses_nobody_for_good(
        self, people_database: Database, pool: httpx.AsyncHTTPTransport, provider: AuthlibProvider
    ) -> None:
        async with standing(people_database, pool, a_config(provider.issuer)) as stand, stand.browser() as browser:
            subject, email = await a_person(provider)
            await provider.stop()
            away = await browser.get(START)
            assert (away.status_code, away.headers["location"]) == (302, "/sign-in?error=issuer_unavailable")
            await provider.start()
            stand.clock.pass_by(seconds=11)
            await provider.know(subject, email=email, email_verified=True)
            callback = await way_back(browser, provider, subject)
            await provider.stop()
            assert error_of(await browser.get(callback)) == "issuer_unavailable"
            # Where it sends people is remembered meanwhile.
            assert (await browser.get(START)).headers["location"].startswith(provider.issuer)
            await provider.start()
            await provider.know(subject, email=email, email_verified=True)
            assert (await browser.get(await way_back(browser, provider, subject))).headers["location"] == "/"


def test_the_sign_in_page_lists_the_issuers(stand: Stand) -> None:
    (choice,) = stand.issuers.sign_in.choices()
    assert (choice.id, choice.name, choice.start_path) == ("acme", "Acme SSO", START)
