"""Vendors: what of them reaches the log, and what never does."""

import json
from typing import Any
from uuid import uuid4

import pytest

from onerouter_common.ids import new_id

VENDORS = "/v1/marketplace/vendors"
DETAILS = {"account_number": "50100123456789", "ifsc": "HDFC0000317", "account_holder": "A Rao"}
VENDOR = {"name": "Asha Pottery", "vendor_id": "seller-7", "account_details": DETAILS}


class TestCreate:
    async def test_bank_data_goes_past_the_log(self, world: Any, shop: Any) -> None:
        split = {"percent": "90.50", "fixed": 5, "currency": "inr"}
        command = await shop.command("POST", VENDORS, {**VENDOR, "country": "in", "split_config": split})
        assert (command.operation, command.resource_id[:4]) == ("vendor.create", "ven_")
        assert world.services.sealed[-1] == DETAILS
        payload = command.payload
        assert payload["details_id"].startswith("vdt_")
        assert payload["split_config"] == {"percent": "90.5", "fixed_minor": 500, "currency": "INR"}
        assert (payload["vendor_id"], payload["country"]) == ("seller-7", "IN")
        assert DETAILS["account_number"] not in command.to_bytes().decode()
        assert DETAILS["ifsc"] not in command.to_bytes().decode()

    async def test_the_fingerprint_knows_the_bank_data_by_a_keyed_digest(self, world: Any, shop: Any) -> None:
        turned = dict(reversed(DETAILS.items()))
        first, again, other = [
            await shop.command("POST", VENDORS, {**VENDOR, "account_details": details})
            for details in (DETAILS, turned, {**DETAILS, "account_number": "50100123456780"})
        ]
        assert first.fingerprint == again.fingerprint
        assert first.fingerprint != other.fingerprint
        async with world.gateway(idempotency_secret="x" * 32) as elsewhere:
            answer = await elsewhere.http.post(VENDORS, json=VENDOR, headers=shop.tenant.auth)
        keyed = shop.command_of(answer.headers["x-onerouter-operation-id"])
        assert keyed.fingerprint != first.fingerprint, "a plain digest can be found by trying account numbers"

    async def test_a_vendor_without_bank_data_needs_no_sealing(self, world: Any, shop: Any) -> None:
        sealed = len(world.services.sealed)
        command = await shop.command("POST", VENDORS, {"name": "Asha"})
        assert command.payload == {"name": "Asha", "account_masked": {}, "notes": {}, "metadata": {}}
        assert len(world.services.sealed) == sealed

    async def test_nothing_is_done_while_nothing_can_be_sealed(self, world: Any, shop: Any) -> None:
        world.services.away.add("sealing")
        try:
            await shop.refused("POST", VENDORS, VENDOR, status=503)
        finally:
            world.services.away.discard("sealing")

    @pytest.mark.parametrize(
        ("said", "field"),
        [
            ({"name": ""}, "name"),
            ({"vendor_id": "seller 7"}, "vendor_id"),
            ({"vendor_id": "a/../b"}, "vendor_id"),
            ({"vendor_id": ""}, "vendor_id"),
            ({"email": "x"}, "email"),
            ({"country": "UK"}, "country"),
            ({"account_details": {"account_number": ""}}, "account_details.account_number"),
            ({"account_details": {"account_number": 50100123456789}}, "account_details.account_number"),
            ({"account_details": {"iban": "x" * 141}}, "account_details.iban"),
            ({"account_details": [1]}, "account_details"),
            ({"account_details": {f"n{number}": "x" for number in range(21)}}, "account_details"),
            ({"split_config": {}}, "split_config"),
            ({"split_config": {"percent": 101}}, "split_config.percent"),
            ({"split_config": {"percent": "NaN"}}, "split_config.percent"),
            ({"split_config": {"fixed": 5}}, "split_config.currency"),
            ({"return_url": "x"}, "return_url"),
        ],
    )
    async def test_what_is_wrong_is_named_and_never_repeated(self, shop: Any, said: dict[str, Any], field: str) -> None:
        answer = await shop.ask("POST", VENDORS, {**VENDOR, **said})
        assert answer.status_code == 422, answer.text
        assert [error["field"] for error in answer.json()["errors"]] == [field]
        assert "50100123456789" not in answer.text
        assert shop.commands() == []

    async def test_a_wrong_name_of_a_detail_is_not_repeated(self, shop: Any) -> None:
        (error,) = await shop.refused("POST", VENDORS, {**VENDOR, "account_details": {"Account No": "50100123456789"}})
        assert error["field"].startswith("account_details")

    async def test_an_account_number_may_look_like_a_cards(self, world: Any, shop: Any) -> None:
        """Every tenth does; in any other field it is refused."""
        number = "50100000000001"
        digits = [int(digit) for digit in reversed(number)]
        luhn = sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
        number = number[:-1] + str((1 - luhn) % 10)
        await shop.command("POST", VENDORS, {**VENDOR, "account_details": {**DETAILS, "account_number": number}})
        assert world.services.sealed[-1]["account_number"] == number
        held = {**DETAILS, "account_holder": number}
        assert (
            await shop.names("POST", VENDORS, {**VENDOR, "account_details": held}) == "account_details.account_holder"
        )
        assert await shop.names("POST", VENDORS, {**VENDOR, "notes": {"account_number": number}}) == (
            "notes.account_number"
        )


class TestItsOwnName:
    async def test_it_is_of_one_vendor(self, world: Any, shop: Any) -> None:
        name = f"seller-{uuid4().hex}"
        holder = {"vendor_id": name, "object": "vendor", "account_id": None}
        id_ = shop.has("vendor", **holder)
        world.services.resources[name] = world.services.resources[id_]
        assert await shop.names("POST", VENDORS, {**VENDOR, "vendor_id": name}) == "vendor_id"
        world.services.resources[id_]["status"] = "failed"
        await shop.command("POST", VENDORS, {**VENDOR, "vendor_id": name})

    async def test_one_that_has_the_form_of_ours_is_none(self, shop: Any) -> None:
        assert await shop.names("POST", VENDORS, {**VENDOR, "vendor_id": new_id("ven")}) == "vendor_id"

    async def test_a_repeat_is_no_second_vendor(self, world: Any, shop: Any) -> None:
        name, key = f"seller-{uuid4().hex}", str(uuid4())
        first = await shop.ask("POST", VENDORS, {**VENDOR, "vendor_id": name}, idempotency_key=key)
        command = shop.command_of(first.headers["x-onerouter-operation-id"])
        world.services.operations[command.operation_id] = shop.tenant.operation(
            command, state="succeeded", result=first.json(), made_by="cmd_first"
        )
        world.services.resources[name] = world.services.resources[shop.has("vendor", vendor_id=name)]
        again = await shop.ask("POST", VENDORS, {**VENDOR, "vendor_id": name}, idempotency_key=key)
        assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
        assert again.json()["id"] == first.json()["id"]


class TestSplit:
    async def test_it_reaches_the_log(self, shop: Any) -> None:
        id_ = shop.has("vendor")
        commands = [
            await shop.command("PATCH", f"{VENDORS}/{id_}/split", {"percent": percent})
            for percent in (80, "80.00", "80")
        ]
        assert len({command.fingerprint for command in commands}) == 1
        assert (commands[0].operation, commands[0].resource_id) == ("vendor.update_split", id_)
        assert json.loads(json.dumps(commands[0].payload)) == {"vendor_id": id_, "split_config": {"percent": "80"}}

    async def test_what_is_wrong_is_named(self, world: Any, shop: Any) -> None:
        id_ = shop.has("vendor")
        for body, field in (({}, "split_config"), ({"percent": -1}, "percent"), ({"percent": "1.00001"}, "percent")):
            assert await shop.names("PATCH", f"{VENDORS}/{id_}/split", body) == field
        theirs = shop.has("vendor", tenant_id=world.tenant().id)
        await shop.refused("PATCH", f"{VENDORS}/{theirs}/split", {"percent": 1}, status=404)
