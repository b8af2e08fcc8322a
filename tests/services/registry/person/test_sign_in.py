"""Signing in and out with a password: what it gives, what it tells, and what it does not."""

import asyncio
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from argon2 import PasswordHasher
from tests.services.registry.site import PASSWORD, PUBLIC_URL, Site

from onerouter_registry.throttle.model import SIGN_IN_ACCOUNT


class Recording(PasswordHasher):
    """Keeps the hashes that a password was compared with."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=1_024, parallelism=1)
        self.compared: list[str] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        self.compared.append(str(hash))
        return super().verify(hash, password)


@pytest.fixture
def verified(site: Site) -> Iterator[list[str]]:
    """The hashes that passwords are compared with, in order."""
    passwords = site.admin.people.passwords
    before, recording = passwords._hasher, Recording()
    passwords.use(recording)
    yield recording.compared
    passwords.use(before)


class TestSigningIn:
    async def test_opens_a_session_whatever_case_the_address_is_in(self, site: Site) -> None:
        email = (await site.signed_up()).email
        browser = site.browser()
        answer = await browser.sign_in(f" {email.upper()} ")
        assert answer.status_code == 200
        assert answer.json()["user"]["email"] == email
        assert answer.headers["cache-control"] == "no-store"

    async def test_sets_cookies_that_scripts_and_other_hosts_cannot_have(self, site: Site) -> None:
        email = (await site.signed_up()).email
        answer = await site.browser().sign_in(email)
        session, csrf = answer.headers.get_list("set-cookie")
        assert session.startswith("__Host-onerouter_session=")
        assert csrf.startswith("__Host-onerouter_csrf=")
        for cookie in (session, csrf):
            attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
            assert {"secure", "path=/", "samesite=lax"} <= attributes
            assert not any(attribute.startswith("domain") for attribute in attributes)
            assert ("httponly" in attributes) is (cookie is session)

    async def test_stores_no_token(self, site: Site) -> None:
        browser = await site.signed_up()
        dumped = str(await site.query("SELECT * FROM sessions"))
        assert browser.token is not None
        assert browser.token not in dumped

    async def test_answers_the_same_for_nobody_and_for_a_wrong_password(self, site: Site) -> None:
        email = (await site.signed_up()).email
        browser = site.browser()
        wrong = await browser.sign_in(email, "another password")
        nobody = await browser.sign_in(site.new_email(), "another password")
        assert wrong.status_code == nobody.status_code == 401
        assert wrong.json()["code"] == "SIGN_IN_FAILED"
        assert {**wrong.json(), "trace_id": ""} == {**nobody.json(), "trace_id": ""}
        assert wrong.headers.keys() == nobody.headers.keys()

    async def test_verifies_as_often_at_the_same_cost_for_nobody_for_the_disabled_and_for_those_without_a_password(
        self, site: Site, verified: list[str]
    ) -> None:
        known, disabled = (await site.signed_up()).email, (await site.signed_up()).email
        people = site.admin.people.users
        await people.disable((await people.get_by_email(disabled)).id)
        passwordless = (await people.create(site.new_email())).email
        for email in (known, disabled, passwordless, site.new_email()):
            verified.clear()
            assert (await site.browser().sign_in(email, "another password")).status_code == 401
            (compared,) = verified
            assert compared.startswith("$argon2id$v=19$m=1024,t=1,p=1$")

    async def test_lets_in_nobody_who_is_disabled(self, site: Site) -> None:
        browser = await site.signed_up()
        users = site.admin.people.users
        await users.disable((await users.get_by_email(browser.email)).id)
        assert (await browser.get("/api/auth/session")).json()["code"] == "SESSION_ENDED"
        assert (await site.browser().sign_in(browser.email)).status_code == 401

    async def test_hashes_anew_when_the_parameters_have_changed(self, site: Site) -> None:
        email = (await site.signed_up()).email
        weaker = PasswordHasher(time_cost=2, memory_cost=64, parallelism=1).hash(PASSWORD)
        await site.query("UPDATE users SET password_hash = $1 WHERE email = $2", weaker, email)
        assert (await site.browser().sign_in(email)).status_code == 200
        (row,) = await site.query("SELECT password_hash FROM users WHERE email = $1", email)
        assert row["password_hash"].startswith("$argon2id$v=19$m=1024,t=1,p=1$")
        assert (await site.browser().sign_in(email)).status_code == 200

    async def test_takes_a_password_typed_on_another_system(self, site: Site) -> None:
        email = site.new_email()
        composed, decomposed = "caf\u00e9 con leche doble", "cafe\u0301 con leche doble"
        signed_up = await site.browser().post("/api/auth/sign-up", {"email": email, "password": composed})
        assert signed_up.status_code == 200
        assert (await site.browser().sign_in(email, decomposed)).status_code == 200

    @pytest.mark.parametrize("password", ["", "x" * 257, None, 12, "\ud800"])
    async def test_refuses_what_is_no_password(self, site: Site, password: Any) -> None:
        assert (await site.browser().sign_in("ada@example.com", password)).status_code == 422

    async def test_does_not_let_passwords_pile_up(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        email = (await site.signed_up()).email
        passwords = site.admin.people.passwords
        held = [await passwords._free.acquire() for _ in range(2)]
        monkeypatch.setattr("onerouter_registry.person.passwords._WAIT_S", 0.01)
        try:
            answer = await site.browser().sign_in(email)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        finally:
            for _ in held:
                passwords._free.release()
        assert (await site.browser().sign_in(email)).status_code == 200


class TestSessionFixation:
    async def test_a_token_planted_before_is_worth_nothing(self, site: Site) -> None:
        email = (await site.signed_up()).email
        victim = site.browser()
        victim.http.cookies.set("__Host-onerouter_session", "planted-by-someone-else", domain="onerouter.test")
        answer = await victim.sign_in(email)
        assert answer.status_code == 200
        attacker = site.browser()
        attacker.http.cookies.set("__Host-onerouter_session", "planted-by-someone-else", domain="onerouter.test")
        assert (await attacker.get("/api/auth/session")).status_code == 401

    async def test_a_session_someone_else_gave_ends_at_sign_in(self, site: Site) -> None:
        attacker, email = await site.signed_up(), (await site.signed_up()).email
        planted = str(attacker.token)
        victim = site.browser()
        victim.http.cookies.set("__Host-onerouter_session", planted, domain="onerouter.test")
        answer = await victim.sign_in(email)
        given = answer.cookies["__Host-onerouter_session"]
        assert given != planted
        assert (await attacker.get("/api/auth/session")).json()["code"] == "SESSION_ENDED"

    async def test_every_sign_in_gives_another_token(self, site: Site) -> None:
        browser = await site.signed_up()
        before = browser.token
        await browser.sign_in(browser.email)
        assert browser.token != before
        stale = site.browser()
        stale.http.cookies.set("__Host-onerouter_session", str(before), domain="onerouter.test")
        assert (await stale.get("/api/auth/session")).status_code == 401


class TestLoginCsrf:
    @pytest.mark.parametrize("site_of_request", ["cross-site", "same-site"])
    async def test_a_sign_in_from_another_site_is_refused(self, site: Site, site_of_request: str) -> None:
        email = (await site.signed_up()).email
        answer = await site.browser().call(
            "POST", "/api/auth/sign-in", {"email": email, "password": PASSWORD}, Sec_Fetch_Site=site_of_request
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "CSRF_REFUSED")
        assert "set-cookie" not in answer.headers

    @pytest.mark.parametrize(
        "origin", ["https://evil.example", "null", "http://onerouter.test", f"{PUBLIC_URL}:8443", "https://["]
    )
    async def test_so_is_one_whose_origin_is_not_ours(self, site: Site, origin: str) -> None:
        answer = await site.browser().call(
            "POST", "/api/auth/sign-in", {"email": "a@example.com", "password": PASSWORD}, Origin=origin
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "CSRF_REFUSED")

    @pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
    async def test_so_is_what_a_form_can_send(self, site: Site, media_type: str) -> None:
        email = (await site.signed_up()).email
        content = f'{{"email": "{email}", "password": "{PASSWORD}"}}'
        browser = site.browser()
        answer = await browser.http.post("/api/auth/sign-in", content=content, headers={"Content-Type": media_type})
        assert answer.status_code in {415, 422}
        assert browser.token is None

    async def test_a_program_that_says_nothing_of_its_origin_may(self, site: Site) -> None:
        email = (await site.signed_up()).email
        browser = site.browser()
        del browser.http.headers["Origin"], browser.http.headers["Sec-Fetch-Site"]
        assert (await browser.sign_in(email)).status_code == 200


class TestThrottling:
    async def test_an_account_waits_longer_and_longer_where_the_tries_come_from(self, site: Site) -> None:
        email, browser = (await site.signed_up()).email, site.browser()
        for _ in range(5):
            assert (await browser.sign_in(email, "another password")).status_code == 401
        waits = []
        for _ in range(4):
            refused = await browser.sign_in(email)
            assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMIT_EXCEEDED")
            waits.append(int(refused.headers["retry-after"]))
            site.clock.pass_(seconds=waits[-1])
            assert (await browser.sign_in(email, "another password")).status_code == 401
        assert waits == [1, 2, 4, 8]

    async def test_whoever_fails_on_purpose_does_not_keep_its_owner_out(self, site: Site) -> None:
        owner, stranger = await site.signed_up(), site.browser()
        for _ in range(6):
            refused = await stranger.sign_in(owner.email, "another password")
        assert refused.status_code == 429
        assert (await site.browser().sign_in(owner.email)).status_code == 200
        assert (
            await stranger.sign_in(owner.email)
        ).status_code == 429  # what the owner does helps the stranger nothing

    async def test_from_everywhere_together_an_account_takes_a_hundred_and_waits_a_minute_at_most(
        self, site: Site
    ) -> None:
        email, throttle = (await site.signed_up()).email, site.admin.people.throttle
        for _ in range(99):
            await throttle.count({SIGN_IN_ACCOUNT: email})
        assert (await site.browser().sign_in(email, "another password")).status_code == 401
        for _ in range(8):
            refused = await site.browser().sign_in(email)
            assert refused.status_code == 429
            site.clock.pass_(seconds=int(refused.headers["retry-after"]))
            assert (await site.browser().sign_in(email, "another password")).status_code == 401
        waited = await site.browser().sign_in(email)
        assert (waited.status_code, waited.headers["retry-after"]) == (429, "60")
        site.clock.pass_(seconds=60)
        assert (await site.browser().sign_in(email)).status_code == 200

    async def test_asking_again_while_it_waits_counts_for_who_asks(self, site: Site) -> None:
        email, browser = (await site.signed_up()).email, site.browser()
        for _ in range(20):
            await browser.sign_in(email, "another password")  # five of them were tries
        other = await browser.sign_in((await site.signed_up()).email)
        assert other.status_code == 429

    async def test_it_is_the_same_for_an_address_that_nobody_has(self, site: Site) -> None:
        email, browser = site.new_email(), site.browser()
        answers = [(await browser.sign_in(email, "another password")).status_code for _ in range(6)]
        assert answers == [401] * 5 + [429]

    async def test_a_success_clears_the_accounts_counter(self, site: Site) -> None:
        email = (await site.signed_up()).email
        for _ in range(3):
            browser = site.browser()
            for _ in range(4):
                await browser.sign_in(email, "another password")
            assert (await browser.sign_in(email)).status_code == 200

    async def test_but_not_that_of_where_it_came_from(self, site: Site) -> None:
        email, browser = (await site.signed_up()).email, site.browser()
        for _ in range(19):
            assert (await browser.sign_in(site.new_email(), "another password")).status_code == 401
        assert (await browser.sign_in(email)).status_code == 200
        assert (await browser.sign_in(site.new_email(), "another password")).status_code == 401
        assert (await browser.sign_in(email)).status_code == 429

    async def test_one_who_holds_a_whole_ipv6_network_is_one(self, site: Site) -> None:
        answers = [
            (await site.browser(ip=f"2001:db8:7:7::{n:x}").sign_in(site.new_email(), "another password")).status_code
            for n in range(1, 22)
        ]
        assert answers == [401] * 20 + [429]

    async def test_tries_at_the_same_time_are_counted_one_by_one(self, site: Site) -> None:
        email, ip = (await site.signed_up()).email, site.browser().ip
        answers = await asyncio.gather(*(site.browser(ip=ip).sign_in(email, "another password") for _ in range(12)))
        assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429] * 7

    async def test_no_address_is_stored(self, site: Site) -> None:
        email, browser = site.new_email(), site.browser()
        await browser.sign_in(email, "another password")
        dumped = str(await site.query("SELECT * FROM throttles"))
        assert email not in dumped
        assert browser.ip not in dumped

    async def test_many_failures_in_a_row_are_audited_without_what_was_typed(self, site: Site) -> None:
        typed = site.new_email()
        for _ in range(10):
            site.clock.pass_(minutes=6)
            await site.browser().sign_in(typed, "another password")
        (entry,) = [e for e in await site.audited("session.refused") if e["target_id"] == "unknown"]
        assert entry["tenant_id"] == "platform"
        assert typed not in str(dict(entry))


class TestSigningOut:
    async def test_ends_the_session_and_takes_the_cookies(self, site: Site) -> None:
        browser = await site.signed_up()
        token = str(browser.token)
        assert (await browser.post("/api/auth/sign-out")).json() == {"ok": True}
        assert browser.token is None
        browser.http.cookies.set("__Host-onerouter_session", token, domain="onerouter.test")
        assert (await browser.get("/api/auth/session")).status_code == 401

    async def test_again_is_no_error(self, site: Site) -> None:
        browser = await site.signed_up()
        await browser.post("/api/auth/sign-out")
        assert (await browser.post("/api/auth/sign-out")).status_code == 200

    async def test_from_another_site_is_refused(self, site: Site) -> None:
        browser = await site.signed_up()
        assert (await browser.post("/api/auth/sign-out", X_CSRF_Token="")).status_code == 403
        assert (await browser.get("/api/auth/session")).status_code == 200
