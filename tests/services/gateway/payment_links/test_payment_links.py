"""Payment links: from what is written to the command on the log."""

from typing import Any

import pytest

LINKS = "/v1/payment-links"
BODY = {"amount": "1299.00", "currency": "INR"}


class TestCreate:
    async def test_it_reaches_the_log(self, shop: Any) -> None:
        said = {"customer_email": "a@example.com", "customer": {"name": "Asha"}, "expires_at": "2030-01-01T05:30+05:30"}
        command = await shop.command("POST", LINKS, {**BODY, **said, "notify": True})
        assert (command.operation, command.ordering_key) == ("payment_link.create", command.resource_id)
        assert command.resource_id.startswith("pl_")
        assert command.payload == {
            "amount_minor": 129_900,
            "currency": "INR",
            "customer": {"name": "Asha", "email": "a@example.com"},
            "expires_at": "2030-01-01T00:00:00.000Z",
            "notify": True,
            "notes": {},
            "metadata": {},
        }

    async def test_one_link_has_one_fingerprint(self, shop: Any) -> None:
        spellings: list[Any] = [
            {**BODY, "expires_at": "2030-01-01T00:00:00Z"},
            {**BODY, "amount": 1299, "expires_at": "2029-12-31T19:00:00-05:00", "notify": False},
            b'{"amount": 1299.0, "currency": "INR", "expires_at": 1893456000}',
        ]
        assert len({(await shop.command("POST", LINKS, body)).fingerprint for body in spellings}) == 1

    @pytest.mark.parametrize(
        ("said", "field"),
        [
            ({"amount": "-1"}, "amount"),
            ({"amount": None}, "amount"),
            ({"currency": "XTS"}, "currency"),
            ({"customer_email": "nobody"}, "customer_email"),
            ({"customer_email": "a@x.org", "customer": {"email": "b@x.org"}}, "customer_email"),
            ({"callback_url": "ftp://x.org"}, "callback_url"),
            ({"callback_url": "https://me:secret@x.org"}, "callback_url"),
            ({"callback_url": "http://[::1"}, "callback_url"),
            ({"expires_at": "soon"}, "expires_at"),
            ({"expires_at": "2030-01-01T00:00:00"}, "expires_at"),
            ({"expires_at": 10**18}, "expires_at"),
            ({"notify": "loudly"}, "notify"),
            ({"description": "d" * 2_049}, "description"),
        ],
    )
    async def test_what_is_wrong_is_named(self, shop: Any, said: dict[str, Any], field: str) -> None:
        body = {name: value for name, value in {**BODY, **said}.items() if value is not None}
        assert await shop.names("POST", LINKS, body) == field


class TestCancel:
    async def test_it_reaches_the_log(self, world: Any, shop: Any) -> None:
        id_ = shop.has("payment_link")
        command = await shop.command("POST", f"{LINKS}/{id_}/cancel")
        assert (command.operation, command.resource_id, command.ordering_key) == ("payment_link.cancel", id_, id_)
        assert command.payload == {"payment_link_id": id_}
        theirs = shop.has("payment_link", tenant_id=world.tenant().id)
        await shop.refused("POST", f"{LINKS}/{theirs}/cancel", {}, status=404)
