"""What payers entrust to a provider for later: kept, named, listed, given up."""

from typing import Any
from uuid import uuid4

from tests.e2e.payers import PAYERS, Payer, key, make
from tests.e2e.world import World, check_problem, until


async def customer(world: World, payer: Payer) -> dict[str, Any]:
    email = f"{uuid4().hex[:8]}@example.com"
    return await make(world, "/v1/customers", name="Asha Rao", email=email, provider=payer.provider)


async def entrusted(world: World, payer: Payer, who: dict[str, Any]) -> str:
    """A method that the customer has just left at the provider: its id there."""
    of, path = who["provider_customer_id"], ""
    match payer.provider:
        case "razorpay":
            path = f"customers/{of}/tokens"
        case "paypal":
            path = f"accounts/{payer.account_of(world.stack.secrets)}/payment-tokens"
        case "stripe":
            path = f"customers/{of}/payment_methods"
    return str((await payer.control(world, path))["id"])


async def methods(world: World, **filters: str) -> list[dict[str, Any]]:
    answer = await world.api.get("/v1/payment-methods", params={"limit": "100", **filters})
    assert answer.status_code == 200, answer.text
    listed = answer.json()
    assert isinstance(listed, list)
    return listed


async def test_a_method_is_kept_named_and_given_up(world: World, payer: Payer) -> None:
    who = await customer(world, payer)
    at_provider = await entrusted(world, payer, who)
    kept = await make(
        world, "/v1/payment-methods", payment_method_id=at_provider, customer_id=who["id"], nickname="Office"
    )
    assert (kept["status"], kept["payment_method_id"], kept["customer_id"]) == ("active", at_provider, who["id"])
    assert (kept["nickname"], kept["provider"]) == ("Office", payer.provider)
    assert kept["type"] is not None
    assert [one["id"] for one in await methods(world, customer_id=who["id"])] == [kept["id"]]
    path = f"/v1/payment-methods/{kept['id']}"
    changed = await world.api.patch(path, json={"nickname": "Home", "metadata": {"x": "1"}}, headers=key())
    assert changed.status_code == 200, changed.text
    seen = (await world.api.get(path)).json()
    assert (seen["nickname"], seen["metadata"], seen["type"]) == ("Home", {"x": "1"}, kept["type"])
    gone = await world.api.delete(path, headers=key())
    assert (gone.status_code, gone.headers["content-type"]) == (200, "application/json")
    assert (gone.json()["id"], gone.json()["status"]) == (kept["id"], "removed")
    assert await methods(world, customer_id=who["id"]) == []
    assert [one["id"] for one in await methods(world, customer_id=who["id"], status="removed")] == [kept["id"]]
    again = await world.api.delete(path, headers=key())
    assert again.status_code in (200, 409), again.text


async def test_a_list_of_many_has_pages(world: World) -> None:
    payer = PAYERS["stripe"]
    who = await customer(world, payer)
    kept = [
        await make(
            world,
            "/v1/payment-methods",
            payment_method_id=await entrusted(world, payer, who),
            customer_id=who["id"],
        )
        for _ in range(3)
    ]
    first = await world.api.get("/v1/payment-methods", params={"customer_id": who["id"], "limit": "2"})
    next_path = first.headers["link"].partition(">")[0].removeprefix("<")
    second = await world.api.get(next_path)
    assert "link" not in second.headers
    listed = [one["id"] for one in (*first.json(), *second.json())]
    assert listed == [one["id"] for one in reversed(kept)]


async def test_what_is_refused(world: World) -> None:
    payer = PAYERS["stripe"]
    who = await customer(world, payer)
    body = {"payment_method_id": "pm_nothing", "customer_id": who["id"]}
    unknown = await world.api.post("/v1/payment-methods", json=body, headers=key())
    assert 400 <= unknown.status_code < 503, unknown.text
    assert await methods(world, customer_id=who["id"]) == []
    nobody = await world.api.post("/v1/payment-methods", json={**body, "customer_id": "cus_nobody"}, headers=key())
    assert check_problem(nobody, 422, "VALIDATION_ERROR")["errors"][0]["field"] == "customer_id"
    elsewhere = await world.api.post("/v1/payment-methods", json={**body, "provider": "razorpay"}, headers=key())
    assert check_problem(elsewhere, 422, "VALIDATION_ERROR")["errors"][0]["field"] == "provider"
    missing = await world.api.delete("/v1/payment-methods/pm_00000000000000000000000000", headers=key())
    check_problem(missing, 404, "NOT_FOUND")


async def test_a_card_saved_while_paying_can_be_kept(world: World) -> None:
    payer = PAYERS["stripe"]
    who = await customer(world, payer)
    payment = await make(
        world,
        "/v1/payments",
        amount="10.00",
        currency="USD",
        provider="stripe",
        method="card",
        save_card=True,
        customer={"id": who["id"]},
    )
    await payer.pay(world, payment)
    await world.reached(f"/v1/payments/{payment['id']}", "succeeded")
    found: list[str] = []

    async def is_saved() -> bool:
        secret = world.stack.secrets.sandbox_stripe_secret_key
        answer = await world.sandbox.get(
            f"/stripe/v1/customers/{who['provider_customer_id']}/payment_methods",
            headers={"Authorization": f"Bearer {secret}"},
        )
        found[:] = [one["id"] for one in answer.json()["data"]]
        return bool(found)

    await until(is_saved, "a card with the customer")
    kept = await make(world, "/v1/payment-methods", payment_method_id=found[0], customer_id=who["id"])
    assert (kept["status"], kept["type"]) == ("active", "card")
    assert len(kept["last4"]) == 4
