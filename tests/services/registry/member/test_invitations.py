"""Invitations: who may send which, what a link does, and for whom."""

import asyncio
from typing import Any

import pytest
from tests.services.registry.member.test_members import Team, team
from tests.services.registry.site import PASSWORD, Browser, Site, open_site

from onerouter_local.testing import Cluster
from onerouter_registry.actor import Actor


@pytest.fixture(scope="module")
async def made(site: Site) -> Team:
    return await team(site, "admin", "developer", "viewer")


async def invite(browser: Browser, email: str, role: str = "developer") -> dict[str, Any]:
    answer = await browser.post("/api/invitations", {"email": email, "role": role})
    assert answer.status_code == 200, answer.text
    invitation: dict[str, Any] = answer.json()
    return invitation


async def accept(browser: Browser, token: str, **body: str) -> tuple[int, dict[str, Any]]:
    answer = await browser.post("/api/invitations/accept", {"token": token, **body})
    return answer.status_code, answer.json()


class TestInviting:
    async def test_mails_a_link_and_shows_it_to_nobody_else(self, site: Site, made: Team) -> None:
        email = site.new_email()
        invitation = await invite(made.browsers["admin"], email.upper())
        assert (invitation["email"], invitation["status"], invitation["mailed"]) == (email, "open", True)
        assert invitation["link"] is None
        token = await site.token_mailed_to(email)
        assert token not in str(await site.query("SELECT * FROM invitations"))
        assert token not in (await made.browsers["admin"].get("/api/invitations")).text

    @pytest.mark.parametrize(
        ("acting", "role", "status"),
        [
            ("admin", "owner", 403),
            ("admin", "admin", 200),
            ("owner", "owner", 200),
            ("developer", "viewer", 403),
            ("viewer", "viewer", 403),
        ],
    )
    async def test_nobody_invites_to_more_than_they_may_give(
        self, site: Site, made: Team, acting: str, role: str, status: int
    ) -> None:
        answer = await made.browsers[acting].post("/api/invitations", {"email": site.new_email(), "role": role})
        assert answer.status_code == status

    async def test_a_member_is_a_conflict(self, made: Team) -> None:
        answer = await made.browsers["owner"].post(
            "/api/invitations", {"email": made.browsers["viewer"].email, "role": "admin"}
        )
        assert (answer.status_code, answer.json()["code"]) == (409, "ALREADY_A_MEMBER")

    async def test_the_last_one_to_an_address_counts(self, site: Site, made: Team) -> None:
        email = site.new_email()
        await invite(made.browsers["admin"], email, "admin")
        first = await site.token_mailed_to(email)
        await invite(made.browsers["admin"], email, "viewer")
        second = await site.token_mailed_to(email)
        assert (await accept(site.browser(), first, password=PASSWORD))[1]["code"] == "LINK_UNUSABLE"
        assert (await accept(site.browser(), second, password=PASSWORD))[1]["role"] == "viewer"

    async def test_without_mail_the_link_is_shown_once_and_proves_no_address(self, postgres: Cluster) -> None:
        async with open_site(postgres, mail_api_key=None, mail_from=None) as site:
            owner = await site.signed_up()
            invitation = await invite(owner, site.new_email())
            assert invitation["mailed"] is False
            token = invitation["link"].partition("#token=")[2]
            browser = site.browser()
            assert (await accept(browser, token, password=PASSWORD))[0] == 200
            assert (await browser.get("/api/account")).json()["email_verified"] is False


class TestAccepting:
    async def test_as_someone_new_signs_up_and_in(self, site: Site, made: Team) -> None:
        email, browser = site.new_email(), site.browser()
        await invite(made.browsers["admin"], email)
        status, session = await accept(browser, await site.token_mailed_to(email), password=PASSWORD, name="Grace")
        assert status == 200
        assert (session["user"]["email"], session["user"]["name"]) == (email, "Grace")
        assert (session["tenant_id"], session["role"]) == (made.tenant_id, "developer")
        assert len(session["tenants"]) == 1
        assert (await browser.get("/api/account")).json()["email_verified"] is True
        (entry,) = await site.audited("member.joined", session["user"]["id"])
        assert (entry["tenant_id"], entry["actor_name"]) == (made.tenant_id, email)

    async def test_as_who_is_signed_in_joins_the_tenant(self, site: Site, made: Team) -> None:
        browser = await site.signed_up()
        await invite(made.browsers["admin"], browser.email, "viewer")
        status, session = await accept(browser, await site.token_mailed_to(browser.email, subject="You are"))
        assert status == 200
        assert {tenant["id"]: tenant["role"] for tenant in session["tenants"]}[made.tenant_id] == "viewer"

    async def test_needs_the_csrf_token_of_who_is_signed_in(self, site: Site, made: Team) -> None:
        browser = await site.signed_up()
        await invite(made.browsers["admin"], browser.email, "viewer")
        token = await site.token_mailed_to(browser.email, subject="You are")
        refused = await browser.post("/api/invitations/accept", {"token": token}, X_CSRF_Token="00")
        assert (refused.status_code, refused.json()["code"]) == (403, "CSRF_REFUSED")

    async def test_is_for_nobody_else(self, site: Site, made: Team) -> None:
        email, other = site.new_email(), await site.signed_up()
        await invite(made.browsers["admin"], email)
        token = await site.token_mailed_to(email)
        assert (await accept(other, token))[1]["code"] == "INVITATION_OF_ANOTHER"
        assert (await accept(site.browser(), token))[0] == 401

    async def test_whoever_has_an_account_signs_in_first(self, site: Site, made: Team) -> None:
        browser = await site.signed_up()
        await invite(made.browsers["admin"], browser.email)
        token = await site.token_mailed_to(browser.email, subject="You are")
        status, problem = await accept(site.browser(), token, password="four other words here")
        assert (status, problem["code"]) == (401, "SIGN_IN_FIRST")
        assert (await site.browser().sign_in(browser.email)).status_code == 200

    async def test_works_once_also_at_the_same_time(self, site: Site, made: Team) -> None:
        email = site.new_email()
        await invite(made.browsers["admin"], email)
        token = await site.token_mailed_to(email)
        answers = await asyncio.gather(*(accept(site.browser(), token, password=PASSWORD) for _ in range(4)))
        assert sorted(status for status, _ in answers)[0] == 200
        assert sum(status == 200 for status, _ in answers) == 1
        assert all(status in {200, 401, 409, 422} for status, _ in answers)

    async def test_works_for_seven_days(self, site: Site, made: Team) -> None:
        email = site.new_email()
        await invite(made.browsers["admin"], email)
        token = await site.token_mailed_to(email)
        site.clock.pass_(days=7, seconds=1)
        assert (await accept(site.browser(), token, password=PASSWORD))[1]["code"] == "LINK_UNUSABLE"
        for browser in made.browsers.values():
            await browser.sign_in(browser.email)
            await browser.post("/api/auth/tenant", {"tenant_id": made.tenant_id})

    async def test_not_when_it_was_withdrawn(self, site: Site, made: Team) -> None:
        email = site.new_email()
        invitation = await invite(made.browsers["admin"], email)
        token = await site.token_mailed_to(email)
        revoked = await made.browsers["admin"].call("DELETE", f"/api/invitations/{invitation['id']}")
        assert revoked.json()["status"] == "revoked"
        assert (await accept(site.browser(), token, password=PASSWORD))[1]["code"] == "LINK_UNUSABLE"
        again = await made.browsers["admin"].call("DELETE", f"/api/invitations/{invitation['id']}")
        assert again.status_code == 409

    async def test_not_when_who_invited_was_demoted_or_removed(self, site: Site) -> None:
        for change in ("demote", "remove"):
            staff, email = await team(site, "admin"), site.new_email()
            await invite(staff.browsers["admin"], email, "admin")
            token = await site.token_mailed_to(email)
            await (staff.set_role("owner", "admin", "viewer") if change == "demote" else staff.remove("owner", "admin"))
            assert (await accept(site.browser(), token, password=PASSWORD))[1]["code"] == "LINK_UNUSABLE"

    async def test_not_when_who_invited_was_shut_out(self, site: Site) -> None:
        staff, email = await team(site), site.new_email()
        invitation = await invite(staff.browsers["owner"], email, "owner")
        token = await site.token_mailed_to(email)
        await site.admin.people.users.disable(staff.ids["owner"])
        assert (await accept(site.browser(), token, password=PASSWORD))[1]["code"] == "LINK_UNUSABLE"
        await site.admin.people.users.disable(staff.ids["owner"], disabled=False)
        assert (await accept(site.browser(), token, password=PASSWORD))[1]["code"] == "LINK_UNUSABLE"
        (entry,) = await site.audited("invitation.revoked", invitation["id"])
        assert entry["tenant_id"] == staff.tenant_id

    async def test_not_when_the_operator_who_invited_is_none_any_more(self, site: Site) -> None:
        users, tenant = site.admin.people.users, await site.admin.tenants.create("Acme")
        operator = await users.make_operator((await users.create(site.new_email())).id)
        emails = [site.new_email(), site.new_email()]
        for email in emails:
            await site.admin.people.invitations.invite(
                tenant.id, email, "owner", acting_as=None, by=Actor("operator", operator.id, operator.email)
            )
        first, second = [await site.token_mailed_to(email) for email in emails]
        assert (await accept(site.browser(), first, password=PASSWORD))[0] == 200
        await users.make_operator(operator.id, is_operator=False)
        assert (await accept(site.browser(), second, password=PASSWORD))[1]["code"] == "LINK_UNUSABLE"

    async def test_not_when_who_invited_may_no_longer_even_if_nobody_withdrew_it(self, site: Site) -> None:
        staff, email = await team(site, "admin"), site.new_email()
        await invite(staff.browsers["admin"], email, "admin")
        token = await site.token_mailed_to(email)
        await site.query("UPDATE memberships SET role = 'viewer' WHERE user_id = $1", staff.ids["admin"])
        assert (await accept(site.browser(), token, password=PASSWORD))[1]["code"] == "LINK_UNUSABLE"

    async def test_not_into_a_suspended_tenant(self, site: Site) -> None:
        staff, email = await team(site), site.new_email()
        await invite(staff.browsers["owner"], email)
        await site.admin.tenants.suspend(staff.tenant_id, "unpaid")
        token = await site.token_mailed_to(email)
        assert (await accept(site.browser(), token, password=PASSWORD))[1]["code"] == "TENANT_SUSPENDED"

    @pytest.mark.parametrize(("policy", "status"), [("invited", 200), ("closed", 403)])
    async def test_lets_someone_new_in_as_the_policy_says(self, postgres: Cluster, policy: str, status: int) -> None:
        async with open_site(postgres, sign_up=policy) as site:
            people = site.admin.people
            tenant = await site.admin.tenants.create("Acme")
            owner = site.browser()
            owner.email = site.new_email()
            person = await people.users.create(owner.email, password_hash=people.passwords._hasher.hash(PASSWORD))
            await people.members.add(tenant.id, person.id, "owner")
            await owner.sign_in(owner.email)
            email = site.new_email()
            await invite(owner, email)
            token = await site.token_mailed_to(email)
            assert (await accept(site.browser(), token, password=PASSWORD))[0] == status
            refused = await owner.post("/api/tenants", {"name": "Second"})
            assert (refused.status_code, refused.json()["code"]) == (403, "SIGN_UP_REFUSED")


class TestListing:
    async def test_is_newest_first_in_pages(self, site: Site) -> None:
        staff = await team(site)
        emails = [site.new_email() for _ in range(3)]
        for email in emails:
            await invite(staff.browsers["owner"], email)
        first = (await staff.browsers["owner"].get("/api/invitations?limit=2")).json()
        rest = (await staff.browsers["owner"].get(f"/api/invitations?limit=2&cursor={first['next_cursor']}")).json()
        assert [one["email"] for one in first["data"] + rest["data"]] == emails[::-1]
        assert (first["has_more"], rest["has_more"], rest["next_cursor"]) == (True, False, None)

    async def test_and_withdrawing_find_nothing_of_other_tenants(self, site: Site, made: Team) -> None:
        invitation = await invite(made.browsers["admin"], site.new_email())
        stranger = await site.signed_up()
        assert (await stranger.get("/api/invitations")).json()["data"] == []
        for invitation_id in (invitation["id"], "inv_x", "%00"):
            assert (await stranger.call("DELETE", f"/api/invitations/{invitation_id}")).status_code == 404
