"""One of everything that a tenant can have under /v1, made over the API for whoever holds the key."""

from typing import Any, Final
from uuid import uuid4

import httpx
from tests.e2e.people import SignedIn
from tests.e2e.world import World, until

LIVE: Final = {"X-OneRouter-Environment": "live"}
_TRIES: Final = 200
NOTHING_HEARD: Final = "http://127.0.0.1:9/events"


async def connect(world: World, person: SignedIn, environment: str, whose: str) -> dict[str, Any]:
    """An account at the provider."""
    headers = LIVE if environment == "live" else {}
    key_id, key_secret = f"rzp_{environment}_{uuid4().hex[:14]}", f"secret{uuid4().hex}"
    account = {
        "key_id": key_id,
        "key_secret": key_secret,
        "webhook_url": "http://127.0.0.1:9/none",
        "webhook_secret": f"hook{uuid4().hex}",
        "merchant_name": "Hatter",
    }
    (await world.sandbox.post("/control/razorpay/accounts", json=account)).raise_for_status()
    connected = await person.client.post(
        "/api/services/payments/razorpay/connect",
        json={
            "credentials": {"key_id": key_id, "key_secret": key_secret, "webhook_secret": account["webhook_secret"]},
            "label": f"{whose} {environment}",
        },
        headers=headers,
    )
    assert connected.status_code == 201, connected.text
    callback = f"{connected.json()['callback_url']}"
    world.secrets += [key_secret, account["webhook_secret"], callback.rpartition("/")[2]]
    await world.sandbox.post("/control/razorpay/accounts", json={**account, "webhook_url": callback})
    made: dict[str, Any] = connected.json()
    return made


async def paid_things(world: World, api: httpx.AsyncClient) -> dict[str, str]:
    """A payment that was paid, one to be captured, a refund, an operation, an endpoint."""
    created = await _made(api, "/v1/payments", amount="50.00", currency="INR", capture="manual")
    await world.sandbox.post(f"/control/razorpay/orders/{created['provider_order_id']}/pay", json={})
    paid = await _made(api, "/v1/payments", amount="60.00", currency="INR")
    await world.sandbox.post(f"/control/razorpay/orders/{paid['provider_order_id']}/pay", json={})
    refunded: httpx.Response | None = None
    for _ in range(_TRIES):
        refunded = await api.post("/v1/refunds", json={"payment_id": paid["id"], "amount": "2.00"})
        if refunded.status_code == 201:
            break
    assert refunded is not None and refunded.status_code == 201, refunded and refunded.text
    endpoint = await _made(api, "/v1/webhook-endpoints", url=NOTHING_HEARD, event_types=["refund.failed"])
    world.secrets.append(endpoint["secret"])
    operations = (await api.get("/v1/operations")).json()["data"]
    return {
        "payment_id": paid["id"],
        "authorized_payment_id": created["id"],
        "refund_id": refunded.json()["id"],
        "operation_id": operations[0]["id"],
        "endpoint_id": endpoint["id"],
    }


async def billing_things(world: World, api: httpx.AsyncClient, name: str) -> dict[str, str]:
    """A plan, a customer with a kept method, a subscription, a link and a vendor that can be paid, all called `name`."""
    plan = await _made(api, "/v1/plans", name=name, amount="10.00", currency="INR", interval="month")
    customer = await _made(api, "/v1/customers", name=name, email=f"{name}@example.com", phone="+919000090000")
    at_provider = f"/control/razorpay/customers/{customer['provider_customer_id']}/tokens"
    tokens = [(await world.sandbox.post(at_provider, json={"method": "card"})).json()["id"] for _ in range(2)]
    method = await _made(
        api, "/v1/payment-methods", payment_method_id=tokens[0], customer_id=customer["id"], nickname=name
    )
    subscription = await _made(api, "/v1/subscriptions", plan_id=plan["id"], customer_id=customer["id"], total_count=12)
    link = await _made(api, "/v1/payment-links", amount="15.00", currency="INR", customer_email=f"{name}@example.com")
    vendor = await a_vendor(world, api, name)
    split = await _split(api, vendor["id"])
    return {
        "plan_id": plan["id"],
        "customer_id": customer["id"],
        "payment_method_id": method["id"],
        "token_id": tokens[1],
        "subscription_id": subscription["id"],
        "payment_link_id": link["id"],
        "vendor_id": vendor["id"],
        "split_payment_id": split["id"],
    }


async def a_vendor(world: World, api: httpx.AsyncClient, name: str) -> dict[str, Any]:
    """One that can be paid."""
    account = "5" + "".join(str(int(character, 16) % 10) for character in uuid4().hex[:11])
    world.secrets.append(account)
    vendor = await _made(api, "/v1/marketplace/vendors", **vendor_body(name, account))
    path = f"/v1/marketplace/vendors/{vendor['id']}"
    seen: dict[str, Any] = {}

    async def can_be_paid() -> bool:
        seen.update((await api.get(path)).json())
        return bool(seen["status"] == "active")

    await until(can_be_paid, f"{path} to be active", lambda: seen)
    return seen


async def _split(api: httpx.AsyncClient, vendor_id: str) -> dict[str, Any]:
    """Once the vendor can be paid: a callback from before its activation may come after it, for a moment."""
    made: list[httpx.Response] = []

    async def could() -> bool:
        made.append(await api.post("/v1/marketplace/payments/split", json=a_split(vendor_id)))
        return made[-1].status_code == 201

    await until(could, "a split payment", lambda: made[-1].text)
    split: dict[str, Any] = made[-1].json()
    return split


def vendor_body(name: str, account: str) -> dict[str, Any]:
    """All that Razorpay asks of a vendor."""
    return {
        "vendor_id": f"{name}-{uuid4().hex[:6]}",
        "name": name,
        "email": f"{uuid4().hex[:8]}@example.com",
        "phone": "9000090000",
        "country": "IN",
        "business_type": "partnership",
        "account_details": {
            "account_number": account,
            "ifsc": "HDFC0000317",
            "account_holder": name,
            "category": "healthcare",
            "subcategory": "clinic",
            "street1": "MG Road",
            "city": "Bengaluru",
            "state": "Karnataka",
            "postal_code": "560001",
        },
        "split_config": {"percent": "90"},
    }


def a_split(vendor_id: str) -> dict[str, Any]:
    return {
        "amount": "20.00",
        "currency": "INR",
        "splits": [{"account_id": vendor_id, "amount": "18.00"}, {"type": "fee", "amount": "2.00"}],
    }


async def _made(api: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await api.post(path, json=body, headers={"Idempotency-Key": str(uuid4())})
    assert answer.status_code == 201, f"{path}: {answer.status_code} {answer.text}"
    made: dict[str, Any] = answer.json()
    return made
