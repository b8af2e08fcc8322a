from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.services.sandbox.razorpay.conftest import Shop

GAURAV = {"name": "Gaurav Kumar", "email": "gaurav@example.com", "contact": "+919876543210"}


class TestCustomers:
    async def test_the_second_of_the_same_is_refused_or_the_first(self, shop: "Shop") -> None:
        made = await shop.made("/customers", **GAURAV, notes={"onerouter_id": "cus_1"})
        assert await shop.refused("POST", "/customers", **GAURAV) == "Customer already exists for the merchant"
        again = await shop.made("/customers", **GAURAV, fail_existing="0", notes={"onerouter_id": "cus_1"})
        assert again == made == await shop.got(f"/customers/{made['id']}")
        assert await shop.effects("customer.created") == ["cus_1"]
        other = await shop.made("/customers", **{**GAURAV, "contact": "+919876543211"})
        assert [each["id"] for each in (await shop.got("/customers"))["items"]] == [other["id"], made["id"]]

    async def test_an_edit_keeps_what_it_does_not_name(self, shop: "Shop") -> None:
        made = await shop.made("/customers", **GAURAV)
        edited = await shop.call("PUT", f"/customers/{made['id']}", name="G. Kumar")
        assert edited == {**made, "name": "G. Kumar"}
        assert "8 digits" in await shop.refused("PUT", f"/customers/{made['id']}", contact="123")


class TestTokens:
    async def test_kept_charged_and_let_go(self, shop: "Shop") -> None:
        customer = await shop.made("/customers", **GAURAV)
        tokens = f"/customers/{customer['id']}/tokens"
        assert (await shop.got(tokens))["items"] == []
        token = await shop.ask(tokens, method="card")
        assert (token["card"]["last4"], token["recurring_details"]["status"]) == ("1111", "confirmed")
        assert (await shop.got(tokens))["items"] == [token] == [await shop.got(f"{tokens}/{token['id']}")]

        order = await shop.sandbox.order()
        charge = {
            "email": "gaurav@example.com",
            "contact": "9876543210",
            "amount": 129_900,
            "currency": "INR",
            "order_id": order["id"],
            "customer_id": customer["id"],
            "token": token["id"],
            "recurring": True,
        }
        charged = await shop.made("/payments/create/recurring", **charge)
        payment = await shop.got(f"/payments/{charged['razorpay_payment_id']}")
        assert (payment["status"], payment["token_id"], payment["fee"]) == ("captured", token["id"], 3_066)
        assert await shop.refused("POST", "/payments/create/recurring", **charge) == (
            "Payment already done for this order."
        )

        assert await shop.call("DELETE", f"{tokens}/{token['id']}") == {"deleted": True}
        assert "does not exist" in await shop.refused("DELETE", f"{tokens}/{token['id']}")
        assert await shop.effects("payment_method.attached") == [token["id"]]
        assert await shop.effects("payment_method.detached") == [token["id"]]
