"""Split payments: one, several, and what they brought."""

import asyncio
import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import httpx
import pytest

from onerouter_common.contracts.replies import Reply

SPLIT = "/v1/marketplace/payments/split"
BULK = "/v1/marketplace/payments/bulk-split"


def a_split(vendor: str, amount: Any = "1000.00", part: Any = "900.00", fee: Any = "100.00") -> dict[str, Any]:
    return {
        "amount": amount,
        "currency": "INR",
        "splits": [{"account_id": vendor, "amount": part}, {"amount": fee, "type": "FEE"}],
    }


def a_vendor(shop: Any, **fields: Any) -> str:
    vendor: str = shop.has("vendor", account_id="acc_1", **fields)
    return vendor


class TestOne:
    async def test_it_reaches_the_log_as_a_payment(self, shop: Any) -> None:
        vendor = a_vendor(shop, connection_id="con_5")
        command = await shop.command("POST", SPLIT, a_split(vendor))
        assert (command.operation, command.resource_id[:4]) == ("payment.create", "pay_")
        assert command.ordering_key == command.resource_id
        assert (command.payload["amount_minor"], command.payload["connection_id"]) == (100_000, "con_5")
        assert command.payload["split"] == [
            {"type": "vendor", "amount_minor": 90_000, "vendor_id": vendor, "account_id": "acc_1"},
            {"type": "fee", "amount_minor": 10_000},
        ]

    async def test_one_split_has_one_fingerprint(self, shop: Any) -> None:
        vendor = a_vendor(shop)
        spellings: list[Any] = [
            a_split(vendor),
            a_split(vendor, 1000, 900, 100),
            f'{{"amount": 1e3, "currency": "INR", "splits": [{{"account_id": "{vendor}", "amount": 900.0, '
            f'"type": "Vendor"}}, {{"type": "fee", "amount": 1.0e2}}]}}'.encode(),
        ]
        prints = {(await shop.command("POST", SPLIT, body)).fingerprint for body in spellings}
        assert len(prints) == 1
        other = await shop.command("POST", SPLIT, a_split(vendor, 1000, 901, 99))
        assert other.fingerprint not in prints

    async def test_parts_come_from_what_is_usual(self, shop: Any) -> None:
        vendor = a_vendor(shop, split_config={"percent": "33.333", "fixed_minor": 5, "currency": "INR"})
        body = {"amount": 10, "currency": "INR", "splits": [{"account_id": vendor}, {"type": "tax", "amount": "6.62"}]}
        command = await shop.command("POST", SPLIT, body)
        assert [part["amount_minor"] for part in command.payload["split"]] == [338, 662]

    async def test_the_answer_has_its_parts_even_when_they_cannot_be_read(self, world: Any, shop: Any) -> None:
        vendor = a_vendor(shop)
        answer = (await shop.ask("POST", SPLIT, a_split(vendor))).json()
        assert answer["object"] == "split_payment"
        assert [(part["account_id"], part["amount"], part["status"]) for part in answer["splits"]] == [
            (vendor, 900.0, None),
            (None, 100.0, None),
        ]
        key = str(uuid4())
        first = (await shop.ask("POST", SPLIT, a_split(vendor), idempotency_key=key)).json()
        world.services.splits[first["id"]] = {"id": first["id"], "object": "split_payment", "splits": [{"status": "x"}]}
        again = await shop.ask("POST", SPLIT, a_split(vendor), idempotency_key=key)
        assert again.headers["idempotency-replayed"] == "true"
        assert again.json()["splits"] == [{"status": "x"}]
        assert int(again.headers["content-length"]) == len(again.content)

    @pytest.mark.parametrize(
        ("said", "field"),
        [
            ({"splits": []}, "splits"),
            ({"splits": None}, "splits"),
            ({"splits": [{"type": "fee", "amount": 1}] * 21}, "splits"),
            ({"splits": [{"type": "fee", "amount": "999.99"}]}, "splits"),
            ({"splits": [{"type": "fee", "amount": 999_999_999_999}] * 20}, "splits"),
            ({"splits": [{"type": "fee", "amount": 10**60}]}, "splits.0.amount"),
            ({"splits": [{"type": "fee"}]}, "splits.0.amount"),
            ({"splits": [{"type": "fee", "amount": 0}]}, "splits.0.amount"),
            ({"splits": [{"type": "fee", "amount": "1.005"}]}, "splits.0.amount"),
            ({"splits": [{"type": "tip", "amount": 1}]}, "splits.0.type"),
            ({"splits": [{"amount": 1000}]}, "splits.0.account_id"),
            ({"splits": [{"amount": 1000, "account_id": "ven_none"}]}, "splits.0.account_id"),
            ({"splits": [{"amount": 1000, "account_id": "../vendors"}]}, "splits.0.account_id"),
            ({"splits": ["all"]}, "splits.0"),
            ({"amount": None}, "amount"),
        ],
    )
    async def test_what_is_wrong_is_named(self, shop: Any, said: dict[str, Any], field: str) -> None:
        body = {name: it for name, it in {**a_split(a_vendor(shop)), **said}.items() if it is not None}
        assert await shop.names("POST", SPLIT, body) == field

    async def test_vendors_that_cannot_be_paid_are_named(self, world: Any, shop: Any) -> None:
        for vendor in (
            a_vendor(shop, tenant_id=world.tenant().id),
            a_vendor(shop, environment="live"),
            a_vendor(shop, status="pending"),
        ):
            assert await shop.names("POST", SPLIT, a_split(vendor)) == "splits.0.account_id"
        unusual = a_vendor(shop)
        body = {"amount": 10, "currency": "INR", "splits": [{"account_id": unusual}]}
        assert await shop.names("POST", SPLIT, body) == "splits.0.amount"
        of_yen = a_vendor(shop, split_config={"fixed_minor": 5, "currency": "JPY"})
        assert await shop.names("POST", SPLIT, {**body, "splits": [{"account_id": of_yen}]}) == "splits.0.amount"
        elsewhere = a_vendor(shop, connection_id="con_2")
        both = [{"account_id": unusual, "amount": 5}, {"account_id": elsewhere, "amount": 5}]
        assert await shop.names("POST", SPLIT, {**body, "splits": both}) == "splits"


class TestSeveral:
    async def test_each_has_its_own_status_and_key(self, shop: Any) -> None:
        vendor, key = a_vendor(shop), str(uuid4())
        body = {"payments": [a_split(vendor), {"amount": 1}, a_split("ven_none"), a_split(vendor, 10, 9, 1)]}
        answer = await shop.ask("POST", BULK, body, idempotency_key=key)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert (told["object"], told["succeeded"], told["failed"]) == ("bulk_split", 2, 2)
        assert [item["index"] for item in told["data"]] == [0, 1, 2, 3]
        assert [item["status_code"] for item in told["data"]] == [201, 422, 422, 201]
        assert told["data"][1]["error"]["errors"][0]["field"] == "splits"
        assert told["data"][2]["error"]["errors"][0]["field"] == "splits.0.account_id"
        commands = shop.commands()
        assert len({command.operation_id for command in commands}) == 2
        alone = await shop.ask("POST", SPLIT, body["payments"][0], idempotency_key=f"{key}:0")
        assert alone.headers["idempotency-replayed"] == "true"
        assert alone.json()["id"] == told["data"][0]["payment"]["id"]
        again = (await shop.ask("POST", BULK, body, idempotency_key=key)).json()
        assert [item["payment"] and item["payment"]["id"] for item in again["data"]] == [
            item["payment"] and item["payment"]["id"] for item in told["data"]
        ]
        assert all(count == 1 for count in (shop.world.worker.effects[one.operation_id] for one in commands))

    @pytest.mark.parametrize("in_body", [False, True])
    async def test_a_key_may_have_as_many_characters_as_any(self, shop: Any, in_body: bool) -> None:
        key = str(uuid4()).ljust(255, "k")
        body = {"payments": [a_split(a_vendor(shop)) for _ in range(2)]}
        headers = {} if in_body else {"idempotency_key": key}
        sent = {**body, "idempotency_key": key} if in_body else body
        first, again = [(await shop.ask("POST", BULK, sent, **headers)).json() for _ in range(2)]
        assert (first["succeeded"], again["succeeded"]) == (2, 2)
        ids = [item["payment"]["id"] for item in first["data"]]
        assert [item["payment"]["id"] for item in again["data"]] == ids
        assert len(set(ids)) == 2
        key_of_first = f"{hashlib.sha256(key.encode()).hexdigest()}:0"
        alone = await shop.ask("POST", SPLIT, body["payments"][0], idempotency_key=key_of_first)
        assert alone.json()["id"] == ids[0]

    async def test_a_number_beyond_64_bits_stops_at_most_its_own_item(self, shop: Any) -> None:
        items = [{**a_split(a_vendor(shop)), "unknown": 10**30}, {**a_split(a_vendor(shop)), "amount": 10**30}]
        answer = await shop.ask("POST", BULK, {"payments": items}, idempotency_key=str(uuid4()))
        assert [item["status_code"] for item in answer.json()["data"]] == [201, 422]

    async def test_a_key_of_its_own_goes_before_its_place(self, shop: Any) -> None:
        item = {**a_split(a_vendor(shop)), "idempotency_key": str(uuid4())}
        first, second = [
            (await shop.ask("POST", BULK, {"payments": [item]}, idempotency_key=str(uuid4()))).json() for _ in range(2)
        ]
        assert first["data"][0]["payment"]["id"] == second["data"][0]["payment"]["id"]
        wrong = await shop.ask("POST", BULK, {"payments": [{**item, "idempotency_key": "\u00e9"}]})
        assert wrong.json()["data"][0]["status_code"] == 400

    async def test_an_item_is_never_carried_out_in_another_environment(self, world: Any, shop: Any) -> None:
        live = replace(shop, tenant=world.tenant(environment="live"))
        item = {**a_split(a_vendor(live, environment="live")), "environment": "test"}
        told = (await live.ask("POST", BULK, {"payments": [item]})).json()
        assert told["data"][0]["error"]["errors"][0]["field"] == "environment"
        assert live.commands() == []
        whole = {"environment": "test", "payments": [{**a_split(a_vendor(live)), "environment": "test"}]}
        assert (await live.ask("POST", BULK, whole)).json()["succeeded"] == 1
        assert {command.environment for command in live.commands()} == {"test"}

    async def test_nobody_waits_where_nobody_asked_to(self, shop: Any) -> None:
        body = {"payments": [a_split(a_vendor(shop))], "process_immediately": False}
        (item,) = (await shop.ask("POST", BULK, body)).json()["data"]
        assert (item["status_code"], item["payment"]["object"]) == (202, "operation")

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "payments"),
            ({"payments": []}, "payments"),
            ({"payments": [1]}, "payments.0"),
            ({"payments": [{}] * 101}, "payments"),
            ({"payments": [{}], "process_immediately": "later"}, "process_immediately"),
        ],
    )
    async def test_what_is_wrong_with_the_whole_is_named(self, shop: Any, body: dict[str, Any], field: str) -> None:
        assert await shop.names("POST", BULK, body) == field


class TestRepeats:
    """A repeat is what it was, whatever became of the vendors since."""

    async def test_it_is_answered_before_the_vendors_are_looked_at(self, world: Any, shop: Any) -> None:
        vendor, key = a_vendor(shop), str(uuid4())
        first = await shop.ask("POST", SPLIT, a_split(vendor), idempotency_key=key)
        command = shop.command_of(first.headers["x-onerouter-operation-id"])
        done = shop.tenant.operation(
            command, state="succeeded", result={**first.json(), "object": "payment"}, made_by="cmd_first"
        )
        world.services.operations[command.operation_id] = done
        world.services.splits[first.json()["id"]] = {"id": first.json()["id"], "object": "split_payment", "splits": []}
        world.services.resources[vendor]["status"] = "restricted"
        again = await shop.ask("POST", SPLIT, a_split(vendor), idempotency_key=key)
        assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
        assert again.headers["idempotency-replayed"] == "true"
        other = await shop.ask("POST", SPLIT, a_split(vendor, 10, 9, 1), idempotency_key=key)
        assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"
        assert await shop.names("POST", SPLIT, a_split(vendor)) == "splits.0.account_id"

    async def test_one_under_way_is_waited_for(self, world: Any, shop: Any) -> None:
        vendor, key = a_vendor(shop), str(uuid4())
        first = await shop.ask("POST", SPLIT, a_split(vendor), idempotency_key=key)
        command = shop.command_of(first.headers["x-onerouter-operation-id"])
        world.services.operations[command.operation_id] = shop.tenant.operation(command, made_by="cmd_first")
        world.services.resources[vendor]["status"] = "restricted"
        again = await shop.ask("POST", SPLIT, a_split(vendor), idempotency_key=key, prefer="wait=0")
        assert (again.status_code, again.json()["resource_id"]) == (202, command.resource_id)
        unwilling = await shop.ask("POST", SPLIT, a_split(vendor), idempotency_key=key, prefer="respond-async")
        assert (unwilling.status_code, unwilling.json()["code"]) == (409, "OPERATION_IN_FLIGHT")
        assert unwilling.json()["operation_id"] == command.operation_id


class TestWithoutAKey:
    """By the clients in the field that repeat without one."""

    CLIENT: Any = {"user_agent": "onerouter-python/1.0.0"}

    async def test_two_equal_items_are_two_payments_and_a_delivered_whole_is_over(self, shop: Any) -> None:
        body = {"payments": [a_split(a_vendor(shop))] * 3}
        for number in (3, 6):
            told = (await shop.ask("POST", BULK, body, **self.CLIENT)).json()
            assert len({item["payment"]["id"] for item in told["data"]}) == 3
            assert len({command.operation_id for command in shop.commands()}) == number

    async def test_a_repeat_of_the_whole_joins_item_by_item(self, world: Any, shop: Any) -> None:
        """Also those that were done before the client went away: nobody has got their answer."""
        vendor, release = a_vendor(shop), asyncio.Event()

        async def outcome(command: Any) -> Reply:
            if command.payload["amount_minor"] == 100_000:
                await release.wait()
            result = {"id": command.resource_id}
            return Reply(
                operation_id=command.operation_id,
                made_by=command.command_id,
                fingerprint=command.fingerprint,
                state="succeeded",
                status=201,
                resource_id=command.resource_id,
                result=result,
            )

        world.worker.outcomes[shop.tenant.id] = outcome
        body = {"payments": [a_split(vendor, 10, 9, 1), a_split(vendor, 10, 9, 1), a_split(vendor)]}
        headers = {**shop.tenant.auth, "User-Agent": self.CLIENT["user_agent"]}
        async with httpx.AsyncClient(base_url=shop.gateway.url, timeout=60) as impatient:
            posting = asyncio.create_task(impatient.post(BULK, json=body, headers=headers))
            async with asyncio.timeout(60):
                while len(shop.commands()) < 3:
                    await asyncio.sleep(0.01)
            posting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await posting
        begun = {command.operation_id for command in shop.commands()}
        assert len(begun) == 3
        release.set()
        told = (await shop.ask("POST", BULK, body, **self.CLIENT)).json()
        assert told["succeeded"] == 3
        assert {command.operation_id for command in shop.commands()} == begun


class TestLimits:
    @pytest.mark.usefixtures("long_windows")
    async def test_each_item_counts_and_one_too_many_is_refused_in_its_place(self, world: Any, shop: Any) -> None:
        few = replace(shop, tenant=world.tenant(rate_limit_per_s=1, rate_burst=3))
        answer = await few.ask("POST", BULK, {"payments": [a_split(a_vendor(few))] * 5})
        assert [item["status_code"] for item in answer.json()["data"]] == [201, 201, 201, 429, 429]
        assert len(few.commands()) == 3
        assert answer.headers["x-ratelimit-remaining"] == "0"
        assert len(answer.headers.get_list("x-ratelimit-remaining")) == 1

    async def test_a_vendor_is_read_once(self, world: Any, shop: Any) -> None:
        vendor = a_vendor(shop)
        await shop.ask("POST", BULK, {"payments": [a_split(vendor)] * 12})
        assert [path for path, *_ in world.services.asked if vendor in path] == [
            f"/internal/resources/vendor/{vendor}/placed"
        ]


class TestFees:
    @pytest.mark.parametrize(("period", "days"), [("day", 1), ("week", 7), (None, 30), ("year", 365)])
    async def test_a_period_ends_now(self, world: Any, shop: Any, period: str | None, days: int) -> None:
        asked = f"?period={period}&currency=usd" if period else ""
        answer = await shop.ask("GET", f"/v1/marketplace/fees{asked}")
        assert answer.json()["period"] == (period or "month")
        path, tenant_id, _, query = world.services.asked[-1]
        assert (path, tenant_id) == ("/internal/marketplace/fees", shop.tenant.id)
        found = parse_qs(query)
        assert found["currency"] == ["USD" if period else "INR"]
        since, until = (datetime.fromisoformat(found[name][0]) for name in ("since", "until"))
        assert until - since == timedelta(days=days)

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("period=decade", "period"),
            ("period=", "period"),
            ("currency=XXQ", "currency"),
            ("currency=%00", "currency"),
        ],
    )
    async def test_what_is_wrong_is_named(self, shop: Any, query: str, field: str) -> None:
        answer = await shop.ask("GET", f"/v1/marketplace/fees?{query}")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
