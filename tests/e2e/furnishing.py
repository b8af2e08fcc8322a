"""One of everything that a tenant can have under /v1, made over the API for whoever holds the key."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import httpx
from tests.e2e.people import SignedIn
from tests.e2e.world import World, until

LIVE: Final = {"X-OneRouter-Environment": "live"}
_TRIES: Final = 200
A_TEXT: Final = {"to": "+14155552671", "body": "Your code is 4711."}
A_LETTER: Final = {"to": "ada@example.net", "subject": "Hello", "text_body": "Your code is 4711."}
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


async def connect_messaging(world: World, person: SignedIn, environment: str) -> None:
    """An account for each kind of message."""
    sid, token, resend_key = f"AC{uuid4().hex}", uuid4().hex, f"re_{uuid4().hex}"
    number = "+15005550006"
    twilio = {"account_sid": sid, "auth_token": token, "numbers": [number]}
    (await world.sandbox.post("/control/twilio/accounts", json=twilio)).raise_for_status()
    (await world.sandbox.post("/control/resend/accounts", json={"api_key": resend_key})).raise_for_status()
    credentials = {
        "sms/twilio": {"account_sid": sid, "api_key_secret": token, "from_number": number},
        "email/resend": {"api_key": resend_key, "default_from": "Hatter <hatter@example.com>"},
    }
    for where, entered in credentials.items():
        connected = await person.client.post(
            f"/api/services/{where}/connect",
            json={"credentials": entered},
            headers=LIVE if environment == "live" else {},
        )
        assert connected.status_code == 201, connected.text
        world.secrets.append(connected.json()["callback_url"].rpartition("/")[2])
    world.secrets += [token, resend_key]


async def connect_storage(world: World, person: SignedIn, environment: str) -> str:
    """A bucket of one's own; its name."""
    bucket, access_key, secret = f"files-{uuid4().hex[:12]}", f"AKIA{uuid4().hex[:16].upper()}", uuid4().hex + "0" * 8
    account = {"access_key_id": access_key, "secret_access_key": secret, "region": "eu-central-1", "buckets": [bucket]}
    (await world.sandbox.post("/control/s3/accounts", json=account)).raise_for_status()
    connected = await person.client.post(
        "/api/services/storage/s3/connect",
        json={
            "credentials": {
                "access_key_id": access_key,
                "secret_access_key": secret,
                "region": "eu-central-1",
                "bucket": bucket,
            }
        },
        headers=LIVE if environment == "live" else {},
    )
    assert connected.status_code == 201, connected.text
    world.secrets.append(secret)
    return bucket


async def stored_things(api: httpx.AsyncClient, bucket: str) -> dict[str, str]:
    """An object, an upload that waits, one that is over soon, and one that was put and is not completed yet."""
    path = f"/v1/storage/{bucket}"
    put = await api.put(f"{path}/objects/kept", content=b"hello", headers={"Idempotency-Key": str(uuid4())})
    assert put.status_code == 201, put.text
    waiting, aborted, made = [await _made(api, f"{path}/uploads", key=f"upload-{n}", size=5) for n in range(3)]
    parted = await _made(api, f"{path}/uploads", key="upload-in-parts", multipart=True)
    async with httpx.AsyncClient() as anyone:
        sent = await anyone.put(made["url"], content=b"hello", headers=made["required_headers"])
        assert sent.status_code == 200, sent.text
    return {
        "bucket": bucket,
        "key": "kept",
        "upload_id": waiting["id"],
        "parted_upload_id": parted["id"],
        "aborted_upload_id": aborted["id"],
        "made_upload_id": made["id"],
    }


async def sent_things(api: httpx.AsyncClient, name: str) -> dict[str, str]:
    """For each kind of message: one that was sent, one for tomorrow, the same of batches, a template that is published;
    and who is not written to."""
    send_at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    found: dict[str, str] = {}
    for kind, prefix, body, to in (
        ("sms", "sms_", A_TEXT, "+14155552672"),
        ("email", "", A_LETTER, f"{name}@example.net"),
    ):
        path = f"/v1/{kind}"
        bulk = {key: value for key, value in body.items() if key != "to"} | {"recipients": [{"to": to}]}
        text = {"body": name} if kind == "sms" else {"subject": name, "text": name}
        template = await _made(api, f"{path}/templates", name=name, **text)
        published = await api.post(f"{path}/templates/{template['id']}/publish", json={})
        assert published.status_code == 200, published.text
        found |= {
            f"{kind}_id": (await _made(api, path, **body, metadata={"of": name}))["id"],
            f"planned_{kind}_id": (await _made(api, path, **body, send_at=send_at))["id"],
            f"{prefix}batch_id": (await _made(api, f"{path}/bulk", **bulk))["id"],
            f"planned_{prefix}batch_id": (await _made(api, f"{path}/bulk", **bulk, send_at=send_at))["id"],
            f"{prefix}template_id": template["id"],
        }
    suppressed = await _made(api, "/v1/suppressions", channel="email", address=f"left-{name}@example.net")
    return {**found, "suppression_id": suppressed["id"]}


async def paid_things(world: World, api: httpx.AsyncClient) -> dict[str, str]:
    """A payment that was paid, one to be captured, a refund, an operation, an event, an endpoint, a delivery, a recovery."""
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

    events: list[dict[str, Any]] = []

    async def is_told() -> bool:
        events.extend((await api.get("/v1/events", params={"limit": 1})).json()["data"])
        return bool(events)

    await until(is_told, "an event")
    hooks = f"/v1/webhook-endpoints/{endpoint['id']}"
    again = await api.post(f"/v1/events/{events[0]['id']}/redeliver", json={"endpoint_id": endpoint["id"]})
    recovery = await _made(api, f"{hooks}/recover", since="2026-01-01T00:00:00Z", types=["payment.none"])

    async def is_over() -> bool:
        deliveries = (await api.get(f"{hooks}/deliveries")).json()["data"]
        recovered = (await api.get(f"{hooks}/recoveries/{recovery['id']}")).json()
        return bool(deliveries[0]["status"] == "exhausted" and recovered["status"] == "finished")

    await until(is_over, "the end of what was sent again")
    return {
        "payment_id": paid["id"],
        "authorized_payment_id": created["id"],
        "refund_id": refunded.json()["id"],
        "operation_id": operations[0]["id"],
        "endpoint_id": endpoint["id"],
        "event_id": events[0]["id"],
        "delivery_id": again.json()["deliveries"][0]["id"],
        "recovery_id": recovery["id"],
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
