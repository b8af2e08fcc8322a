"""A tenant's own story on the management API, with a secret of its own in every place where one can be entered or shown.

`test_what_is_left` then looks for all of them in every column, topic, log, trace and metric.
"""

import re
from typing import Any, Final
from uuid import uuid4

import httpx
import pyotp
import pytest
from tests.e2e.people import SignedIn, browser, join, mailed, remember, sign_up
from tests.e2e.world import World

_CANARY: Final = "canary"


def canary(world: World, before: str = "") -> str:
    """A text that stands nowhere else, to be found nowhere."""
    made = f"{before}{_CANARY}{uuid4().hex}"
    world.secrets.append(made)
    return made


@pytest.fixture(scope="module")
async def alice(world: World) -> Any:
    person = await sign_up(world, f"alice-{uuid4().hex[:6]}")
    yield person
    await person.client.aclose()


async def test_credentials_are_entered_replaced_and_never_shown(world: World, alice: SignedIn) -> None:
    key_id, secret = f"rzp_test_{uuid4().hex[:14]}", canary(world)
    hook = canary(world)
    account = {
        "key_id": key_id,
        "key_secret": secret,
        "webhook_url": "http://127.0.0.1:9/none",
        "webhook_secret": hook,
        "merchant_name": "Alice",
    }
    (await world.sandbox.post("/control/razorpay/accounts", json=account)).raise_for_status()
    connected = await alice.client.post(
        "/api/services/payments/razorpay/connect",
        json={"credentials": {"key_id": key_id, "key_secret": secret, "webhook_secret": hook}},
    )
    assert connected.status_code == 201, connected.text
    wrong = canary(world)
    refused = await alice.client.patch("/api/services/payments/razorpay", json={"credentials": {"key_secret": wrong}})
    assert refused.status_code == 422, refused.text
    assert refused.json()["code"] == "CREDENTIALS_REFUSED"
    misnamed = await alice.client.patch(
        "/api/services/payments/razorpay", json={"credentials": {"no_such_field": canary(world)}}
    )
    assert misnamed.status_code == 422
    replaced = canary(world)
    await world.sandbox.post("/control/razorpay/accounts", json={**account, "key_secret": replaced})
    changed = await alice.client.patch(
        "/api/services/payments/razorpay", json={"credentials": {"key_secret": replaced}}
    )
    assert changed.status_code == 200, changed.text
    rotated = await alice.client.post("/api/services/payments/razorpay/callback-token/rotate", json={})
    assert rotated.status_code == 200, rotated.text
    for answer in (connected, rotated):
        world.secrets.append(answer.json()["callback_url"].rpartition("/")[2])
    assert (await alice.client.post("/api/services/payments/razorpay/test")).json()["accepted"] is True
    _check_no_canary(connected, refused, misnamed, changed, rotated, await alice.client.get("/api/services"))


async def test_keys_are_shown_once(world: World, alice: SignedIn) -> None:
    made = await alice.client.post("/api/api-keys", json={"name": "backend", "scopes": ["payments:write"]})
    rotated = await alice.client.post(f"/api/api-keys/{made.json()['id']}/rotate", json={"overlap_s": 60})
    keys = [made.json()["key"], rotated.json()["key"]]
    world.secrets += keys
    for key in keys:
        async with world.client(key) as api:
            assert (await api.post("/v1/payments", json={"amount": "9.00", "currency": "INR"})).status_code == 201
            assert (await api.get("/api/services")).status_code == 403
    listed = await alice.client.get("/api/api-keys")
    for key in keys:
        assert key not in listed.text
    assert {one["id"] for one in listed.json()["data"]} >= {made.json()["id"], rotated.json()["id"]}


async def test_a_second_factor_is_set_up_and_used(world: World) -> None:
    bob = await sign_up(world, f"bob-{uuid4().hex[:6]}")
    begun = await bob.client.post("/api/account/totp", json={"password": bob.password})
    assert begun.status_code == 200, begun.text
    code = pyotp.TOTP(begun.json()["secret"]).now()
    world.secrets.append(begun.json()["secret"])
    confirmed = await bob.client.post("/api/account/totp/confirm", json={"code": code})
    assert confirmed.status_code == 200, confirmed.text
    codes = confirmed.json()["recovery_codes"]
    world.secrets += codes
    async with browser(world) as again:
        waiting = await again.post("/api/auth/sign-in", json={"email": bob.email, "password": bob.password})
        assert waiting.json()["status"] == "totp_required"
        again.headers["X-CSRF-Token"] = waiting.json()["csrf_token"]
        assert (await again.get("/api/services")).status_code == 401
        replayed = await again.post("/api/auth/totp", json={"code": code})
        assert replayed.status_code in {401, 422}, "the code that confirmed the factor was used already"
        done = await again.post("/api/auth/totp", json={"recovery_code": codes[0]})
        assert done.status_code == 200, done.text
        again.headers["X-CSRF-Token"] = done.json()["csrf_token"]
        assert (await again.get("/api/services")).status_code == 200
        world.secrets += [cookie.value for cookie in again.cookies.jar if cookie.value]
    remember(world, bob)
    await bob.client.aclose()


async def test_a_forgotten_password_is_reset_once(world: World) -> None:
    carol = await sign_up(world, f"carol-{uuid4().hex[:6]}")
    async with browser(world) as client:
        for address in (carol.email, f"nobody-{uuid4().hex[:6]}@example.com"):
            assert (await client.post("/api/auth/password/forgot", json={"email": address})).status_code == 200
        token = await mailed(world, carol.email, "reset-password")
        world.secrets.append(token)
        chosen = canary(world, "a new password ")
        body = {"token": token, "password": chosen}
        assert (await client.post("/api/auth/password/reset", json=body)).status_code == 200
        assert (await client.post("/api/auth/password/reset", json=body)).status_code in {401, 404, 409, 422}
        assert (await carol.client.get("/api/account")).status_code == 401, "every session ended"
        old = await client.post("/api/auth/sign-in", json={"email": carol.email, "password": carol.password})
        assert old.status_code == 401
        new = await client.post("/api/auth/sign-in", json={"email": carol.email, "password": chosen})
        assert new.status_code == 200, new.text
        world.secrets += [cookie.value for cookie in client.cookies.jar if cookie.value]
    await carol.client.aclose()


async def test_another_site_cannot_write(world: World, alice: SignedIn) -> None:
    body = {"name": "planted", "scopes": ["payments:read"]}
    without_token = await alice.client.post("/api/api-keys", json=body, headers={"X-CSRF-Token": ""})
    from_elsewhere = await alice.client.post("/api/api-keys", json=body, headers={"Sec-Fetch-Site": "cross-site"})
    for answer in (without_token, from_elsewhere):
        assert (answer.status_code, answer.json()["code"]) == (403, "CSRF_REFUSED")
    assert "planted" not in (await alice.client.get("/api/api-keys")).text


async def test_every_change_is_in_the_audit_log_without_its_secrets(world: World, alice: SignedIn) -> None:
    await (await join(world, alice, f"dave-{uuid4().hex[:6]}", "developer")).client.aclose()
    page = await alice.client.get("/api/audit", params={"limit": 100})
    assert page.status_code == 200, page.text
    actions = [entry["action"] for entry in page.json()["data"]]
    for expected in ("connection.created", "api_key.created", "invitation.created"):
        assert expected in actions, actions
    _check_no_canary(page)
    for entry in page.json()["data"]:
        assert entry["actor"]["id"]
        if entry["action"] == "api_key.created":
            assert (entry["actor"]["kind"], entry["actor"]["id"]) == ("user", alice.user_id)
            assert entry["actor"]["ip"] == "127.0.0.1"


async def test_the_page_of_a_route_that_is_not_there_is_a_problem(world: World, alice: SignedIn) -> None:
    for path in ("/api/no-such-thing", "/api/..%2finternal/catalogue", "/api/%2e%2e/internal/catalogue"):
        answer = await alice.client.get(path)
        assert answer.status_code in {400, 404}, f"{path}: {answer.status_code} {answer.text}"
        assert answer.headers["content-type"] == "application/problem+json"


def _check_no_canary(*answers: httpx.Response) -> None:
    for answer in answers:
        found = re.search(rf"[\w ]*{_CANARY}[0-9a-f]{{32}}", answer.text)
        assert found is None, f"{answer.request.method} {answer.request.url.path} shows a secret"
