"""Subscriptions: what they are made of is looked up before anything is written down."""

from typing import Any
from uuid import uuid4

import pytest

ASKED = {"name": "Pro", "amount_minor": 49_900, "currency": "INR", "interval": "month", "trial_days": 7}
SUBSCRIPTIONS = "/v1/subscriptions"


class TestCreate:
    async def test_it_lives_where_its_plan_is(self, shop: Any) -> None:
        plan = shop.has("plan", asked=ASKED, connection_id="con_7")
        customer = shop.has("customer", name="Asha", email="a@example.com", phone=None, connection_id="con_7")
        body = {"plan_id": plan, "customer_id": customer, "total_count": 12, "start_date": 1_900_000_000}
        command = await shop.command("POST", SUBSCRIPTIONS, body)
        assert command.operation == "subscription.create"
        assert command.ordering_key == command.resource_id
        payload = command.payload
        assert (payload["plan_id"], payload["provider_plan_id"]) == (plan, "plan_at_provider")
        assert (payload["customer_id"], payload["provider_customer_id"]) == (customer, "customer_at_provider")
        assert payload["customer"] == {"name": "Asha", "email": "a@example.com"}
        assert (payload["connection_id"], payload["plan"]["amount_minor"]) == ("con_7", 49_900)
        assert (payload["start_at"], payload["total_count"], payload["quantity"]) == ("2030-03-17T17:46:40.000Z", 12, 1)

    async def test_a_plan_made_at_the_provider_needs_no_plan_of_ours(self, shop: Any) -> None:
        command = await shop.command("POST", SUBSCRIPTIONS, {"plan_id": "plan_MadeThere", "provider": "razorpay"})
        assert (command.payload["provider_plan_id"], command.payload["provider"]) == ("plan_MadeThere", "razorpay")
        assert not {"plan_id", "plan", "connection_id"} & set(command.payload)

    @pytest.mark.parametrize("path", [SUBSCRIPTIONS, "/v1/subscriptions/create"])
    async def test_one_start_has_one_fingerprint(self, shop: Any, path: str) -> None:
        plan = shop.has("plan", asked=ASKED)
        starts = ["2030-03-17T17:46:40Z", "2030-03-17T23:16:40+05:30", 1_900_000_000, "1900000000", 1.9e9]
        commands = [await shop.command("POST", path, {"plan_id": plan, "start_date": start}) for start in starts]
        assert len({command.fingerprint for command in commands}) == 1
        assert {command.payload["start_at"] for command in commands} == {"2030-03-17T17:46:40.000Z"}

    @pytest.mark.parametrize(
        "start",
        [
            "2030-03-17",
            "2030-03-17T17:46:40",
            "tomorrow",
            "",
            0,
            -1,
            1.5,
            True,
            [],
            10**13,
            10**60,
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
            "0001-01-01T00:00:00Z",
        ],
    )
    async def test_a_start_that_is_no_moment_is_named(self, shop: Any, start: Any) -> None:
        body = {"plan_id": shop.has("plan", asked=ASKED), "start_date": start}
        assert await shop.names("POST", SUBSCRIPTIONS, body) == "start_date"

    @pytest.mark.parametrize(
        ("said", "field"),
        [
            ({"plan_id": None}, "plan_id"),
            ({"plan_id": ""}, "plan_id"),
            ({"plan_id": "../../plans"}, "plan_id"),
            ({"plan_id": "\U0001f642"}, "plan_id"),
            ({"plan_id": "plan_01k9zq3v7m8e5t2r4w6y8a0c1d"}, "plan_id"),
            ({"customer_id": "cus_01k9zq3v7m8e5t2r4w6y8a0c1d"}, "customer_id"),
            ({"customer_id": "cus_theirs"}, "customer_id"),
            ({"customer_id": "a/b"}, "customer_id"),
            ({"total_count": 0}, "total_count"),
            ({"total_count": 10**50}, "total_count"),
            ({"quantity": 0}, "quantity"),
            ({"trial_days": 9_999}, "trial_days"),
            ({"customer": {"email": "x"}}, "customer.email"),
            ({"return_url": "javascript:alert(1)"}, "return_url"),
            ({"customer_notify": "perhaps"}, "customer_notify"),
        ],
    )
    async def test_what_is_wrong_is_named(self, shop: Any, said: dict[str, Any], field: str) -> None:
        body = {"plan_id": shop.has("plan", asked=ASKED), **said}
        assert (
            await shop.names("POST", SUBSCRIPTIONS, {name: it for name, it in body.items() if it is not None}) == field
        )

    async def test_what_does_not_belong_together_is_named(self, world: Any, shop: Any) -> None:
        plan = shop.has("plan", asked=ASKED)
        theirs = shop.has("plan", asked=ASKED, tenant_id=world.tenant().id)
        live = shop.has("plan", asked=ASKED, environment="live")
        failed = shop.has("plan", asked=ASKED, status="failed", provider_plan_id=None)
        elsewhere = shop.has("customer", name=None, email="e@example.com", phone=None, connection_id="con_2")
        unmade = shop.has("customer", provider_customer_id=None, status="failed")
        assert await shop.names("POST", SUBSCRIPTIONS, {"plan_id": theirs}) == "plan_id"
        assert await shop.names("POST", SUBSCRIPTIONS, {"plan_id": live}) == "plan_id"
        assert await shop.names("POST", SUBSCRIPTIONS, {"plan_id": failed}) == "plan_id"
        assert await shop.names("POST", SUBSCRIPTIONS, {"plan_id": plan, "customer_id": elsewhere}) == "customer_id"
        assert await shop.names("POST", SUBSCRIPTIONS, {"plan_id": plan, "customer_id": unmade}) == "customer_id"
        at_stripe = shop.has("plan", asked=ASKED, provider="stripe")
        body = {"plan_id": at_stripe, "provider": "razorpay"}
        assert await shop.names("POST", SUBSCRIPTIONS, body) == "provider"


class TestChange:
    @pytest.mark.parametrize(
        ("verb", "body", "payload"),
        [
            ("cancel", None, {"at_cycle_end": False}),
            ("cancel", {"cancel_at_cycle_end": True, "reason": "gone"}, {"at_cycle_end": True, "reason": "gone"}),
            ("pause", {"pause_at": "Cycle_End"}, {"at_cycle_end": True}),
            ("pause", {}, {"at_cycle_end": False}),
            ("resume", None, {}),
            ("change_plan", {"new_plan_id": "plan_There"}, {"provider_plan_id": "plan_There", "prorate": True}),
        ],
    )
    async def test_a_change_reaches_the_log(
        self, shop: Any, verb: str, body: dict[str, Any] | None, payload: dict[str, Any]
    ) -> None:
        id_ = shop.has("subscription")
        command = await shop.command("POST", f"{SUBSCRIPTIONS}/{id_}/{verb}", body)
        assert (command.operation, command.resource_id, command.ordering_key) == (f"subscription.{verb}", id_, id_)
        assert command.payload == {"subscription_id": id_, **payload}

    async def test_the_providers_id_and_ours_are_one_request(self, world: Any, shop: Any) -> None:
        id_ = shop.has("subscription")
        world.services.resources["sub_AtProvider"] = world.services.resources[id_]
        commands = [
            await shop.command("POST", f"{SUBSCRIPTIONS}/{name}/cancel", {}) for name in (id_, "sub_AtProvider")
        ]
        assert len({command.fingerprint for command in commands}) == 1
        assert {command.resource_id for command in commands} == {id_}

    async def test_a_plan_of_another_account_is_a_conflict(self, shop: Any) -> None:
        id_, plan = shop.has("subscription"), shop.has("plan", asked=ASKED, connection_id="con_2")
        await shop.refused("POST", f"{SUBSCRIPTIONS}/{id_}/change_plan", {"new_plan_id": plan}, status=409)

    @pytest.mark.parametrize(
        ("verb", "body", "field"),
        [
            ("cancel", {"cancel_at_cycle_end": "maybe"}, "cancel_at_cycle_end"),
            ("cancel", {"reason": "r" * 129}, "reason"),
            ("pause", {"pause_at": "noon"}, "pause_at"),
            ("pause", {"pause_at": None}, "pause_at"),
            ("change_plan", {}, "new_plan_id"),
            ("change_plan", {"new_plan_id": "plan_01k9zq3v7m8e5t2r4w6y8a0c1d"}, "new_plan_id"),
            ("change_plan", {"new_plan_id": "a b"}, "new_plan_id"),
            ("change_plan", {"new_plan_id": "plan_There", "quantity": 0}, "quantity"),
        ],
    )
    async def test_what_is_wrong_is_named(self, shop: Any, verb: str, body: dict[str, Any], field: str) -> None:
        id_ = shop.has("subscription")
        assert await shop.names("POST", f"{SUBSCRIPTIONS}/{id_}/{verb}", body) == field

    async def test_nobody_elses_is_changed(self, world: Any, shop: Any) -> None:
        theirs = shop.has("subscription", tenant_id=world.tenant().id)
        for verb in ("cancel", "pause", "resume", "change_plan"):
            body = {"new_plan_id": "plan_There"}
            await shop.refused("POST", f"{SUBSCRIPTIONS}/{theirs}/{verb}", body, status=404)


class TestRepeat:
    """Under the same key: what it was, whatever became of its plan since."""

    @pytest.mark.parametrize("verb", ["create", "change_plan"])
    async def test_it_is_answered_before_the_plan_is_looked_at(self, world: Any, shop: Any, verb: str) -> None:
        plan, key = shop.has("plan", asked=ASKED), str(uuid4())
        path, body = SUBSCRIPTIONS, {"plan_id": plan}
        if verb == "change_plan":
            path, body = f"{SUBSCRIPTIONS}/{shop.has('subscription')}/change_plan", {"new_plan_id": plan}
        first = await shop.ask("POST", path, body, idempotency_key=key)
        assert first.is_success, first.text
        command = shop.command_of(first.headers["x-onerouter-operation-id"])
        world.services.operations[command.operation_id] = shop.tenant.operation(
            command, state="succeeded", result=first.json(), made_by="cmd_first"
        )
        del world.services.resources[plan]
        again = await shop.ask("POST", path, body, idempotency_key=key)
        assert (again.is_success, again.headers["idempotency-replayed"]) == (True, "true"), again.text
        assert again.json() == first.json()
        other = {name: shop.has("plan", asked=ASKED) for name in body}
        refused = await shop.ask("POST", path, other, idempotency_key=key)
        assert (refused.status_code, refused.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
