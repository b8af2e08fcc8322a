"""One's own account: name, address, password."""

import pytest
from tests.services.registry.site import PASSWORD, Browser, Site, open_site

from onerouter_local.testing import Cluster

NEW = "four other words here"


async def change_password(browser: Browser, **body: str) -> tuple[int, str | None]:
    answer = await browser.post("/api/account/password", body)
    return answer.status_code, answer.json().get("code")


class TestName:
    async def test_can_be_changed(self, site: Site) -> None:
        browser = await site.signed_up()
        answer = await browser.call("PATCH", "/api/account", {"name": " Ada Lovelace "})
        assert (answer.status_code, answer.json()["name"]) == (200, "Ada Lovelace")
        (entry,) = await site.audited("user.renamed", answer.json()["id"])
        assert (entry["before"], entry["after"]) == ('{"name": "Ada"}', '{"name": "Ada Lovelace"}')

    @pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\nb", "nul\x00", "\ud800"])
    async def test_must_be_one(self, site: Site, name: str) -> None:
        browser = await site.signed_up()
        assert (await browser.call("PATCH", "/api/account", {"name": name})).status_code == 422

    async def test_nothing_else_can_be_set(self, site: Site) -> None:
        browser = await site.signed_up()
        assert (await browser.call("PATCH", "/api/account", {"is_operator": True})).status_code == 422


class TestPassword:
    async def test_needs_the_one_of_now_and_ends_other_sessions(self, site: Site) -> None:
        browser, other = await site.signed_up(), site.browser()
        await other.sign_in(browser.email)
        assert await change_password(browser, new=NEW) == (422, "VALIDATION_ERROR")
        assert await change_password(browser, current="another password", new=NEW) == (422, "VALIDATION_ERROR")
        assert await change_password(browser, current=PASSWORD, new=NEW) == (200, None)
        assert (await browser.get("/api/auth/session")).status_code == 200
        assert (await other.get("/api/auth/session")).status_code == 401
        assert (await site.browser().sign_in(browser.email)).status_code == 401
        assert (await site.browser().sign_in(browser.email, NEW)).status_code == 200
        assert await site.mail_to(browser.email, subject="Your password")

    async def test_guessing_it_with_a_stolen_session_is_slowed_down_and_keeps_nobody_from_signing_in(
        self, site: Site
    ) -> None:
        browser = await site.signed_up()
        answers = [(await change_password(browser, current="another password", new=NEW))[0] for _ in range(6)]
        assert answers == [422] * 5 + [429]
        assert (await site.browser().sign_in(browser.email)).status_code == 200

    async def test_can_be_changed_while_strangers_guess_it(self, site: Site) -> None:
        browser, stranger = await site.signed_up(), site.browser()
        for _ in range(6):
            refused = await stranger.sign_in(browser.email, "another password")
        assert refused.status_code == 429
        assert await change_password(browser, current=PASSWORD, new=NEW) == (200, None)

    async def test_a_new_one_voids_a_change_of_the_address_that_someone_else_asked_for(self, site: Site) -> None:
        """With a stolen session; the link is in the thief's mailbox, and needs no session."""
        browser, thief = await site.signed_up(), site.new_email()
        await browser.call("PATCH", "/api/account", {"email": thief})
        token = await site.token_mailed_to(thief)
        assert await site.mail_to(browser.email, subject="Your email address is about to change")
        assert await change_password(browser, current=PASSWORD, new=NEW) == (200, None)
        answer = await site.browser().post("/api/auth/email/confirm", {"token": token})
        assert (answer.status_code, answer.json()["code"]) == (422, "LINK_UNUSABLE")
        assert (await browser.get("/api/account")).json()["email"] == browser.email

    async def test_a_new_one_leaves_the_link_that_confirms_the_address_one_has(self, site: Site) -> None:
        browser = await site.signed_up()
        token = await site.token_mailed_to(browser.email, subject="Confirm")
        assert await change_password(browser, current=PASSWORD, new=NEW) == (200, None)
        assert (await site.browser().post("/api/auth/email/confirm", {"token": token})).status_code == 200

    async def test_a_bad_one_is_refused(self, site: Site) -> None:
        browser = await site.signed_up()
        assert await change_password(browser, current=PASSWORD, new="password1234") == (422, "VALIDATION_ERROR")


class TestEmail:
    async def test_changes_when_the_link_mailed_to_the_new_address_is_opened(self, site: Site) -> None:
        browser, old, new = await site.signed_up(), "", site.new_email()
        old = browser.email
        answer = await browser.call("PATCH", "/api/account", {"email": new.upper()})
        assert (answer.json()["email"], answer.json()["confirmation_sent_to"]) == (old, new)
        token = await site.token_mailed_to(new)
        assert (await site.browser().post("/api/auth/email/confirm", {"token": token})).status_code == 200
        account = (await browser.get("/api/account")).json()
        assert (account["email"], account["email_verified"]) == (new, True)
        assert (await site.browser().sign_in(new)).status_code == 200
        assert (await site.browser().sign_in(old)).status_code == 401
        assert await site.mail_to(old, subject="Your email address was changed")
        again = await site.browser().post("/api/auth/email/confirm", {"token": token})
        assert again.json()["code"] == "LINK_UNUSABLE"

    async def test_voids_a_reset_link_in_the_old_mailbox(self, site: Site) -> None:
        browser, new = await site.signed_up(), site.new_email()
        await site.browser().post("/api/auth/password/forgot", {"email": browser.email})
        reset = await site.token_mailed_to(browser.email, subject="Choose")
        await browser.call("PATCH", "/api/account", {"email": new})
        await site.browser().post("/api/auth/email/confirm", {"token": await site.token_mailed_to(new)})
        answer = await site.browser().post("/api/auth/password/reset", {"token": reset, "password": NEW})
        assert answer.json()["code"] == "LINK_UNUSABLE"

    async def test_of_someone_else_is_refused_to_who_can_open_the_link_only(self, site: Site) -> None:
        browser, other = await site.signed_up(), await site.signed_up()
        answer = await browser.call("PATCH", "/api/account", {"email": other.email})
        assert answer.status_code == 200
        token = await site.token_mailed_to(other.email)
        confirmed = await other.post("/api/auth/email/confirm", {"token": token})
        assert (confirmed.status_code, confirmed.json()["code"]) == (409, "EMAIL_TAKEN")

    async def test_needs_a_recent_sign_in_or_the_password(self, site: Site) -> None:
        browser, new = await site.signed_up(), site.new_email()
        site.clock.pass_(minutes=16)
        refused = await browser.call("PATCH", "/api/account", {"email": new})
        assert (refused.status_code, refused.json()["code"]) == (403, "REAUTHENTICATION_REQUIRED")
        allowed = await browser.call("PATCH", "/api/account", {"email": new, "password": PASSWORD})
        assert allowed.status_code == 200

    async def test_cannot_change_where_no_mail_goes_out(self, postgres: Cluster) -> None:
        async with open_site(postgres, mail_api_key=None, mail_from=None) as site:
            browser = await site.signed_up()
            answer = await browser.call("PATCH", "/api/account", {"email": site.new_email()})
            assert (answer.status_code, answer.json()["code"]) == (409, "NO_MAIL")
