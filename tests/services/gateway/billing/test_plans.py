"""Plans and customers: from what is written to the command on the log."""

from typing import Any

import pytest

PLAN = {"name": "Pro", "amount": "499.00", "currency": "INR", "interval": "month"}


class TestPlans:
    async def test_a_plan_reaches_the_log(self, shop: Any) -> None:
        command = await shop.command(
            "POST", "/v1/plans", {**PLAN, "trial_days": 14, "interval_count": 3, "notes": {"n": 1}, "unheard_of": 1}
        )
        assert command.operation == "plan.create"
        assert command.ordering_key == command.resource_id
        assert command.resource_id.startswith("plan_")
        assert command.payload == {
            "name": "Pro",
            "amount_minor": 49_900,
            "currency": "INR",
            "interval": "month",
            "interval_count": 3,
            "trial_days": 14,
            "notes": {"n": "1"},
            "metadata": {},
        }

    async def test_one_plan_has_one_fingerprint(self, shop: Any) -> None:
        spellings: list[Any] = [
            PLAN,
            {**PLAN, "amount": 499, "interval_count": 1},
            b'{"name": " Pro ", "amount": 499.0, "currency": "INR", "period": "Monthly"}',
            b'{"name": "Pro", "amount": 4.99e2, "currency": "INR", "interval": "month", "trial_days": 0}',
        ]
        prints = {(await shop.command("POST", "/v1/plans", body)).fingerprint for body in spellings}
        assert len(prints) == 1
        assert (await shop.command("POST", "/v1/plans", {**PLAN, "amount": 500})).fingerprint not in prints

    async def test_the_currency_is_the_keys_unless_said(self, world: Any, shop: Any) -> None:
        command = await shop.command("POST", "/v1/plans", {**PLAN, "currency": None})
        assert command.payload["currency"] == "INR"

    @pytest.mark.parametrize(
        ("said", "field"),
        [
            ({"name": None}, "name"),
            ({"name": " "}, "name"),
            ({"name": "x" * 128}, "name"),
            ({"amount": 0}, "amount"),
            ({"amount": "1.005"}, "amount"),
            ({"amount": 10**60}, "amount"),
            ({"currency": "XXQ"}, "currency"),
            ({"interval": "fortnight"}, "interval"),
            ({"interval": ["month"]}, "interval"),
            ({"interval": 7}, "interval"),
            ({"interval_count": 0}, "interval_count"),
            ({"interval_count": 10**40}, "interval_count"),
            ({"interval_count": 1.5}, "interval_count"),
            ({"trial_days": -1}, "trial_days"),
            ({"trial_days": 731}, "trial_days"),
            ({"description": "d" * 251}, "description"),
            ({"metadata": {"a": []}}, "metadata"),
            ({"provider": "moneybags"}, "provider"),
            ({"description": "a\0b"}, "description"),
            ({"name": "\ud800"}, "name"),
        ],
    )
    async def test_what_is_wrong_is_named(self, shop: Any, said: dict[str, Any], field: str) -> None:
        body = {name: value for name, value in {**PLAN, **said}.items() if value is not None}
        assert await shop.names("POST", "/v1/plans", body) == field

    async def test_what_is_not_connected_is_said(self, shop: Any) -> None:
        answer = await shop.ask("POST", "/v1/plans", {**PLAN, "provider": "stripe"})
        assert (answer.status_code, answer.json()["code"]) == (422, "SERVICE_NOT_CONFIGURED")


class TestCustomers:
    async def test_a_customer_reaches_the_log(self, shop: Any) -> None:
        command = await shop.command("POST", "/v1/customers", {"email": "asha@example.com", "name": "अशा 🙂\u2028"})
        assert (command.operation, command.resource_id[:4]) == ("customer.create", "cus_")
        assert command.payload == {
            "name": "अशा 🙂",
            "email": "asha@example.com",
            "notes": {},
            "metadata": {},
        }

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "email"),
            ({"name": "  "}, "email"),
            ({"email": "nobody"}, "email"),
            ({"phone": "1" * 33}, "phone"),
            ({"name": "x" * 256}, "name"),
            ({"name": {"first": "Asha"}}, "name"),
        ],
    )
    async def test_what_is_wrong_is_named(self, shop: Any, body: dict[str, Any], field: str) -> None:
        assert await shop.names("POST", "/v1/customers", body) == field


class TestReads:
    @pytest.mark.parametrize(
        ("path", "kind"),
        [
            ("plans", "plan"),
            ("customers", "customer"),
            ("subscriptions", "subscription"),
            ("payment-links", "payment_link"),
            ("payment-methods", "payment_method"),
            ("marketplace/vendors", "vendor"),
        ],
    )
    async def test_they_ask_for_this_tenants_own(self, world: Any, shop: Any, path: str, kind: str) -> None:
        id_ = shop.has(kind)
        answer = await shop.ask("GET", f"/v1/{path}/{id_}")
        assert (answer.status_code, answer.json()["id"]) == (200, id_)
        assert world.services.asked[-1] == (f"/internal/resources/{kind}/{id_}", shop.tenant.id, "test", "")
        assert (await shop.ask("GET", f"/v1/{path}/{id_}", auth=world.tenant().auth)).status_code == 404
        page = await shop.ask("GET", f"/v1/{path}?limit=1&status=active")
        assert page.status_code == 200
        assert world.services.asked[-1][0] == f"/internal/resources/{kind}"
        assert "limit=1" in world.services.asked[-1][3]

    @pytest.mark.parametrize("id_", ["..", "%2e%2e", "a%2Fb", "a%00b", "a%0Ab", "%F0%9F%99%82", "x" * 129, "a%20b"])
    async def test_what_is_no_id_is_not_asked_for(self, world: Any, shop: Any, id_: str) -> None:
        asked = len(world.services.asked)
        for path in ("plans", "customers", "subscriptions", "payment-links", "payment-methods", "marketplace/vendors"):
            assert (await shop.ask("GET", f"/v1/{path}/{id_}")).status_code == 404
        assert len(world.services.asked) == asked
