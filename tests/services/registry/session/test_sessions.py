"""Sessions: what they protect from, how long they last, and that their owner sees and ends them."""

import asyncio

import pytest
from tests.services.registry.site import PASSWORD, Browser, Site

from onerouter_common.ids import SESSION, new_id


def with_cookie(site: Site, token: str) -> Browser:
    browser = site.browser()
    browser.http.cookies.set("__Host-onerouter_session", token, domain="onerouter.test")
    return browser


class TestCsrf:
    """A change needs the token that only a page of ours can read."""

    @pytest.mark.parametrize("token", ["", "0" * 64, "\xe4" * 32])
    async def test_a_change_without_the_token_is_refused(self, site: Site, token: str) -> None:
        browser = await site.signed_up()
        answer = await browser.http.patch(
            "/api/account", json={"name": "Eve"}, headers=[(b"X-CSRF-Token", token.encode("latin-1"))]
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "CSRF_REFUSED")
        assert (await browser.get("/api/account")).json()["name"] == "Ada"

    async def test_so_is_one_with_the_token_of_another_session(self, site: Site) -> None:
        browser, other = await site.signed_up(), await site.signed_up()
        answer = await browser.call("PATCH", "/api/account", {"name": "Eve"}, X_CSRF_Token=str(other.csrf))
        assert answer.status_code == 403

    @pytest.mark.parametrize("origin", ["cross-site", "same-site"])
    async def test_so_is_one_from_another_site_even_with_the_token(self, site: Site, origin: str) -> None:
        browser = await site.signed_up()
        answer = await browser.call("PATCH", "/api/account", {"name": "Eve"}, Sec_Fetch_Site=origin)
        assert (answer.status_code, answer.json()["code"]) == (403, "CSRF_REFUSED")

    async def test_a_planted_csrf_cookie_is_worth_nothing(self, site: Site) -> None:
        browser = await site.signed_up()
        browser.http.cookies.set("__Host-onerouter_csrf", "planted", domain="onerouter.test")
        answer = await browser.call("PATCH", "/api/account", {"name": "Eve"}, X_CSRF_Token="planted")
        assert answer.status_code == 403

    async def test_reading_needs_none(self, site: Site) -> None:
        browser = await site.signed_up()
        assert (await with_cookie(site, str(browser.token)).get("/api/account")).status_code == 200

    async def test_the_token_is_told_to_a_page_that_asks(self, site: Site) -> None:
        browser = await site.signed_up()
        assert (await browser.get("/api/auth/session")).json()["csrf_token"] == browser.csrf


class TestLifetime:
    async def test_ends_after_a_day_without_use(self, site: Site) -> None:
        browser = await site.signed_up()
        site.clock.pass_(hours=23)
        assert (await browser.get("/api/auth/session")).status_code == 200
        site.clock.pass_(hours=23)
        assert (await browser.get("/api/auth/session")).status_code == 200
        site.clock.pass_(hours=25)
        assert (await browser.get("/api/auth/session")).json()["code"] == "SESSION_ENDED"

    async def test_ends_after_two_weeks_however_much_it_is_used(self, site: Site) -> None:
        browser = await site.signed_up()
        for _ in range(14):
            site.clock.pass_(hours=23, minutes=59)
            assert (await browser.get("/api/auth/session")).status_code == 200
        site.clock.pass_(hours=1)
        assert (await browser.get("/api/auth/session")).status_code == 401


class TestOwnSessions:
    async def test_are_listed_with_where_they_are_used(self, site: Site) -> None:
        browser = await site.signed_up()
        site.clock.pass_(minutes=2)
        other = site.browser()
        await other.sign_in(browser.email)
        listed = (await browser.get("/api/account/sessions")).json()["data"]
        assert {one["ip"]: one["current"] for one in listed} == {browser.ip: True, other.ip: False}
        assert all(one["user_agent"] == "Browser/1.0" for one in listed)
        assert str(browser.token) not in str(listed)

    async def test_one_that_is_ended_is_out_with_the_next_request(self, site: Site) -> None:
        browser, other = await site.signed_up(), site.browser()
        await other.sign_in(browser.email)
        listed = (await browser.get("/api/account/sessions")).json()["data"]
        (theirs,) = [one["id"] for one in listed if not one["current"]]
        assert (await browser.call("DELETE", f"/api/account/sessions/{theirs}")).status_code == 200
        assert (await other.get("/api/auth/session")).status_code == 401
        assert (await browser.get("/api/auth/session")).status_code == 200
        assert len(await site.audited("session.ended", theirs)) == 1

    async def test_those_of_others_are_not_found(self, site: Site) -> None:
        browser, other = await site.signed_up(), await site.signed_up()
        (theirs,) = [one["id"] for one in (await other.get("/api/account/sessions")).json()["data"]]
        for session_id in (theirs, new_id(SESSION), "ses_x", "%00"):
            assert (await browser.call("DELETE", f"/api/account/sessions/{session_id}")).status_code == 404
        assert (await other.get("/api/auth/session")).status_code == 200

    async def test_api_keys_have_none(self, site: Site) -> None:
        browser = await site.signed_up()
        tenant_id = (await browser.get("/api/auth/session")).json()["tenant_id"]
        key = (await site.admin.api_keys.create(tenant_id, "test", name="backend")).key.get_secret_value()
        program = site.browser()
        for path in ("/api/account", "/api/account/sessions", "/api/auth/session"):
            assert (await program.get(path, X_API_Key=key)).status_code == 403


class TestSweeping:
    async def test_forgets_what_has_ended_and_only_that(self, site: Site) -> None:
        ended, kept = await site.signed_up(), None
        await site.browser().sign_in(site.new_email(), PASSWORD)
        site.clock.pass_(days=3)
        kept = await site.signed_up()
        await site.browser().sign_in(site.new_email(), PASSWORD)
        await asyncio.gather(*(site.admin.people.sweeping.sweep() for _ in range(2)))
        sessions = await site.query("SELECT u.email FROM sessions s JOIN users u ON u.id = s.user_id")
        assert kept.email in {row["email"] for row in sessions}
        assert ended.email not in {row["email"] for row in sessions}
        now = site.clock.now()
        assert (await site.query("SELECT count(*) AS n FROM throttles WHERE window_ends_at <= $1", now))[0]["n"] == 0
        assert (await site.query("SELECT count(*) AS n FROM throttles"))[0]["n"] >= 2
        assert (await site.query("SELECT count(*) AS n FROM single_use_tokens WHERE expires_at <= $1", now))[0][
            "n"
        ] == 0
        assert (await site.query("SELECT count(*) AS n FROM single_use_tokens"))[0]["n"] >= 1
