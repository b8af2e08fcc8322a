"""A forgotten password: who gets a link, what it does, and that it does it once."""

import asyncio

import pytest
from tests.services.registry.person.test_second_factor import enter, half_signed_in, with_second_factor
from tests.services.registry.site import PASSWORD, Browser, Site, open_site

from onerouter_common.ids import IDENTITY, new_id
from onerouter_local.testing import Cluster
from onerouter_registry.throttle.model import SIGN_IN_ACCOUNT

NEW = "four other words here"


async def forgot(site: Site, email: str, browser: Browser | None = None) -> tuple[int, dict[str, object]]:
    answer = await (browser or site.browser()).post("/api/auth/password/forgot", {"email": email})
    return answer.status_code, {name: answer.json()[name] for name in answer.json() if name != "trace_id"}


async def reset(site: Site, token: str, password: str = NEW) -> int:
    answer = await site.browser().post("/api/auth/password/reset", {"token": token, "password": password})
    return answer.status_code


async def with_link(site: Site) -> tuple[Browser, str]:
    """Someone signed in, and the token of the link they asked for."""
    browser = await site.signed_up()
    await forgot(site, browser.email)
    return browser, await site.token_mailed_to(browser.email, subject="Choose")


async def confirm_address(site: Site, browser: Browser) -> None:
    token = await site.token_mailed_to(browser.email, subject="Confirm")
    assert (await site.browser().post("/api/auth/email/confirm", {"token": token})).status_code == 200


async def kept_out(site: Site, email: str) -> None:
    """By guesses from so many networks that the account waits wherever it is tried."""
    for _ in range(SIGN_IN_ACCOUNT.free):
        await site.admin.people.throttle.count({SIGN_IN_ACCOUNT: email})


class TestAsking:
    async def test_mails_a_link_to_who_has_a_password(self, site: Site) -> None:
        browser = await site.signed_up()
        assert await forgot(site, browser.email.upper()) == (200, {"ok": True})
        mail = await site.mail_to(browser.email, subject="Choose")
        assert "https://onerouter.test/reset-password#token=" in mail["text_body"]
        assert mail["from_email"] == "hello@onerouter.test"

    async def test_answers_the_same_without_looking_whether_there_is_anyone(self, site: Site) -> None:
        known, nobody = (await site.signed_up()).email, site.new_email()
        post = site.admin.people.post
        release = asyncio.Event()
        for _ in post._workers:
            await post.hand_in(release.wait)  # the post room is busy: what is answered now was found out without it
        assert await forgot(site, known) == await forgot(site, nobody) == (200, {"ok": True})
        tokens = (
            "SELECT FROM single_use_tokens t JOIN users u ON u.id = t.user_id "
            "WHERE u.email = $1 AND purpose = 'password_reset'"
        )
        assert await site.query(tokens, known) == []
        release.set()
        await site.posted()
        assert len(await site.query(tokens, known)) == 1
        assert not [mail for _, mail in site.mail.requests if mail["to"] == nobody]

    async def test_mails_nothing_to_the_disabled_and_to_those_who_sign_in_elsewhere(self, site: Site) -> None:
        disabled = (await site.signed_up()).email
        users = site.admin.people.users
        await users.disable((await users.get_by_email(disabled)).id)
        elsewhere = (await users.create(site.new_email())).email
        for email in (disabled, elsewhere):
            assert await forgot(site, email) == (200, {"ok": True})
        await site.posted()
        subjects = [mail["subject"] for _, mail in site.mail.requests if mail["to"] in (disabled, elsewhere)]
        assert "Choose a new password" not in subjects

    async def test_is_slowed_down_by_account_alike_for_nobody(self, site: Site) -> None:
        for email in ((await site.signed_up()).email, site.new_email()):
            assert [(await forgot(site, email))[0] for _ in range(4)] == [200, 200, 200, 429]

    async def test_where_no_mail_goes_out_it_is_said_beforehand(self, postgres: Cluster) -> None:
        async with open_site(postgres, mail_api_key=None, mail_from=None) as site:
            assert (await site.browser().get("/api/auth/methods")).json()["password_reset"] is False
            browser = await site.signed_up()
            assert await forgot(site, browser.email) == (200, {"ok": True})
            assert await site.query("SELECT FROM single_use_tokens WHERE purpose = 'password_reset'") == []


class TestChoosing:
    async def test_ends_every_session_and_only_the_new_password_works(self, site: Site) -> None:
        browser, token = await with_link(site)
        assert await reset(site, token) == 200
        assert (await browser.get("/api/auth/session")).status_code == 401
        assert (await site.browser().sign_in(browser.email)).status_code == 401
        assert (await site.browser().sign_in(browser.email, NEW)).status_code == 200

    async def test_a_link_works_once(self, site: Site) -> None:
        _, token = await with_link(site)
        assert await reset(site, token) == 200
        again = await site.browser().post(
            "/api/auth/password/reset", {"token": token, "password": "yet four more words"}
        )
        assert (again.status_code, again.json()["code"]) == (422, "LINK_UNUSABLE")

    async def test_also_when_it_is_opened_twice_at_the_same_time(self, site: Site) -> None:
        _, token = await with_link(site)
        passwords = [f"four other words here {n}" for n in range(4)]
        answers = await asyncio.gather(*(reset(site, token, password) for password in passwords))
        assert sorted(answers) == [200, 422, 422, 422]

    async def test_a_bad_password_does_not_use_it_up(self, site: Site) -> None:
        _, token = await with_link(site)
        assert await reset(site, token, "password1234") == 422
        assert await reset(site, token) == 200

    async def test_for_half_an_hour(self, site: Site) -> None:
        _, token = await with_link(site)
        site.clock.pass_(minutes=31)
        assert await reset(site, token) == 422

    async def test_a_newer_link_voids_it(self, site: Site) -> None:
        browser, first = await with_link(site)
        await forgot(site, browser.email)
        second = await site.token_mailed_to(browser.email, subject="Choose")
        assert await reset(site, first) == 422
        assert await reset(site, second) == 200

    async def test_a_changed_password_voids_it(self, site: Site) -> None:
        browser, token = await with_link(site)
        await browser.post("/api/account/password", {"current": PASSWORD, "new": NEW})
        assert await reset(site, token, "yet four more words") == 422

    async def test_a_token_of_another_purpose_is_none(self, site: Site) -> None:
        browser = await site.signed_up()
        assert await reset(site, await site.token_mailed_to(browser.email, subject="Confirm")) == 422

    async def test_lets_someone_in_again_whom_others_kept_out(self, site: Site) -> None:
        browser, token = await with_link(site)
        await kept_out(site, browser.email)
        here = site.browser()
        assert (await here.sign_in(browser.email)).status_code == 429
        await reset(site, token)
        assert (await here.sign_in(browser.email, NEW)).status_code == 200

    async def test_lets_someone_in_again_who_guessed_too_often(self, site: Site) -> None:
        browser, token = await with_link(site)
        for _ in range(6):
            refused = await browser.sign_in(browser.email, "another password")
        assert refused.status_code == 429
        await browser.post("/api/auth/password/reset", {"token": token, "password": NEW})
        assert (await browser.sign_in(browser.email, NEW)).status_code == 200

    async def test_voids_a_change_of_the_address_that_someone_else_asked_for(self, site: Site) -> None:
        browser, token = await with_link(site)
        await confirm_address(site, browser)
        thief = site.new_email()
        await browser.call("PATCH", "/api/account", {"email": thief})
        change = await site.token_mailed_to(thief)
        assert await reset(site, token) == 200
        answer = await site.browser().post("/api/auth/email/confirm", {"token": change})
        assert (answer.status_code, answer.json()["code"]) == (422, "LINK_UNUSABLE")

    async def test_ends_a_second_factor_step_in_flight(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        """Who knows the old password, and a code, is between the two as the owner chooses another one."""
        owner, app, _ = await with_second_factor(site)
        await confirm_address(site, owner)
        await forgot(site, owner.email)
        token = await site.token_mailed_to(owner.email, subject="Choose")
        thief = await half_signed_in(site, owner.email)
        second_factor = site.admin.people.sign_in._second_factor
        open_now = second_factor.open

        async def meanwhile(user_id: str) -> object:
            """The thief's session was found already; then the reset is done."""
            assert await reset(site, token) == 200
            return await open_now(user_id)

        monkeypatch.setattr(second_factor, "open", meanwhile)
        answer = await enter(thief, code=app.code())
        assert (answer.status_code, answer.json()["code"]) == (401, "SESSION_ENDED")
        assert (await thief.get("/api/account")).status_code == 401

    async def test_proves_the_address(self, site: Site) -> None:
        browser, token = await with_link(site)
        await reset(site, token)
        again = site.browser()
        await again.sign_in(browser.email, NEW)
        assert (await again.get("/api/account")).json()["email_verified"] is True

    async def test_is_audited_without_secrets(self, site: Site) -> None:
        browser, token = await with_link(site)
        user_id = (await browser.get("/api/account")).json()["id"]
        await reset(site, token)
        assert len(await site.audited("user.password_reset_asked", user_id)) == 1
        (entry,) = await site.audited("user.password_changed", user_id)
        dumped = str(await site.query("SELECT * FROM audit_entries")) + str(
            await site.query("SELECT * FROM single_use_tokens")
        )
        assert token not in dumped
        assert NEW not in dumped
        assert entry["tenant_id"] == "platform"

    @pytest.mark.parametrize("token", ["", "short", "x" * 129, "\x00" * 40, "\ud800" * 40, "A" * 43])
    async def test_refuses_what_is_no_token(self, site: Site, token: str) -> None:
        assert await reset(site, token) == 422


class TestAccountOpenedInWait:
    """Someone signed up with an address that is not theirs; its owner asks for a new password."""

    async def test_loses_its_second_factor_identities_and_sessions(self, site: Site) -> None:
        squatter, _, _ = await with_second_factor(site)
        user_id = (await squatter.get("/api/account")).json()["id"]
        await site.query(
            "INSERT INTO identities (issuer, subject, id, user_id, created_at) "
            "VALUES ('https://a.example', $1, $2, $1, now())",
            user_id,
            new_id(IDENTITY),
        )
        await forgot(site, squatter.email)
        assert await reset(site, await site.token_mailed_to(squatter.email, subject="Choose")) == 200
        assert (await squatter.get("/api/auth/session")).status_code == 401
        owner = site.browser()
        assert (await owner.sign_in(squatter.email, NEW)).json()["status"] == "signed_in"
        account = (await owner.get("/api/account")).json()
        assert (account["id"], account["email_verified"], account["totp_enabled"]) == (user_id, True, False)
        assert await site.query("SELECT FROM identities WHERE user_id = $1", user_id) == []
        assert await site.query("SELECT FROM recovery_codes WHERE user_id = $1", user_id) == []

    async def test_loses_the_keys_members_and_invitations_of_its_tenant(self, site: Site) -> None:
        squatter, accomplice = await site.signed_up(), await site.signed_up()
        me, tenant_id = await whoami(squatter)
        await site.admin.people.members.add(tenant_id, (await whoami(accomplice))[0], "owner")
        made = await squatter.post("/api/api-keys", {"name": "a way in", "scopes": ["*"]})
        await squatter.post("/api/invitations", {"email": site.new_email(), "role": "owner"})
        await forgot(site, squatter.email)
        assert await reset(site, await site.token_mailed_to(squatter.email, subject="Choose")) == 200
        headers = {"Authorization": f"Bearer {made.json()['key']}"}
        assert (await site.browser().get("/api/tenant", **headers)).status_code == 401
        members = await site.query("SELECT user_id FROM memberships WHERE tenant_id = $1", tenant_id)
        assert [row["user_id"] for row in members] == [me]
        still_open = "SELECT FROM invitations WHERE tenant_id = $1 AND revoked_at IS NULL"
        assert await site.query(still_open, tenant_id) == []

    async def test_that_was_proved_before_keeps_them(self, site: Site) -> None:
        owner = await site.signed_up()
        await confirm_address(site, owner)
        made = await owner.post("/api/api-keys", {"name": "backend", "scopes": ["*"]})
        await forgot(site, owner.email)
        assert await reset(site, await site.token_mailed_to(owner.email, subject="Choose")) == 200
        headers = {"Authorization": f"Bearer {made.json()['key']}"}
        assert (await site.browser().get("/api/tenant", **headers)).status_code == 200

    async def test_is_not_meant_by_a_link_that_an_operator_hands_over(self, site: Site) -> None:
        owner, _, _ = await with_second_factor(site)
        link = (await site.admin.people.password_reset.link_for(owner.email)).get_secret_value()
        assert await reset(site, link.partition("#token=")[2]) == 200
        assert (await site.browser().sign_in(owner.email, NEW)).json()["status"] == "totp_required"

    async def test_is_never_an_operators(self, site: Site) -> None:
        operator, _, _ = await with_second_factor(site)
        await site.query("UPDATE users SET is_operator = true WHERE email = $1", operator.email)
        await forgot(site, operator.email)
        assert await reset(site, await site.token_mailed_to(operator.email, subject="Choose")) == 200
        assert (await site.browser().sign_in(operator.email, NEW)).json()["status"] == "totp_required"


async def whoami(browser: Browser) -> tuple[str, str]:
    session = (await browser.get("/api/auth/session")).json()
    return session["user"]["id"], session["tenant_id"]
