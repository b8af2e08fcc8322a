"""Kept payment methods: the commands, and a list that is a bare array with its next page in a header."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

METHODS = "/v1/payment-methods"


class TestCreate:
    async def test_it_is_kept_where_its_customer_is(self, shop: Any) -> None:
        customer = shop.has("customer", connection_id="con_3")
        body = {"payment_method_id": "token_1", "customer_id": customer, "nickname": "Office"}
        command = await shop.command("POST", METHODS, body)
        assert (command.operation, command.resource_id[:3]) == ("payment_method.create", "pm_")
        assert command.payload == {
            "provider_method_id": "token_1",
            "customer_id": customer,
            "provider_customer_id": "customer_at_provider",
            "connection_id": "con_3",
            "nickname": "Office",
            "metadata": {},
        }

    @pytest.mark.parametrize(
        ("said", "field"),
        [
            ({"payment_method_id": None}, "payment_method_id"),
            ({"payment_method_id": ""}, "payment_method_id"),
            ({"payment_method_id": "../v1/charges"}, "payment_method_id"),
            ({"payment_method_id": 7}, "payment_method_id"),
            ({"customer_id": "cus_01k9zq3v7m8e5t2r4w6y8a0c1d"}, "customer_id"),
            ({"customer_id": "cus_AtProvider"}, "customer_id"),
            ({"nickname": "n" * 81}, "nickname"),
            ({"metadata": [1]}, "metadata"),
        ],
    )
    async def test_what_is_wrong_is_named(self, shop: Any, said: dict[str, Any], field: str) -> None:
        body = {name: it for name, it in {"payment_method_id": "token_1", **said}.items() if it is not None}
        assert await shop.names("POST", METHODS, body) == field

    async def test_a_customer_elsewhere_is_named(self, world: Any, shop: Any) -> None:
        at_stripe = shop.has("customer", provider="stripe")
        theirs = shop.has("customer", tenant_id=world.tenant().id)
        body = {"payment_method_id": "token_1", "customer_id": at_stripe, "provider": "razorpay"}
        assert await shop.names("POST", METHODS, body) == "provider"
        assert await shop.names("POST", METHODS, {**body, "customer_id": theirs}) == "customer_id"


class TestChange:
    async def test_notes_and_giving_up_reach_the_log(self, shop: Any) -> None:
        id_ = shop.has("payment_method")
        noted = await shop.command("PATCH", f"{METHODS}/{id_}", {"nickname": "Home", "metadata": {}})
        assert (noted.operation, noted.resource_id) == ("payment_method.update", id_)
        assert noted.payload == {"payment_method_id": id_, "nickname": "Home", "metadata": {}}
        given_up = await shop.command("DELETE", f"{METHODS}/{id_}")
        assert (given_up.operation, given_up.ordering_key) == ("payment_method.delete", id_)
        assert given_up.payload == {"payment_method_id": id_}

    async def test_nobody_elses_is_changed(self, world: Any, shop: Any) -> None:
        theirs = shop.has("payment_method", tenant_id=world.tenant().id)
        await shop.refused("PATCH", f"{METHODS}/{theirs}", {"nickname": "mine"}, status=404)
        await shop.refused("DELETE", f"{METHODS}/{theirs}", None, status=404)


class TestList:
    async def test_it_is_a_bare_array_of_what_can_be_used(self, world: Any, shop: Any) -> None:
        id_ = shop.has("payment_method")
        answer = await shop.ask("GET", METHODS)
        assert [one["id"] for one in answer.json()] == [id_]
        assert "link" not in answer.headers
        assert world.services.asked[-1][3] == "status=active"

    async def test_a_header_leads_to_the_next_page(self, world: Any, shop: Any) -> None:
        shop.has("payment_method")
        world.services.next_cursor = "MTIz&x=\n"
        try:
            answer = await shop.ask("GET", f"{METHODS}?limit=1&status=removed&customer_id=cus_1")
        finally:
            world.services.next_cursor = None
        found = re.fullmatch(r'<([^>]+)>; rel="next"', answer.headers["link"])
        assert found is not None
        following = urlsplit(found[1])
        assert following.path == METHODS
        assert parse_qs(following.query) == {
            "limit": ["1"],
            "status": ["removed"],
            "customer_id": ["cus_1"],
            "cursor": ["MTIz&x=\n"],
        }
