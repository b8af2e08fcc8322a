"""The second factor: set up, asked for, replayed, recovered from, removed."""

import asyncio
from datetime import UTC, datetime

import httpx
import pyotp
import pytest
from pydantic import SecretStr
from tests.services.registry.site import PASSWORD, Browser, Site

from onerouter_common.errors import CredentialsUnreadable
from onerouter_common.secrets import KeyRing
from onerouter_registry.person import totp
from onerouter_registry.person.sealing import SealedByKeyRing, SealedSecret


class Authenticator:
    """An app on a phone."""

    def __init__(self, site: Site, secret: str) -> None:
        self._site = site
        self._codes = pyotp.TOTP(secret)

    def code(self, *, steps: int = 0) -> str:
        return self._codes.generate_otp(int(self._site.clock.now().timestamp()) // 30 + steps)

    def wrong_code(self) -> str:
        shown = {self.code(steps=steps) for steps in (-1, 0, 1)}
        return next(f"{number:06}" for number in range(4) if f"{number:06}" not in shown)


async def with_second_factor(site: Site) -> tuple[Browser, Authenticator, list[str]]:
    """Someone who has set one up, their app and their recovery codes."""
    browser = await site.signed_up()
    begun = (await browser.post("/api/account/totp")).json()
    app = Authenticator(site, begun["secret"])
    confirmed = await browser.post("/api/account/totp/confirm", {"code": app.code()})
    assert confirmed.status_code == 200, confirmed.text
    site.clock.pass_(seconds=30)
    return browser, app, confirmed.json()["recovery_codes"]


async def half_signed_in(site: Site, email: str) -> Browser:
    browser = site.browser()
    answer = await browser.sign_in(email)
    assert answer.json()["status"] == "totp_required"
    return browser


async def enter(browser: Browser, **code: str) -> httpx.Response:
    return await browser.post("/api/auth/totp", code)


class TestSettingUp:
    async def test_shows_a_secret_once_that_counts_when_a_code_was_confirmed(self, site: Site) -> None:
        browser = await site.signed_up()
        begun = (await browser.post("/api/account/totp")).json()
        parsed = pyotp.parse_uri(begun["uri"])
        assert (parsed.secret, parsed.name, parsed.issuer) == (begun["secret"], browser.email, "OneRouter")
        assert (await site.browser().sign_in(browser.email)).json()["status"] == "signed_in"
        app = Authenticator(site, begun["secret"])
        refused = await browser.post("/api/account/totp/confirm", {"code": app.wrong_code()})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "code")
        codes = (await browser.post("/api/account/totp/confirm", {"code": app.code()})).json()["recovery_codes"]
        assert len(set(codes)) == 10
        account = (await browser.get("/api/account")).json()
        assert (account["totp_enabled"], account["recovery_codes_left"]) == (True, 10)

    async def test_stores_neither_the_secret_nor_the_codes(self, site: Site) -> None:
        browser = await site.signed_up()
        secret = (await browser.post("/api/account/totp")).json()["secret"]
        code = Authenticator(site, secret).code()
        codes = (await browser.post("/api/account/totp/confirm", {"code": code})).json()["recovery_codes"]
        dumped = str(await site.query("SELECT * FROM users")) + str(await site.query("SELECT * FROM recovery_codes"))
        assert secret not in dumped
        assert not any(code in dumped or code.replace("-", "") in dumped for code in codes)

    async def test_ends_other_sessions(self, site: Site) -> None:
        browser = await site.signed_up()
        other = site.browser()
        await other.sign_in(browser.email)
        secret = (await browser.post("/api/account/totp")).json()["secret"]
        await browser.post("/api/account/totp/confirm", {"code": Authenticator(site, secret).code()})
        assert (await other.get("/api/auth/session")).status_code == 401
        assert (await browser.get("/api/auth/session")).status_code == 200

    async def test_voids_a_change_of_the_address_that_someone_else_asked_for(self, site: Site) -> None:
        browser, thief = await site.signed_up(), site.new_email()
        await browser.call("PATCH", "/api/account", {"email": thief})
        token = await site.token_mailed_to(thief)
        secret = (await browser.post("/api/account/totp")).json()["secret"]
        await browser.post("/api/account/totp/confirm", {"code": Authenticator(site, secret).code()})
        answer = await site.browser().post("/api/auth/email/confirm", {"token": token})
        assert (answer.status_code, answer.json()["code"]) == (422, "LINK_UNUSABLE")

    async def test_needs_a_recent_sign_in_or_the_password(self, site: Site) -> None:
        browser = await site.signed_up()
        site.clock.pass_(minutes=16)
        refused = await browser.post("/api/account/totp")
        assert (refused.status_code, refused.json()["code"]) == (403, "REAUTHENTICATION_REQUIRED")
        wrong = await browser.post("/api/account/totp", {"password": "another password"})
        assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "password")
        assert (await browser.post("/api/account/totp", {"password": PASSWORD})).status_code == 200

    async def test_not_twice(self, site: Site) -> None:
        browser, _, _ = await with_second_factor(site)
        assert (await browser.post("/api/account/totp")).json()["code"] == "TOTP_ENABLED"

    async def test_is_audited(self, site: Site) -> None:
        browser, _, _ = await with_second_factor(site)
        user_id = (await browser.get("/api/account")).json()["id"]
        (entry,) = await site.audited("user.totp_enabled", user_id)
        assert (entry["actor_id"], entry["ip"]) == (user_id, browser.ip)


class TestSigningIn:
    async def test_waits_for_the_code_and_gives_another_token_then(self, site: Site) -> None:
        owner, app, _ = await with_second_factor(site)
        browser = await half_signed_in(site, owner.email)
        pending = browser.token
        answer = await enter(browser, code=app.code())
        assert answer.status_code == 200
        assert answer.json()["status"] == "signed_in"
        assert browser.token != pending
        stale = site.browser()
        stale.http.cookies.set("__Host-onerouter_session", str(pending), domain="onerouter.test")
        assert (await stale.get("/api/auth/session")).json()["code"] == "SESSION_ENDED"

    async def test_until_then_nothing_else_can_be_done(self, site: Site) -> None:
        owner, _, _ = await with_second_factor(site)
        browser = await half_signed_in(site, owner.email)
        for method, path in (("GET", "/api/account"), ("GET", "/api/members"), ("DELETE", "/api/account/totp")):
            refused = await browser.call(method, path)
            assert (refused.status_code, refused.json()["code"]) == (401, "TOTP_REQUIRED")
        session = (await browser.get("/api/auth/session")).json()
        assert (session["tenants"], session["tenant_id"], session["role"]) == ([], None, None)
        assert (await browser.post("/api/auth/sign-out")).status_code == 200

    async def test_a_code_works_once(self, site: Site) -> None:
        owner, app, _ = await with_second_factor(site)
        code = app.code()
        assert (await enter(await half_signed_in(site, owner.email), code=code)).status_code == 200
        replayed = await enter(await half_signed_in(site, owner.email), code=code)
        assert (replayed.status_code, replayed.json()["code"]) == (401, "TOTP_WRONG")

    async def test_also_when_it_comes_twice_at_the_same_time(self, site: Site) -> None:
        owner, app, _ = await with_second_factor(site)
        browsers = [await half_signed_in(site, owner.email) for _ in range(4)]
        code = app.code()
        answers = await asyncio.gather(*(enter(browser, code=code) for browser in browsers))
        assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]

    async def test_nor_does_an_earlier_one_after_a_later_one(self, site: Site) -> None:
        owner, app, _ = await with_second_factor(site)
        assert (await enter(await half_signed_in(site, owner.email), code=app.code(steps=1))).status_code == 200
        assert (await enter(await half_signed_in(site, owner.email), code=app.code())).status_code == 401

    async def test_half_a_minute_too_late_is_early_enough(self, site: Site) -> None:
        owner, app, _ = await with_second_factor(site)
        site.clock.pass_(minutes=2)
        assert (await enter(await half_signed_in(site, owner.email), code=app.code(steps=-2))).status_code == 401
        assert (await enter(await half_signed_in(site, owner.email), code=app.code(steps=-1))).status_code == 200

    async def test_guessing_is_slowed_down_whoever_has_the_password(self, site: Site) -> None:
        owner, app, _ = await with_second_factor(site)
        wrong = app.wrong_code()
        answers = [(await enter(await half_signed_in(site, owner.email), code=wrong)).status_code for _ in range(6)]
        assert answers == [401] * 5 + [429]

    async def test_a_recovery_code_works_once_however_it_is_typed(self, site: Site) -> None:
        owner, _, codes = await with_second_factor(site)
        typed = codes[0].upper().replace("-", " ")
        browser = await half_signed_in(site, owner.email)
        assert (await enter(browser, recovery_code=typed)).status_code == 200
        assert (await browser.get("/api/account")).json()["recovery_codes_left"] == 9
        assert (await enter(await half_signed_in(site, owner.email), recovery_code=codes[0])).status_code == 401

    async def test_a_recovery_code_works_though_the_secret_is_lost(self, site: Site) -> None:
        owner, app, codes = await with_second_factor(site)
        await site.query("UPDATE users SET totp_secret = totp_secret || 'x' WHERE email = $1", owner.email)
        lost = await enter(await half_signed_in(site, owner.email), code=app.code())
        assert "recovery code" in lost.json()["detail"]
        assert (await enter(await half_signed_in(site, owner.email), recovery_code=codes[0])).status_code == 200

    async def test_another_persons_recovery_code_does_not_work(self, site: Site) -> None:
        owner, _, _ = await with_second_factor(site)
        _, _, codes = await with_second_factor(site)
        assert (await enter(await half_signed_in(site, owner.email), recovery_code=codes[0])).status_code == 401

    async def test_waits_ten_minutes(self, site: Site) -> None:
        owner, app, _ = await with_second_factor(site)
        browser = await half_signed_in(site, owner.email)
        site.clock.pass_(minutes=11)
        assert (await enter(browser, code=app.code())).json()["code"] == "SESSION_ENDED"

    async def test_is_not_for_who_was_shut_out_meanwhile(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        owner, app, _ = await with_second_factor(site)
        browser = await half_signed_in(site, owner.email)
        second_factor = site.admin.people.sign_in._second_factor
        open_now = second_factor.open

        async def meanwhile(user_id: str) -> object:
            await site.query("UPDATE users SET disabled_at = now() WHERE id = $1", user_id)
            return await open_now(user_id)

        monkeypatch.setattr(second_factor, "open", meanwhile)
        assert (await enter(browser, code=app.code())).json()["code"] == "SESSION_ENDED"

    async def test_needs_the_csrf_token(self, site: Site) -> None:
        owner, app, _ = await with_second_factor(site)
        browser = await half_signed_in(site, owner.email)
        refused = await browser.post("/api/auth/totp", {"code": app.code()}, X_CSRF_Token="00")
        assert (refused.status_code, refused.json()["code"]) == (403, "CSRF_REFUSED")

    async def test_is_a_conflict_for_who_is_signed_in(self, site: Site) -> None:
        browser, app, _ = await with_second_factor(site)
        assert (await enter(browser, code=app.code())).status_code == 409

    @pytest.mark.parametrize(
        "body", [{}, {"code": "123456", "recovery_code": "aaaa-bbbb-cccc-dddd"}, {"code": "１２３４５６"}]
    )
    async def test_refuses_what_is_no_code(self, site: Site, body: dict[str, str]) -> None:
        owner, _, _ = await with_second_factor(site)
        browser = await half_signed_in(site, owner.email)
        assert (await browser.post("/api/auth/totp", body)).status_code == 422


class TestAfterwards:
    async def test_new_recovery_codes_void_the_old_ones(self, site: Site) -> None:
        browser, _, old = await with_second_factor(site)
        new = (await browser.post("/api/account/totp/recovery-codes")).json()["recovery_codes"]
        assert await site.mail_to(browser.email, subject="You have new recovery codes")
        assert not set(new) & set(old)
        assert (await enter(await half_signed_in(site, browser.email), recovery_code=old[0])).status_code == 401
        assert (await enter(await half_signed_in(site, browser.email), recovery_code=new[0])).status_code == 200

    async def test_removed_it_is_no_longer_asked_for(self, site: Site) -> None:
        browser, _, _ = await with_second_factor(site)
        assert (await browser.call("DELETE", "/api/account/totp")).status_code == 200
        assert await site.mail_to(browser.email, subject="Your second factor was removed")
        assert (await site.browser().sign_in(browser.email)).json()["status"] == "signed_in"
        account = (await browser.get("/api/account")).json()
        assert (account["totp_enabled"], account["recovery_codes_left"]) == (False, 0)

    async def test_removing_it_needs_a_recent_sign_in_or_the_password(self, site: Site) -> None:
        browser, _, _ = await with_second_factor(site)
        site.clock.pass_(minutes=16)
        assert (await browser.call("DELETE", "/api/account/totp")).json()["code"] == "REAUTHENTICATION_REQUIRED"
        assert (await browser.call("DELETE", "/api/account/totp", {"password": PASSWORD})).status_code == 200

    async def test_a_new_password_does_not_take_it_away(self, site: Site) -> None:
        browser, _, _ = await with_second_factor(site)
        confirm = await site.token_mailed_to(browser.email, subject="Confirm")
        await site.browser().post("/api/auth/email/confirm", {"token": confirm})
        await site.browser().post("/api/auth/password/forgot", {"email": browser.email})
        token = await site.token_mailed_to(browser.email, subject="Choose")
        answer = await site.browser().post(
            "/api/auth/password/reset", {"token": token, "password": "four other words here"}
        )
        assert answer.status_code == 200
        assert (await site.browser().sign_in(browser.email, "four other words here")).json()[
            "status"
        ] == "totp_required"

    async def test_a_secret_copied_to_another_person_does_not_open(self, site: Site) -> None:
        ring = KeyRing.parse(KeyRing.generate("k1"))
        secrets = SealedByKeyRing(ring)
        sealed = await secrets.seal("usr_1", SecretStr("JBSWY3DPEHPK3PXP"))
        assert (await secrets.open("usr_1", sealed)).get_secret_value() == "JBSWY3DPEHPK3PXP"
        other = await secrets.seal("usr_2", SecretStr("JBSWY3DPEHPK3PXP"))
        for moved in (sealed, SealedSecret(other.key, sealed.secret), SealedSecret(sealed.key, other.secret)):
            with pytest.raises(CredentialsUnreadable):
                await secrets.open("usr_2", moved)


class TestCodes:
    AT = datetime(2026, 1, 31, 9, 30, 10, tzinfo=UTC)

    def test_are_those_of_rfc_6238(self) -> None:
        secret = SecretStr("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
        assert totp.step_of(secret, "287082", at=datetime.fromtimestamp(59, UTC), after=None) == 1
        assert totp.step_of(secret, "081804", at=datetime.fromtimestamp(1_111_111_109, UTC), after=None) == 37_037_036

    @pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "\ud800"])
    def test_of_another_shape_are_none(self, code: str) -> None:
        assert totp.step_of(totp.new_secret(), code, at=self.AT, after=None) is None
