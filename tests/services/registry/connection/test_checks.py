"""The background check: tells the tenant once when credentials stop working, and once when they work again."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from tests.services.registry.conftest import CREDENTIALS, KEY_SECRET
from tests.services.registry.connection.conftest import Desk

from onerouter_registry.connection.model import Connection
from onerouter_registry.connection.upkeep.checks import Checks
from onerouter_registry.tenant.model import Tenant


@pytest.fixture
async def checks(desk: Desk) -> Checks:
    await asyncio.gather(*(end(desk, row["id"]) for row in await desk.fetch("SELECT id FROM connections")))
    return Checks(desk.admin.connections._engine, desk.admin.verification, desk.clock, at_once=4)


async def end(desk: Desk, connection_id: str) -> None:
    """Other tests' connections are not asked about here."""
    await desk.fetch("UPDATE connections SET next_check_at = NULL WHERE id = $1", connection_id)


async def due(desk: Desk, connection: Connection) -> timedelta:
    at = (await desk.get(connection)).next_check_at
    assert at is not None
    return at - desk.clock.now()


async def test_asks_about_accepted_ones_daily_and_refused_ones_hourly(
    desk: Desk, tenant: Tenant, checks: Checks
) -> None:
    made = await desk.connect(tenant, verify=True)
    desk.clock.ahead = timedelta(hours=18)
    assert await checks.check_due() == 0
    desk.clock.ahead = timedelta(hours=30)
    assert await checks.check_due() == 1
    assert timedelta(hours=19) < await due(desk, made) < timedelta(hours=29)
    desk.provider.accepts = "another secret"
    desk.clock.ahead = timedelta(hours=60)
    assert await checks.check_due() == 1
    assert timedelta(minutes=45) < await due(desk, made) < timedelta(minutes=75)
    assert await checks.check_due() == 0


async def test_tells_once_for_each_turn(desk: Desk, tenant: Tenant, checks: Checks) -> None:
    made = await desk.connect(tenant, "main", verify=True)
    for hours, accepts in ((30, KEY_SECRET), (60, "no"), (62, "no"), (64, "no"), (66, KEY_SECRET), (96, KEY_SECRET)):
        desk.provider.accepts = accepts
        desk.clock.ahead = timedelta(hours=hours)
        assert await checks.check_due() == 1
    events = await desk.events_of(made)
    assert [(event["type"], event["sequence"]) for event in events] == [
        ("connection.credentials_refused", 1),
        ("connection.credentials_accepted", 2),
    ]
    refused: dict[str, Any] = events[0]
    assert refused["resource"] == {"kind": "connection", "id": made.id}
    assert (refused["tenant_id"], refused["environment"], refused["category"]) == (tenant.id, "test", "payments")
    assert (refused["data"]["label"], refused["data"]["verification"]) == ("main", "refused")
    assert "Authentication failed" in refused["data"]["verified_error"]
    assert "credentials" not in refused["data"]
    assert KEY_SECRET not in str(events)
    assert made.credentials.masked["key_secret"] not in str(events)
    turns = [entry for entry in await desk.audit_of(made) if entry["action"].startswith("connection.credentials_")]
    assert [(entry["action"], entry["actor_id"]) for entry in turns] == [
        ("connection.credentials_refused", "registry"),
        ("connection.credentials_accepted", "registry"),
    ]
    headers = await desk.fetch(
        "SELECT headers->>'ce_type' AS type FROM outbox WHERE key = $1 AND headers <> '{}'", made.id
    )
    assert [row["type"] for row in headers] == [event["type"] for event in events]


async def test_disables_nothing(desk: Desk, tenant: Tenant, checks: Checks) -> None:
    made = await desk.connect(tenant, verify=True)
    desk.provider.accepts = "no"
    desk.clock.ahead = timedelta(hours=30)
    await checks.check_due()
    after = await desk.get(made)
    assert after.enabled
    assert after.version == made.version


async def test_a_provider_that_is_away_changes_nothing(desk: Desk, tenant: Tenant, checks: Checks) -> None:
    made = await desk.connect(tenant, verify=True)
    desk.provider.away = True
    desk.clock.ahead = timedelta(hours=30)
    assert await checks.check_due() == 1
    after = await desk.get(made)
    assert (after.verified_at, after.verified_error) == (made.verified_at, None)
    assert await desk.events_of(made) == []
    assert await due(desk, made) < timedelta(hours=2)


async def test_several_registries_share_the_work(desk: Desk, tenant: Tenant, checks: Checks) -> None:
    made = [await desk.connect(tenant, str(number)) for number in range(12)]
    desk.clock.ahead = timedelta(hours=2)
    desk.provider.accepts = "no"
    counts = await asyncio.gather(checks.check_due(), checks.check_due(), checks.check_due())
    assert sum(counts) == desk.provider.asked == 12
    for one in made:
        assert [event["sequence"] for event in await desk.events_of(one)] == [1]


async def test_who_is_killed_between_asking_and_storing_leaves_it_to_the_next(
    desk: Desk, tenant: Tenant, checks: Checks, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await desk.connect(tenant, verify=True)
    desk.provider.accepts = "no"
    desk.clock.ahead = timedelta(hours=30)
    asked = asyncio.Event()

    async def hangs(*_: object) -> bool:
        asked.set()
        await asyncio.Event().wait()
        return False

    with monkeypatch.context() as killed:
        killed.setattr(desk.admin.verification._verdicts, "record", hangs)
        dying = asyncio.create_task(checks.check_due())
        await asked.wait()
        dying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dying
    assert await desk.events_of(made) == []
    assert await checks.check_due() == 0  # its claim has not ended
    desk.clock.ahead += timedelta(minutes=11)
    assert await checks.check_due() == 1
    assert [event["sequence"] for event in await desk.events_of(made)] == [1]


async def test_many_who_find_the_same_out_tell_it_once(desk: Desk, tenant: Tenant, checks: Checks) -> None:
    made = await desk.connect(tenant, verify=True)
    desk.provider.accepts = "no"
    desk.clock.ahead = timedelta(hours=30)
    verify = desk.admin.verification.verify
    await asyncio.gather(checks.check_due(), *(verify(tenant.id, "test", made.id) for _ in range(3)))
    assert [event["sequence"] for event in await desk.events_of(made)] == [1]


async def test_one_that_cannot_be_opened_holds_up_no_other(desk: Desk, tenant: Tenant, checks: Checks) -> None:
    broken, made = await desk.connect(tenant, "one"), await desk.connect(tenant, "two")
    await desk.fetch('UPDATE connections SET credentials = \'{"key_secret": "v1.gone.x.y"}\' WHERE id = $1', broken.id)
    desk.clock.ahead = timedelta(hours=2)
    assert await checks.check_due() == 2
    assert (await desk.get(made)).verification == "accepted"
    assert timedelta(0) < await due(desk, broken) < timedelta(hours=2)


async def test_one_that_cannot_be_opened_is_told_once_until_it_is_entered_again(
    desk: Desk, tenant: Tenant, checks: Checks
) -> None:
    broken, other = await desk.connect(tenant, "one", verify=True), await desk.connect(tenant, "two", verify=True)
    await desk.fetch(
        "UPDATE connections SET credentials = (SELECT credentials FROM connections WHERE id = $2) WHERE id = $1",
        *(broken.id, other.id),
    )
    desk.clock.ahead = timedelta(hours=30)
    assert await checks.check_due() == 2
    stored = await desk.get(broken)
    assert stored.verification == "refused"
    assert stored.verified_error is not None
    assert "cannot be read any more" in stored.verified_error
    desk.clock.ahead = timedelta(hours=32)
    assert await checks.check_due() == 1, "hourly"
    (event,) = await desk.events_of(broken)
    assert (event["type"], event["data"]["verified_error"]) == (
        "connection.credentials_refused",
        stored.verified_error,
    )
    assert [entry["action"] for entry in await desk.audit_of(broken)][-1] == "connection.credentials_refused"
    assert desk.provider.asked == 2 + 1, "nothing of it is sent"
    await desk.admin.connections.update_credentials(tenant.id, "test", broken.id, CREDENTIALS)
    desk.clock.ahead = timedelta(hours=34)
    assert await checks.check_due() == 1
    assert [one["type"] for one in await desk.events_of(broken)][1:] == ["connection.credentials_accepted"]


@pytest.mark.parametrize("what", ["razorpay", "*"])
async def test_nothing_is_sent_to_a_provider_that_is_switched_off(
    desk: Desk, tenant: Tenant, checks: Checks, what: str
) -> None:
    await desk.connect(tenant)
    desk.clock.ahead = timedelta(hours=2)
    await desk.admin.switches.disable("payments", what, "it leaks")
    try:
        assert await checks.check_due() == 0
    finally:
        await desk.admin.switches.enable("payments", what)
    assert desk.provider.asked == 0
    assert await checks.check_due() == 1


@pytest.mark.parametrize("status", ["suspended", "deleting", "deleted"])
async def test_of_a_tenant_that_may_do_nothing_nothing_is_asked(
    desk: Desk, tenant: Tenant, checks: Checks, status: str
) -> None:
    await desk.connect(tenant)
    await desk.fetch("UPDATE tenants SET status = $2 WHERE id = $1", tenant.id, status)
    desk.clock.ahead = timedelta(hours=2)
    assert await checks.check_due() == 0


async def test_a_disconnected_one_is_not_asked_about(desk: Desk, tenant: Tenant, checks: Checks) -> None:
    made = await desk.connect(tenant)
    await desk.admin.connections.disconnect(tenant.id, "test", made.id)
    desk.clock.ahead = timedelta(days=3)
    assert await checks.check_due() == 0
