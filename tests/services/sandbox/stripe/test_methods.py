"""Methods that are kept: by a payment, by hand, charged later without the customer."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.services.sandbox.stripe.conftest import Shop

OFF_SESSION = {"amount": "1299", "currency": "usd", "confirm": "true", "off_session": "true"}


async def customer(shop: "Shop") -> str:
    return str((await shop.made("/customers", {"email": "asha@example.com"}))["id"])


async def kept(shop: "Shop", customer_id: str) -> list[dict[str, Any]]:
    return list((await shop.got(f"/customers/{customer_id}/payment_methods"))["data"])


async def test_a_payment_keeps_its_method_for_the_next(shop: "Shop") -> None:
    customer_id = await customer(shop)
    intent_id = await shop.paid(customer=customer_id, setup_future_usage="off_session")
    (method,) = await kept(shop, customer_id)
    assert (await shop.got(f"/payment_intents/{intent_id}"))["payment_method"] == method["id"]
    assert (method["card"]["last4"], method["customer"]) == ("4242", customer_id)
    again = {**OFF_SESSION, "customer": customer_id, "payment_method": method["id"]}
    assert (await shop.made("/payment_intents", again))["status"] == "succeeded"


async def test_a_page_keeps_it_too(shop: "Shop") -> None:
    session = await shop.session(**{"payment_intent_data[setup_future_usage]": "off_session"})
    await shop.pay(session["id"])
    paid = await shop.got(f"/checkout/sessions/{session['id']}")
    assert len(await kept(shop, paid["customer"])) == 1


async def test_without_a_customer_it_is_used_up(shop: "Shop") -> None:
    intent = await shop.got(f"/payment_intents/{await shop.paid()}")
    refused = await shop.post(f"/payment_methods/{intent['payment_method']}/attach", {"customer": await customer(shop)})
    assert (refused.status_code, "may not be used again" in refused.text) == (400, True)


async def test_a_decline_comes_with_the_intent_and_is_remembered(shop: "Shop") -> None:
    customer_id = await customer(shop)
    method = await shop.ask(f"/stripe/customers/{customer_id}/payment_methods", decline="insufficient_funds")
    form = {**OFF_SESSION, "customer": customer_id, "payment_method": method["id"]}
    first = await shop.post("/payment_intents", form, idempotency_key="k1")
    error = first.json()["error"]
    assert (first.status_code, error["type"], error["decline_code"]) == (402, "card_error", "insufficient_funds")
    assert error["payment_intent"]["status"] == "requires_payment_method"
    assert (await shop.post("/payment_intents", form, idempotency_key="k1")).content == first.content
    assert len(await shop.effects(kind="payment_intent.created")) == 1


async def test_what_needs_the_customer_waits_for_it_when_it_is_there(shop: "Shop") -> None:
    customer_id = await customer(shop)
    method = await shop.ask(f"/stripe/customers/{customer_id}/payment_methods", decline="authentication_required")
    intent = await shop.intent(customer=customer_id)
    waiting = await shop.made(f"/payment_intents/{intent['id']}/confirm", {"payment_method": method["id"]})
    assert (waiting["status"], waiting["next_action"]["type"]) == ("requires_action", "redirect_to_url")
    await shop.pay(intent["id"])
    assert (await shop.got(f"/payment_intents/{intent['id']}"))["status"] == "succeeded"


async def test_attach_and_detach_have_one_effect_each(shop: "Shop") -> None:
    customer_id, other = await customer(shop), await customer(shop)
    method = await shop.made(
        "/payment_methods", {"type": "card", "card[token]": "tok_visa", "metadata[onerouter_id]": "pm_1"}
    )
    path = f"/payment_methods/{method['id']}"
    for _ in range(2):
        assert (await shop.made(f"{path}/attach", {"customer": customer_id}))["customer"] == customer_id
    assert (await shop.post(f"{path}/attach", {"customer": other})).status_code == 400
    assert (await shop.made(f"{path}/detach"))["customer"] is None
    for act, form in (("detach", {}), ("attach", {"customer": customer_id})):
        assert (await shop.post(f"{path}/{act}", form)).status_code == 400
    effects = [(each["kind"], each["reference"]) for each in await shop.effects()]
    assert effects.count(("payment_method.attached", "pm_1")) == 1
    assert effects.count(("payment_method.detached", "pm_1")) == 1


async def test_an_intent_changes_while_it_is_open(shop: "Shop") -> None:
    intent = await shop.intent(**{"metadata[a]": "1", "metadata[b]": "2"})
    path = f"/payment_intents/{intent['id']}"
    changed = await shop.made(path, {"amount": "999", "metadata[a]": "", "metadata[c]": "3"})
    assert (changed["amount"], changed["metadata"]) == (999, {"b": "2", "c": "3"})
    await shop.pay(intent["id"])
    assert (await shop.post(path, {"amount": "1"})).status_code == 400
    assert (await shop.made(path, {"metadata[d]": "4"}))["metadata"] == {"b": "2", "c": "3", "d": "4"}
