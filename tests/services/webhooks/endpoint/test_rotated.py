"""Every delivery is verified by who has any live secret, through rotations, and by who has the public key."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
from tests.services.webhooks.endpoint.rotating import PATH, delivered, rotate, verifies, verifies_by_key

from onerouter_common.clock import SystemClock

from ..conftest import Receiver, Running, StartService


async def test_old_secrets_verify_until_they_expire_and_the_public_key_always(
    service: Running, receiver: Receiver
) -> None:
    created = await service.create_endpoint(receiver.url)
    secrets = [created["secret"]]
    for _ in range(3):
        got = await delivered(service, receiver)
        assert all(verifies(secret, got) for secret in secrets)
        assert verifies_by_key(created["public_key"], got)
        newest_first = [one for one in got.headers["webhook-signature"].split(" ") if one.startswith("v1,")]
        assert len(newest_first) == len(secrets)
        secrets.append((await rotate(service, created["id"]))["secret"])
    last = await rotate(service, created["id"], expire_old_after_s=0)
    assert last["live_secrets"] == 1
    got = await delivered(service, receiver)
    assert verifies(last["secret"], got)
    assert not any(verifies(secret, got) for secret in secrets)
    assert verifies_by_key(created["public_key"], got)
    assert last["public_key"] == created["public_key"]
    other = await service.create_endpoint("https://example.com/hook")
    assert not verifies_by_key(other["public_key"], got)


async def test_the_overlap_ends_by_itself(start_service: StartService, receiver: Receiver) -> None:
    class Later(SystemClock):
        by = timedelta()

        def now(self) -> Any:
            return super().now() + self.by

    clock = Later()
    async with start_service(clock=clock) as service:
        created = await service.create_endpoint(receiver.url)
        rotated = await rotate(service, created["id"], expire_old_after_s=60)
        got = await delivered(service, receiver)
        assert verifies(created["secret"], got)
        clock.by = timedelta(seconds=61)
        got = await delivered(service, receiver)
        signatures = got.headers["webhook-signature"].split(" ")
        assert [one.partition(",")[0] for one in signatures] == ["v1", "v1a"]
        clock.by = timedelta()
        assert rotated["live_secrets"] == 2


async def test_ten_live_secrets_sign_and_an_eleventh_is_refused(service: Running, receiver: Receiver) -> None:
    created = await service.create_endpoint(receiver.url)
    secrets = [created["secret"]] + [(await rotate(service, created["id"]))["secret"] for _ in range(9)]
    problem = await rotate(service, created["id"], 409)
    assert "10 live secrets" in problem["detail"]
    got = await delivered(service, receiver)
    assert all(verifies(secret, got) for secret in secrets)
    signatures = [one for one in got.headers["webhook-signature"].split(" ") if one.startswith("v1,")]
    assert len(signatures) == 10
    only = await rotate(service, created["id"], expire_old_after_s=0)
    got = await delivered(service, receiver)
    assert [verifies(secret, got) for secret in (secrets[-1], only["secret"])] == [False, True]


async def test_a_secret_is_shown_once_and_stored_sealed(service: Running) -> None:
    created = await service.create_endpoint("https://example.com/hook")
    rotated = await rotate(service, created["id"])
    shown = await service.http.get(f"{PATH}/{created['id']}", headers=service.owner())
    assert "whsec_" not in shown.text
    assert shown.json()["public_key"].startswith("whpk_")
    raw = [one["secret"].removeprefix("whsec_") for one in (created, rotated)]
    rows = await service.admin.fetch("SELECT t::text AS text FROM endpoint_secrets t")
    assert len(rows) == 3
    assert not any(secret in row["text"] for secret, row in itertools.product(raw, rows))


async def test_an_endpoint_from_before_gets_its_key_pair_with_its_next_secret(
    service: Running, receiver: Receiver
) -> None:
    created = await service.create_endpoint(receiver.url)
    await service.admin.execute("DELETE FROM endpoint_secrets WHERE scheme = 'v1a'")
    await service.admin.execute("UPDATE webhook_endpoints SET public_key = NULL, version = version + 1")
    got = await delivered(service, receiver)
    assert "v1a," not in got.headers["webhook-signature"]
    rotated = await rotate(service, created["id"])
    got = await delivered(service, receiver)
    assert verifies_by_key(rotated["public_key"], got)
    assert verifies(created["secret"], got)


@pytest.mark.parametrize("after_s", [-1, 604_801, "soon", True])
async def test_an_overlap_has_bounds(service: Running, after_s: object) -> None:
    created = await service.create_endpoint("https://example.com/hook")
    problem = await rotate(service, created["id"], 422, expire_old_after_s=after_s)
    assert problem["errors"][0]["field"] == "expire_old_after_s"
