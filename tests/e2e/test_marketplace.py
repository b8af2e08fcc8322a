"""Vendors signed up at each provider, payments split among them, and what each of them got."""

from typing import Any, Final
from uuid import uuid4

import pytest
from tests.e2e.payers import PAYERS, Payer, key, make
from tests.e2e.world import World, check_problem, until

_BANK: Final[dict[str, dict[str, Any]]] = {
    "razorpay": {
        "country": "IN",
        "business_type": "individual",
        "phone": "9876543210",
        "account_details": {
            "account_number": "112233445566",
            "ifsc": "HDFC0000001",
            "account_holder": "Asha Rao",
            "category": "ecommerce",
            "subcategory": "arts_and_collectibles",
            "street1": "507, Koramangala 1st block",
            "city": "Bengaluru",
            "state": "KARNATAKA",
            "postal_code": "560034",
        },
    },
    "paypal": {"country": "US"},
    "stripe": {
        "country": "US",
        "business_type": "individual",
        "account_details": {
            "account_number": "000123456789",
            "routing_number": "110000000",
            "account_holder": "Asha Rao",
            "country": "US",
            "currency": "usd",
        },
    },
}


async def vendor(world: World, payer: Payer, **more: Any) -> dict[str, Any]:
    """One that has signed up and may be paid."""
    name = uuid4().hex[:8]
    body = {
        "vendor_id": f"seller-{name}",
        "name": "Asha Pottery",
        "email": f"{name}@example.com",
        **_BANK[payer.provider],
        **more,
    }
    made = await make(world, "/v1/marketplace/vendors", provider=payer.provider, **body)
    if made["status"] != "active":
        await activate(world, payer, made)
    return await world.reached(f"/v1/marketplace/vendors/{made['id']}", "active")


async def activate(world: World, payer: Payer, made: dict[str, Any]) -> None:
    await payer.days_pass(world, 1 / 24)  # nobody signs up within the second, and callbacks count in seconds
    if payer.provider == "razorpay":
        await payer.control(world, f"linked_accounts/{made['account_id']}/decide", status="activated")
    if payer.provider == "stripe":
        await payer.control(world, f"vendors/{made['account_id']}/become", state="active")


async def split(world: World, payer: Payer, parts: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    body = {"amount": "100.00", "currency": payer.currency, "splits": parts, **more}
    return await make(world, "/v1/marketplace/payments/split", **body)


async def parts(world: World, payment: dict[str, Any], wanted: list[str | None]) -> list[dict[str, Any]]:
    """Of a split payment, once they stand so."""
    seen: dict[str, Any] = {}

    async def stand_so() -> bool:
        seen.update((await world.api.get(f"/v1/marketplace/payments/split/{payment['id']}")).json())
        return [part["status"] for part in seen["splits"]] == wanted

    await until(stand_so, f"parts {wanted}", lambda: seen["splits"])
    shown: list[dict[str, Any]] = seen["splits"]
    return shown


async def transfers(world: World, shown: list[dict[str, Any]]) -> list[list[int]]:
    """What the provider's books show of each vendor's part."""
    ids = [part["transfer_id"] for part in shown if part["transfer_id"] is not None]
    return [[one["amount"] for one in await world.effects(id_) if one["kind"] == "transfer.created"] for id_ in ids]


class TestSplitPayments:
    async def test_each_vendor_is_given_its_part_once(self, world: World, payer: Payer) -> None:
        first = await vendor(world, payer)
        second = await vendor(world, payer, split_config={"percent": "25"})
        wanted = [
            {"account_id": first["vendor_id"], "amount": "60.00"},
            {"account_id": second["id"], "type": "vendor"},
            {"amount": "10.00", "type": "fee"},
            {"amount": "5.00", "type": "tax"},
        ]
        payment = await split(world, payer, wanted)
        assert (payment["object"], payment["provider"]) == ("split_payment", payer.provider)
        assert [part["amount_minor"] for part in payment["splits"]] == [6_000, 2_500, 1_000, 500]
        assert [part["status"] for part in payment["splits"]] == ["waiting", "waiting", None, None]
        async with world.faulty("duplicate_callback", provider=payer.provider, operation="*", delay_s=0.2, copies=2):
            await payer.pay(world, payment)
            shown = await parts(world, payment, ["succeeded", "succeeded", None, None])
            assert [part["account_id"] for part in shown][:2] == [first["id"], second["id"]]
            assert await transfers(world, shown) == [[6_000], [2_500]]
            for part in shown[:2]:
                events = await world.events_of(part["transfer_id"], "transfer.succeeded")
                assert [event.body["sequence"] for event in events] == list(range(1, len(events) + 1))

    @pytest.mark.parametrize(
        ("provider", "act", "how"),
        [("paypal", "payouts-items/{}/settle", {"status": "REFUNDED"}), ("stripe", "transfers/{}/fail", {})],
    )
    async def test_a_transfer_that_is_taken_back_is_shown(
        self, world: World, provider: str, act: str, how: dict[str, Any]
    ) -> None:
        payer = PAYERS[provider]
        seller = await vendor(world, payer)
        payment = await split(world, payer, [{"account_id": seller["id"], "amount": "100.00"}])
        await payer.pay(world, payment)
        (part,) = await parts(world, payment, ["succeeded"])
        (effect,) = [one for one in await world.effects(part["transfer_id"]) if one["kind"] == "transfer.created"]
        await payer.control(world, act.format(effect["object_id"]), **how)
        await parts(world, payment, ["reversed"])

    @pytest.mark.parametrize(
        ("provider", "act", "how"),
        [
            ("razorpay", "linked_accounts/{}/decide", {"status": "suspended"}),
            ("stripe", "vendors/{}/become", {"state": "restricted"}),
        ],
    )
    async def test_a_transfer_that_is_refused_is_told_and_the_others_are_not_kept_back(
        self, world: World, provider: str, act: str, how: dict[str, Any]
    ) -> None:
        payer = PAYERS[provider]
        stopped, other = [await vendor(world, payer) for _ in range(2)]
        payment = await split(world, payer, [{"account_id": one["id"], "amount": "50.00"} for one in (stopped, other)])
        await payer.control(world, act.format(stopped["account_id"]), **how)
        await payer.pay(world, payment)
        shown = await parts(world, payment, ["failed", "succeeded"])
        assert shown[0]["failure"]["message"]
        assert await transfers(world, shown) == [[], [5_000]]
        await world.events_of(shown[0]["transfer_id"], "transfer.failed")

    async def test_a_payment_that_comes_to_nothing_pays_nobody(self, world: World) -> None:
        payer = PAYERS["stripe"]
        seller = await vendor(world, payer)
        payment = await split(world, payer, [{"account_id": seller["id"], "amount": "100.00"}])
        await make(world, f"/v1/payments/{payment['id']}/cancel", 200)
        shown = await parts(world, payment, ["canceled"])
        assert await transfers(world, shown) == [[]]

    async def test_several_at_once_and_one_that_is_wrong(self, world: World) -> None:
        payer = PAYERS["razorpay"]
        seller = await vendor(world, payer)
        good = {"amount": "50.00", "currency": "INR", "splits": [{"account_id": seller["id"], "amount": "50.00"}]}
        wrong = {**good, "amount": "51.00"}
        body = {"payments": [good, wrong, good], "idempotency_key": str(uuid4())}
        answers = [await world.api.post("/v1/marketplace/payments/bulk-split", json=body) for _ in range(2)]
        for answer in answers:
            assert answer.status_code == 200, answer.text
            shown = answer.json()
            assert (shown["succeeded"], shown["failed"]) == (2, 1)
            assert [item["status_code"] for item in shown["data"]] == [201, 422, 201]
            assert shown["data"][1]["error"]["errors"][0]["field"] == "splits"
        first, again = [[item["payment"]["id"] for item in one.json()["data"] if item["payment"]] for one in answers]
        assert first == again
        assert len(set(first)) == 2


class TestWhatIsRefused:
    @pytest.fixture
    async def seller(self, world: World) -> dict[str, Any]:
        return await vendor(world, PAYERS["razorpay"])

    async def refused(self, world: World, *wanted: dict[str, Any], amount: str = "100.00") -> list[dict[str, str]]:
        body = {"amount": amount, "currency": "INR", "splits": list(wanted)}
        answer = await world.api.post("/v1/marketplace/payments/split", json=body, headers=key())
        errors: list[dict[str, str]] = check_problem(answer, 422, "VALIDATION_ERROR")["errors"]
        return errors

    async def test_parts_that_do_not_add_up(self, world: World, seller: dict[str, Any]) -> None:
        (error,) = await self.refused(world, {"account_id": seller["id"], "amount": "99.99"})
        assert error == {
            "field": "splits",
            "message": "add up to 99.99 INR, but the payment is 100.00 INR",
        }

    async def test_a_vendor_that_is_none_or_not_active(self, world: World) -> None:
        (error,) = await self.refused(world, {"account_id": "nobody", "amount": "100.00"})
        assert error["field"] == "splits.0.account_id"
        body = {"name": "New", "email": f"{uuid4().hex[:8]}@example.com", **_BANK["stripe"]}
        new = await make(world, "/v1/marketplace/vendors", provider="stripe", **body)
        (error,) = await self.refused(world, {"account_id": new["id"], "amount": "100.00"})
        assert "is a vendor that is pending" in error["message"]

    async def test_vendors_of_two_accounts(self, world: World, seller: dict[str, Any]) -> None:
        other = await vendor(world, PAYERS["stripe"])
        wanted = [{"account_id": one["id"], "amount": "50.00"} for one in (seller, other)]
        (error,) = await self.refused(world, *wanted)
        assert error["message"].startswith("name vendors of different provider accounts")

    async def test_a_part_without_an_amount_of_a_vendor_without_a_share(
        self, world: World, seller: dict[str, Any]
    ) -> None:
        (error,) = await self.refused(world, {"account_id": seller["id"]})
        assert error == {"field": "splits.0.amount", "message": "is needed: the vendor has no split_config"}


class TestFees:
    async def test_they_are_the_sums_of_what_was_paid(self, world: World) -> None:
        payer = PAYERS["stripe"]
        seller = await vendor(world, payer)
        before = (await world.api.get("/v1/marketplace/fees?period=day&currency=USD")).json()
        wanted = [
            {"account_id": seller["id"], "amount": "80.00"},
            {"amount": "15.00", "type": "fee"},
            {"amount": "5.00", "type": "tax"},
        ]
        paid, _ = [await split(world, payer, wanted) for _ in range(2)]
        await payer.pay(world, paid)
        await world.reached(f"/v1/payments/{paid['id']}", "succeeded")
        after = (await world.api.get("/v1/marketplace/fees?period=day&currency=USD")).json()
        more = {
            name: after[name] - before[name]
            for name in ("payments", "gross_minor", "vendor_minor", "fee_minor", "tax_minor", "refunded_minor")
        }
        assert more == {
            "payments": 1,
            "gross_minor": 10_000,
            "vendor_minor": 8_000,
            "fee_minor": 1_500,
            "tax_minor": 500,
            "refunded_minor": 0,
        }
        assert (after["object"], after["period"], after["currency"]) == ("marketplace_fees", "day", "USD")
        assert (await world.api.get("/v1/marketplace/fees?period=hour")).status_code == 422
        assert (await world.api.get("/v1/marketplace/fees?period=day&currency=JPY")).json()["gross_minor"] == 0


class TestVendors:
    async def test_its_usual_part_changes(self, world: World) -> None:
        seller = await vendor(world, PAYERS["stripe"], split_config={"percent": "90"})
        path = f"/v1/marketplace/vendors/{seller['vendor_id']}"
        changed = await world.api.patch(
            f"{path}/split", json={"percent": "33.3333", "fixed": "1.00", "currency": "USD"}, headers=key()
        )
        assert changed.status_code == 200, changed.text
        assert (await world.api.get(path)).json()["split_config"] == {
            "percent": "33.3333",
            "fixed_minor": 100,
            "currency": "USD",
        }
        payment = await split(
            world, PAYERS["stripe"], [{"account_id": seller["id"]}, {"amount": "65.67", "type": "fee"}]
        )
        assert payment["splits"][0]["amount_minor"] == 3_433
        empty = await world.api.patch(f"{path}/split", json={}, headers=key())
        check_problem(empty, 422, "VALIDATION_ERROR")

    async def test_one_that_is_stopped_is_shown_as_that(self, world: World) -> None:
        payer = PAYERS["stripe"]
        seller = await vendor(world, payer)
        await payer.control(world, f"vendors/{seller['account_id']}/become", state="restricted")
        await world.reached(f"/v1/marketplace/vendors/{seller['id']}", "restricted")
        listed = (await world.api.get("/v1/marketplace/vendors?status=restricted&limit=100")).json()
        assert seller["id"] in [one["id"] for one in listed["data"]]


class TestBankData:
    """What is secret is looked for in every topic, table, log and trace at the end (`test_what_is_left`)."""

    @pytest.mark.parametrize("provider", ["razorpay", "stripe"])
    async def test_it_is_shown_masked_and_gone_once_the_vendor_exists(self, world: World, provider: str) -> None:
        number = _account_number(world)
        details = {**_BANK[provider]["account_details"], "account_number": number}
        seller = await vendor(world, PAYERS[provider], account_details=details)
        assert seller["account_details"]["account_number"].endswith(number[-4:])
        assert number not in str(seller)
        events = await world.events_of(seller["id"], "vendor.activated")
        assert number not in str([event.body for event in events])

        async def is_erased() -> bool:
            return not await world.count("payments", "vendor_details")

        await until(is_erased, "bank data to be erased")
        if provider == "razorpay":
            secrets = world.stack.secrets
            shown = await world.sandbox.get(
                f"/razorpay/v2/accounts/{seller['account_id']}",
                auth=(secrets.sandbox_key_id, secrets.sandbox_key_secret),
            )
            assert shown.status_code == 200, shown.text

    async def test_what_the_provider_refuses_is_not_repeated_to_anybody(self, world: World) -> None:
        number = _account_number(world)
        details = {**_BANK["razorpay"]["account_details"], "account_number": number, "ifsc": "NOT-AN-IFSC"}
        body = {"name": "Wrong", "email": "wrong@example.com", **_BANK["razorpay"], "account_details": details}
        answer = await world.api.post("/v1/marketplace/vendors", json={**body, "provider": "razorpay"}, headers=key())
        problem = check_problem(answer, 422, "VALIDATION_ERROR")
        assert [error["field"] for error in problem["errors"]] == ["account_details.ifsc"]
        assert number not in answer.text
        too_long = {**details, "account_number": number * 11}
        answer = await world.api.post(
            "/v1/marketplace/vendors", json={**body, "account_details": too_long}, headers=key()
        )
        problem = check_problem(answer, 422, "VALIDATION_ERROR")
        assert problem["errors"][0]["field"] == "account_details.account_number"
        assert number not in answer.text

    async def test_the_same_key_with_other_bank_data_is_another_request(self, world: World) -> None:
        first, second = _account_number(world), _account_number(world)
        name, same = uuid4().hex[:8], key()
        bodies = [
            {
                "name": "Asha Pottery",
                "email": f"{name}@example.com",
                "provider": "stripe",
                **_BANK["stripe"],
                "account_details": {**_BANK["stripe"]["account_details"], "account_number": number},
            }
            for number in (first, first, second)
        ]
        made, again, other = [
            await world.api.post("/v1/marketplace/vendors", json=body, headers=same) for body in bodies
        ]
        assert (made.status_code, again.status_code, other.status_code) == (201, 201, 422), other.text
        assert again.json()["id"] == made.json()["id"]
        assert again.headers["idempotency-replayed"] == "true"


def _account_number(world: World) -> str:
    """One that must stand nowhere in the clear: twelve digits, which are no card's."""
    number = str(10**11 + uuid4().int % (9 * 10**11))
    world.secrets.append(number)
    return number
