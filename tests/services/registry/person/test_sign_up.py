"""Signing up: a person, a tenant, a session; who may, and what an address that is taken answers."""

import pytest
from tests.services.registry.site import PASSWORD, Site, open_site

from onerouter_common.settings import Mode
from onerouter_local.testing import Cluster


def body(site: Site, **changes: object) -> dict[str, object]:
    return {"email": site.new_email(), "password": PASSWORD, **changes}


class TestSigningUp:
    async def test_opens_a_session_on_a_tenant_that_one_owns(self, site: Site) -> None:
        browser = site.browser()
        answer = await browser.post(
            "/api/auth/sign-up", body(site, email=" Ada.New@EXAMPLE.com ", name="Ada", tenant_name="Analytical Engines")
        )
        assert answer.status_code == 200
        session = answer.json()
        assert session["status"] == "signed_in"
        assert session["user"]["email"] == "ada.new@example.com"
        assert session["user"]["is_operator"] is False
        assert session["role"] == "owner"
        assert session["tenants"] == [
            {"id": session["tenant_id"], "name": "Analytical Engines", "status": "active", "role": "owner"}
        ]
        assert (await browser.get("/api/auth/session")).json() == session
        (tenant,) = await site.query("SELECT plan FROM tenants WHERE id = $1", session["tenant_id"])
        assert tenant["plan"] == "starter"

    async def test_stores_no_password(self, site: Site) -> None:
        browser = await site.signed_up()
        (row,) = await site.query("SELECT password_hash FROM users WHERE email = $1", browser.email)
        assert row["password_hash"].startswith("$argon2id$")

    async def test_is_audited_with_who_and_where_from(self, site: Site) -> None:
        browser = await site.signed_up()
        me = (await browser.get("/api/auth/session")).json()
        (created,) = await site.audited("user.created", me["user"]["id"])
        assert (created["tenant_id"], created["actor_id"], created["ip"]) == ("platform", me["user"]["id"], browser.ip)
        (founded,) = await site.audited("tenant.created", me["tenant_id"])
        assert (founded["tenant_id"], founded["actor_id"]) == (me["tenant_id"], me["user"]["id"])
        assert len([e for e in await site.audited("session.opened") if e["actor_id"] == me["user"]["id"]]) == 1

    async def test_of_a_known_address_is_a_conflict_and_no_session(self, site: Site) -> None:
        known = await site.signed_up()
        browser = site.browser()
        answer = await browser.post("/api/auth/sign-up", body(site, email=known.email.upper()))
        assert (answer.status_code, answer.json()["code"]) == (409, "EMAIL_TAKEN")
        assert browser.token is None

    async def test_counts_every_try_of_an_address(self, site: Site) -> None:
        known, browser = await site.signed_up(), site.browser()
        answers = [
            (await browser.post("/api/auth/sign-up", body(site, email=known.email))).status_code for _ in range(21)
        ]
        assert answers == [409] * 20 + [429]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("email", "not an address"),
            ("email", "nul\x00@example.com"),
            ("email", "ada@exam\ud800ple.com"),
            ("email", "adä@example.com"),
            ("password", "too short"),
            ("password", "x" * 257),
            ("password", "password1234"),
            ("password", "qwertyuiop[]"),
            ("password", "aaaaaaaaaaaaaaaa"),
            ("password", "Welcome2026!!"),
            ("password", "\ud800" * 12),
            ("name", "nul\x00"),
            ("tenant_name", "  "),
            ("is_operator", True),
        ],
    )
    async def test_refuses_and_names_what_is_wrong(self, site: Site, field: str, value: object) -> None:
        answer = await site.browser().post("/api/auth/sign-up", body(site, **{field: value}))
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == field

    async def test_refuses_a_password_made_of_the_address(self, site: Site) -> None:
        answer = await site.browser().post(
            "/api/auth/sign-up", body(site, email="grace.hopper@example.com", password="Grace.Hopper1906!")
        )
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "password")

    async def test_asks_to_confirm_the_address(self, site: Site) -> None:
        browser = await site.signed_up()
        assert (await browser.get("/api/account")).json()["email_verified"] is False
        token = await site.token_mailed_to(browser.email)
        assert (await site.browser().post("/api/auth/email/confirm", {"token": token})).status_code == 200
        assert (await browser.get("/api/account")).json()["email_verified"] is True


class TestPolicy:
    @pytest.mark.parametrize("policy", ["invited", "closed"])
    async def test_lets_nobody_in_unasked(self, postgres: Cluster, policy: str) -> None:
        async with open_site(postgres, sign_up=policy) as site:
            answer = await site.browser().post("/api/auth/sign-up", body(site))
            assert (answer.status_code, answer.json()["code"]) == (403, "SIGN_UP_REFUSED")
            assert (await site.browser().get("/api/auth/methods")).json()["sign_up"] == policy

    async def test_is_by_invitation_unless_it_is_said(self, postgres: Cluster) -> None:
        async with open_site(postgres, sign_up=None) as site:
            assert (await site.browser().get("/api/auth/methods")).json()["sign_up"] == "invited"

    async def test_in_local_mode_anyone_may_and_the_first_operates(self, postgres: Cluster) -> None:
        async with open_site(postgres, sign_up=None, mode=Mode.LOCAL) as site:
            first = await site.browser().post("/api/auth/sign-up", body(site))
            second = await site.browser().post("/api/auth/sign-up", body(site))
        assert first.json()["user"]["is_operator"] is True
        assert second.json()["user"]["is_operator"] is False
