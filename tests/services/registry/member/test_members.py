"""Members of a tenant: who may change whom, and that an owner always remains."""

import asyncio

import pytest
from tests.services.registry.site import Browser, Site

from onerouter_registry.session.model import Role

ROLES: tuple[Role, ...] = ("viewer", "developer", "admin", "owner")


class Team:
    """A tenant with one member of each role and a second owner, each at their browser."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.tenant_id = ""
        self.browsers: dict[str, Browser] = {}
        self.ids: dict[str, str] = {}

    async def join(self, who: str, role: Role) -> Browser:
        browser = await self.site.signed_up()
        me = (await browser.get("/api/auth/session")).json()
        if not self.tenant_id:
            self.tenant_id = me["tenant_id"]
        else:
            await self.site.admin.people.members.add(self.tenant_id, me["user"]["id"], role)
            await browser.post("/api/auth/tenant", {"tenant_id": self.tenant_id})
        self.browsers[who], self.ids[who] = browser, me["user"]["id"]
        return browser

    async def set_role(self, acting: str, who: str, role: str) -> int:
        return (await self.browsers[acting].call("PATCH", f"/api/members/{self.ids[who]}", {"role": role})).status_code

    async def remove(self, acting: str, who: str) -> int:
        return (await self.browsers[acting].call("DELETE", f"/api/members/{self.ids[who]}")).status_code

    async def roles(self) -> dict[str, str]:
        rows = await self.site.query("SELECT user_id, role FROM memberships WHERE tenant_id = $1", self.tenant_id)
        of = {row["user_id"]: row["role"] for row in rows}
        return {who: of[user_id] for who, user_id in self.ids.items() if user_id in of}


async def team(site: Site, *roles: Role) -> Team:
    """The first one is an owner, `owner`; the others are named by their roles."""
    made = Team(site)
    await made.join("owner", "owner")
    for role in roles:
        await made.join(role if role != "owner" else "second", role)
    return made


@pytest.fixture(scope="module")
async def everyone(site: Site) -> Team:
    return await team(site, "owner", "admin", "developer", "viewer")


@pytest.fixture(scope="module")
async def coming_and_going(site: Site) -> Team:
    """One of each role stays."""
    return await team(site, "admin", "developer", "viewer")


class TestListing:
    async def test_every_role_sees_all_in_pages(self, everyone: Team) -> None:
        for browser in everyone.browsers.values():
            seen, cursor = [], ""
            while True:
                page = (await browser.get(f"/api/members?limit=2{cursor}")).json()
                seen += page["data"]
                if not page["has_more"]:
                    break
                cursor = f"&cursor={page['next_cursor']}"
            assert {member["user_id"]: member["role"] for member in seen} == {
                user_id: "owner" if who == "second" else who for who, user_id in everyone.ids.items()
            }

    async def test_of_another_tenant_nobody_is_seen(self, site: Site, everyone: Team) -> None:
        stranger = await site.signed_up()
        listed = (await stranger.get("/api/members")).json()["data"]
        assert [member["email"] for member in listed] == [stranger.email]
        refused = await stranger.get("/api/members", X_OneRouter_Tenant=everyone.tenant_id)
        assert refused.status_code == 403

    @pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "cursor=usr_x", "cursor=%00"])
    async def test_refuses_what_is_no_page(self, everyone: Team, query: str) -> None:
        assert (await everyone.browsers["owner"].get(f"/api/members?{query}")).status_code == 422


class TestMatrix:
    """Who may make whom what; 403 leaves everything as it was."""

    @pytest.mark.parametrize("acting", ROLES)
    @pytest.mark.parametrize("before", ROLES)
    @pytest.mark.parametrize("after", ROLES)
    async def test_changing_a_role(self, site: Site, everyone: Team, acting: Role, before: Role, after: Role) -> None:
        if "target" not in everyone.ids:
            await everyone.join("target", before)
        await site.query(
            "UPDATE memberships SET role = $1 WHERE tenant_id = $2 AND user_id = $3",
            before,
            everyone.tenant_id,
            everyone.ids["target"],
        )
        allowed = acting == "owner" or (acting == "admin" and "owner" not in (before, after))
        assert await everyone.set_role(acting, "target", after) == (200 if allowed else 403)
        assert (await everyone.roles())["target"] == (after if allowed else before)

    @pytest.mark.parametrize("acting", ROLES)
    @pytest.mark.parametrize("who", ROLES)
    async def test_removing(self, coming_and_going: Team, acting: Role, who: Role) -> None:
        await coming_and_going.join("target", who)
        allowed = acting == "owner" or (acting == "admin" and who != "owner")
        assert await coming_and_going.remove(acting, "target") == (200 if allowed else 403)
        assert ("target" in await coming_and_going.roles()) is not allowed

    @pytest.mark.parametrize("acting", ["viewer", "developer", "admin"])
    async def test_nobody_raises_themselves(self, everyone: Team, acting: str) -> None:
        assert await everyone.set_role(acting, acting, "owner") == 403
        assert (await everyone.roles())[acting] == acting

    @pytest.mark.parametrize("role", ["viewer", "developer"])
    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "/api/invitations", {"email": "x@example.com", "role": "viewer"}),
            ("PATCH", "/api/tenant", {"name": "Mine"}),
            ("POST", "/api/tenant/delete", {"confirm": "Acme"}),
        ],
    )
    async def test_who_only_reads_changes_nothing(
        self, everyone: Team, role: str, method: str, path: str, body: dict[str, str]
    ) -> None:
        assert (await everyone.browsers[role].call(method, path, body)).status_code == 403


class TestLastOwner:
    async def test_cannot_leave_nor_be_demoted(self, site: Site) -> None:
        made = await team(site, "admin")
        left = await made.browsers["owner"].call("DELETE", f"/api/members/{made.ids['owner']}")
        assert (left.status_code, left.json()["code"]) == (409, "LAST_OWNER")
        assert await made.set_role("owner", "owner", "admin") == 409
        assert await made.set_role("owner", "admin", "owner") == 200
        assert await made.remove("owner", "owner") == 200

    async def test_of_two_who_demote_each_other_one_remains(self, site: Site) -> None:
        for _ in range(5):
            made = await team(site, "owner")
            answers = await asyncio.gather(
                made.set_role("owner", "second", "viewer"), made.set_role("second", "owner", "viewer")
            )
            assert sorted(answers) in ([200, 403], [200, 409])
            assert sorted((await made.roles()).values()) == ["owner", "viewer"]

    async def test_of_two_who_leave_one_remains(self, site: Site) -> None:
        for _ in range(5):
            made = await team(site, "owner")
            answers = await asyncio.gather(made.remove("owner", "owner"), made.remove("second", "second"))
            assert sorted(answers) == [200, 409]
            assert list((await made.roles()).values()) == ["owner"]

    async def test_an_owner_who_is_shut_out_does_not_count(self, site: Site) -> None:
        made = await team(site, "owner")
        await site.admin.people.users.disable(made.ids["second"])
        assert await made.remove("owner", "owner") == 409


class TestLeaving:
    @pytest.mark.parametrize("role", ["viewer", "developer", "admin"])
    async def test_everyone_may_and_sees_nothing_afterwards(self, site: Site, role: Role) -> None:
        made = await team(site, role)
        browser = made.browsers[role]
        assert await made.remove(role, role) == 200
        assert (await browser.get("/api/members")).status_code == 403
        session = (await browser.get("/api/auth/session")).json()
        assert made.tenant_id not in {tenant["id"] for tenant in session["tenants"]}

    async def test_who_was_removed_has_no_access_with_the_next_request(self, site: Site) -> None:
        made = await team(site, "admin")
        await made.remove("owner", "admin")
        assert await made.set_role("admin", "owner", "viewer") == 403


class TestUnknown:
    @pytest.mark.parametrize(
        "user_id", ["usr_x", "%00", "key_01k9zq3v9yf7w8r2m4t6x8z0bc", "usr_01k9zq3v9yf7w8r2m4t6x8z0bc"]
    )
    async def test_members_are_not_found(self, everyone: Team, user_id: str) -> None:
        owner = everyone.browsers["owner"]
        assert (await owner.call("PATCH", f"/api/members/{user_id}", {"role": "viewer"})).status_code == 404
        assert (await owner.call("DELETE", f"/api/members/{user_id}")).status_code == 404

    async def test_so_are_those_of_other_tenants(self, site: Site, everyone: Team) -> None:
        stranger = await site.signed_up()
        theirs = (await stranger.get("/api/account")).json()["id"]
        assert (
            await everyone.browsers["owner"].call("PATCH", f"/api/members/{theirs}", {"role": "viewer"})
        ).status_code == 404

    async def test_an_api_key_reads_members_and_changes_none(self, site: Site, everyone: Team) -> None:
        created = await site.admin.api_keys.create(everyone.tenant_id, "test", name="backend")
        program = site.browser()
        key = created.key.get_secret_value()
        assert (await program.get("/api/members", X_API_Key=key)).status_code == 200
        for method in ("PATCH", "DELETE"):
            answer = await program.call(
                method, f"/api/members/{everyone.ids['viewer']}", {"role": "admin"}, X_API_Key=key
            )
            assert answer.status_code == 403


class TestAudit:
    async def test_says_who_changed_whom_from_what_to_what(self, site: Site) -> None:
        made = await team(site, "viewer")
        await made.set_role("owner", "viewer", "admin")
        await made.remove("owner", "viewer")
        (changed,) = await site.audited("member.role_changed", made.ids["viewer"])
        assert (changed["tenant_id"], changed["actor_id"]) == (made.tenant_id, made.ids["owner"])
        assert (changed["before"], changed["after"]) == ('{"role": "viewer"}', '{"role": "admin"}')
        assert len(await site.audited("member.removed", made.ids["viewer"])) == 1


class TestAnotherTenant:
    async def test_is_owned_by_who_makes_it_and_worked_on_when_chosen(self, site: Site) -> None:
        browser = await site.signed_up()
        made = (await browser.post("/api/tenants", {"name": "Second"})).json()
        assert (made["name"], made["role"]) == ("Second", "owner")
        assert (await browser.get("/api/tenant")).json()["name"] == "Acme"
        once = await browser.get("/api/tenant", X_OneRouter_Tenant=made["id"])
        assert once.json()["name"] == "Second"
        chosen = (await browser.post("/api/auth/tenant", {"tenant_id": made["id"]})).json()
        assert (chosen["tenant_id"], chosen["role"]) == (made["id"], "owner")
        assert (await browser.get("/api/tenant")).json()["name"] == "Second"

    async def test_of_others_cannot_be_chosen(self, site: Site, everyone: Team) -> None:
        stranger = await site.signed_up()
        for tenant_id in (everyone.tenant_id, "ten_x", "\x00"):
            answer = await stranger.post("/api/auth/tenant", {"tenant_id": tenant_id})
            assert answer.status_code == 404
